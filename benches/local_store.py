"""What hits in the second tier cost beside a bare SQLite select of the same record, and beside other disk caches.

    .venv/bin/python benches/local_store.py

A hit is a call whose result is not in memory and is in the store: the version function, the load, and a dict of five
items decoded. Loads, leases and saves of the store are shown too. All variants have their turn in each round, in a new
order, and take two keys by turns; shown are medians, and the median ratio to the select of the same round.
"""

from __future__ import annotations

import gc
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from disk_caches import BY_CONSTANT, DISKCACHE, OURS, disk_caches, of_ours
from libraries import if_installed
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from disk_caches import Body

Variant: TypeAlias = "tuple[Callable[[], None], int]"
RECORDS = 1000
VALUE = {"id": 7, "name": "tea", "price": 2.5, "tags": ["a", "b"], "stock": None}
VERSION, OTHER_VERSION = bytes(16), bytes([1] * 16)
ROUNDS = 101
TURNS = {OURS: 200, BY_CONSTANT: 200, DISKCACHE: 50}  # Others take long.
SELECT = "SELECT record FROM records WHERE address = ?"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        shown = {**of_store(f"{folder}/ours"), **of_caches(folder)}
        samples = measured(shown)
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}")
    base = samples["bare select"]
    for name, found in samples.items():
        ratio = statistics.median(one / other for one, other in zip(found, base, strict=True))
        print(f"{name:42} {statistics.median(found) * 1e6:8.2f} us {ratio:8.2f}")
    select, memoized = (statistics.median(samples[name]) for name in ("bare select", OURS))
    print(f"{OURS} is {memoized / select:.2f} of a bare select", end="")
    if DISKCACHE in samples:
        print(f" and {memoized / statistics.median(samples[DISKCACHE]):.2f} of {DISKCACHE}", end="")
    print()


def of_store(folder: str) -> dict[str, Variant]:
    """Return selects of records that hits read, and what the store's own methods do."""
    filled(dict([of_ours()])[OURS](folder))
    (path,) = Path(folder).rglob("*.sqlite3")
    connection = sqlite3.connect(path, isolation_level=None)
    store = LocalStore(folder, namespace="bench")
    rows = connection.execute("SELECT address, record FROM records LIMIT 2 OFFSET ?", (RECORDS // 2,)).fetchall()
    (one, record), (other, _) = rows
    held = store.acquire(one, VERSION)
    assert held is not None

    def select() -> None:
        connection.execute(SELECT, (one,)).fetchone()
        connection.execute(SELECT, (other,)).fetchone()

    def load() -> None:
        store.load(one)
        store.load(other)

    def lease() -> None:
        for address in (one, other):
            lease = store.acquire(address, OTHER_VERSION)
            assert lease is not None
            store.release(lease)

    def save() -> None:
        store.save(held, record)
        store.save(held, record)

    return {
        "bare select": (select, 200),
        "load()": (load, 200),
        "acquire() and release()": (lease, 5),
        "save()": (save, 5),
    }


def of_caches(folder: str) -> dict[str, Variant]:
    """Return hits of decorated functions, by cache, and diskcache's own `get`."""
    shown: dict[str, Variant] = {}
    for number, (name, in_folder) in enumerate(disk_caches()):
        own = f"{folder}/{number}"
        Path(own).mkdir()
        shown[name] = by_turns(filled(in_folder(own))), TURNS.get(name, 3)
    diskcache = if_installed(lambda: import_module("diskcache"))
    if diskcache is not None:
        cache = diskcache.Cache(f"{folder}/get")
        for key in range(RECORDS):
            cache[key] = VALUE
        shown["diskcache, get"] = by_turns(cache.get), 50
    return shown


def filled(cached: Callable[[Body], Body]) -> Body:
    """Return a function so cached, which was called with all keys."""

    def body(key: int) -> object:
        return dict(VALUE)

    function = cached(body)
    for key in range(RECORDS):
        function(key)
    return function


def by_turns(function: Body) -> Callable[[], None]:
    """Return what calls a function with two keys, of which its memory keeps one."""

    def both() -> None:
        function(1)
        function(2)

    return both


def measured(shown: dict[str, Variant]) -> dict[str, list[float]]:
    """Return seconds of one call, by variant and round."""
    samples: dict[str, list[float]] = {name: [] for name in shown}
    gc.disable()
    for _ in range(ROUNDS):
        for name in random.sample(list(shown), len(shown)):
            call, times = shown[name]
            started = time.perf_counter()
            for _ in range(times):
                call()
            samples[name].append((time.perf_counter() - started) / (2 * times))
    return samples


if __name__ == "__main__":
    main()
