"""All that a cache can do, or be made for, again and again: the memory of the process must not grow."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from tests.support.keys import Key
from versioned_lru_cache import Versioned, session, versioned_lru_cache


def memory_stays_flat() -> None:
    def pages():
        return int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0

    versions = [0]
    current = {}

    @versioned_lru_cache(lambda: versions[0], session=lambda: current, maxsize=16)
    def f(x, k=None):
        if x == 13:
            raise ValueError
        return [x]

    @versioned_lru_cache(lambda x: x, session=lambda: current, maxsize=16)
    def each(x):
        return f(x)

    def knows_itself():
        h = versioned_lru_cache(lambda: 1)(lambda x: [h])
        h(1)

    def round():
        nonlocal current
        for n in range(4000):
            if n % 40 == 0:
                versions[0] += 1
                current = {}
            x = n % 23
            try:
                f(x)
                f(x, k=x)
                each(x)
            except ValueError:
                pass
            f(Key(x, 7))
            f((x, "a"))
            f.cache_peek(x)
            f.cache_key(x)
            if n % 10 == 0:
                f.cache_invalidate(x)
                f.cache_put(Versioned([1], 1), x)
                with session():
                    f(x + 100)
            if n % 1000 == 0:
                knows_itself()
                f.cache_clear()
        gc.collect()

    for _ in range(3):
        round()
    resident = pages()
    tracemalloc.start()
    for _ in range(6):
        round()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(4):
        round()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000, grown
    for _ in range(8):
        round()
    assert pages() - resident < 500, pages() - resident


def functions_made_in_passing_leave_nothing_in_a_long_session() -> None:
    statm = Path("/proc/self/statm")

    def megabytes():
        gc.collect()
        return int(statm.read_text().split()[1]) * 4096 / 2**20 if statm.exists() else 0

    def pass_by(count):
        for _ in range(count):
            versioned_lru_cache(lambda: 1)(lambda: 1)()

    with session() as current:
        pass_by(40_000)
        before = megabytes()
        pass_by(40_000)
        grown = megabytes() - before
        assert len(current) == 0
    assert grown < 4, grown
