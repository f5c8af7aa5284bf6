"""Refreshes that run behind, while an old value answers: on a pool of threads, whose queue is re-entrant.

A finalizer or a signal's handler may ask for a refresh at any moment, also while its thread asks for one. So nothing
here holds a lock, which the standard library's pools do.
"""

from __future__ import annotations

import atexit
import logging
import os
from _thread import start_new_thread
from contextlib import nullcontext, suppress
from contextvars import Context
from queue import Empty, SimpleQueue

from . import _surroundings  # pyright: ignore[reportPrivateUsage]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from ._core import Behind

THREADS = 4

_logger = logging.getLogger("versioned_lru_cache")


class Pool:
    """Threads that take refreshes from a queue. Each is started when there is something to do, and waits for more."""

    def __init__(self) -> None:
        """Prepare it; no thread is started."""
        self._work: SimpleQueue[Behind | None] = SimpleQueue()
        self._not_started: SimpleQueue[None] = SimpleQueue()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._is_closed = False
        for _ in range(THREADS):
            self._not_started.put(None)

    def takes(self, behind: Behind) -> bool:
        """Queue a refresh, unless there is no thread for it: the interpreter is ending, or the platform has none."""
        if self._is_closed or not self._has_threads():
            return False
        self._work.put(behind)
        return True

    def _has_threads(self) -> bool:
        try:
            self._not_started.get_nowait()
        except Empty:
            return True
        try:
            start_new_thread(self._serve, ())
        except RuntimeError:
            self._not_started.put(None)
        return self._not_started.qsize() < THREADS

    def _serve(self) -> None:
        try:
            while (behind := self._work.get()) is not None:
                try:
                    Context().run(_run, behind)
                except BaseException:  # Ends neither the thread nor the program.
                    failed(behind)
                del behind  # Nothing is held while the thread waits.
        finally:
            (self._ended if self._is_closed else self._not_started).put(None)

    def close(self) -> None:
        """Wait until all that is queued has been done."""
        self._is_closed = True
        started = THREADS
        with suppress(Empty):
            while started:
                self._not_started.get_nowait()
                started -= 1
        for _ in range(started):
            self._work.put(None)
        for _ in range(started):
            self._ended.get()


_pool = Pool()


def begin(behind: Behind) -> None:
    """Let a plain function's refresh run on the pool, which ends its work before the interpreter exits."""
    if not _pool.takes(behind):
        Context().run(_run, behind)


def _run(behind: Behind) -> None:
    try:
        with surroundings():
            behind.run()
    except Exception:
        failed(behind)
    finally:
        behind.end()


def surroundings() -> AbstractContextManager[Any]:
    """Return the context manager to be entered around a refresh."""
    entered = _surroundings.entered
    return nullcontext() if entered is None else entered()


def failed(behind: Behind) -> None:
    """Count and log the failure of a refresh."""
    behind.failed()
    _logger.warning("versioned_lru_cache: the refresh of %s behind failed", behind.name, exc_info=True)


def _forget() -> None:
    """The threads did not come along into a forked child, nor what they had to do."""
    global _pool
    _pool = Pool()


def _close() -> None:
    _pool.close()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
