"""What checkers know of stores. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

from tests.typing.asserting import assert_type
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import Lease, LocalStore, Store
from versioned_lru_cache.testing import FaultyStore, StoreContract


def takes_any(store: Store) -> bytes | None:
    return store.load(b"address")


def a_function_with_a_store_is_as_ever() -> None:
    with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="typed") as store:

        @versioned_lru_cache(lambda: 1, store=store, name="priced", revision="1")
        def priced(item: str) -> list[str]:
            return [item]

        @versioned_lru_cache(lambda: 1, store=FaultyStore(store), name="awaited")
        async def awaited(item: str) -> list[str]:
            return [item]

        assert_type(priced("tea"), list[str])
        assert_type(priced.cache_stats().store_hits, int)
        assert_type(priced.cache_stats().store_seconds, float)
        assert_type(asyncio.run(awaited("tea")), list[str])


def stores_of_the_package_are_stores() -> None:
    with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="typed") as store:
        assert_type(store, LocalStore)
        assert_type(takes_any(store), bytes | None)
        assert_type(takes_any(FaultyStore(store)), bytes | None)
        lease = store.acquire(b"address", b"version")
        assert_type(lease, Lease | None)
        assert lease is not None
        assert_type(store.save(lease, b"record"), bool)
        store.release(lease)


class Contract(StoreContract):
    def open_store(self) -> LocalStore:
        return LocalStore(namespace="typed")
