"""Coroutine functions: many computations at once, beside what async-lru takes for them."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import pytest
from async_lru import alru_cache

from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

pytestmark = [pytest.mark.slow, pytest.mark.thread_unsafe(reason="measures time")]

TIMES = 2


async def body(key: int, gate: asyncio.Event) -> int:
    await gate.wait()
    return key


async def seconds(function: Function, count: int) -> float:
    """From the first call to the last result, where none ends before the last has begun."""
    gate = asyncio.Event()
    began = time.perf_counter()
    tasks = [asyncio.ensure_future(function(key, gate)) for key in range(count)]
    for _ in range(4):
        await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*tasks) == list(range(count))
    return time.perf_counter() - began


async def plain(count: int) -> float:
    return await seconds(versioned_lru_cache(version=1, maxsize=None)(body), count)


async def asking(count: int) -> float:
    async def version(key: int, gate: asyncio.Event) -> int:
        await asyncio.sleep(0)
        return 1

    async with session():
        return await seconds(versioned_lru_cache(version, maxsize=None)(body), count)


async def inside(count: int) -> float:
    """In the body of another: whether they wait in a circle is looked at."""
    inner = versioned_lru_cache(version=1, maxsize=None)(body)

    @versioned_lru_cache(version=1)
    async def outer() -> float:
        return await seconds(inner, count)

    return await outer()


async def theirs(count: int) -> float:
    return await seconds(alru_cache(maxsize=None)(body), count)


def best(run: Callable[[int], Any], count: int) -> float:
    gc.collect()
    return min(asyncio.run(run(count)) for _ in range(3))


@pytest.mark.parametrize("count", [1_000, 16_000])
@pytest.mark.parametrize("mine", [plain, asking, inside], ids=lambda run: run.__name__)
def test_as_many_as_tasks_take_twice_the_time_of_async_lru_at_most(mine: Callable[[int], Any], count: int) -> None:
    ratios = []
    for _ in range(3):
        ratios.append(best(mine, count) / best(theirs, count))
        if ratios[-1] <= TIMES:
            return
    raise AssertionError(ratios)


def test_callers_that_leave_do_not_search_for_themselves() -> None:
    """Each of many that wait for one run is cancelled."""

    async def main() -> float:
        gate = asyncio.Event()

        @versioned_lru_cache(version=1)
        async def one() -> None:
            await gate.wait()

        leader = asyncio.ensure_future(one())
        waiting = [asyncio.ensure_future(one()) for _ in range(30_000)]
        for _ in range(4):
            await asyncio.sleep(0)
        began = time.perf_counter()
        for task in reversed(waiting):
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        took = time.perf_counter() - began
        gate.set()
        await leader
        return took

    assert asyncio.run(main()) < 5
