"""Refreshes that run behind, while an old value answers: on a bounded pool, or as tasks of the running event loop."""

from __future__ import annotations

import logging
import os
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from threading import Lock

from ._async import drive
from ._surroundings import surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task

    from ._core import Behind

THREADS = 4

_logger = logging.getLogger("versioned_lru_cache")
_lock = Lock()
_pool: ThreadPoolExecutor | None = None
_tasks: set[Task[None]] = set()


def begin(behind: Behind) -> None:
    """Let a plain function's refresh run on the pool, which ends its work before the interpreter exits."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="versioned_lru_cache refresh")
    try:
        _pool.submit(Context().run, _run, behind)
    except RuntimeError:  # No thread can be started: the interpreter is ending, or the platform has none.
        Context().run(_run, behind)


def begin_task(behind: Behind) -> None:
    """Let a coroutine function's refresh run as a task. It is begun by a call in a task of asyncio's."""
    loop = get_running_loop()
    task: Task[None] = Context().run(loop.create_task, _await(behind), name=f"versioned_lru_cache {behind.name}")
    _tasks.add(task)  # The loop itself holds it weakly.
    task.add_done_callback(_tasks.discard)


def _run(behind: Behind) -> None:
    try:
        with surroundings():
            behind.run()
    except Exception:
        _failed(behind)
    finally:
        behind.end()


async def _await(behind: Behind) -> None:
    try:
        with surroundings():
            await drive(behind.call())
    except Exception:
        _failed(behind)
    finally:
        behind.end()


def _failed(behind: Behind) -> None:
    behind.failed()
    _logger.warning("versioned_lru_cache: the refresh of %s behind failed", behind.name, exc_info=True)


def _forget() -> None:
    """The threads did not come along into a forked child."""
    global _pool, _lock
    _pool, _lock = None, Lock()
    _tasks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
