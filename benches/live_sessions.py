"""What changes a cache beside sessions that live on, as those of websockets and long polls do.

Each of them has read one of the results that leave the cache then. Whatever number of them lives, an eviction, an
invalidation and a clear should cost the same.
"""

from __future__ import annotations

import time
from contextvars import Context, ContextVar
from functools import partial
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

from measuring import Sample, Section
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = (0, 1_000, 10_000)
MAXSIZE = 128
CHANGES = 100  # of one turn; all are about results that were there when the sessions read


class Crowd:
    """A cached function and so many sessions that read it."""

    def __init__(self, sessions: int) -> None:
        self.variable: ContextVar[dict[str, Any]] = ContextVar("variable")
        self.others: list[dict[str, Any]] = [{} for _ in range(sessions)]
        self.runs = 0
        self.cached: Any = versioned_lru_cache(lambda: 1, session=self.variable, maxsize=MAXSIZE)(self.body)
        self.numbers = count()

    def body(self, key: int) -> int:
        """Counts."""
        self.runs += 1
        return key

    def new_keys(self, some: int) -> list[int]:
        """Gives so many that nobody has asked for."""
        return [next(self.numbers) for _ in range(some)]

    def read(self) -> list[int]:
        """Fills the cache; then each session begins anew and reads one result. Gives the keys."""
        keys = self.new_keys(MAXSIZE)
        self.variable.set({})
        for key in keys:
            self.cached(key)
        for handle, key in zip(self.others, cycle(keys)):
            handle.clear()
            self.variable.set(handle)
            self.cached(key)
        self.variable.set({})
        self.cached(keys[0])
        return keys

    def evict(self) -> float:
        """The ns of a miss that evicts."""
        self.read()
        cached, keys, before = self.cached, self.new_keys(CHANGES), self.runs
        began = time.perf_counter_ns()
        for key in keys:
            cached(key)
        took = time.perf_counter_ns() - began
        if self.runs - before != CHANGES:
            raise RuntimeError(f"{self.runs - before} of {CHANGES} calls were misses")
        return took / CHANGES

    def invalidate(self) -> float:
        """The ns of forgetting the result of one call."""
        keys, invalidate = self.read()[:CHANGES], self.cached.cache_invalidate
        began = time.perf_counter_ns()
        told = [invalidate(key) for key in keys]
        took = time.perf_counter_ns() - began
        if not all(told):
            raise RuntimeError(f"only {sum(told)} of {CHANGES} results were there")
        return took / CHANGES

    def clear(self) -> float:
        """The ns of forgetting all."""
        self.read()
        began = time.perf_counter_ns()
        self.cached.cache_clear()
        return time.perf_counter_ns() - began


def live_sessions() -> Section:
    """The rows of few and of many sessions."""

    def row(sessions: int) -> list[Sample]:
        context = Context()
        crowd = context.run(Crowd, sessions)
        takes: dict[str, Callable[[], float]] = {
            "miss that evicts": crowd.evict,
            "invalidation": crowd.invalidate,
            "clear": crowd.clear,
        }
        return [Sample(name, partial(context.run, take)) for name, take in takes.items()]

    return Section(
        name="live sessions",
        unit="ns",
        method=f"a miss that evicts, an invalidation and a clear of a function with room for {MAXSIZE} results, in one "
        "session beside so many others that live on and have each read one of those results",
        rows={f"{sessions:,} others": partial(row, sessions) for sessions in COUNTS},
        base=None,
        most_rounds=15,
        loops=3,
    )
