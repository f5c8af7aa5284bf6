"""Promise 1: at most one successful run of the version function per scope in a session."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.handle import HANDLE
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


class Versions:
    """A version function that counts its successful runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.failures = 0

    def __call__(self) -> int:
        if self.failures:
            self.failures -= 1
            raise OSError("no answer")
        self.runs += 1
        return 1


def test_one_session_asks_once_for_all_calls() -> None:
    versions, g = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=g)
    def f(x: int) -> int:
        return x

    for x in [1, 2, 1, 3, 1]:
        assert f(x) == x
    assert versions.runs == 1
    assert f.cache_stats().version_calls == 1


def test_each_session_asks_for_itself() -> None:
    versions, current = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=lambda: current)
    def f(x: int) -> int:
        return x

    for runs in range(1, 4):
        current = {}
        f(1)
        f(1)
        assert versions.runs == runs
    assert f.cache_info().misses == 1


def test_without_a_session_each_call_asks() -> None:
    versions = Versions()

    @versioned_lru_cache(versions)
    def f(x: int) -> int:
        return x

    for runs in range(1, 4):
        f(1)
        assert versions.runs == runs
    assert f.cache_info()[:2] == (2, 1)


def test_functions_that_share_a_version_function_share_its_answer() -> None:
    versions, g = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=g)
    def f(x: int) -> int:
        return x

    @versioned_lru_cache(versions, session=g)
    def h(x: int) -> int:
        return -x

    assert (f(1), h(1), f(2), h(2)) == (1, -1, 2, -2)
    assert versions.runs == 1
    assert (f.cache_stats().version_calls, h.cache_stats().version_calls) == (1, 0)


def test_the_same_method_of_one_object_is_the_same_version_function() -> None:
    class Table:
        runs = 0

        def version(self) -> int:
            self.runs += 1
            return 1

    table, g = Table(), dict[str, Any]()

    @versioned_lru_cache(table.version, session=g)
    def f() -> int:
        return 1

    @versioned_lru_cache(table.version, session=g)
    def h() -> int:
        return 2

    assert (f(), h()) == (1, 2)
    assert table.runs == 1


def test_different_arguments_are_different_scopes() -> None:
    asked = []

    def version(region: str) -> int:
        asked.append(region)
        return 1

    g: dict[str, Any] = {}

    @versioned_lru_cache(version, session=g)
    def f(region: str) -> str:
        return region

    @versioned_lru_cache(version, session=g)
    def h(region: str) -> str:
        return region

    for region in ["a", "b", "a"]:
        f(region)
        h(region)
    assert asked == ["a", "b"]


def test_a_version_of_one_argument_never_vouches_for_another() -> None:
    versions = {"a": 1, "b": 1}
    current: dict[str, Any] = {}

    @versioned_lru_cache(lambda region: versions[region], session=lambda: current)
    def f(region: str) -> tuple[str, int]:
        return region, versions[region]

    assert (f("a"), f("b")) == (("a", 1), ("b", 1))
    versions["b"] = 2
    current = {}
    assert (f("a"), f("b")) == (("a", 1), ("b", 2))
    assert f.cache_info().misses == 3


def test_with_a_key_the_cached_function_is_part_of_the_scope() -> None:
    asked = []

    def version(region: str) -> int:
        asked.append(region)
        return 1

    g: dict[str, Any] = {}

    def decorate() -> Any:
        return versioned_lru_cache(version, session=g, key=str.lower)(lambda region: region)

    f, h = decorate(), decorate()
    assert [f("A"), f("a"), h("a")] == ["A", "A", "a"]
    assert asked == ["A", "a"]


def test_a_failed_run_does_not_count_and_the_next_call_asks_again() -> None:
    versions, g = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=g)
    def f(x: int) -> int:
        return x

    versions.failures = 2
    for _ in range(2):
        with pytest.raises(OSError, match="no answer"):
            f(1)
    assert (f(1), f(2)) == (1, 2)
    assert versions.runs == 1


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_an_answer_older_than_the_ttl_is_asked_anew_only_for_those_whose_ttl_demands_it() -> None:
    versions, g = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=g, ttl=10)
    def short(x: int) -> int:
        return x

    @versioned_lru_cache(versions, session=g)
    def eternal(x: int) -> int:
        return x

    with MockClock() as clock:
        short(1)
        eternal(1)
        clock.advance(9.5)
        short(2)
        assert versions.runs == 1
        clock.advance(0.5)
        eternal(2)
        assert versions.runs == 1
        short(2)
        assert versions.runs == 1, "an entry younger than its ttl needs no answer"
        short(1)
        assert versions.runs == 2
        short(3)
        eternal(3)
        assert versions.runs == 2


def test_renew_asks_again() -> None:
    versions, g = Versions(), dict[str, Any]()

    @versioned_lru_cache(versions, session=g)
    def f(x: int) -> int:
        return x

    f(1)
    g[HANDLE].renew()
    f(1)
    f(1)
    assert versions.runs == 2


def test_a_constant_version_is_never_asked() -> None:
    @versioned_lru_cache("v1")
    def f(x: int) -> int:
        return x

    assert [f(1), f(1)] == [1, 1]
    assert f.cache_info()[:2] == (1, 1)
    assert f.cache_stats().version_calls == 0


def test_threads_that_share_a_session_share_one_answer() -> None:
    """All threads are there before the version function answers; those that wait must not ask a second time."""
    threads = 8
    g: dict[str, Any] = {}
    ready, release = threading.Barrier(threads), threading.Event()
    runs = []

    def version() -> int:
        runs.append(threading.get_ident())
        release.wait(0.2)  # Ends by itself: the others may be waiting for this answer.
        return len(runs)

    @versioned_lru_cache(version, session=g)
    def f(x: int) -> int:
        return x

    def call(x: int) -> int:
        ready.wait(20)
        return f(x)

    with ThreadPoolExecutor(threads) as pool:
        assert sorted(pool.map(call, range(threads))) == list(range(threads))
    assert len(runs) == 1
    release.set()
    assert f(100) == 100
    assert len(runs) == 1


def test_threads_that_wait_for_an_answer_that_fails_get_that_exception() -> None:
    """A thread may come too late to wait, and then asks itself; so it is tried until one has waited."""
    waited = False
    for _ in range(100):
        g: dict[str, Any] = {}
        asking, called = threading.Event(), threading.Event()
        runs: list[OSError] = []

        def version(runs: list[OSError] = runs, asking: Any = asking, called: Any = called) -> int:
            if runs:
                return 1
            runs.append(OSError("no answer"))
            asking.set()
            assert called.wait(20)
            threading.Event().wait(0.01)
            raise runs[0]

        @versioned_lru_cache(version, version_args=(), session=g)
        def f(x: int) -> int:
            return x

        def second(f: Any = f, called: Any = called) -> int:
            called.set()
            result: int = f(2)
            return result

        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(f, 1)
            assert asking.wait(20)
            other = pool.submit(second)
            errors = [first.exception(20), other.exception(20)]
        assert errors[0] is runs[0]
        assert errors[1] in (runs[0], None)
        waited = errors[1] is runs[0]
        assert f(1) == 1, "an exception is not remembered"
        if waited:
            break
    assert waited


def test_the_ambient_session_asks_once_also_in_threads_that_share_its_context() -> None:
    from contextvars import copy_context

    versions = Versions()

    @versioned_lru_cache(versions)
    def f(x: int) -> int:
        return x

    with session(), ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(copy_context().run, f, x) for x in range(8)]
        assert [future.result(20) for future in futures] == list(range(8))
    assert versions.runs == 1
