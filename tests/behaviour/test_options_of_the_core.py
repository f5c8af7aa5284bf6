"""The options that the decorators hand to the Rust side are typed: a value of another type is refused there as well."""

from __future__ import annotations

import gc
import inspect
import math
import sys
import weakref
from datetime import timedelta
from typing import Any

import pytest

from tests.programs import chains
from tests.support.child import run
from versioned_lru_cache import Lag, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache._core import CachedFunction, Gets, LagTerms, Options
from versioned_lru_cache._options import checked

DEFAULTS: Any = versioned_lru_cache.__kwdefaults__  # type: ignore[attr-defined]
OPTIONS: dict[str, Any] = {
    "session": None,
    "maxsize": 8,
    "typed": False,
    "key": None,
    "ttl": 1,
    "verifies": False,
    "revalidate": None,
    "awaits_revalidate": False,
    "stale_if_error": None,
    "retry_after": 1,
    "errors": (Exception,),
    "stale_while_revalidate": None,
    "lag": LagTerms(retries=1, delay=1, settle=None, order=None),
    "cache_if": None,
    "wait": None,
}


# PyO3 names the argument in a note of the exception, which there are since Python 3.11.
NAMED = sys.version_info >= (3, 11)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("maxsize", "8"),
        ("maxsize", 1.5),
        ("typed", "yes"),
        ("typed", None),
        ("ttl", 1.5),
        ("verifies", "verify"),
        ("awaits_revalidate", None),
        ("stale_if_error", math.inf),
        ("retry_after", None),
        ("errors", Exception),
        ("errors", [Exception]),
        ("stale_while_revalidate", timedelta(1)),
        ("lag", Lag()),
        ("lag", (1, 1, None, None)),
        ("wait", "1"),
    ],
)
def test_a_value_of_another_type_is_refused(option: str, value: object) -> None:
    Options(**OPTIONS)
    with pytest.raises(TypeError, match=option if NAMED else None):
        Options(**{**OPTIONS, option: value})


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_told(option: str) -> None:
    with pytest.raises(TypeError, match=option):
        Options(**{name: value for name, value in OPTIONS.items() if name != option})


def test_options_are_told_by_name_and_never_change() -> None:
    with pytest.raises(TypeError, match="positional"):
        Options(*OPTIONS.values())
    options: Any = Options(**OPTIONS)
    with pytest.raises(AttributeError):
        options.maxsize = 9
    with pytest.raises(TypeError, match="unknown"):
        Options(**OPTIONS, unknown=1)


@pytest.mark.parametrize("options", [OPTIONS, dict(OPTIONS), None])
def test_a_function_takes_options_and_nothing_like_them(options: Any) -> None:
    told: Any = dict.fromkeys(("ask", "scope", "default", "constant", "parameters"))
    told |= {
        "copies": None,
        "given": {},
        "gets": Gets.NOTHING,
        "ordered": False,
        "awaits": False,
        "awaits_version": False,
    }
    assert CachedFunction(len, Options(**OPTIONS), **told, module="m", name="n").cache_parameters()["maxsize"] == 8
    with pytest.raises(TypeError, match="options" if NAMED else None):
        CachedFunction(len, options, **told, module="m", name="n")


def test_one_decorator_decorates_several_functions() -> None:
    calls: list[str] = []

    def key(value: int) -> int:
        calls.append("key")
        return value % 10

    decorate: Any = versioned_lru_cache(version=1, maxsize=3, key=key, cache_if=lambda value: value > 0, ttl=60)
    one, other = decorate(lambda value: value), decorate(lambda value: -value)
    assert (one(1), one(11), other(1), other(11)) == (1, 1, -1, -11)
    assert calls == ["key"] * 4
    assert (one.cache_info().currsize, other.cache_info().currsize) == (1, 0)
    del one
    gc.collect()
    assert (other(-1), other.cache_info().currsize) == (1, 1)


def test_both_decorators_have_the_same_options() -> None:
    own = set(inspect.signature(versioned_lru_cache_with_ttl).parameters)
    for option in DEFAULTS.keys() - {"session", "maxsize", "ttl"}:
        assert option not in own
        decorate: Any = versioned_lru_cache_with_ttl(
            proxy_to_session_context_object={},
            generate_version_func=lambda: 1,
            module_name="m",
            **{option: DEFAULTS[option]},
        )
        assert decorate(lambda: 5)() == 5


@pytest.mark.child
def test_a_long_chain_of_options_goes() -> None:
    told = dict.fromkeys(OPTIONS) | {"typed": False, "verifies": False, "awaits_revalidate": False}
    run(chains.a_long_chain_of_options_goes, told)


def test_the_collector_sees_what_options_hold() -> None:
    def cycle() -> weakref.ref[Any]:
        def held(*args: object) -> object:
            return options

        lag = Lag(order=held)
        given: Any = {**DEFAULTS, "session": held, "key": held, "revalidate": held, "lag": lag}
        options = checked(given, {name: name for name in given})
        return weakref.ref(held)

    died = cycle()
    gc.collect()
    assert died() is None
