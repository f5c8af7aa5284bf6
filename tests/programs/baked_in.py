"""A program that has a store where one was baked in, and none where it is developed. It prints what it computed."""

from __future__ import annotations

import asyncio
import os

from versioned_lru_cache import versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.versions import counter

BAKED = os.environ.get("BAKED")
store = LocalStore(BAKED, namespace="shop", read_only=True) if BAKED else None
runs: list[str] = []


@versioned_lru_cache("1", store=store)
def price(item: str) -> dict[str, int]:
    runs.append(item)
    return {item: 3}


@versioned_lru_cache("1", store=store)
async def awaited(item: str) -> str:
    runs.append(item)
    return item


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object={},
    generate_version_func=lambda *args, **kwargs: "1",
    module_name="shop",
    store=store,
)
def by_the_original(item: str) -> str:
    runs.append(item)
    return item


@versioned_lru_cache(counter("prices"))
def of_this_process(item: str) -> str:
    return item


def answer() -> None:
    """Call each function, as the program does where the store was baked in."""
    assert [price("tea"), asyncio.run(awaited("tea")), by_the_original("tea")] == [{"tea": 3}, "tea", "tea"]
    print(runs)
