"""Wrong use of the freshness options: told by name, value and what is allowed, and nothing that is stored suffers."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import tasks
from tests.support.refusing import refused
from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import (
    NOT_MODIFIED,
    Lag,
    Refresh,
    Versioned,
    session,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

NAN = float("nan")


def version() -> int:
    return 1


TIMES = ["stale_if_error", "retry_after", "stale_while_revalidate"]
WRONG_OPTIONS: list[tuple[str, Any, type[Exception], str]] = [
    *[(name, value, ValueError, "0") for name in TIMES for value in (-1, -0.001, NAN, -math.inf, timedelta(-1))],
    *[(name, value, TypeError, "seconds") for name in TIMES for value in ("5", True, [5], 5j)],
    ("on_expiry", "refresh", ValueError, "verify"),
    ("on_expiry", None, ValueError, "verify"),
    ("on_expiry", True, ValueError, "verify"),
    ("revalidate", 5, TypeError, "callable"),
    ("revalidate", NOT_MODIFIED, TypeError, "callable"),
    ("errors", 5, TypeError, "exception"),
    ("errors", int, TypeError, "exception"),
    ("errors", "OSError", TypeError, "exception"),
    ("errors", (OSError, 5), TypeError, "exception"),
    ("errors", [OSError], TypeError, "exception"),
    ("errors", OSError("one"), TypeError, "exception"),
    ("lag", 5, TypeError, "Lag"),
    ("lag", Lag, TypeError, "Lag"),
    ("lag", {"retries": 2}, TypeError, "Lag"),
]


@pytest.mark.parametrize(("option", "value", "kind", "allowed"), WRONG_OPTIONS)
def test_wrong_option(option: str, value: Any, kind: type[Exception], allowed: str) -> None:
    refused(lambda: versioned_lru_cache(version, **{option: value}), kind, option, repr(value), allowed)


@pytest.mark.parametrize(("option", "value", "kind", "allowed"), WRONG_OPTIONS)
def test_wrong_option_of_the_original_decorator(option: str, value: Any, kind: type[Exception], allowed: str) -> None:
    def decorate() -> object:
        return versioned_lru_cache_with_ttl(
            proxy_to_session_context_object={}, generate_version_func=version, module_name="m", **{option: value}
        )

    refused(decorate, kind, option, repr(value), allowed)


@pytest.mark.parametrize(
    ("option", "value", "kind", "allowed"),
    [
        ("retries", -1, ValueError, "0"),
        ("retries", 1.5, TypeError, "int"),
        ("retries", True, TypeError, "int"),
        ("retries", "2", TypeError, "int"),
        ("delay", -1, ValueError, "0"),
        ("delay", NAN, ValueError, "0"),
        ("delay", "1", TypeError, "seconds"),
        ("delay", True, TypeError, "seconds"),
        ("settle", -1, ValueError, "0"),
        ("settle", 0, ValueError, "0"),
        ("settle", NAN, ValueError, "0"),
        ("settle", "1", TypeError, "seconds"),
        ("order", 5, TypeError, "callable"),
        ("order", ">=", TypeError, "callable"),
    ],
)
def test_wrong_lag(option: str, value: Any, kind: type[Exception], allowed: str) -> None:
    refused(lambda: Lag(**{option: value}), kind, option, repr(value), allowed)


def test_a_constant_version_vouches_for_nothing() -> None:
    decorate = lambda: versioned_lru_cache("v1", ttl=5, on_expiry="verify")  # noqa: E731
    refused(decorate, ValueError, "on_expiry", "'verify'", "version")


def gives(previous: Versioned[Any], x: int) -> Any:
    return NOT_MODIFIED


REVALIDATE_WHICH_CAN_NOT: list[Callable[..., Any]] = [
    lambda: NOT_MODIFIED,
    lambda previous: NOT_MODIFIED,
    lambda previous, x, y: NOT_MODIFIED,
    lambda previous, x, *, needed: NOT_MODIFIED,
    lambda *, previous, x: NOT_MODIFIED,
]


@pytest.mark.parametrize("revalidate", REVALIDATE_WHICH_CAN_NOT, ids=["()", "(p)", "(p, x, y)", "(p, x, *, k)", "(*)"])
def test_a_revalidate_that_can_not_take_the_call(revalidate: Any) -> None:
    def f(x: int) -> int:
        return x

    refused(lambda: versioned_lru_cache(version, revalidate=revalidate)(f), TypeError, "revalidate", repr(revalidate))


@pytest.mark.parametrize(
    "revalidate",
    [gives, lambda *all_of_it: NOT_MODIFIED, lambda previous, *args, **kwargs: NOT_MODIFIED, lambda p, x, y=1: p],
)
def test_one_that_can(revalidate: Any) -> None:
    calls: list[int] = []

    @versioned_lru_cache("v1", revalidate=revalidate)
    def f(x: int) -> int:
        calls.append(x)
        return x

    f(1)
    with session(refresh=Refresh.all()):
        assert f(1) == 1
    assert calls == [1]


async def awaited(previous: Versioned[Any], x: int) -> Any:
    return NOT_MODIFIED


def yields(previous: Versioned[Any], x: int) -> Iterator[Any]:
    yield NOT_MODIFIED


async def yields_awaited(previous: Versioned[Any], x: int) -> AsyncIterator[Any]:
    yield NOT_MODIFIED


@pytest.mark.parametrize("revalidate", [awaited, yields, yields_awaited])
def test_a_revalidate_whose_answer_a_plain_function_can_not_take(revalidate: Any) -> None:
    def f(x: int) -> int:
        return x

    refused(lambda: versioned_lru_cache(version, revalidate=revalidate)(f), TypeError, "revalidate", repr(revalidate))


@pytest.mark.parametrize("revalidate", [yields, yields_awaited])
def test_one_whose_answer_a_coroutine_function_can_not_take(revalidate: Any) -> None:
    async def f(x: int) -> int:
        return x

    refused(lambda: versioned_lru_cache(version, revalidate=revalidate)(f), TypeError, "revalidate", repr(revalidate))


@pytest.mark.parametrize("target", [5, "f", None, version, lambda x: True, Refresh.all(), Versioned(1, 2)])
def test_a_wrong_target(target: Any) -> None:
    refused(lambda: Refresh.only(target), TypeError, "Refresh.only", repr(target), "cached")


@pytest.mark.parametrize("hard", [1, None, "yes"])
def test_hard_is_true_or_false(hard: Any) -> None:
    refused(lambda: Refresh.all(hard=hard), TypeError, "hard", repr(hard), "True or False")


@pytest.mark.parametrize("other", [5, None, "all", version])
def test_only_policies_are_joined(other: Any) -> None:
    with pytest.raises(TypeError):
        Refresh.all() | other
    with pytest.raises(TypeError):
        other | Refresh.all()


@pytest.mark.parametrize("refresh", [5, "all", True, Refresh, version])
def test_a_session_takes_a_policy(refresh: Any) -> None:
    refused(lambda: session(refresh=refresh), TypeError, "refresh", repr(refresh), "Refresh")


@pytest.mark.parametrize("offline", [1, None, "yes"])
def test_offline_is_true_or_false(offline: Any) -> None:
    refused(lambda: session(offline=offline), TypeError, "offline", repr(offline), "True or False")


@pytest.mark.parametrize("predicate", [5, None, "x > 1"])
def test_a_predicate_is_callable(predicate: Any) -> None:
    f = versioned_lru_cache("v1")(gives)
    refused(lambda: f.where(predicate), TypeError, "where", repr(predicate), "callable")


# What only a call can show.


@of_each_kind
async def test_not_modified_with_nothing_before(source: Source) -> None:
    f = source.cached()
    source.gives = NOT_MODIFIED
    error = await source.fails(TypeError, f)
    assert "NOT_MODIFIED" in str(error)
    assert not f.cache_contains()
    source.gives = "old"
    assert await source.call(f) == "old"


@of_each_kind
async def test_not_modified_from_the_function_itself(source: Source) -> None:
    f = source.cached(revalidate=True)
    await source.call(f)
    source.gives = NOT_MODIFIED
    with session(refresh=Refresh.all(hard=True)):
        error = await source.fails(TypeError, f)
    assert "NOT_MODIFIED" in str(error)
    assert "revalidate" in str(error)
    assert f.cache_peek() == ("old", "v1")


@pytest.mark.parametrize("unhashable", [[], {}, {1}, ([],)])
def test_a_result_of_an_unhashable_version(unhashable: Any) -> None:
    now, result = ["v1"], ["old"]

    @versioned_lru_cache(lambda: now[0])
    def f() -> Any:
        return result[0]

    f()
    now[0], result[0] = "v2", Versioned("new", unhashable)  # type: ignore[call-overload]
    refused(f, TypeError, repr(unhashable), "hashable")
    assert f.cache_peek() == ("old", "v1")
    f.cache_clear()
    refused(f, TypeError, repr(unhashable), "hashable")
    assert not f.cache_contains()


@of_each_kind
async def test_revalidate_with_an_unhashable_version(source: Source) -> None:
    f = source.cached(revalidate=True)
    await source.call(f)
    source.version, source.gives = "v2", Versioned("new", ["a list"])
    await source.fails(TypeError, f)
    assert f.cache_peek() == ("old", "v1")


def test_a_version_function_that_answers_with_something_to_be_awaited() -> None:
    """Nothing tells that before it is called. The coroutine is closed, so nobody warns that it was never awaited."""
    async_now = [False]

    async def ask() -> int:
        return 2

    @versioned_lru_cache(lambda: ask() if async_now[0] else 1, stale_if_error=20, errors=OSError)
    def f() -> str:
        return "old"

    f()
    async_now[0] = True
    refused(f, TypeError, "await")
    assert f.cache_peek() == ("old", 1)
    async_now[0] = False
    assert f() == "old"
    assert f.cache_info().misses == 1


@of_each_kind
async def test_a_mistake_is_not_hidden_by_a_policy_that_is_not_for_it(source: Source) -> None:
    f = source.cached(stale_if_error=20, errors=OSError)
    await source.call(f)
    source.taken()
    source.version, source.gives = "v2", NOT_MODIFIED
    await source.fails(TypeError, f)
    await source.fails(TypeError, f)
    assert source.taken() == counts(asked=2, ran=2)


@tasks.in_loop
async def test_a_coroutine_function_with_a_plain_revalidate() -> None:
    """It may answer at once, as a version function may."""
    now = [1]

    @versioned_lru_cache(lambda: now[0], revalidate=lambda previous: NOT_MODIFIED)
    async def f() -> str:
        return "old"

    await f()
    now[0] = 2
    assert await f() == "old"
    assert f.cache_peek() == ("old", 2)
