"""Promise 4: a clear, an invalidation or a version change during a computation is never undone by its result."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.calling import WITHIN
from versioned_lru_cache import Versioned, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable


class Stopped:
    """Data behind a cached function that can be stopped while it computes."""

    def __init__(self, session: Any = None, **options: Any) -> None:
        self.row = 1
        self.version: object = 1
        self.computing, self.go_on = threading.Event(), threading.Event()
        self.during: Callable[[], object] = lambda: None
        self.runs = 0

        @versioned_lru_cache(lambda: self.version, session=session, **options)
        def f(x: object) -> tuple[int, int]:
            self.runs += 1
            result = (self.row, self.runs)
            during, self.during = self.during, lambda: None
            during()
            return result

        self.f: Any = f

    def stop(self) -> None:
        """What a computation does to wait for the test."""
        self.computing.set()
        assert self.go_on.wait(WITHIN)


def clear(f: Any) -> None:
    f.cache_clear()


def invalidate(f: Any) -> None:
    f.cache_invalidate(1)


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
@pytest.mark.parametrize("forget", [clear, invalidate])
def test_inside_the_function(forget: Callable[[Any], None], session: dict[str, Any] | None) -> None:
    source = Stopped(session)
    source.during = lambda: forget(source.f)
    assert source.f(1) == (1, 1), "the result is returned"
    assert not source.f.cache_contains(1)
    assert source.f(1) == (1, 2), "and the next caller computes"
    assert source.f(1) == (1, 2)
    assert source.f.cache_contains(1)


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
@pytest.mark.parametrize("forget", [clear, invalidate])
def test_in_another_thread(forget: Callable[[Any], None], session: dict[str, Any] | None) -> None:
    source = Stopped(session)
    source.during = source.stop
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(source.f, 1)
        assert source.computing.wait(WITHIN)
        source.row = 2
        forget(source.f)
        source.go_on.set()
        assert running.result(WITHIN) == (1, 1)
    assert not source.f.cache_contains(1)
    assert source.f(1) == (2, 2)


@pytest.mark.parametrize("forget", [clear, invalidate])
def test_who_calls_after_it_computes_though_the_first_computation_still_runs(forget: Callable[[Any], None]) -> None:
    source = Stopped()
    source.during = source.stop
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(source.f, 1)
        assert source.computing.wait(WITHIN)
        source.row = 2
        forget(source.f)
        assert source.f(1) == (2, 2)
        source.go_on.set()
        assert running.result(WITHIN) == (1, 1)
    assert source.f(1) == (2, 2), "the late result has not replaced the new one"


def test_a_recomputation_that_is_struck_leaves_nothing() -> None:
    source = Stopped()
    source.f(1)
    source.version = 2
    source.during = lambda: source.f.cache_invalidate(1)
    source.f(1)
    assert source.f.cache_peek(1) is None
    assert source.f.cache_stats().not_stored == 1


def test_an_invalidation_of_another_key_strikes_nothing() -> None:
    source = Stopped()
    source.during = lambda: source.f.cache_invalidate(-2)
    source.f(-1)  # -1 and -2 have the same hash in Python
    assert source.f.cache_contains(-1)


def test_an_invalidation_by_an_equal_key_counts() -> None:
    source = Stopped()
    source.during = lambda: source.f.cache_invalidate(1.0)
    source.f(1)
    assert not source.f.cache_contains(1)


def test_clear_of_another_function_strikes_nothing() -> None:
    source, other = Stopped(), Stopped()
    source.during = other.f.cache_clear
    source.f(1)
    assert source.f.cache_contains(1)


def test_a_clear_in_the_version_function_is_before_the_computation() -> None:
    runs = []

    def version() -> int:
        f.cache_clear()
        return 1

    @versioned_lru_cache(version)
    def f() -> int:
        runs.append(1)
        return len(runs)

    assert f() == 1
    assert f.cache_contains()


def test_a_change_of_version_during_a_computation_is_seen_by_the_next_caller() -> None:
    source = Stopped()

    def change() -> None:
        source.version, source.row = 2, 2

    source.during = change
    assert source.f(1) == (1, 1)
    assert source.f(1) == (2, 2)
    assert source.f(1) == (2, 2)


def test_a_put_during_a_computation_is_newer_than_its_result() -> None:
    source = Stopped()
    source.during = lambda: source.f.cache_put(Versioned("put", 1), 1)
    assert source.f(1) == (1, 1)
    assert source.f.cache_peek(1) == ("put", 1)
    assert source.f(1) == "put"


def test_only_what_runs_is_struck_and_not_what_comes_after() -> None:
    source = Stopped()
    for _ in range(3):
        source.f.cache_clear()
        source.f.cache_invalidate(1)
        source.f(1)
        assert source.f.cache_contains(1)


def test_counters_begin_anew_with_a_clear() -> None:
    source = Stopped()
    source.f(1)
    source.f(1)
    source.f.cache_clear()
    assert source.f.cache_info() == (0, 0, 128, 0)
    assert source.f.cache_stats() == (0, 0, 128, 0, *[0] * 12, None, None, 0, 0, 0, 0)
