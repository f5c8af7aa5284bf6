"""Event loops in which nothing goes wrong unheard, and tasks that tell when they wait for another's computation."""

from __future__ import annotations

import asyncio
import gc
import time
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

WITHIN = 20.0
TURNS = 30  # of the loop: in that time all gets done that waits for nothing outside

# `asyncio.run`, and `all_tasks` outside of its loop, take the tasks of all threads in hand, and may be the last to let
# go of one. If another thread collects garbage just then, free-threaded CPython crashes (python/cpython#153809).
TASKS_OF_ALL = pytest.mark.thread_unsafe(reason="takes the tasks of all threads in hand, at which CPython may crash")


def run(main: Callable[[], Coroutine[Any, Any, Any]], debug: bool | None = None) -> Any:
    """Runs a coroutine function in a loop of its own. What the loop complains about, or leaves behind, is a failure."""
    complaints: list[str] = []
    loop = asyncio.new_event_loop()
    loop.set_debug(bool(debug))
    loop.slow_callback_duration = WITHIN
    loop.set_exception_handler(lambda _loop, context: complaints.append(f"{context['message']}: {context}"))
    try:
        value = loop.run_until_complete(asyncio.wait_for(main(), WITHIN))
        loop.run_until_complete(turns())
        left = [task for task in tasks_of(loop) if not task.done()]
        assert not left, f"still going on: {left}"
    finally:
        end(loop)
    gc.collect()
    assert not complaints, "\n".join(complaints)
    return value


def tasks_of(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """The tasks of a loop that stands still. Asked for inside of it, so that no other thread's are looked at."""

    async def look() -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks() - {asyncio.current_task()}

    return loop.run_until_complete(look())


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Closes a loop as `asyncio.run` does."""
    for task in tasks_of(loop):
        task.cancel()
    loop.run_until_complete(turns())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a test of a coroutine function."""

    @wraps(test)
    def tested(*args: Any, **kwargs: Any) -> None:
        run(lambda: test(*args, **kwargs))

    return tested


async def turns(count: int = TURNS) -> None:
    """Lets the others have their turn, so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Returns as soon as a condition holds that another thread or the clock brings about."""
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end, "did not come in time"
        await asyncio.sleep(0.001)


def begun(count: int, call: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> list[asyncio.Task[Any]]:
    """So many tasks of equal calls."""
    return [asyncio.ensure_future(call(*args)) for _ in range(count)]


async def ended(tasks: Iterable[asyncio.Future[Any]]) -> list[Any]:
    """What the tasks returned or raised."""
    return await asyncio.gather(*tasks, return_exceptions=True)


class HeldTask:
    """A cached coroutine function whose first computation stops at a gate. A result tells which run it is of."""

    def __init__(self, **options: Any) -> None:
        self.version: object = 1
        self.asked = 0
        self.runs = 0
        self.gate = asyncio.Event()
        self.raises: BaseException | None = None
        self.log: list[str] = []

        def ask() -> object:
            self.asked += 1
            return self.version

        @versioned_lru_cache(ask, **options)
        async def f(x: object = 1) -> list[object]:
            self.runs += 1
            number = self.runs
            if number == 1:
                try:
                    await self.gate.wait()
                except asyncio.CancelledError:
                    self.log.append("cancelled")
                    raise
                if self.raises is not None:
                    raise self.raises
            return [x, number]

        self.f: Any = f

    async def lead(self, *args: Any) -> asyncio.Task[Any]:
        """Begins the computation that others are to wait for."""
        leader: asyncio.Task[Any] = asyncio.ensure_future(self.f(*args))
        await turns()
        assert self.runs == 1
        return leader

    async def waiting(self, count: int, *args: Any) -> list[asyncio.Task[Any]]:
        """So many tasks that wait for it."""
        runs = self.runs
        waiters = begun(count, self.f, *args)
        await turns()
        assert not any(waiter.done() for waiter in waiters)
        assert self.runs == runs, "they did not wait"
        return waiters
