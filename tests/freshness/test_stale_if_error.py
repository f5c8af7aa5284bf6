"""An old value that answers for a failing source: for how long, for which failures, and how that can be seen."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from tests.support import tasks
from tests.support.calling import MINE, Call, Gate, until_waiting
from tests.support.sources import DOWN, Source, counts, of_each_kind
from versioned_lru_cache import Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


class Release:
    """A version that only itself can compare."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Release) and self.number == other.number

    def __hash__(self) -> int:
        return self.number


async def old(source: Source, f: Any, *args: Any) -> None:
    """The old value answers."""
    assert await source.call(f, *args) == "old"


@of_each_kind
async def test_the_time_counts_from_the_end_of_the_ttl(source: Source) -> None:
    f = source.cached(ttl=10, stale_if_error=20, retry_after=0)
    await old(source, f)
    source.gives = DOWN
    source.clock.advance(29.999)
    await old(source, f)
    source.clock.advance(0.001)
    assert await source.fails(OSError, f) is DOWN


@of_each_kind
async def test_the_time_counts_from_the_first_observation_that_differs(source: Source) -> None:
    f = source.cached(ttl=100, stale_if_error=20, errors=OSError)
    await old(source, f)
    source.clock.advance(2)
    source.version, source.gives = "v2", ZeroDivisionError("not one of errors")
    await source.fails(ZeroDivisionError, f)
    source.clock.advance(10)
    source.version = "v3"
    await source.fails(ZeroDivisionError, f)
    source.gives = DOWN
    source.clock.advance(9.999)
    await old(source, f)
    source.clock.advance(10)
    assert await source.fails(OSError, f) is DOWN


@of_each_kind
async def test_the_time_counts_from_the_first_failure(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await old(source, f)
    source.clock.advance(1000)
    source.version = DOWN
    for seconds in (0, 5, 10, 4.999):
        source.clock.advance(seconds)
        await old(source, f)
    source.clock.advance(0.001)
    assert await source.fails(OSError, f) is DOWN


@of_each_kind
async def test_the_earliest_of_the_three_counts(source: Source) -> None:
    f = source.cached(ttl=10, stale_if_error=20, retry_after=0)
    await old(source, f)
    source.clock.advance(4)
    source.version = DOWN
    await old(source, f)
    source.clock.advance(8)
    source.version, source.gives = "v2", DOWN
    await old(source, f)
    source.clock.advance(11.999)
    await old(source, f)
    source.clock.advance(0.001)
    await source.fails(OSError, f)


@of_each_kind
async def test_what_is_verified_is_fresh_again(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await old(source, f)
    source.version = DOWN
    await old(source, f)
    source.clock.advance(15)
    source.version = "v1"
    await old(source, f)
    source.version = DOWN
    source.taken()
    source.clock.advance(1)
    await old(source, f)
    assert source.taken() == counts(asked=1), "its failure of before is forgotten"
    source.clock.advance(19.999)
    await old(source, f)
    source.clock.advance(0.001)
    await source.fails(OSError, f)


@of_each_kind
async def test_a_new_result_is_fresh(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await old(source, f)
    source.version = DOWN
    await old(source, f)
    source.clock.advance(19)
    source.version, source.gives = "v2", "new"
    assert await source.call(f) == "new"
    source.version = DOWN
    source.clock.advance(10)
    assert await source.call(f) == "new"
    source.clock.advance(19.999)
    assert await source.call(f) == "new"
    source.clock.advance(0.001)
    await source.fails(OSError, f)


@pytest.mark.parametrize("span", [math.inf, timedelta(days=10_000)])
@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_for_ever_and_as_a_timedelta(span: Any) -> None:
    with MockClock() as clock:
        source = Source(clock)
        f = source.cached(ttl=10, stale_if_error=span)
        f()
        source.version = DOWN
        for _ in range(3):
            clock.advance(1e6)
            assert f() == "old"


@of_each_kind
async def test_zero_seconds_allow_nothing(source: Source) -> None:
    f = source.cached(stale_if_error=0)
    await old(source, f)
    source.version = DOWN
    assert await source.fails(OSError, f) is DOWN


@of_each_kind
async def test_the_source_is_left_alone_for_a_while(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await old(source, f)
    source.taken()
    source.version = DOWN
    await old(source, f)
    assert source.taken() == counts(asked=1)
    for seconds in (0, 1, 0.999):
        source.clock.advance(seconds)
        await old(source, f)
        with session():
            await old(source, f)
    assert source.taken() == counts()
    source.clock.advance(0.001)
    await old(source, f)
    assert source.taken() == counts(asked=1)
    source.clock.advance(1.999)
    await old(source, f)
    assert source.taken() == counts(), "counted from the last failure"


@of_each_kind
async def test_by_default_for_a_second(source: Source) -> None:
    f = source.cached(stale_if_error=20)
    await old(source, f)
    source.version = DOWN
    await old(source, f)
    source.taken()
    source.clock.advance(0.999)
    await old(source, f)
    assert source.taken() == counts()
    source.clock.advance(0.001)
    await old(source, f)
    assert source.taken() == counts(asked=1)


@of_each_kind
async def test_or_not_at_all(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=0)
    await old(source, f)
    source.version = DOWN
    source.taken()
    for _ in range(3):
        await old(source, f)
    assert source.taken() == counts(asked=3)


@of_each_kind
async def test_but_once_in_a_call_though_versions_have_to_be_compared(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=0)
    f.cache_put(Versioned("old", Release(2)), 2)
    source.version = Release(1)
    with session():
        await old(source, f, 1)
        source.gives = DOWN
        await old(source, f, 2)
        source.version = DOWN
        source.taken()
        with session():
            await old(source, f, 2)
    assert source.taken() == counts(asked=1)


@of_each_kind
async def test_where_nothing_is_stored_it_is_raised_and_asked_again_at_once(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    source.gives = DOWN
    for _ in range(2):
        assert await source.fails(OSError, f) is DOWN
    assert source.taken() == counts(asked=2, ran=2)
    source.gives = "old"
    await old(source, f)


@of_each_kind
async def test_what_was_cleared_or_invalidated_answers_for_nothing(source: Source) -> None:
    f = source.cached(stale_if_error=20)
    for forget in (f.cache_clear, lambda: f.cache_invalidate(1)):
        source.gives = "old"
        await old(source, f, 1)
        source.gives = DOWN
        forget()
        assert await source.fails(OSError, f, 1) is DOWN


@of_each_kind
async def test_only_for_the_errors_it_is_for(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=0, errors=(OSError, LookupError))
    await old(source, f)
    kinds: list[tuple[BaseException, bool]] = [
        (OSError(), True),
        (ConnectionResetError(), True),
        (KeyError(), True),
        (ValueError(), False),
        (KeyboardInterrupt(), False),
    ]
    for error, answered in kinds:
        for source.version, source.gives in [(error, "new"), ("v2", error)]:
            if answered:
                await old(source, f)
            elif isinstance(error, Exception) or not source.awaited:
                assert await source.fails(type(error), f) is error
            assert f.cache_peek() == ("old", "v1")


@of_each_kind
async def test_by_default_for_exceptions_and_not_for_what_ends_a_program(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=0)
    await old(source, f)
    source.version = ValueError("any")
    await old(source, f)
    if not source.awaited:
        for leaving in (KeyboardInterrupt(), SystemExit()):
            source.version = leaving
            assert await source.fails(type(leaving), f) is leaving


@of_each_kind
async def test_it_can_be_seen(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await old(source, f, 1)
    await old(source, f, 2)
    source.version = DOWN
    with session() as handle:
        assert handle.stale == 0
        await old(source, f, 1)
        assert (handle.stale, f.cache_stats().stale) == (1, 1)
        await old(source, f, 2)
        assert (handle.stale, f.cache_stats().stale) == (2, 2)
    await old(source, f, 1)
    assert (handle.stale, f.cache_stats().stale) == (2, 3)
    assert f.cache_stats().refresh_errors == 0


@of_each_kind
async def test_the_session_reads_on_what_it_was_told(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    source.gives = kept = ["old"]
    await source.call(f)
    with session():
        source.version = DOWN
        assert await source.call(f) is kept
        source.version, source.gives = "v2", ["new"]
        source.clock.advance(5)
        source.taken()
        assert await source.call(f) is kept
        assert source.taken() == counts()
        with session():
            assert await source.call(f) == ["new"]
        assert await source.call(f) is kept


@of_each_kind
async def test_what_has_expired_is_tried_again_also_in_the_session(source: Source) -> None:
    f = source.cached(ttl=10, stale_if_error=20, retry_after=2)
    await old(source, f)
    source.clock.advance(10)
    source.gives = DOWN
    with session():
        await old(source, f)
        source.gives = "new"
        source.clock.advance(1.999)
        await old(source, f)
        source.clock.advance(0.001)
        assert await source.call(f) == "new"


@of_each_kind
async def test_it_leaves_what_is_stored_as_it_is(source: Source) -> None:
    f = source.cached(ttl=10, stale_if_error=20, retry_after=0)
    await old(source, f)
    source.clock.advance(4)
    source.version = DOWN
    await old(source, f)
    source.clock.advance(5.999)
    assert f.cache_peek() == ("old", "v1")
    source.clock.advance(0.001)
    assert f.cache_peek() is None, "its ttl did not begin anew"


@of_each_kind
async def test_a_result_of_a_wrong_kind_is_no_failure_of_the_source(source: Source) -> None:
    """A list as a version is a mistake in the program: it is told, and not hidden behind an old value."""
    f = source.cached(stale_if_error=20, errors=OSError)
    await old(source, f)
    source.version = ["a list"]
    await source.fails(TypeError, f)


def test_threads_that_wait_for_a_run_that_fails_are_answered_alike() -> None:
    gate = Gate()
    runs: list[int] = []

    @versioned_lru_cache(lambda: "v1", session=MINE, stale_if_error=1000, retry_after=1000)
    def f() -> str:
        runs.append(1)
        if len(runs) > 1:
            gate.stop()
            raise DOWN
        return "old"

    assert Call(f, session={}).result() == "old"
    places: list[dict[str, Any]] = [{}, {}]
    with session(places[0], refresh=Refresh.all()) as first, session(places[1], refresh=Refresh.all()) as second:
        leader = Call(f, session=places[0])
        gate.wait()
        waiter = Call(f, session=places[0])
        until_waiting(waiter)
        gate.open()
        assert [leader.result(), waiter.result()] == ["old", "old"]
        assert (first.stale, second.stale) == (2, 0)
    assert len(runs) == 2
    assert f.cache_stats().stale == 2


@tasks.in_loop
async def test_tasks_that_wait_for_a_run_that_fails_are_answered_alike() -> None:
    source = Source(MockClock(), awaited=True)
    f = source.cached(stale_if_error=1000, retry_after=1000)
    await f()
    source.version, source.gives = "v2", DOWN
    assert await tasks.ended(tasks.begun(4, f)) == ["old"] * 4
    assert source.behind["ran"] == 2
    assert f.cache_stats().stale == 4
