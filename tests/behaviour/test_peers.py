"""What fails elsewhere must not fail here: each test is named after a library and what was seen there.

Some of these are covered by tests of a promise too. Here the failure itself is made as a user of that library met it.
"""

from __future__ import annotations

import gc
import inspect
import os
import threading
import time
import weakref
from typing import Any

import pytest

from tests.programs import peers
from tests.support.calling import MINE, Call, Gate, results, until, waiting
from tests.support.child import run
from versioned_lru_cache import session, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.testing import MockClock


def test_functools_moka_flask_caching_diskcache_and_the_original_run_one_cold_key_in_each_of_16_threads() -> None:
    gate, runs = Gate(), []

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> int:
        runs.append(x)
        gate.stop()
        return x

    leader = Call(f, 1)
    gate.wait()
    others = waiting(15, f, 1)
    gate.open()
    assert results([leader, *others]) == [1] * 16
    assert runs == [1]


@pytest.mark.child
def test_cachebox_theine_cachetools_and_dogpile_hang_in_recursion_with_the_same_key() -> None:
    run(peers.cachebox_theine_cachetools_and_dogpile_hang_in_recursion_with_the_same_key, timeout=20)


@pytest.mark.parametrize("forget", ["cache_clear", "cache_invalidate"])
def test_functools_cachebox_moka_cachetools_dogpile_and_diskcache_lose_an_invalidation(forget: str) -> None:
    """Which landed while the function ran, whose result is of before."""
    gate, rows = Gate(), ["old"]

    @versioned_lru_cache("constant")
    def f() -> str:
        row = rows[0]
        gate.stop()
        return row

    leader = Call(f)
    gate.wait()
    rows[0] = "new"
    getattr(f, forget)()
    gate.open()
    assert leader.result() == "old"
    assert f() == "new"


@pytest.mark.child
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_cachebox_moka_theine_cachetools_dogpile_and_flask_caching_hang_in_a_child_of_busy_threads() -> None:
    run(peers.cachebox_moka_theine_cachetools_dogpile_and_flask_caching_hang_in_a_child_of_busy_threads, timeout=60)


def test_theine_and_cachier_hang_for_good_after_a_body_that_raises() -> None:
    """The second call comes while the first runs, the third when it has failed."""
    gate, runs = Gate(), []

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> int:
        runs.append(x)
        if len(runs) == 1:
            gate.stop()
            raise OSError("down")
        return x

    first = Call(f, 1)
    gate.wait()
    (second,) = waiting(1, f, 1)
    gate.open()
    for call in [first, second]:
        with pytest.raises(OSError, match="down"):
            call.result()
    assert Call(f, 1).result() == 1


def test_dogpile_and_cachetools_run_a_body_that_raises_again_for_each_waiter() -> None:
    gate, runs = Gate(), []

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> int:
        runs.append(x)
        gate.stop()
        raise OSError("down")

    first = Call(f, 1)
    gate.wait()
    others = waiting(7, f, 1)
    gate.open()
    for call in [first, *others]:
        with pytest.raises(OSError, match="down"):
            call.result()
    assert runs == [1]


@pytest.mark.child
def test_cachebox_hangs_when_a_keys_equality_calls_the_cache() -> None:
    run(peers.cachebox_hangs_when_a_keys_equality_calls_the_cache, timeout=20)


def test_moka_swallows_the_exception_of_a_keys_equality() -> None:
    class Key:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError("no equality")

    @versioned_lru_cache(lambda: 1, version_args=())
    def f(x: object) -> object:
        return x

    f(Key())
    with pytest.raises(ZeroDivisionError, match="no equality"):
        f(Key())


def test_moka_and_theine_leak_cycles_of_a_value_and_its_cache() -> None:
    class Value:
        pass

    def made() -> weakref.ref[Any]:
        @versioned_lru_cache(lambda: 1)
        def f() -> Value:
            value: Any = Value()
            value.cache = f
            return value  # type: ignore[no-any-return]

        return weakref.ref(f())

    value = made()
    gc.collect()
    assert value() is None


def test_the_original_keeps_one_version_for_all_arguments_of_a_session() -> None:
    versions = {"north": 1, "south": 1}
    g: dict[str, Any] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g,
        generate_version_func=lambda region: versions[region],
        module_name="reports",
        cache_max_size=8,
    )
    def report(region: str) -> tuple[str, int]:
        return region, versions[region]

    assert [report("north"), report("south")] == [("north", 1), ("south", 1)]
    versions["south"] = 2
    g.clear()
    assert [report("north"), report("south")] == [("north", 1), ("south", 2)]


@pytest.mark.parametrize("born", [0, 1799, 1801, 3599])
@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_the_original_ends_a_ttl_of_an_hour_after_2_seconds_or_after_3599(born: float) -> None:
    """It rounded the time of day to hours: how long a result lived depended on when it was made."""
    runs = []

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object={},
        generate_version_func=lambda: 1,
        module_name="reports",
        time_to_live_seconds=3600,
    )
    def report() -> int:
        runs.append(1)
        return len(runs)

    with MockClock() as clock:
        clock.advance(born)
        assert report() == 1
        clock.advance(3599)
        assert report() == 1
        clock.advance(1)
        assert report() == 2


def test_the_original_gives_dead_versions_a_place_each() -> None:
    version, current = [0], dict[str, Any]()

    @versioned_lru_cache(lambda x: version[0], session=lambda: current, maxsize=4)
    def f(x: int) -> int:
        return x

    for number in range(20):
        version[0], current = number, {}
        f(1)
    assert f.cache_info().currsize == 1


def test_functools_keeps_self_alive() -> None:
    """cpython issue 102618."""

    class Shop:
        @versioned_lru_cache(lambda self: 1)
        def price(self) -> int:
            return 1

    shop = Shop()
    assert shop.price() == 1
    gone = weakref.ref(shop)
    del shop
    gc.collect()
    assert gone() is None
    assert Shop.price.cache_info().currsize == 0


def test_functools_has_no_call_once() -> None:
    """cpython issue 103475."""
    runs, threads = [], threading.Barrier(8)

    @versioned_lru_cache("once")
    def connect() -> object:
        runs.append(1)
        return object()

    def call() -> object:
        threads.wait(20)
        return connect()

    assert len({id(found) for found in results([Call(call) for _ in range(8)])}) == 1
    assert runs == [1]


def test_functools_loses_the_signature() -> None:
    """typeshed issue 11280; what type checkers see is tested in tests/typing."""

    @versioned_lru_cache(lambda: 1, version_args=())
    def f(region: str, *, limit: int = 10) -> list[str]:
        return [region] * limit

    assert str(inspect.signature(f)) == "(region: 'str', *, limit: 'int' = 10) -> 'list[str]'"


def test_flask_caching_cannot_ask_the_source_whether_a_result_is_stale() -> None:
    """flask-caching issue 392."""
    rows = [1, 2]

    @versioned_lru_cache(lambda: len(rows), session=MINE)
    def total() -> int:
        return sum(rows)

    assert Call(total, session={}).result() == 3
    rows.append(3)
    assert Call(total, session={}).result() == 6


def test_streamlits_validator_does_not_get_the_arguments() -> None:
    """streamlit issue 14357."""
    asked = []

    @versioned_lru_cache(lambda region, limit: asked.append((region, limit)))
    def f(region: str, limit: int) -> str:
        return region * limit

    f("a", limit=2)
    assert asked == [("a", 2)]


def test_cachier_waits_for_a_computation_whose_process_has_died() -> None:
    """cachier issue 82. Here it is a thread: its flight ends with it, whatever ends it."""
    gate, runs = Gate(), []

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> int:
        runs.append(x)
        if len(runs) == 1:
            gate.stop()
            raise SystemExit
        return x

    dying = Call(f, 1)
    gate.wait()
    (waiter,) = waiting(1, f, 1)
    gate.open()
    assert waiter.result() == 1
    dying.join(20)
    assert isinstance(dying.error, SystemExit)


def test_cashews_polls_its_lock_in_a_storm() -> None:
    """cashews issue 333. Here waiters sleep: 32 of them take next to no processor time."""
    gate = Gate()

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> int:
        gate.stop()
        return x

    leader = Call(f, 1)
    gate.wait()
    others = waiting(32, f, 1)
    before, began = time.process_time(), time.monotonic()
    until(lambda: time.monotonic() - began > 0.5)
    own = time.process_time() - before
    gate.open()
    results([leader, *others])
    # The loop above wakes each ms itself. Polling threads would take all the time there is.
    assert own < 0.25, own


def test_dogpile_tells_no_hit_ratio() -> None:
    """dogpile issue 210."""

    @versioned_lru_cache(lambda x: 1)
    def f(x: int) -> int:
        return x

    with session():
        for x in [1, 1, 1, 2]:
            f(x)
    stats = f.cache_stats()
    assert (stats.hits, stats.misses, stats.version_calls) == (2, 2, 2)


def test_dogpile_takes_its_lock_for_much_longer_than_the_function_runs() -> None:
    """Its Redis lock slept in whole seconds: 1.4 s for 50 ms. Here a waiter goes on as soon as the leader is done."""
    best = 60.0
    for _ in range(5):
        gate = Gate()

        def body(x: int, gate: Gate = gate) -> float:
            gate.stop()
            return time.monotonic()

        f: Any = versioned_lru_cache(lambda: 1, version_args=())(body)
        leader = Call(f, 1)
        gate.wait()

        def late(f: Any = f) -> float:
            done: float = f(1)
            return time.monotonic() - done

        other = Call(late)
        until(lambda other=other: other.called)
        gate.open()
        leader.result()
        best = min(best, other.result())
    assert best < 0.5
