"""Sessions that have seen much, and stores of many versions.

Neither may make the end of a session dearer, nor the question whether a version is known.
"""

from __future__ import annotations

import time
from contextvars import Context
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from changing_sessions import clock_cost
from libraries import of_functools
from measuring import Sample, Section
from shapes import int_keys, same_call
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COUNTS = (10, 1_000, 100_000)
MOST_ENDS = 100
ONE_ENTRY = "one entry"


def one_version(count: int) -> Any:
    """A cached function whose entries are all of one version."""
    return versioned_lru_cache(lambda: 1, maxsize=count)(lambda a: 1)


def version_each(count: int) -> Any:
    """A cached function each of whose entries has a version of its own, asked for by itself."""
    return versioned_lru_cache(lambda a: a, maxsize=count)(lambda a: 1)


def end_of_a_session(verified: Any, called: Any, keys: Sequence[int], times: int) -> float:
    """The ns that the end of a session takes.

    Args:
        verified: A cached function; the session verifies its entry for the first key.
        called: What is called with each of the keys before the session ends.
        keys: As many as the row says.
        times: How many sessions.
    """
    clock, took = time.perf_counter_ns, 0
    for _ in repeat(None, times):
        block = session()
        block.__enter__()
        verified(keys[0])
        for key in keys:
            called(key)
        began = clock()
        block.__exit__(None, None, None)
        del block
        took += clock() - began
    return (took - clock_cost(times)) / times


def ending(calls: int) -> Section:
    """The rows of sessions that have verified few and many entries."""

    def row(count: int) -> list[Sample]:
        keys, times = int_keys(count), min(MOST_ENDS, max(1, calls // count))

        def sample(name: str, verified: Any, called: Any) -> Sample:
            end_of_a_session(verified, called, keys, 1)

            def check() -> None:
                if (misses := called.cache_info().misses) != count:
                    raise RuntimeError(f"{name}: {misses:,} misses for {count:,} keys")

            return Sample(name, partial(end_of_a_session, verified, called, keys, times), check)

        same, each = one_version(count), version_each(count)
        return [
            sample(ONE_ENTRY, one_version(count), of_functools().cached(lambda a: 1, count)),
            sample("all of one version", same, same),
            sample("a version each", each, each),
        ]

    return Section(
        name="ending a session",
        unit="ns",
        method="leaving the block of a session that has verified so many entries; the first column has verified one "
        "and called a functools cache with the keys, which cools the processor's caches as much",
        rows={f"{count:,} entries": partial(row, count) for count in COUNTS},
        base=ONE_ENTRY,
        most_rounds=30,
        loops=1,
    )


def first_calls(cached: Any, key: int, times: int) -> float:
    """The ns of the first call of a session."""
    clock, took = time.perf_counter_ns, 0
    for _ in repeat(None, times):
        with session():
            began = clock()
            cached(key)
            took += clock() - began
    return (took - clock_cost(times)) / times


def known(calls: int) -> Section:
    """The rows of stores and sessions that have few and many versions."""
    shape = same_call("", "a", "a", (int_keys(1)[0],))

    def in_a_session_that_knows(keys: Sequence[int], cached: Any) -> Callable[[], float]:
        context = Context()

        def enter() -> None:
            session().__enter__()
            for key in keys:
                cached(key)

        context.run(enter)
        return partial(context.run, shape.timer(cached, calls))

    def row(count: int) -> list[Sample]:
        keys, cached = int_keys(count), version_each(count)
        for key in keys:
            cached(key)
        hit = in_a_session_that_knows(keys, cached)
        asked = cached.cache_stats().version_calls
        times = max(1, calls // 20)
        turns = 0

        def first() -> float:
            nonlocal turns
            turns += times
            return first_calls(cached, keys[0], times)

        def check() -> None:
            stats = cached.cache_stats()
            if (stats.misses, stats.version_calls) != (count, asked + turns):
                raise RuntimeError(f"{stats} is not {count:,} misses and {asked + turns:,} questions")

        return [Sample("first call", first, check), Sample("hit", hit)]

    return Section(
        name="known versions",
        unit="ns",
        method="the first call of a session on an entry of a store of so many versions, and a hit in a session that "
        "has asked for so many; the same key each time",
        rows={f"{count:,} versions": partial(row, count) for count in COUNTS},
        base=None,
    )
