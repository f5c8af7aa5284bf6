"""Coroutine functions: whatever way the task of a run ends, the run ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from typing import Any

import pytest

from versioned_lru_cache import versioned_lru_cache

TIME_LIMIT = 30
EAGER = pytest.mark.skipif(sys.version_info < (3, 12), reason="since Python 3.12")


def within(levels: int, call: Any) -> Any:
    """Makes a call so many levels below the interpreter's limit, by plain recursion."""
    return call() if levels <= 0 else within(levels - 1, call)


@EAGER
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:.*never awaited")
@pytest.mark.thread_unsafe(reason="goes to the limit of the stack")
def test_an_eager_task_that_finds_no_room_on_the_stack_leaves_no_run_behind() -> None:
    @versioned_lru_cache(version=1)
    async def f(key: int) -> int:
        await asyncio.sleep(0)
        return key

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        depth, frame = 0, sys._getframe()
        while frame:
            depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
        for free in range(1, 40):
            tasks: list[asyncio.Task[int]] = []

            def begin(key: int = free, tasks: list[asyncio.Task[int]] = tasks) -> None:
                tasks.append(loop.create_task(f(key)))

            with contextlib.suppress(RecursionError):
                within(sys.getrecursionlimit() - depth - free, begin)
            for task in tasks:
                with contextlib.suppress(RecursionError):
                    assert await asyncio.wait_for(task, TIME_LIMIT) == free
            # Whoever comes next is not left waiting.
            assert await asyncio.wait_for(f(free), TIME_LIMIT) == free

    asyncio.run(main())


@pytest.mark.thread_unsafe(reason="goes to the limit of the stack")
def test_a_call_that_finds_no_room_on_the_stack_leaves_no_run_behind() -> None:
    @versioned_lru_cache(version=1)
    async def f(key: int) -> int:
        await asyncio.sleep(0)
        return key

    async def within_coroutines(levels: int, key: int) -> int:
        return await f(key) if levels <= 0 else await within_coroutines(levels - 1, key)

    async def main() -> None:
        depth, frame = 0, sys._getframe()
        while frame:
            depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
        kept: list[BaseException] = []
        for free in range(1, 40):
            try:
                await asyncio.create_task(within_coroutines(sys.getrecursionlimit() - depth - free, free))
            except RecursionError as error:
                kept.append(error)
            assert await asyncio.wait_for(f(free), TIME_LIMIT) == free

    asyncio.run(main())


def test_a_factory_that_makes_no_task() -> None:
    @versioned_lru_cache(version=1)
    async def f(key: int) -> int:
        return key

    def refuse(_loop: object, coroutine: Any, **_context: object) -> Any:
        coroutine.close()
        raise ZeroDivisionError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        other = loop.create_task(asyncio.sleep(0))
        loop.set_task_factory(refuse)
        with pytest.raises(ZeroDivisionError) as caught:
            await f(1)
        loop.set_task_factory(None)
        assert await asyncio.wait_for(f(1), TIME_LIMIT) == 1
        assert caught.value.__traceback__
        await other

    asyncio.run(main())


def test_a_task_that_is_cancelled_before_it_begins() -> None:
    @versioned_lru_cache(version=1)
    async def f(key: int) -> int:
        return key

    def cancelled(loop: asyncio.AbstractEventLoop, coroutine: Any, **context: Any) -> Any:
        task = asyncio.Task(coroutine, loop=loop, **context)
        if getattr(coroutine, "__name__", "") == "_carry_out":
            task.cancel()
        return task

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(cancelled)
        calls = [asyncio.ensure_future(f(1)) for _ in range(3)]
        done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), TIME_LIMIT)
        assert all(isinstance(each, asyncio.CancelledError) for each in done)
        loop.set_task_factory(None)
        assert await asyncio.wait_for(f(1), TIME_LIMIT) == 1

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_task_that_is_destroyed_in_the_middle() -> None:
    @versioned_lru_cache(version=1)
    async def f(key: int) -> int:
        await asyncio.sleep(0 if key in ended else 3600)
        return key

    ended: set[int] = set()
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    call = loop.create_task(f(1))
    loop.run_until_complete(asyncio.sleep(0.01))
    assert not call.done()
    loop.close()
    del call, loop
    gc.collect()
    ended.add(1)
    assert asyncio.run(asyncio.wait_for(f(1), TIME_LIMIT)) == 1
