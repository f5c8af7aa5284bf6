"""Random schedules of threads that use the freshness options, under a judge, and those that it found fault with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.concurrency import wrong_caches
from tests.support.calling import MINE, Call, Gate, until_waiting
from tests.support.child import run
from tests.support.sources import DOWN
from versioned_lru_cache import IMMUTABLE, Lag, Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

alone = pytest.mark.thread_unsafe(reason="one clock for the whole process")


@pytest.mark.child
@pytest.mark.parametrize("kind", wrong_caches.FRESH)
def test_the_judge_notices_what_keeps_no_promise(kind: str) -> None:
    _wrong, complaints = wrong_caches.FRESH[kind]
    done = run(wrong_caches.fresh, kind, timeout=200)
    for complaint in complaints:
        assert complaint in done.stdout, f"nothing of {complaint!r}\n{done.stdout[:2000]}\n{done.stderr[-3000:]}"


# What the stress has found, each as the schedule that makes it happen every time. More of that is in the engine's own
# tests (`stale_tests.rs`): what those get who waited for what failed, and what differs though the source fails.


def test_a_session_keeps_to_what_it_was_given_before_it_asked() -> None:
    """What left the store before that is of the same version, and was there when the session began."""

    @versioned_lru_cache(lambda: IMMUTABLE, session=lambda: MINE.get(None))
    def f(key: int) -> list[int]:
        return [key]

    asks = Call(f, 1, session={})
    asks.result()
    place: dict[str, Any] = {}
    with session(place):
        # Known to the function, so that what leaves the store is left to it.
        f.cache_put(Versioned([2], IMMUTABLE), 2)
        assert Call(f, 2, session=place).result() == [2]
        new = Call(f.cache_refresh, 1, session={}).result()
        assert Call(f, 1, session=place).result() is new
        Call(f, 3, session=place).result()  # now it has asked
        assert Call(f, 1, session=place).result() is new


@alone
def test_who_comes_in_the_session_while_a_result_lags_waits_for_the_last_attempt() -> None:
    gate, runs, announced = Gate(), [], [41]

    @versioned_lru_cache(lambda: announced[0], session=MINE, lag=Lag(retries=1, delay=1))
    def f() -> Versioned[list[int]]:
        runs.append(1)
        announced[0] += 1
        if len(runs) == 2:
            gate.stop()
        return Versioned([len(runs)], announced[0] - 1 if len(runs) > 1 else 40)

    with MockClock():
        place: dict[str, Any] = {}
        leader = Call(f, session=place)
        gate.wait()
        waiter = Call(f, session=place)
        until_waiting(waiter)
        gate.open()
        assert leader.result() is waiter.result()
        assert len(runs) == 2


@alone
def test_a_session_gets_one_result_though_it_goes_by_another_version_while_it_computes() -> None:
    gate, runs, announced = Gate(), [], [10]

    @versioned_lru_cache(lambda: announced[0], session=MINE, lag=Lag(retries=1, delay=1))
    def f(key: int) -> Versioned[list[int]]:
        runs.append(key)
        seen = announced[0]
        if runs == [1]:
            gate.stop()
        return Versioned([seen], seen)

    with MockClock():
        place: dict[str, Any] = {}
        slow = Call(f, 1, session=place)
        gate.wait()
        announced[0] = 11
        assert Call(f, 2, session=place).result() == [11]
        given = Call(f, 1, session=place).result()
        assert given == [11], "it does not wait for what is of another version"
        announced[0] = 12
        assert Call(f, 1, session={}).result() == [12], "what was given is stored no longer"
        gate.open()
        assert slow.result() is given


@alone
def test_a_refresh_that_fails_leaves_those_of_other_keys_alone() -> None:
    """A function that fails for those who wait is no failure of their version function."""
    gate, runs, asked = Gate(), [], []

    def version() -> str:
        asked.append(1)
        return "v1"

    @versioned_lru_cache(version, session=MINE, stale_if_error=100, retry_after=50)
    def f(key: int) -> list[int]:
        runs.append(key)
        if runs.count(1) == 2:
            gate.stop()
            raise DOWN
        return [key]

    with MockClock():
        f(1), f(2)
        place: dict[str, Any] = {}
        with session(place, refresh=Refresh.all()):
            leader = Call(f, 1, session=place)
            gate.wait()
            waiter = Call(f, 1, session=place)
            until_waiting(waiter)
            gate.open()
            assert leader.result() == waiter.result() == [1]
        asked.clear()
        assert Call(f, 2, session={}).result() == [2]
        assert asked == [1]
