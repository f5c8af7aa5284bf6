"""Something comes between two lines of the package's Python code: an exception, a fork, another call.

A scenario makes a cached function anew, and says how it is called.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.support.each_line import Tracer, awaited, fork_at_each_line, in_time, raise_at_each_line
from versioned_lru_cache import Lag, Refresh, Versioned, current_session, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock
from versioned_lru_cache.versions import bump, counter, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    # The function, and a call of it.
    Scenario = Callable[[], tuple[Any, Callable[[], object]]]

clock = MockClock()
numbers = itertools.count(1)
versions = [1]
# Filled when nothing comes between any more: a scenario that fails on purpose works from then on.
over: list[bool] = []


def begin() -> None:
    logging.disable(logging.CRITICAL)
    clock.__enter__()


def made_anew(scenario: str) -> tuple[Any, Callable[[], object]]:
    over.clear()
    versions[0] = 1
    return SCENARIOS[scenario]()


async def with_its_refresh(f):
    value = await f(1)
    for _ in range(20):
        await asyncio.sleep(0)
    return value


async def within_sessions(f):
    async with session():
        async with session({}):
            await f(1)
        return await f(1)


def a_miss():
    @versioned_lru_cache(version=1)
    async def f(x):
        await asyncio.sleep(0)
        return [x]

    return f, lambda: awaited(f(1))


def several_that_wait():
    @versioned_lru_cache(version=1, wait=30)
    async def f(x):
        for _ in range(3):
            await asyncio.sleep(0)
        return [x]

    async def every():
        return await asyncio.gather(f(1), f(1), f(1))

    return f, lambda: awaited(asyncio.wait_for(every(), 5))


def a_cancelled_caller():
    @versioned_lru_cache(version=1)
    async def f(x):
        for _ in range(3):
            await asyncio.sleep(0)
        return [x]

    async def cancelled():
        task = asyncio.ensure_future(f(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return f, lambda: awaited(cancelled())


def a_version_function():
    async def version():
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version)
    async def f(x):
        return [x]

    return f, lambda: awaited(within_sessions(f))


def a_lagging_result():
    @versioned_lru_cache(lambda: next(numbers), lag=Lag(retries=2, delay=0.01))
    async def f(x):
        return Versioned([x], 1)

    return f, lambda: awaited(f(1))


def a_validation():
    async def version():
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version)
    async def part(x):
        return [x]

    @versioned_lru_cache(version, maxsize=4)
    async def f(x):
        return [await part(x)]

    async def parts_and_whole():
        async with session():
            await part(1)
            await part(2)
            return await f(1)

    return f, lambda: awaited(parts_and_whole())


def a_failure():
    @versioned_lru_cache(version=1)
    async def f(x):
        await asyncio.sleep(0)
        if not over:
            raise OSError("away")
        return [x]

    return f, lambda: awaited(f(1))


def a_block():
    @versioned_lru_cache(lambda: 1)
    def f(x):
        return [x]

    def block():
        with session():
            with session({}):
                f(1)
            with session(refresh=Refresh.all()) as own:
                assert current_session() is own
                f(1)

    return f, block


def an_asynchronous_block():
    @versioned_lru_cache(lambda: 1)
    async def f(x):
        return [x]

    return f, lambda: awaited(within_sessions(f))


def a_refresh_behind_of_a_coroutine_function():
    @versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
    async def f(x):
        await asyncio.sleep(0)
        return [x, versions[0]]

    awaited(f(1))
    versions[0] += 1
    return f, lambda: awaited(with_its_refresh(f))


def a_refresh_behind():
    @versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
    def f(x):
        return [x, versions[0]]

    f(1)
    f(2)
    versions[0] += 1
    return f, lambda: f(1)


def bumped_names():
    of_item = tags(lambda x: (f"item:{x}", "all items"))

    @versioned_lru_cache(of_item)
    def f(x):
        return [x]

    def bumped():
        counter(f"item:{next(numbers)}").bump()
        bump("item", "all items")
        of_item.bump(1)
        return f(1)

    return f, bumped


SCENARIOS: dict[str, Scenario] = {
    "a miss": a_miss,
    "several that wait": several_that_wait,
    "a cancelled caller": a_cancelled_caller,
    "a version function": a_version_function,
    "a lagging result": a_lagging_result,
    "a validation": a_validation,
    "a failure": a_failure,
    "a block": a_block,
    "an asynchronous block": an_asynchronous_block,
    "a refresh behind, of a coroutine function": a_refresh_behind_of_a_coroutine_function,
    "a refresh behind": a_refresh_behind,
    "bumped names": bumped_names,
}


def an_exception(scenario: str) -> None:
    begin()

    def prepare():
        f, call = made_anew(scenario)

        def after():
            over.append(True)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                got = awaited(with_its_refresh(f)) if inspect.iscoroutinefunction(f) else f(1)
                if len(got) == 1 or got[1] == versions[0]:
                    return True
                clock.advance(2)
                time.sleep(0.001)
            raise AssertionError(f"still {got}")

        return call, after

    raise_at_each_line(prepare)


def a_fork(scenario: str) -> None:
    begin()
    warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
    assert fork_at_each_line(lambda: made_anew(scenario)[1]) > 0


def a_call_of_a_signals_handler(scenario: str) -> None:
    begin()
    turn = 0
    while True:
        f, call = made_anew(scenario)

        def again(f=f):
            if inspect.iscoroutinefunction(f):
                coroutine = f(2)
                coroutine.send(None)
                coroutine.close()
            else:
                f(1)
                f(2)

        tracer = Tracer(turn, again)
        found = []
        in_time(lambda call=call, tracer=tracer, found=found: found.append(tracer.run(call)) or True, "the call")
        if not found[0]:
            break
        turn += 1
    assert turn > 0
