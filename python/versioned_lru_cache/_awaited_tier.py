"""The part of a coroutine function in a store with plain methods: they run in threads, and nobody waits in one."""

from __future__ import annotations

import asyncio
from time import monotonic

from ._async import running_loop
from ._tier import LEASE_SECONDS, Tier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .stores._protocol import Lease

    T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1  # Seconds between two looks at another's lease.


class AwaitedTier:
    """A tier whose steps are awaited: in threads of asyncio's loop, or at once where another library drives."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        # Short, and not of the running call alone: these are as for plain functions.
        self.release, self.forget, self.clear, self.put = tier.release, tier.forget, tier.clear, tier.put

    @property
    def errors(self) -> int:
        """How often the store has failed."""
        return self._tier.errors

    @property
    def seconds(self) -> float:
        """How long it has taken altogether."""
        return self._tier.seconds

    async def load(self, key: bytes) -> Any:
        """Load a call's record."""
        return await _in_thread(self._tier.load, key)

    async def acquire(self, key: bytes, version: object, seconds: float | None) -> Any:
        """Acquire a lease, looking again and again while another holds it."""
        limit = monotonic() + (LEASE_SECONDS if seconds is None else seconds)
        pause = _FIRST_PAUSE
        while True:
            lease = await _in_thread(self._tier.try_to_acquire, key, version, left_behind=self._left_behind)
            if lease is not True:
                return lease
            left = limit - monotonic()
            if left <= 0:
                return None
            if running_loop() is None:
                return await _in_thread(self._tier.acquire, key, version, left)
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def save(self, lease: Lease, key: bytes, value: object, version: object, age: int, ttl: int | None) -> None:
        """Save a result."""
        await _in_thread(self._tier.save, lease, key, value, version, age, ttl)

    def _left_behind(self, lease: Any) -> None:
        """Give back a lease whose caller was cancelled while a thread acquired it."""
        if lease is not None and lease is not True:
            self._tier.release(lease)


async def _in_thread(act: Callable[..., T], *given: Any, left_behind: Callable[[T], None] | None = None) -> T:
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
