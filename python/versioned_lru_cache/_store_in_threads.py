"""A store with plain methods as one whose methods are awaited: they run in a pool of threads, that of the loop."""

from __future__ import annotations

import asyncio
from time import monotonic

from ._async import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from typing import TypeVar

    from .stores._protocol import Lease, Store

    T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1  # Seconds between two looks at another's lease.


class StoreInThreads:
    """A store for coroutine functions. Where no loop of asyncio's runs, its methods run where they are awaited."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.namespace, self.codec = store.namespace, store.codec

    async def load(self, address: bytes) -> bytes | None:
        """Load a record."""
        return await _in_thread(self._store.load, address)

    async def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Acquire a lease. Who is cancelled meanwhile leaves none behind."""
        return await _in_thread(self._store.acquire, address, version, left_behind=self._left_behind)

    async def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Wait until a lease is free, in no thread: a task looks again, which is to acquire it and give it back."""
        if running_loop() is None:
            self._store.wait(address, version, seconds)
            return
        limit, pause = monotonic() + seconds, _FIRST_PAUSE
        while (left := limit - monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
            lease = await self.acquire(address, version)
            if lease is not None:
                await self.release(lease)
                return

    async def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Save a record."""
        return await _in_thread(self._store.save, lease, record, seconds)

    async def release(self, lease: Lease) -> None:
        """Give a lease back. It is short, and must happen though the task is cancelled."""
        self._store.release(lease)

    async def delete(self, address: bytes) -> bool:
        """Remove a record."""
        return await _in_thread(self._store.delete, address)

    async def clear(self, group: bytes) -> None:
        """Remove those of a group."""
        await _in_thread(self._store.clear, group)

    def _left_behind(self, lease: Lease | None) -> None:
        if lease is not None:
            self._store.release(lease)


async def _in_thread(act: Callable[..., T], *given: object, left_behind: Callable[[T], None] | None = None) -> T:
    """Run something in a thread of the loop, or here where there is none of asyncio's."""
    loop = running_loop()
    if loop is None:
        return act(*given)
    future: Future[T] = loop.run_in_executor(None, act, *given)
    if left_behind is None:
        return await future
    try:
        return await asyncio.shield(future)
    except BaseException:
        if future.done() and not future.cancelled() and future.exception() is None:
            left_behind(future.result())
        else:
            future.add_done_callback(
                lambda done: None if done.cancelled() or done.exception() else left_behind(done.result())
            )
        raise
