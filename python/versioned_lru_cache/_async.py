"""Runs the plan of a call of a coroutine function: the function in a task of its own, the rest in the caller's."""

from __future__ import annotations

import asyncio
import os
import sys
from contextvars import Context

from ._behind import failed, surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from typing import Any, NoReturn

    from ._core import Behind, Call, _Step  # pyright: ignore[reportPrivateUsage]

# Steps after which nothing is left to be done.
ENDS: tuple[_Step, ...] = ("done", "uncached")
# Steps that are the caller's to take, and ends.
HANDS_OVER: tuple[_Step, ...] = (*ENDS, "compute", "wait")
# Refreshes behind that are tasks, which an event loop holds weakly.
_refreshes: dict[AbstractEventLoop, dict[Task[None], Behind]] = {}
if hasattr(os, "register_at_fork"):  # No loop of the parent's goes on in a forked child.
    os.register_at_fork(after_in_child=_refreshes.clear)


async def drive(call: Call) -> Any:
    """Drive a call to its end."""
    if _refreshes:
        _end_in_closed_loops()
    loop = running_loop()
    try:
        step = call.begin(loop)
        while step not in ENDS:
            if step == "wait":
                await _wait(call, loop)
                step = call.resume(None, None)
            elif step != "compute":
                step = await _carry_out(call, step, HANDS_OVER)
            elif loop is None:
                await _carry_out(call, step, ENDS)
                step = call.settle()
            else:
                # In a task of the library's own, which is cancelled when nobody waits for it any more, and not before.
                # Not in a function of its own, as each coroutine is one thing more for the garbage collector to visit.
                wait, name = call.flight.join(loop), f"versioned_lru_cache {call.name}"
                try:
                    call.runs_in(loop.create_task(_carry_out(call, step, ENDS), name=name))
                    await wait.future
                    step = call.settle()
                except BaseException:
                    call.go()
                    raise
                finally:
                    wait.leave()
        return call.value if step == "done" else call.uncached(await call.run())
    finally:
        call.leave()


async def _carry_out(call: Call, step: _Step, stops: tuple[_Step, ...]) -> _Step:
    """Do what a step says, but to wait for another's run, and what the next ones say, up to one of those. Return that.

    A function is run so up to its end, again where its result lags: how it ends is for those who wait.
    """
    while step not in stops:
        value: Any = None
        try:
            if step == "sleep":
                await _sleep(call)
            else:
                value = call.start()
                if call.is_awaited:
                    value = await value
        except BaseException as error:
            step = call.resume(None, error)
            if call.is_left and isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise  # What ends the program is nobody's if its caller has gone.
        else:
            step = call.resume(value, None)
    return step


async def _wait(call: Call, loop: AbstractEventLoop | None) -> None:
    """Wait for another's run."""
    wait = call.join(loop)
    if wait is None:
        return
    try:
        await (wait.future if wait.limit is None else asyncio.wait([wait.future], timeout=wait.limit))
        call.waited(wait)
    finally:
        wait.leave()


def running_loop() -> AbstractEventLoop | None:
    """Return the running event loop. There is none if another library than asyncio runs the coroutine."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    # Trio may run as a guest on asyncio's loop: without a task of asyncio's, which all that waits needs.
    return loop if asyncio.current_task(loop) is not None else None


async def _sleep(call: Call) -> None:
    """Let time pass; with the mock clock it has passed already."""
    seconds = call.pause()
    if seconds > 0:
        if running_loop() is not None:
            await asyncio.sleep(seconds)
        elif (trio := _running_trio()) is not None:
            await trio.sleep(seconds)


def _running_trio() -> Any:
    """Return Trio, if that runs the coroutine."""
    trio = sys.modules.get("trio")
    try:
        return trio if trio is not None and trio.lowlevel.current_task() else None
    except RuntimeError:
        return None


def drive_alone(call: Call) -> Any:
    """Drive a call from plain code, on an event loop of its own."""
    if running_loop() is not None:
        raise RuntimeError("an event loop runs in this thread, which plain code can't wait for")
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(drive(call))
    finally:
        loop.close()


def begin_task(behind: Behind) -> None:
    """Let a coroutine function's refresh run as a task. It is begun by a call in a task of asyncio's."""
    loop = asyncio.get_running_loop()
    refreshes = _refreshes.setdefault(loop, {})
    task: Task[None] = Context().run(loop.create_task, _refresh(behind), name=f"versioned_lru_cache {behind.name}")
    refreshes[task] = behind
    task.add_done_callback(_forget)


async def _refresh(behind: Behind) -> None:
    try:
        with surroundings():
            await drive(behind.call())
    except Exception:
        failed(behind)
    finally:
        behind.end()


def _forget(task: Task[None]) -> None:
    loop = task.get_loop()
    refreshes = _refreshes.get(loop, {})
    behind = refreshes.pop(task, None)
    if behind is not None:
        behind.end()  # However the task has ended.
    if not refreshes:
        _refreshes.pop(loop, None)


def _end_in_closed_loops() -> None:
    """End the refreshes that nothing will go on with, so that others can begin."""
    for loop in list(_refreshes):
        if loop.is_closed():
            for behind in _refreshes.pop(loop, {}).values():
                behind.end()


def tell(name: str, error: Exception) -> None:
    """Let the event loop's exception handler hear of what a function raised when all who waited for it had gone."""
    message = f"versioned_lru_cache: {name} raised an exception while it was being cancelled, and nobody waits for it"
    loop = asyncio.get_running_loop()
    context = {"message": message, "exception": error, "task": asyncio.current_task()}
    # Later, because the handler runs in the task's own context, which can't be entered from within.
    loop.call_soon(loop.call_exception_handler, context)


def throw(kind: Any, value: Any = None, traceback: Any = None) -> NoReturn:
    """Raise what is thrown into a coroutine that was not awaited yet."""
    error = kind if value is None else value
    if isinstance(error, type):
        error = error()
    elif not isinstance(error, BaseException):
        error = kind(error)
    raise error.with_traceback(traceback) if traceback is not None else error


def reuse(*_thrown: object) -> NoReturn:
    """Refuse to go on with a coroutine that is over."""
    raise RuntimeError("cannot reuse already awaited coroutine")
