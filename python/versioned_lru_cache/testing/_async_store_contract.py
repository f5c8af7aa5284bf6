"""The contract of async stores: that of the others, run on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time

from ._store_contract import OLD, PATIENCE, StoreContract, acquired, address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    from ..stores import AsyncStore, Lease, Store

    R = TypeVar("R")

__all__ = ["AsyncStoreContract"]


class AsyncStoreContract(StoreContract):
    """What every :class:`~versioned_lru_cache.stores.AsyncStore` has to keep: the same, awaited on one event loop.

    Example:
        >>> from versioned_lru_cache.testing import AsyncStoreContract
        >>> class TestMyStore(AsyncStoreContract):
        ...     async def open_async_store(self):
        ...         return MyStore("test")  # a new one for each call, all with the same records
    """

    _loop: asyncio.AbstractEventLoop

    async def open_async_store(self) -> AsyncStore:
        """Open a store, in the event loop in which it is used. To be overridden."""
        raise NotImplementedError("a subclass of AsyncStoreContract has to define open_async_store()")

    def open_store(self) -> Store:
        """Open a store whose calls wait until it has answered."""
        if "_loop" not in self.__dict__:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="stores", daemon=True).start()
        return _Awaited(self._run(self.open_async_store()), self._run)

    def teardown_method(self) -> None:
        """Close the stores that a test has opened, and end their event loop."""
        super().teardown_method()
        loop: asyncio.AbstractEventLoop | None = self.__dict__.pop("_loop", None)
        if loop is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        end = time.monotonic() + PATIENCE
        while loop.is_running() and time.monotonic() < end:
            time.sleep(0.001)
        loop.close()

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE * 2)

    def test_who_waits_leaves_the_event_loop_to_others(self) -> None:
        store = self._store()
        assert isinstance(store, _Awaited)
        acquired(store, address(1), OLD)

        async def both() -> bool:
            waiting = asyncio.ensure_future(store.store.wait(address(1), OLD, PATIENCE))
            await asyncio.sleep(0.1)
            await store.store.load(address(2))
            done = waiting.done()
            waiting.cancel()
            await asyncio.wait([waiting])
            return done

        started = time.monotonic()
        assert not self._run(both()), "wait returned while the lease was held"
        assert time.monotonic() - started < PATIENCE / 2, "wait must not block the event loop"


class _Awaited:
    """An async store as a plain one: each call waits until the loop of the contract has run it."""

    def __init__(self, store: AsyncStore, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self.store = store
        self.namespace = store.namespace
        self.codec = store.codec
        self._run = run

    def load(self, address: bytes) -> bytes | None:
        record: bytes | None = self._run(self.store.load(address))
        return record

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        lease: Lease | None = self._run(self.store.acquire(address, version))
        return lease

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        self._run(self.store.wait(address, version, seconds))

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        done: bool = self._run(self.store.save(lease, record, seconds))
        return done

    def release(self, lease: Lease) -> None:
        self._run(self.store.release(lease))

    def delete(self, address: bytes) -> bool:
        done: bool = self._run(self.store.delete(address))
        return done

    def clear(self, group: bytes) -> None:
        self._run(self.store.clear(group))

    def close(self) -> None:
        close = getattr(self.store, "aclose", None) or getattr(self.store, "close", None)
        if close is not None:
            self._run(_closed(close))


async def _closed(close: Any) -> None:
    answer = close()
    if answer is not None:
        await answer


def __dir__() -> list[str]:
    return sorted(__all__)
