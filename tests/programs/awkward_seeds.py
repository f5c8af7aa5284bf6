"""A program whose calls end in other ways than with a result in its store: what seeding has to tell of each."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from versioned_lru_cache import NOT_MODIFIED, Versioned, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.stores import LocalStore

FOLDER = Path(os.environ["AWKWARD"])
store = LocalStore(FOLDER / "own", namespace="awkward", max_bytes=2**20)
handle: dict[str, object] = {}
loops: list[asyncio.AbstractEventLoop] = []

print("what a module prints")


def version() -> str:
    return (FOLDER / "version").read_text()


@versioned_lru_cache(version, store=store, session=handle)
def bound(item: str) -> str:
    if item == "turns":
        (FOLDER / "version").write_text("2")
    return item


@versioned_lru_cache(None, store=store)
def large(size: int) -> bytes:
    return os.urandom(size)


@versioned_lru_cache(None, store=store, cache_if=lambda result: result)
def unwanted(item: str) -> str:
    return ""


@versioned_lru_cache(None, store=store)
def pair(both: tuple[str, tuple[str, ...]]) -> str:
    return repr(both)


@versioned_lru_cache(None, store=store, key=lambda items: ",".join(items))
def keyed(items: list[str]) -> str:
    return repr(items)


@versioned_lru_cache(version, store=store, stale_if_error=3600)
def stands_in(item: str) -> str:
    if version() == "empty":
        raise LookupError("the source is empty")
    return item


def _unchanged(old: Versioned[str], item: str) -> object:
    return NOT_MODIFIED


@versioned_lru_cache(version, store=store, revalidate=_unchanged)
def revalidated(item: str) -> str:
    return item


@versioned_lru_cache(None, store=store)
def prints(item: str) -> str:
    print("what a function prints")
    return item


@versioned_lru_cache(None, store=store)
async def in_a_loop(item: str) -> str:
    loops.append(asyncio.get_running_loop())
    return item


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object={},
    generate_version_func=lambda *args, **kwargs: version(),
    module_name="awkward",
    store=store,
)
def by_the_original(item: str) -> str:
    return item
