"""Promise 5: a result of an older observation never replaces one of a newer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.calling import WITHIN
from versioned_lru_cache import versioned_lru_cache


class Overtaken:
    """A function whose first run can be overtaken."""

    def __init__(self, version: object = None) -> None:
        self.row = 1
        self.current: dict[str, Any] | None = None
        self.computing, self.go_on = threading.Event(), threading.Event()
        self.overtake: Any = self.wait
        self.runs = 0

        @versioned_lru_cache(version or (lambda: self.row), session=lambda: self.current)
        def f(x: int = 0) -> int:
            row = self.row
            self.runs += 1
            if self.runs == 1:
                self.overtake()
            return row

        self.f = f

    def wait(self) -> None:
        self.computing.set()
        assert self.go_on.wait(WITHIN)


def test_a_slow_thread_does_not_replace_what_a_fast_one_stored_meanwhile() -> None:
    slow = Overtaken()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow.f)
        assert slow.computing.wait(WITHIN)
        slow.row = 2
        assert slow.f() == 2
        slow.go_on.set()
        assert first.result(WITHIN) == 1
    assert slow.f.cache_peek() == (2, 2)
    assert slow.f() == 2
    assert slow.runs == 2
    assert slow.f.cache_stats().not_stored == 1


def test_by_nesting() -> None:
    slow = Overtaken()

    def overtake() -> None:
        slow.row = 2
        assert slow.f() == 2

    slow.overtake = overtake
    assert slow.f() == 1
    assert slow.f.cache_peek() == (2, 2)


@pytest.mark.parametrize("old_session", [True, False])
@pytest.mark.parametrize("new_session", [True, False])
def test_in_sessions(old_session: bool, new_session: bool) -> None:
    slow = Overtaken()
    old: dict[str, Any] | None = {} if old_session else None
    new: dict[str, Any] | None = {} if new_session else None

    def overtake() -> None:
        slow.row, slow.current = 2, new
        assert slow.f() == 2

    slow.overtake, slow.current = overtake, old
    assert slow.f() == 1
    assert slow.f.cache_peek() == (2, 2)
    slow.current = old
    assert slow.f() == (1 if old_session else 2), "who waited for the slow one keeps it, in its session"
    slow.current = new
    assert slow.f() == 2


def test_also_when_the_version_is_the_same_again() -> None:
    """The versions are equal; the later observation knows better what belongs to it."""
    slow = Overtaken(version=lambda: "unchanged")

    def overtake() -> None:
        slow.row = 2
        assert slow.f() == 2

    slow.overtake = overtake
    assert slow.f() == 1
    assert slow.f.cache_peek() == (2, "unchanged")


def test_an_entry_verified_meanwhile_is_newer_than_a_slow_result() -> None:
    slow = Overtaken()
    slow.runs = 1
    assert slow.f() == 1  # stored under version 1
    slow.row, slow.runs = 2, 0

    def overtake() -> None:
        slow.row = 1
        assert slow.f() == 1  # version 1 again: found equal by a later observation
        slow.row = 2

    slow.overtake = overtake
    assert slow.f() == 2
    assert slow.f.cache_peek() == (1, 1)
    assert slow.f() == 2, "the next observation decides"


def test_what_is_newer_than_the_session_is_served_without_work() -> None:
    slow = Overtaken()
    slow.runs = 1
    old: dict[str, Any] = {}
    slow.current = old
    slow.f(1)
    slow.row, slow.current = 2, {}
    assert slow.f(0) == 2
    runs = slow.runs
    slow.current = old
    assert slow.f(0) == 2
    assert slow.f(0) == 2
    assert slow.runs == runs


def test_an_older_observation_still_fills_an_empty_place() -> None:
    slow = Overtaken()
    slow.runs = 1
    old: dict[str, Any] = {}
    slow.current = old
    slow.f(1)
    slow.row, slow.current = 2, {}
    slow.f(0)
    slow.f.cache_invalidate(0)
    slow.current = old
    assert slow.f(0) == 2
    assert slow.f.cache_peek(0) == (2, 1)
    slow.current = None
    assert slow.f(0) == 2
    assert slow.f.cache_peek(0) == (2, 2)


def test_many_threads_and_versions() -> None:
    """However they overtake each other, the version that is stored last is the newest that was asked."""
    lock = threading.Lock()
    asked = 0

    def version() -> int:
        nonlocal asked
        with lock:
            asked += 1
            return asked

    @versioned_lru_cache(version)
    def f() -> object:
        return object()

    seen: list[list[Any]] = [[] for _ in range(4)]
    start = threading.Barrier(4)

    def work(mine: list[Any]) -> None:
        start.wait(WITHIN)
        for _ in range(200):
            f()
            peeked = f.cache_peek()
            assert peeked is not None
            mine.append(peeked.version)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, mine) for mine in seen]:
            done.result(WITHIN)
    for mine in seen:
        assert mine == sorted(mine)
    assert asked == 800
