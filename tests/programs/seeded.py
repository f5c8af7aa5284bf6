"""A program whose results are seeded by the command line. Its data is a file, and so is the list of its runs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore

FOLDER = Path(os.environ["SEEDED"])
store = LocalStore(FOLDER / "image", namespace="shop", read_only="READ_ONLY" in os.environ)


def version() -> str:
    return (FOLDER / "version").read_text()


def _run(item: object) -> None:
    with open(FOLDER / "runs", "a") as runs:
        runs.write(f"{item}\n")
    if item == os.environ.get("KILLS"):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(os.environ.get("SECONDS_OF_A_RUN", "0")))


@versioned_lru_cache(version, store=store)
def price(item: str, amount: int = 1) -> dict[str, object]:
    _run(item)
    if item == "none":
        raise LookupError("there is no such item")
    return {"item": item, "amount": amount, "of": version()}


@versioned_lru_cache(version, store=store)
def odd(item: str) -> object:
    return object()


@versioned_lru_cache(version, store=store)
async def awaited(item: str) -> list[str]:
    _run(item)
    return [item]


@versioned_lru_cache(version)
def without(item: str) -> str:
    return item
