"""A program whose calls are explained: functions of each kind that may have a store."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from versioned_lru_cache import Versioned, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.stores import LocalStore

FOLDER = Path(os.environ["EXPLAINED"])
store = LocalStore(FOLDER / "store", namespace="explained")


def version() -> str:
    return (FOLDER / "version").read_text()


def call(function: str, item: str) -> Any:
    """Call one of them."""
    result = globals()[function](item)
    return asyncio.run(result) if function == "awaited" else result


def _run(item: str) -> str:
    with open(FOLDER / "runs", "a") as runs:
        runs.write(f"{item}\n")
    return item


@versioned_lru_cache(version, store=store)
def plain(item: str, amount: int = 1) -> str:
    return _run(item)


@versioned_lru_cache(version, store=store)
async def awaited(item: str, amount: int = 1) -> str:
    return _run(item)


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object={},
    generate_version_func=lambda *args, **kwargs: version(),
    module_name="explained",
    store=store,
)
def original(item: str, amount: int = 1) -> str:
    return _run(item)


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object={},
    generate_version_func=lambda *args, **kwargs: "",
    module_name="explained",
    no_history_events_default_version="none yet",
    store=store,
)
def with_default(item: str, amount: int = 1) -> str:
    return _run(item)


def _renewed(old: Versioned[str], item: str, amount: int = 1) -> str:
    return _run(item)


@versioned_lru_cache(version, store=store, revalidate=_renewed, stale_if_error=60)
def revalidated(item: str, amount: int = 1) -> str:
    return _run(item)


@versioned_lru_cache(version, store=store, ttl=60)
def short(item: str, amount: int = 1) -> str:
    return _run(item)
