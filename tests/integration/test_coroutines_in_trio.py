"""Coroutine functions that Trio runs, where there is no event loop of asyncio, or one that has Trio as its guest."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.tasks import until
from versioned_lru_cache import Lag, Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")


def as_guest(main: Callable[[], Awaitable[None]]) -> None:
    """Run something by Trio on the event loop of asyncio."""

    async def host() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        trio.lowlevel.start_guest_run(
            main, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
        )
        (await ended).unwrap()

    asyncio.run(host())


def by_hand(main: Callable[[], Awaitable[None]]) -> None:
    """Run something that waits for nothing."""
    coroutine: Any = main()
    with pytest.raises(StopIteration):
        coroutine.send(None)


RUNNERS = [trio.run, as_guest, by_hand]
by_each = pytest.mark.parametrize("run", RUNNERS)


class TrioRow:
    def __init__(self, **options: Any) -> None:
        self.now = 1
        self.runs = 0
        self.failure: Exception | None = None

        @versioned_lru_cache(lambda: self.now, **options)
        async def read() -> list[int]:
            self.runs += 1
            if self.failure is not None:
                raise self.failure
            return [self.now]

        self.read = read


@pytest.fixture
def clock() -> Iterator[MockClock]:
    with MockClock() as clock:
        yield clock


@by_each
def test_hits_and_misses(run: Any) -> None:
    data = TrioRow()

    async def main() -> None:
        kept = await data.read()
        assert await data.read() is kept
        data.now = 2
        assert await data.read() == [2]

    run(main)


@by_each
@pytest.mark.parametrize("options", [{}, {"ttl": 10}])
def test_what_would_be_renewed_behind_is_computed_by_the_call(
    run: Any, clock: MockClock, options: dict[str, Any]
) -> None:
    data = TrioRow(stale_while_revalidate=60, **options)

    async def main() -> None:
        for version in (1, 2, 3):
            data.now = version
            async with session():
                assert await data.read() == [version], "never the old one for the whole window"
                assert await data.read() is await data.read()
            clock.advance(10)
        assert data.runs == 3
        assert data.read.cache_stats().stale == 0

    run(main)


@by_each
def test_the_same_in_a_session_with_wishes(run: Any, clock: MockClock) -> None:
    data = TrioRow(stale_while_revalidate=60)

    async def main() -> None:
        await data.read()
        data.now = 2
        async with session(refresh=Refresh.only(data.read.cache_key())):
            assert await data.read() == [2]
        data.now = 3
        async with session(offline=True):
            assert await data.read() == [2]

    run(main)


@by_each
def test_what_then_fails_is_heard_of_and_loses_nothing(run: Any, clock: MockClock) -> None:
    data = TrioRow(stale_while_revalidate=60)
    lenient = TrioRow(stale_while_revalidate=60, stale_if_error=60)

    async def main() -> None:
        for each in (data, lenient):
            assert await each.read() == [1]
            each.now, each.failure = 2, OSError("away")
        with pytest.raises(OSError, match="away"):
            await data.read()
        assert data.read.cache_peek() == ([1], 1)
        assert await lenient.read() == [1]

    run(main)


def test_asyncio_still_renews_behind(clock: MockClock) -> None:
    data = TrioRow(stale_while_revalidate=60)

    async def main() -> None:
        assert await data.read() == [1]
        data.now = 2
        assert await data.read() == [1]
        await until(lambda: data.read.cache_peek() == ([2], 2))

    asyncio.run(main())


def test_the_delay_of_a_source_that_lags_passes() -> None:
    seen = [1]
    started: list[float] = []

    @versioned_lru_cache(lambda: 2, lag=Lag(retries=3, delay=10))
    async def page() -> Versioned[str]:
        started.append(trio.current_time())
        if len(started) > 2:
            seen[0] = 2
        return Versioned("page", seen[0])

    async def main() -> None:
        assert await page() == "page"
        assert [later - started[0] for later in started] == [0, 10, 30]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_tasks_of_trio_that_want_the_same_at_once() -> None:
    runs: list[int] = []

    @versioned_lru_cache(version=1, maxsize=None)
    async def slow(x: int) -> list[int]:
        runs.append(x)
        await trio.lowlevel.checkpoint()
        return [x]

    found: list[list[int]] = []

    async def call(x: int) -> None:
        found.append(await slow(x))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(functools.partial(call, number % 2))
        assert sorted(found) == [[0], [0], [0], [1], [1], [1]]
        before = len(runs)
        await slow(0)
        assert len(runs) == before

    trio.run(main)
