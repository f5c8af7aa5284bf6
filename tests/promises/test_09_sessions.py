"""Promise 9: sessions to which results refer are bounded, however many there are, and cost an eviction nothing."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import pytest

from tests.support.handle import HANDLE
from versioned_lru_cache import session, versioned_lru_cache

MAXSIZE = 8
REQUESTS = 2_000
# What the store holds and what left it last, and few more.
MOST = 2 * MAXSIZE + 4


class Sessions:
    """Counts those that live."""

    def __init__(self) -> None:
        self.all: list[weakref.ref[Any]] = []

    def note(self, of: Any) -> None:
        self.all.append(weakref.ref(of))

    def alive(self) -> int:
        gc.collect()
        return sum(one() is not None for one in self.all)


def caught(x: object) -> Exception:
    """A caught exception: its traceback leads to the frame of the caller, and so to all that this holds."""
    try:
        raise ValueError(x)
    except ValueError as error:
        return error


def test_requests_whose_results_lead_to_their_mapping() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=MAXSIZE)
    def failure(x: int) -> tuple[Exception, dict[str, Any]]:
        return caught(x), g

    sessions = Sessions()
    for x in range(REQUESTS):
        g = {}
        failure(x)
        sessions.note(g[HANDLE])
    g = {}
    assert sessions.alive() <= MOST


def test_requests_that_read_more_than_they_make() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=MAXSIZE)
    def f(x: int) -> dict[str, Any]:
        return g

    sessions = Sessions()
    for x in range(REQUESTS):
        g = {}
        f(x)
        sessions.note(g[HANDLE])
        for before in range(max(0, x - 3), x):
            f(before)
    g = {}
    assert sessions.alive() <= MOST


def test_requests_that_read_again_what_they_have_evicted() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=MAXSIZE)
    def f(x: int) -> dict[str, Any]:
        return g

    sessions = Sessions()
    for x in range(REQUESTS):
        g = {}
        for again in (x - 1, x, x - MAXSIZE) if x >= MAXSIZE else (x,):
            f(again)
        sessions.note(g[HANDLE])
    assert f.cache_info().misses == REQUESTS
    g = {}
    assert sessions.alive() <= MOST


def test_requests_that_read_what_the_one_before_has_made_meanwhile() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=MAXSIZE)
    def f(x: int) -> dict[str, Any]:
        return g

    sessions = Sessions()
    before: dict[str, Any] = {}
    for x in range(REQUESTS):
        after = g = {}
        f(-1)
        g = before
        f(x)
        g = after
        assert f(x) is before
        sessions.note(g[HANDLE])
        before = after
    g = before = after = {}
    assert sessions.alive() <= MOST


def test_blocks_whose_results_lead_to_their_session() -> None:
    within: list[Any] = []

    @versioned_lru_cache(lambda: 1, maxsize=MAXSIZE)
    def f(x: int) -> Any:
        return within[0], caught(x)

    sessions = Sessions()
    for x in range(REQUESTS):
        with session() as opened:
            within[:] = [opened]
            f(x)
            f(-1)
        sessions.note(within.pop())
    assert sessions.alive() <= MOST


@pytest.mark.parametrize("maxsize", [MAXSIZE, None])
def test_results_that_are_replaced(maxsize: int | None) -> None:
    version, g = 0, dict[str, Any]()

    @versioned_lru_cache(lambda: version, session=lambda: g, maxsize=maxsize)
    def f(x: int) -> dict[str, Any]:
        return g

    sessions = Sessions()
    for request in range(REQUESTS):
        g = {}
        f(request % MAXSIZE)  # reads the function, and leads to this session
        sessions.note(g[HANDLE])
        mine, g = g, {}
        version += 1
        f((request - 1) % MAXSIZE)  # another session replaces what leads to the one before
        g = mine
    g = mine = {}
    assert sessions.alive() <= MOST + (0 if maxsize else 1024)


def test_what_left_goes_with_the_sessions_that_may_have_seen_it() -> None:
    g: dict[str, Any] = {}
    reader: dict[str, Any]

    class Node:
        """Can be seen to die."""

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=2)
    def f(x: int) -> Node:
        return Node()

    for end in ("pop", "renew", "drop"):
        g = {}
        f(1)
        g = reader = {}
        f(2)
        death = weakref.ref(f(1))
        g = {}
        f(3)
        f(4)
        g = {}
        assert death() is not None, "its reader may ask for it"
        if end == "pop":
            reader.pop(HANDLE)
        elif end == "renew":
            reader[HANDLE].renew()
        del reader
        assert death() is None, end
        f.cache_clear()


def test_what_left_and_leads_to_the_function() -> None:
    class Node:
        """Can be seen to die."""

        refers_to: Any = None

    g: dict[str, Any] = {}
    keys = []

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=1)
    def f(x: Node) -> Node:
        return Node()

    def what_left(f: Any) -> weakref.ref[Any]:
        nonlocal g
        key = Node()
        value = f(key)
        value.refers_to = key.refers_to = [f]
        keys.append(weakref.ref(key))
        for _ in range(2):
            g = {}
            assert f(key) is value
            value.refers_to.append(g)
        g = {}
        f(Node())
        return weakref.ref(value)

    left = what_left(f)
    gc.collect()
    assert left() is not None
    del f
    g = {}
    gc.collect()
    assert left() is None
    assert keys[0]() is None


def test_a_block_that_has_ended_gets_nothing() -> None:
    class Node:
        """Can be seen to die."""

    @versioned_lru_cache(lambda: 1, maxsize=2)
    def f(x: int) -> Node:
        return Node()

    f(1)
    with session() as ended:
        f(2)
        death, kept = weakref.ref(f(1)), weakref.ref(f(2))
        with session():
            f(3)
            f(4)
        assert (f(1), f(2)) == (death(), kept())
    assert ended
    assert (death(), kept()) == (None, None)


def an_eviction_takes(readers: int) -> float:
    """How long, beside so many sessions that may have seen what leaves."""
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g, maxsize=64)
    def f(x: int) -> int:
        return x

    for x in range(64):
        f(x)
    held = []
    for _ in range(readers):
        g = {}
        f(63)
        held.append(g)
    began = time.perf_counter()
    for x in range(100, 160):
        f(x)
    return (time.perf_counter() - began) / 60


@pytest.mark.slow
@pytest.mark.thread_unsafe(reason="measures time")
def test_an_eviction_costs_the_same_whatever_number_of_sessions_live() -> None:
    ratios = []
    for _ in range(3):
        many, few = (min(an_eviction_takes(readers) for _ in range(3)) for readers in (5_000, 10))
        ratios.append(many / few)
        if ratios[-1] <= 8:
            return
    raise AssertionError(ratios)
