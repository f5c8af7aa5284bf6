"""What a load of LocalStore costs beside a bare SQLite select of the same record, and what leases and saves cost.

    .venv/bin/python benches/local_store.py

All variants have their turn in each round, in a new order; shown are medians, and ratios within a round.
"""

from __future__ import annotations

import gc
import os
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 1000
RECORD = 150  # bytes, as a small dict has
VERSION = bytes(16)
ROUNDS = 21
SELECT = "SELECT record FROM records WHERE address = ?"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="bench") as store:
        addresses = [os.urandom(32) for _ in range(RECORDS)]
        for address in addresses:
            save(store, address)
        (path,) = Path(folder).rglob("*.sqlite3")
        connection = sqlite3.connect(path, isolation_level=None)
        local = threading.local()
        local.connection = connection
        pool = [connection]
        address = addresses[RECORDS // 2]
        held = store.acquire(addresses[0], VERSION)
        assert held is not None
        record = os.urandom(RECORD)

        def bare() -> None:
            connection.execute(SELECT, (address,)).fetchone()

        def thread_local() -> None:
            local.connection.execute(SELECT, (address,)).fetchone()

        def pooled() -> None:
            one = pool.pop()
            one.execute(SELECT, (address,)).fetchone()
            pool.append(one)

        def load() -> None:
            store.load(address)

        def lease() -> None:
            one = store.acquire(address, VERSION)
            assert one is not None
            store.release(one)

        def write() -> None:
            store.save(held, record)

        shown = {
            "bare select": (bare, 5000),
            "select, a connection a thread": (thread_local, 5000),
            "select, a pool": (pooled, 5000),
            "load()": (load, 5000),
            "acquire() and release()": (lease, 200),
            "save()": (write, 200),
        }
        samples = measured(shown)
        for name, found in samples.items():
            ratio = statistics.median(one / base for one, base in zip(found, samples["bare select"], strict=True))
            print(f"{name:32} {statistics.median(found) * 1e6:8.2f} us {ratio:8.2f}")
        store.release(held)
        connection.close()


def measured(shown: dict[str, tuple[Callable[[], None], int]]) -> dict[str, list[float]]:
    """Seconds of a call, by variant and round."""
    samples: dict[str, list[float]] = {name: [] for name in shown}
    gc.disable()
    for _ in range(ROUNDS):
        for name in random.sample(list(shown), len(shown)):
            call, times = shown[name]
            started = time.perf_counter()
            for _ in range(times):
                call()
            samples[name].append((time.perf_counter() - started) / times)
    return samples


def save(store: LocalStore, address: bytes) -> None:
    """Save a record."""
    lease = store.acquire(address, VERSION)
    assert lease is not None
    store.save(lease, os.urandom(RECORD))
    store.release(lease)


if __name__ == "__main__":
    main()
