"""A lifetime per result: what a callable `ttl=` says, and `Versioned(ttl=)`, counts like the `ttl` of all results."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
from contextvars import Context, copy_context
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import calling, tasks
from tests.support.refusing import refused
from tests.support.sources import DOWN, Source, of_each_kind
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    Lag,
    Refresh,
    Versioned,
    session,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)
from versioned_lru_cache.testing import MockClock, is_validating

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")


def lives(value: Any, *args: Any) -> Any:
    """How long a result lives that is a pair of its name and that."""
    return value[1]


def told(name: str, ttl: Any, version: object = "v1") -> Versioned[tuple[str, Any]]:
    """The same result, which says so itself."""
    return Versioned((name, ttl), version, ttl=ttl)


# The two ways to say it: an option, and what the function gives.
WAYS: list[tuple[dict[str, Any], Callable[[str, Any], Any]]] = [
    ({"ttl": lives}, lambda name, ttl: (name, ttl)),
    ({}, told),
]


def in_each_way(test: Callable[..., Any]) -> Any:
    """Makes a test of each way and each kind of function."""

    @pytest.mark.parametrize(("options", "gives"), WAYS, ids=["option", "result"])
    @pytest.mark.thread_unsafe(reason="one clock for the whole process")
    @pytest.mark.parametrize("kind", ["plain", "coroutine"])
    def tested(kind: str, options: dict[str, Any], gives: Callable[[str, Any], Any]) -> None:
        of_each_kind(lambda source: test(source, options, gives))(kind)

    tested.__name__, tested.__doc__, tested.__module__ = test.__name__, test.__doc__, test.__module__
    return tested


@in_each_way
async def test_a_result_ends_when_it_says(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(**options)
    source.gives = lambda: gives("old", 5)
    assert await source.call(f) == ("old", 5)
    source.gives = lambda: gives("new", timedelta(seconds=2))
    source.clock.advance(4)
    assert await source.call(f) == ("old", 5)
    source.clock.advance(1)
    assert not f.cache_contains()
    assert (await source.call(f))[0] == "new"
    source.clock.advance(1)
    assert f.cache_contains()
    source.clock.advance(1)
    assert not f.cache_contains()


@in_each_way
async def test_in_a_session_where_it_is_stored(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(**options)
    with session():
        source.gives = lambda: gives("old", 5)
        old = await source.call(f)
        source.clock.advance(4)
        assert await source.call(f) is old
        source.clock.advance(1)
        source.gives = lambda: gives("new", 5)
        assert await source.call(f) == ("new", 5)


@in_each_way
async def test_in_a_session_though_it_left(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(maxsize=1, **options)
    with session():
        source.gives = lambda: gives("old", 5)
        old = await source.call(f, 1)
        source.clock.advance(4)
        assert await source.call(f, 1) is old
        source.gives = lambda: gives("other", 50)
        await source.call(f, 2)
        assert await source.call(f, 1) is old, "it left, and is seen again"
        source.clock.advance(1)
        source.gives = lambda: gives("new", 50)
        assert await source.call(f, 1) == ("new", 50)


@in_each_way
async def test_none_is_no_bound(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(**options)
    for ttl in (None, math.inf):
        source.gives = lambda ttl=ttl: gives("old", ttl)
        await source.call(f, ttl)
    source.clock.advance(1e9)
    assert f.cache_contains(None)
    assert f.cache_contains(math.inf)


@in_each_way
async def test_one_that_lives_not_at_all_is_handed_out_and_not_stored(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(stale_if_error=60, **options)
    source.gives = lambda: gives("old", 5)
    await source.call(f)
    source.version = "v2"
    with session():
        for ttl in [0, -1, -0.5, timedelta(0), timedelta(-1), -math.inf]:
            source.gives = lambda ttl=ttl: gives("passing", ttl)
            source.taken()
            assert await source.call(f) == ("passing", ttl)
            assert source.taken()["ran"] == 1
    assert f.cache_peek() == (("old", 5), "v1"), "what was there stays"
    assert f.cache_stats().not_stored == 0


@of_each_kind
async def test_the_callable_is_given_the_result_and_the_arguments(source: Source) -> None:
    seen: list[Any] = []
    f = source.cached(ttl=lambda value, x=1: seen.append((value, x)))
    await source.call(f, 7)
    await source.call(f, x=8)
    await source.call(f)
    assert seen == [("old", 7), ("old", 8), ("old", 1)]


@of_each_kind
async def test_the_shortest_counts(source: Source) -> None:
    f = source.cached(ttl=5, lag=Lag(settle=4))
    for number, (ttl, end) in enumerate([(3, 3), (9, 5), (None, 5)]):
        source.gives = told("old", ttl)
        await source.call(f, number)
        source.clock.advance(end - 1)
        assert f.cache_contains(number)
        source.clock.advance(1)
        assert not f.cache_contains(number), ttl
    g = source.cached(ttl=lambda value, *args: 3)
    source.gives = told("old", 5)
    await source.call(g)
    assert g.cache_peek().ttl == 3
    h = source.cached(ttl=lambda value, *args: 9, lag=Lag(settle=2))
    source.gives = "old"
    await source.call(h)
    source.clock.advance(2)
    assert not h.cache_contains()


@of_each_kind
async def test_age_counts_from_the_start_of_the_computation(source: Source) -> None:
    f = source.cached(ttl=lambda value, *args: 5)

    def slow() -> str:
        source.clock.advance(4)
        return "old"

    source.gives = slow
    await source.call(f)
    assert f.cache_contains()
    source.clock.advance(1)
    assert not f.cache_contains()


@of_each_kind
async def test_a_session_that_renews_has_it_live_anew(source: Source) -> None:
    f = source.cached(ttl=lambda value, *args: 5)
    await source.call(f)
    source.clock.advance(4)
    with session(refresh=Refresh.all()):
        await source.call(f)
    source.clock.advance(4)
    assert f.cache_contains()
    await source.call(f.cache_refresh)
    source.clock.advance(4)
    assert f.cache_contains()


@of_each_kind
async def test_a_verified_one_lives_as_long_again(source: Source) -> None:
    f = source.cached(ttl=lives, on_expiry="verify")
    source.gives = kept = ("old", 5)
    await source.call(f)
    source.clock.advance(5)
    assert await source.call(f) is kept
    source.clock.advance(4)
    assert f.cache_contains()
    source.clock.advance(1)
    assert not f.cache_contains()
    assert source.taken()["ran"] == 1


@of_each_kind
async def test_what_needs_a_ttl_takes_that_of_results_where_it_is_endless(source: Source) -> None:
    f = source.cached(ttl=math.inf, on_expiry="verify")
    source.gives = told("old", 5)
    old = await source.call(f)
    source.clock.advance(5)
    assert await source.call(f) is old
    g = source.cached(constant="v1", ttl=math.inf, stale_while_revalidate=10)
    old = await source.call(g)
    source.gives = told("new", 5)
    source.clock.advance(5 + 9)
    assert await source.call(g) is old
    await source.until(lambda: g.cache_peek() == (("new", 5), "v1"))
    await source.settled()


@of_each_kind
async def test_a_session_does_not_verify_by_an_answer_that_is_older(source: Source) -> None:
    f = source.cached(ttl=lives, on_expiry="verify")
    with session():
        source.gives = ("old", 5)
        await source.call(f)
        source.clock.advance(5)
        source.gives = ("new", 5)
        assert await source.call(f) == ("new", 5)


@of_each_kind
async def test_staleness_counts_from_its_end(source: Source) -> None:
    f = source.cached(stale_if_error=10, retry_after=0)
    source.gives = told("old", 5)
    await source.call(f)
    source.gives = DOWN
    source.clock.advance(5 + 9)
    assert await source.call(f) == ("old", 5)
    source.clock.advance(1)
    await source.fails(OSError, f)


@of_each_kind
async def test_a_refresh_runs_behind_within_so_many_seconds_of_its_end(source: Source) -> None:
    f = source.cached(ttl=lives, stale_while_revalidate=10)
    source.gives = ("old", 5)
    await source.call(f)
    source.clock.advance(5 + 9)
    source.gives = ("new", 5)
    assert await source.call(f) == ("old", 5)
    await source.until(lambda: f.cache_peek() == (("new", 5), "v1"))
    source.clock.advance(5 + 10)
    source.gives = ("newer", 5)
    assert await source.call(f) == ("newer", 5)
    await source.settled()


@of_each_kind
async def test_what_was_not_modified_lives_as_long_as_it_said(source: Source) -> None:
    f = source.cached(revalidate=True)
    source.gives = told("old", 5)
    await source.call(f)
    for answer in (NOT_MODIFIED, lambda previous: previous):
        source.clock.advance(5)
        source.gives = answer
        assert await source.call(f) == ("old", 5)
        assert source.previous[-1].ttl == 5
        assert f.cache_peek().ttl == 5
        source.clock.advance(4)
        assert f.cache_contains()
        source.clock.advance(1)
        assert not f.cache_contains()
    source.gives = lambda previous: Versioned(previous.value, previous.version, ttl=50)
    assert await source.call(f) == ("old", 5)
    source.clock.advance(49)
    assert f.cache_contains()


@of_each_kind
async def test_what_was_not_modified_is_asked_again_how_long_it_lives(source: Source) -> None:
    spans: list[int | None] = [5, 7, None]
    f = source.cached(revalidate=True, ttl=lambda value, *args: spans.pop(0))
    await source.call(f)
    source.clock.advance(5)
    source.gives = NOT_MODIFIED
    await source.call(f)
    source.clock.advance(6)
    assert f.cache_contains()
    source.clock.advance(1)
    assert not f.cache_contains()
    await source.call(f)
    source.clock.advance(100)
    assert f.cache_contains()


@of_each_kind
async def test_what_is_put_says_it_too(source: Source) -> None:
    f = source.cached(ttl=lambda value, *args: 5 if value == "put" else None)
    f.cache_put(Versioned("put", "v1"), 1)
    f.cache_put(Versioned("put", "v1", ttl=3), 2)
    f.cache_put(Versioned("for ever", "v1"), 3)
    f.cache_put(Versioned("passing", "v1", ttl=0), 3)
    assert [f.cache_peek(x).ttl for x in (1, 2, 3)] == [5, 3, None]
    assert f.cache_peek(3).value == "for ever"
    source.clock.advance(3)
    assert [f.cache_contains(x) for x in (1, 2, 3)] == [True, False, True]
    refused(lambda: f.cache_put(Versioned("put", "v1", ttl="soon"), 1), TypeError, "Versioned(ttl)='soon'", "seconds")  # type: ignore[arg-type]
    assert f.cache_peek(1) == ("put", "v1")


@of_each_kind
async def test_what_never_changes_has_no_end(source: Source) -> None:
    f = source.cached()
    source.gives = told("old", 5, IMMUTABLE)
    kept = await source.call(f)
    source.clock.advance(50)
    source.gives = told("new", 5, IMMUTABLE)
    assert await source.call(f) is kept
    assert f.cache_stats().ended == f.cache_purge() == 0


@of_each_kind
async def test_it_is_explained(source: Source) -> None:
    f = source.cached(ttl=5)
    source.gives = told("old", 3)
    await source.call(f)
    source.clock.advance(1)
    with session():
        await source.call(f)
        assert f.cache_explain().ttl == 2


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_threads_that_waited_share_its_end() -> None:
    of_each_kind(shared_by_threads)("plain")


async def shared_by_threads(source: Source) -> None:
    gate = calling.Gate()
    f = source.cached(session=calling.MINE, cache_if=lambda value: True)
    source.gives = lambda: (gate.stop(), told("old", 5))[1]
    leader = calling.Call(f)
    gate.wait()
    mine: dict[str, Any] = {}
    (waiter,) = calling.waiting(1, f, session=mine)
    gate.open()
    assert leader.result() == waiter.result() == ("old", 5)
    assert source.behind["ran"] == 1
    source.gives = told("new", 5)
    source.clock.advance(5)
    assert calling.Call(f, session=mine).result() == ("new", 5)


@of_each_kind
async def test_tasks_that_waited_share_its_end(source: Source) -> None:
    if not source.awaited:
        return
    f = source.cached(ttl=lives)
    source.gives = ("old", 5)
    assert await asyncio.gather(f(), f()) == [("old", 5)] * 2
    assert source.taken()["ran"] == 1
    source.clock.advance(5)
    source.gives = ("new", 5)
    assert await f() == ("new", 5)
    await tasks.turns()


@of_each_kind
async def test_the_decorator_of_the_original_takes_it_too(source: Source) -> None:
    f = versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=None,
        generate_version_func=lambda: "v1",
        module_name="tokens",
        time_to_live_seconds=lambda value: 5,
    )(lambda: "old")
    f()
    source.clock.advance(4)
    assert f.cache_contains()
    source.clock.advance(1)
    assert not f.cache_contains()


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_what_was_shown_while_it_was_validated_ends_when_it_says() -> None:
    shown: list[Any] = []
    within: list[Context] = []

    def version() -> int:
        if is_validating() and not shown:
            calling.Call(lambda: shown.append(within[0].run(f))).result()
            raise KeyboardInterrupt  # So the run leaves nothing else.
        return 1

    part = versioned_lru_cache(version)(lambda: 1)

    @versioned_lru_cache(lambda: 1)
    def f() -> Any:
        part()
        return Versioned(object(), 1, ttl=5)

    with MockClock() as clock, session():
        within.append(copy_context())
        part()
        with pytest.raises(KeyboardInterrupt):
            f()
        clock.advance(4)
        assert shown == [f()]
        clock.advance(1)
        assert shown != [f()]


# --- wrong use


@in_each_way
async def test_a_wrong_answer_is_told_and_nothing_is_lost(source: Source, options: Any, gives: Any) -> None:
    f = source.cached(**options)
    source.gives = lambda: gives("old", 5)
    await source.call(f)
    source.version = "v2"
    label = "the answer of ttl" if options else "Versioned(ttl)"
    for ttl, kind in [("soon", TypeError), (True, TypeError), ([5], TypeError), (5j, TypeError), (NAN, ValueError)]:
        source.gives = lambda ttl=ttl: gives("new", ttl)
        error = await source.fails(kind, f)
        assert f"f: {label}={ttl!r}" in str(error).replace("coroutine", "f")
        assert "seconds" in str(error)
        assert "None" in str(error)
        assert f.cache_peek() == (("old", 5), "v1")
    assert f.cache_stats().errors == 5


@of_each_kind
async def test_what_the_callable_raises_is_raised(source: Source) -> None:
    f = source.cached(ttl=lambda value, *args: 1 // 0)
    await source.fails(ZeroDivisionError, f)
    assert not f.cache_contains()
    g = source.cached(ttl=lambda value, *args: tasks.turns())
    error = await source.fails(TypeError, g)
    assert "ttl= returned a coroutine" in str(error)


@pytest.mark.parametrize(
    ("ttl", "words"),
    [
        (lambda: 5, ["behind the result", "the result first"]),
        (lambda value: 5, ["behind the result"]),
        (lambda value, x, y, z: 5, ["3 arguments"]),
        (lambda value, x, y=2: 5, ["y"]),
    ],
)
def test_a_callable_that_can_not_be_called_is_told_at_decoration(ttl: Any, words: list[str]) -> None:
    def f(x: int, y: int = 1) -> int:
        return x + y

    refused(lambda: versioned_lru_cache(None, ttl=ttl)(f), TypeError, "ttl=", *words)


def test_a_coroutine_function_is_refused() -> None:
    async def ttl(value: object) -> int:
        return 5

    refused(lambda: versioned_lru_cache(None, ttl=ttl), TypeError, "ttl=", "coroutine function")


# --- Versioned


def test_as_a_tuple_it_is_the_value_and_the_version() -> None:
    plain, lasting = Versioned("a", 1), Versioned("a", 1, ttl=5)
    value, version = lasting
    assert (value, version, lasting.ttl, plain.ttl) == ("a", 1, 5, None)
    assert plain == lasting == ("a", 1)
    assert repr(plain) == "Versioned(value='a', version=1)"
    assert repr(lasting) == "Versioned(value='a', version=1, ttl=5)"
    assert (lasting._replace(version=2).ttl, plain._replace(ttl=3).ttl) == (5, 3)
    for copied in (copy.copy(lasting), copy.deepcopy(lasting), pickle.loads(pickle.dumps(lasting))):
        assert (copied, copied.ttl) == (lasting, 5)


def test_peek_gives_back_what_a_result_said_itself() -> None:
    f = versioned_lru_cache("v", ttl=60)(lambda ttl: Versioned("a", "v", ttl=ttl))
    for ttl in (5, 0.25, None):
        f(ttl)
        found = f.cache_peek(ttl)
        assert found is not None
        assert found.ttl == ttl
