"""How long the garbage collector takes where a cache has a million entries.

Run as a program it measures one variant in its own process, which is told by name, and prints the ms. All that was
there before the cache is frozen, so the collector sees the cache alone.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from libraries import of_functools
from measuring import Sample, Section
from shapes import int_keys
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES = 1_000_000
CHILDREN = 3
TURNS = 5
TIME_LIMIT = 120


def collections() -> float:
    """The ms of a full collection, the median of some."""
    took = []
    for _ in range(TURNS):
        began = time.perf_counter_ns()
        gc.collect()
        took.append((time.perf_counter_ns() - began) / 1e6)
    return statistics.median(took)


def with_a_million(name: str) -> float:
    """Fills a cache, and measures."""
    runs = 0

    def body(a: int) -> int:
        nonlocal runs
        runs += 1
        return a

    keys = int_keys(ENTRIES)
    gc.collect()
    gc.freeze()
    if name == "functools":
        cached: Callable[[int], int] = of_functools().cached(body, ENTRIES)
    else:
        cached = versioned_lru_cache(lambda: 1, maxsize=ENTRIES)(body)
    with session():
        for key in keys:
            cached(key)
        took, filled = collections(), runs
        for key in keys:
            cached(key)
    if not filled == runs == ENTRIES:
        raise RuntimeError(f"{name}: {runs - filled:,} of {ENTRIES:,} entries were not held")
    return took


def in_a_child(name: str) -> float:
    """Measures the variant in a new process."""
    command = [sys.executable, __file__, name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIME_LIMIT).stdout)


def collecting() -> Section:
    """The row of a million entries."""

    def row() -> list[Sample]:
        return [Sample(name, partial(in_a_child, name)) for name in ("functools", "ours")]

    return Section(
        name="collecting",
        unit="ms",
        method=f"gc.collect() of a process that has cached {ENTRIES:,} int keys that are the values, too, in a session "
        "that is still open; all older objects frozen",
        rows={f"{ENTRIES:,} entries": row},
        most_rounds=CHILDREN,
        warm_up=False,
        loops=1,
    )


if __name__ == "__main__":
    print(with_a_million(sys.argv[1]))
