"""Promise 10: wrong use is told at decoration, or at a call if only that shows it: what, and what is allowed."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.handle import HANDLE
from tests.support.refusing import refused
from versioned_lru_cache import Versioned, current_session, session, versioned_lru_cache, versioned_lru_cache_with_ttl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

NAN = float("nan")


def version() -> int:
    return 1


def plain(x: object = None) -> list[object]:
    return [x]


def original() -> dict[str, Any]:
    """The three that the original decorator needs."""
    return {"proxy_to_session_context_object": {}, "generate_version_func": version, "module_name": "m"}


WRONG_OPTIONS = [
    ("version_args", 5, TypeError, "tuple"),
    ("version_args", (1,), TypeError, "callable"),
    ("version_args", "x", TypeError, "callable"),
    ("session", 5, TypeError, "ContextVar"),
    ("session", [], TypeError, "ContextVar"),
    ("session", "g", TypeError, "ContextVar"),
    ("session", object(), TypeError, "ContextVar"),
    ("maxsize", "128", TypeError, "int"),
    ("maxsize", 2.0, TypeError, "int"),
    ("maxsize", True, TypeError, "int"),
    ("typed", 1, TypeError, "True or False"),
    ("typed", None, TypeError, "True or False"),
    ("key", 5, TypeError, "callable"),
    ("key", "x", TypeError, "callable"),
    ("ttl", 0, ValueError, "more than 0"),
    ("ttl", -1, ValueError, "more than 0"),
    ("ttl", -0.5, ValueError, "more than 0"),
    ("ttl", timedelta(0), ValueError, "more than 0"),
    ("ttl", NAN, ValueError, "more than 0"),
    ("ttl", "60", TypeError, "seconds"),
    ("ttl", True, TypeError, "seconds"),
    ("cache_if", 5, TypeError, "callable"),
    ("name", 5, TypeError, "str"),
    ("name", "", ValueError, "name"),
]


@pytest.mark.parametrize(("option", "value", "kind", "allowed"), WRONG_OPTIONS)
def test_wrong_option(option: str, value: Any, kind: type[Exception], allowed: str) -> None:
    refused(lambda: versioned_lru_cache(version, **{option: value}), kind, option, repr(value), allowed)


ITS_NAMES = {"session": "proxy_to_session_context_object", "maxsize": "cache_max_size", "ttl": "time_to_live_seconds"}


@pytest.mark.parametrize(("option", "value", "kind", "allowed"), WRONG_OPTIONS)
def test_wrong_option_of_the_original_decorator(option: str, value: Any, kind: type[Exception], allowed: str) -> None:
    own = ITS_NAMES.get(option, option)
    options = original()
    options[own] = value
    refused(lambda: versioned_lru_cache_with_ttl(**options), kind, own, repr(value), allowed)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("generate_version_func", 5, ["generate_version_func", "5", "callable"]),
        ("module_name", 5, ["module_name", "5", "str"]),
        ("no_history_events_default_version", [], ["no_history_events_default_version", "[]", "hashable"]),
        ("maxsize", 5, ["maxsize", "5", "cache_max_size"]),
        ("ttl", 5, ["ttl", "5", "time_to_live_seconds"]),
        ("session", None, ["session", "None", "proxy_to_session_context_object"]),
        ("version", 1, ["version", "1", "generate_version_func"]),
        ("colour", "red", ["colour", "'red'", "cache_if"]),
    ],
)
def test_wrong_use_of_the_original_decorator(option: str, value: Any, words: list[str]) -> None:
    options = original()
    options[option] = value
    refused(lambda: versioned_lru_cache_with_ttl(**options), TypeError, *words)


@pytest.mark.parametrize("option", ["proxy_to_session_context_object", "generate_version_func", "module_name"])
def test_the_original_decorator_needs_its_three(option: str) -> None:
    options = original()
    del options[option]
    refused(lambda: versioned_lru_cache_with_ttl(**options), TypeError, option)


@pytest.mark.parametrize("constant", [[], {}, {1}, ([],)])
def test_an_unhashable_constant_version(constant: Any) -> None:
    refused(lambda: versioned_lru_cache(constant), TypeError, "version", repr(constant), "hashable")


def test_a_constant_version_has_no_arguments() -> None:
    refused(lambda: versioned_lru_cache("v1", version_args=()), TypeError, "version_args", "()", "version")
    refused(lambda: versioned_lru_cache("v1", version_args=lambda x=None: (x,)), TypeError, "version_args", "version")


def test_no_version_at_all() -> None:
    refused(lambda: versioned_lru_cache(), TypeError, "version")  # type: ignore[call-arg]


def test_an_unknown_option() -> None:
    refused(lambda: versioned_lru_cache(version, max_size=5), TypeError, "max_size")  # type: ignore[call-arg]


def test_options_are_told_by_name() -> None:
    refused(lambda: versioned_lru_cache(version, 5), TypeError)  # type: ignore[arg-type, call-arg]


def test_the_decorator_without_a_version_says_what_to_write() -> None:
    f: Any = versioned_lru_cache(lambda x: x)
    nothing: Any = versioned_lru_cache(lambda: 1)
    two: Any = versioned_lru_cache(lambda x, y: x + y)
    calls: list[Callable[[], Any]] = [
        lambda: f(1),
        lambda: nothing(),
        lambda: two(1, 2),
        lambda: two(1, y=2),
        lambda: f(x=1),
    ]
    for call in calls:
        refused(call, TypeError, "@versioned_lru_cache(version)")


@pytest.mark.parametrize("what", [5, "f", None, classmethod(plain), property(plain)])
def test_what_is_not_callable_cannot_be_decorated(what: Any) -> None:
    refused(lambda: versioned_lru_cache(version)(what), TypeError, repr(what))


def test_generator_functions_cannot_be_decorated() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    class Has:
        def method(self) -> Iterator[int]:
            yield 1

    for unfit, name in [
        (generator, "generator"),
        (async_generator, "async generator"),
        (partial(generator), "generator"),
        (Has().method, "generator"),
    ]:
        refused(lambda unfit=unfit: versioned_lru_cache(version)(unfit), TypeError, name)  # type: ignore[misc]


def one(x: object) -> int:
    return 1


def two(x: object, y: object) -> int:
    return 1


def named(*, z: object) -> int:
    return 1


@pytest.mark.parametrize(
    ("asked", "function"),
    [
        (two, lambda x: x),
        (one, lambda: 1),
        (one, lambda x, y: x),
        (named, lambda x: x),
        (one, lambda x, *, k: x),
        (one, lambda x, y=0: x),
        (lambda x: 1, lambda x, *, k=1: x),
    ],
)
def test_a_version_function_that_can_never_take_the_call(asked: Any, function: Any) -> None:
    refused(lambda: versioned_lru_cache(asked)(function), TypeError, "version=", "version_args", "()")


def test_the_message_names_both_functions() -> None:
    def day_of(region: str, day: str) -> str:
        return day

    def report(region: str) -> str:
        return region

    refused(lambda: versioned_lru_cache(day_of)(report), TypeError, "day_of", "report")


@pytest.mark.parametrize(
    ("asked", "function", "args", "kwargs"),
    [
        (lambda x, y=0: 1, lambda x: x, (1,), {}),
        (lambda *a, **k: 1, lambda x, *, k: x, (1,), {"k": 2}),
        (two, lambda *args: args, (1, 2), {}),
        (named, lambda **kw: 1, (), {"z": 1}),
    ],
)
def test_a_version_function_that_can_take_the_call_is_welcome(
    asked: Any, function: Any, args: Any, kwargs: Any
) -> None:
    versioned_lru_cache(asked)(function)(*args, **kwargs)


class Good:
    """A cached function that has stored something, and must still have it after a bad call."""

    def __init__(self, **options: Any) -> None:
        self.version: object = 1
        asked = options.pop("version", lambda: self.version)
        self.f: Any = versioned_lru_cache(asked, **options)(plain)
        self.kept = self.f(1)

    def is_well(self) -> None:
        assert self.f(1) is self.kept
        assert self.f(2) == [2]
        assert self.f.cache_info().currsize == 2
        assert self.f.cache_contains(1)


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
def test_an_unhashable_argument(session: dict[str, Any] | None) -> None:
    good = Good(session=session)
    for call in [good.f, good.f.cache_peek, good.f.cache_contains, good.f.cache_invalidate, good.f.cache_key]:
        refused(lambda call=call: call([1]), TypeError, "plain", "x", "[1]", "key=")  # type: ignore[misc]
        refused(lambda call=call: call(x={}), TypeError, "plain", "x", "{}", "key=")  # type: ignore[misc]
        refused(lambda call=call: call((1, [])), TypeError, "plain", "x", "(1, [])", "key=")  # type: ignore[misc]
    refused(lambda: good.f.cache_put(Versioned(1, 1), [1]), TypeError, "plain", "x", "[1]", "key=")
    good.is_well()


def test_an_error_of_the_hash_itself_is_not_covered_up() -> None:
    class Broken:
        def __hash__(self) -> int:
            raise ZeroDivisionError("hash")

    good = Good()
    refused(lambda: good.f(Broken()), ZeroDivisionError, "hash")
    good.is_well()


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
def test_an_unhashable_version(session: dict[str, Any] | None) -> None:
    good = Good(session=session)
    good.version = ["v"]
    if session:
        session.clear()
    refused(lambda: good.f(2), TypeError, "plain", "version", "['v']", "hashable")
    good.version = 1
    good.is_well()


def test_an_unhashable_version_put() -> None:
    good = Good()
    unhashable: Any = []
    refused(lambda: good.f.cache_put(Versioned(1, unhashable), 1), TypeError, "plain", "version", "[]", "hashable")
    refused(lambda: good.f.cache_put("value", 1), TypeError, "plain", "'value'", "Versioned")
    good.is_well()


def test_a_key_that_returns_an_unhashable() -> None:
    good = Good(key=lambda x=None: [x] if x == "bad" else x)
    refused(lambda: good.f("bad"), TypeError, "plain", "key", "['bad']", "hashable")
    good.is_well()


@pytest.mark.parametrize("answer", [5, None, "ab", [1]])
def test_version_args_that_returns_no_tuple(answer: Any) -> None:
    good = Good(version=lambda *given: 1, version_args=lambda x=None: answer if x == "bad" else (x,))
    refused(lambda: good.f("bad"), TypeError, "plain", "version_args", repr(answer), "tuple")
    good.is_well()


def test_version_args_that_returns_an_unhashable() -> None:
    good = Good(version=lambda *given: 1, version_args=lambda x=None: ([x],) if x == "bad" else (x,))
    refused(lambda: good.f("bad"), TypeError, "plain", "version_args", "['bad']", "hashable")
    good.is_well()


def test_a_version_function_that_cannot_take_this_call() -> None:
    f: Any = versioned_lru_cache(one)(lambda *args: [args])
    kept = f(1)
    refused(lambda: f(1, 2), TypeError, "version", "one", "version_args")
    assert f(1) is kept
    assert not f.cache_contains(1, 2)


def test_version_args_of_a_wrong_length() -> None:
    good = Good(version=one, version_args=lambda x=None: (x, x) if x == "bad" else (x,))
    refused(lambda: good.f("bad"), TypeError, "version", "one", "version_args")
    good.is_well()


def test_a_type_error_of_the_version_function_itself_propagates_as_it_is() -> None:
    failure = TypeError("unsupported operand")
    raising = True

    def asked(x: object = None) -> int:
        if raising:
            raise failure
        return 1

    f: Any = versioned_lru_cache(asked)(plain)
    with pytest.raises(TypeError) as raised:
        f(1)
    assert raised.value is failure
    raising = False
    assert f(1) == [1]


@pytest.mark.parametrize("foreign", [5, {}, "versions", {"module": {"f": 1}}])
def test_something_foreign_under_the_sessions_name(foreign: Any) -> None:
    g: dict[str, Any] = {}
    good = Good(session=g)
    mine = g[HANDLE]
    g[HANDLE] = foreign
    refused(lambda: good.f(1), TypeError, HANDLE, repr(foreign))
    refused(lambda: current_session(g), TypeError, HANDLE, repr(foreign))
    assert g[HANDLE] is foreign
    g[HANDLE] = mine
    good.is_well()


def test_a_callable_session_that_answers_something_else() -> None:
    answer: Any = {}
    good = Good(session=lambda: answer)
    answer = 5
    refused(lambda: good.f(1), TypeError, "session", "5")
    answer = {}
    good.is_well()


@pytest.mark.parametrize("what", [5, [], "g"])
def test_session_and_current_session_take_what_functions_can_be_bound_to(what: Any) -> None:
    refused(lambda: session(what).__enter__(), TypeError, repr(what))
    refused(lambda: current_session(what), TypeError, repr(what))
    assert current_session() is None


def test_the_functions_own_signature_error_is_its_own() -> None:
    f: Any = versioned_lru_cache(version)(lambda x: x)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        f()
    assert f(1) == 1
    assert f.cache_info().currsize == 1


def test_what_is_allowed_is_accepted() -> None:
    allowed: list[dict[str, Any]] = [
        {"maxsize": None},
        {"maxsize": 0},
        {"maxsize": -5},
        {"maxsize": 10**30},
        {"ttl": None},
        {"ttl": 0.001},
        {"ttl": timedelta(days=1)},
        {"ttl": float("inf")},
        {"ttl": 10**30},
        {"session": OrderedDict()},
        {"version_args": ()},
        {"version_args": lambda x=None: (x,)},
        {"name": "a name"},
    ]
    for options in allowed:
        asked = one if callable(options.get("version_args")) else version
        f: Any = versioned_lru_cache(asked, **options)(plain)
        assert f(1) == [1]
