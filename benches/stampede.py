"""Stampedes: many callers at once, on one key that nobody has computed yet.

What is measured is wall time, from the barrier that lets all threads go to the last one's return, divided by the time
that the body takes by itself. Only caches with single-flight of their own are here: others run the body once per
thread, which no clock is needed to tell.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from libraries import if_installed
from measuring import Sample, Section
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = 0.05
THREADS = (16, 256)
TURNS = 5
TIME_LIMIT = 60
KEY = 1

Single = tuple[str, "Callable[[Callable[[int], int]], Callable[[int], int]]"]


def of_ours() -> Single:
    """Waits for the leader by itself."""
    return "ours", versioned_lru_cache(lambda: 1)


def of_cachetools() -> Single:
    """With a condition it computes a key once."""
    cachetools = import_module("cachetools")

    def cached(body: Callable[[int], int]) -> Callable[[int], int]:
        made: Callable[[int], int] = cachetools.cached(cachetools.LRUCache(128), condition=threading.Condition())(body)
        return made

    return "cachetools, condition", cached


def of_cachebox() -> Single:
    """Has a lock for each key."""
    cachebox = import_module("cachebox")

    def cached(body: Callable[[int], int]) -> Callable[[int], int]:
        made: Callable[[int], int] = cachebox.cached(cachebox.LRUCache(128))(body)
        return made

    return "cachebox", cached


def of_moka_py() -> Single:
    """Waits where it is told to."""
    moka_py = import_module("moka_py")

    def cached(body: Callable[[int], int]) -> Callable[[int], int]:
        made: Callable[[int], int] = moka_py.cached(maxsize=128, wait_concurrent=True)(body)
        return made

    return "moka-py, wait_concurrent", cached


def singles() -> list[Single]:
    """All that are installed."""
    tried: list[Any] = [if_installed(make) for make in (of_cachetools, of_cachebox, of_moka_py)]
    return [of_ours(), *(single for single in tried if single)]


class Stampede:
    """So many threads on one cold key of a function that sleeps."""

    def __init__(self, threads: int, cached: Callable[[Callable[[int], int]], Callable[[int], int]]) -> None:
        self.threads, self.cached = threads, cached
        self.executions: list[int] = []

    def once(self) -> float:
        """Lets them go; gives the seconds until the last is back."""
        runs: list[int] = []
        ends: list[float] = []

        def body(key: int) -> int:
            runs.append(key)
            time.sleep(BODY)
            return key

        function = self.cached(body)
        began: list[float] = []
        barrier = threading.Barrier(self.threads, action=lambda: began.append(time.perf_counter()))

        def call() -> None:
            barrier.wait(TIME_LIMIT)
            function(KEY)
            ends.append(time.perf_counter())

        callers = [threading.Thread(target=call, daemon=True) for _ in range(self.threads)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(TIME_LIMIT)
        if len(ends) != self.threads:
            raise RuntimeError(f"{self.threads - len(ends)} of {self.threads} threads did not come back")
        self.executions.append(len(runs))
        return max(ends) - began[0]

    def best(self) -> float:
        """The best of some turns, as a multiple of the body's own time."""
        return min(self.once() for _ in range(TURNS)) / BODY

    def executed(self) -> float:
        """The most executions of a turn: 1 is single-flight."""
        self.once()
        return max(self.executions)


def stampede() -> Section:
    """The rows of threads; one of tasks belongs below them."""

    def times(threads: int) -> list[Sample]:
        return [Sample(name, Stampede(threads, cached).best) for name, cached in singles()]

    def executions(threads: int) -> list[Sample]:
        return [Sample(name, Stampede(threads, cached).executed) for name, cached in singles()]

    rows = {}
    for threads in THREADS:
        rows[f"{threads} threads"] = partial(times, threads)
        rows[f"{threads} threads, executions"] = partial(executions, threads)
    return Section(
        name="stampede",
        unit="multiples of the body's own time",
        method=f"wall time from a barrier to the last return, best of {TURNS}, on one cold key whose body sleeps "
        f"{BODY * 1000:.0f} ms; and how often the body ran",
        rows=rows,
        base=None,
        most_rounds=1,
        warm_up=False,
        loops=1,
    )
