"""The tier of a coroutine function: its steps are awaited.

What a plain store is to forget it forgets at once, as it is short. One whose methods are awaited is told when what
`cache_invalidate` has returned is awaited, or else before its next record is used.
"""

from __future__ import annotations

from functools import partial

from ._async import running_loop
from ._plain_tier import PlainTier
from ._store_in_threads import StoreInThreads
from ._tier import Tier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias

    from ._breaker import Breaker
    from ._tier import Lives
    from .stores._protocol import AsyncStore, Lease, Store

    # What is to be awaited, made when it is.
    Rest: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]

_releases: set[Task[None]] = set()  # A loop holds its tasks weakly.


class AwaitedTier:
    """What the core calls for a coroutine function."""

    def __init__(self, store: AsyncStore, breaker: Breaker, name: str, revision: str) -> None:
        tier = self._tier = Tier(store, breaker, name, revision, awaits=True)
        self.breaker = breaker
        self.load, self.acquire, self.save = tier.load, tier.acquire, tier.save

    def release(self, lease: Lease) -> None:
        """Give a lease back behind its call. Without a loop it ends by itself."""
        loop = running_loop()
        if loop is not None:
            task = loop.create_task(self._tier.release(lease))
            _releases.add(task)
            task.add_done_callback(_releases.discard)

    def put(self, key: bytes, value: object, version: object, lives: Lives) -> Rest | None:
        """Return what saves a result that was made elsewhere."""
        return partial(self._tier.put, key, value, version, lives)

    def forget(self, key: bytes) -> Rest | bool:
        """Return what removes a call's record; none is used from now on until that has happened."""
        return partial(self._tier.tell, self._tier.owe_call(key), always=True)

    def clear(self) -> Rest | None:
        """Return what removes those of all calls."""
        return partial(self._tier.tell, self._tier.owe_all(), always=True)


class ThreadedTier(AwaitedTier):
    """The same where the store has plain methods."""

    def __init__(self, store: Store, breaker: Breaker, name: str, revision: str) -> None:
        super().__init__(StoreInThreads(store), breaker, name, revision)
        self._plain = PlainTier(Tier(store, breaker, name, revision, awaits=False))

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        self._plain.release(lease)

    def put(self, key: bytes, value: object, version: object, lives: Lives) -> None:
        """Save a result that was made elsewhere."""
        self._plain.put(key, value, version, lives)

    def forget(self, key: bytes) -> bool:
        """Remove a call's record. Return whether there was one."""
        return self._plain.forget(key)

    def clear(self) -> None:
        """Remove those of all calls."""
        self._plain.clear()
