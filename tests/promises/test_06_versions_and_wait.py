"""Promise 6: a version is asked by one thread of a session, and `wait=` bounds every wait."""

from __future__ import annotations

import math
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.support.calling import MINE, Call, Gate, results, until_waiting, waiting
from tests.support.held import Held
from versioned_lru_cache import versioned_lru_cache


class Version:
    """A version function that stops at a gate when it is asked first, and maybe fails then."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.gate, self.error, self.asked = Gate(), error, 0

    def __call__(self, *args: object) -> int:
        self.asked += 1
        if self.asked == 1:
            self.gate.stop()
            if self.error:
                raise self.error
        return self.asked


def test_threads_of_a_new_session_ask_for_the_version_once() -> None:
    version, g = Version(), dict[str, Any]()
    functions = [
        versioned_lru_cache(version, version_args=(), session=g)(lambda x, n=number: [n, x]) for number in range(4)
    ]
    first: Call = Call(functions[0], 0)
    version.gate.wait()
    others = [Call(functions[x % 4], x) for x in range(1, 16)]
    until_waiting(*others)
    version.gate.open()
    assert results([first, *others]) == [[x % 4, x] for x in range(16)]
    assert version.asked == 1
    assert sum(f.cache_stats().version_calls for f in functions) == 1  # type: ignore[attr-defined]


def test_sessions_do_not_wait_for_each_others_version() -> None:
    version = Version()
    f: Any = versioned_lru_cache(version, version_args=(), session=MINE)(lambda x: [x])
    first = Call(f, 1, session={})
    version.gate.wait()
    assert Call(f, 1, session={}).result() == [1]
    assert Call(f, 1).result() == [1]
    version.gate.open()
    first.result()
    assert version.asked == 3


def test_the_version_of_other_arguments_is_not_waited_for() -> None:
    version, g = Version(), dict[str, Any]()

    def ask(x: int) -> int:
        return version(x)

    f: Any = versioned_lru_cache(ask, session=g)(lambda x: [x])
    first = Call(f, 1)
    version.gate.wait()
    assert Call(f, 2).result() == [2]
    (waiter,) = waiting(1, f, 1)
    version.gate.open()
    assert first.result() is waiter.result()
    assert version.asked == 2


def test_a_version_function_that_fails_fails_for_all_who_wait_once() -> None:
    version, g = Version(OSError("no answer")), dict[str, Any]()
    f: Any = versioned_lru_cache(version, version_args=(), session=g)(lambda x: [x])
    first = Call(f, 1)
    version.gate.wait()
    waiters = [call for x in range(4) for call in waiting(1, f, x)]
    version.gate.open()
    for call in [first, *waiters]:
        with pytest.raises(OSError, match="no answer") as raised:
            call.result()
        assert raised.value is version.error
    assert version.asked == 1
    assert f(1) == [1]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_version_function_that_ends_its_thread_is_asked_by_another(error: type[BaseException]) -> None:
    version, g = Version(error()), dict[str, Any]()
    f: Any = versioned_lru_cache(version, version_args=(), session=g)(lambda x: [x])
    first = Call(f, 0)
    version.gate.wait()
    waiters = [call for x in range(4) for call in waiting(1, f, x)]
    version.gate.open()
    with pytest.raises(error):
        first.result()
    assert results(waiters) == [[x] for x in range(4)]
    assert version.asked == 2


@pytest.mark.parametrize("wait", [0, 0.02, timedelta(milliseconds=20)])
@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
def test_after_its_wait_a_call_computes_and_its_result_is_not_stored(wait: object, session: Any) -> None:
    held = Held(wait=wait)
    leader = held.lead()
    late = Call(held.f, 1, session=session)
    assert late.result() == [1, 2], "the leader is at its gate all the time"
    assert not held.f.cache_contains(1)
    assert held.f.cache_stats().not_stored == 1
    held.gate.open()
    assert leader.result() == [1, 1]
    assert held.f(1) is leader.result()
    assert Call(held.f, 1, session={}).result() is leader.result()


def test_the_session_of_a_call_that_did_not_wait_remembers_what_it_got() -> None:
    held, session = Held(wait=0), dict[str, Any]()
    leader = held.lead()
    late = Call(held.f, 1, session=session).result()
    assert late == [1, 2]
    assert Call(held.f, 1, session=session).result() is late
    held.gate.open()
    leader.result()
    assert Call(held.f, 1, session=session).result() is late


def test_what_is_never_stored_is_shared_by_calls_at_the_same_time() -> None:
    held = Held(maxsize=0)
    leader = held.lead()
    waiters = waiting(3, held.f, 1)
    held.gate.open()
    assert results([leader, *waiters]) == [[1, 1]] * 4
    assert held.f(1) == [1, 2]
    assert (held.f.cache_info().currsize, held.runs) == (0, 2)


def test_what_is_never_stored_and_never_waits_runs_once_a_call() -> None:
    held = Held(maxsize=0, wait=0)
    leader = held.lead()
    assert results([Call(held.f, 1) for _ in range(3)]) != [[1, 1]] * 3
    assert held.runs == 4
    held.gate.open()
    assert leader.result() == [1, 1]


@pytest.mark.parametrize("wait", [None, 3600, math.inf, timedelta(hours=1)])
def test_a_wait_that_is_long_enough_gets_the_value(wait: object) -> None:
    held = Held(wait=wait)
    leader = held.lead()
    (waiter,) = waiting(1, held.f, 1)
    held.gate.open()
    assert waiter.result() is leader.result()
    assert held.runs == 1


def test_wait_bounds_the_wait_for_a_version_too() -> None:
    version, g = Version(), dict[str, Any]()
    f: Any = versioned_lru_cache(version, version_args=(), session=g, wait=0)(lambda x: [x])
    first = Call(f, 1)
    version.gate.wait()
    assert Call(f, 2).result() == [2]
    version.gate.open()
    assert first.result() == [1]
    assert version.asked == 2


def test_a_call_that_has_waited_long_enough_for_a_version_does_not_wait_for_a_result_too() -> None:
    asking, computing, g = Gate(), Gate(), dict[str, Any]()
    asked, runs = [], []

    def version() -> int:
        asked.append(1)
        if len(asked) == 2:
            asking.stop()
        return 1

    @versioned_lru_cache(version, session=MINE, wait=0.05)
    def f(x: int) -> int:
        runs.append(x)
        if len(runs) == 1:
            computing.stop()
        return len(runs)

    leader = Call(f, 1)
    computing.wait()
    first = Call(f, 1, session=g)
    asking.wait()
    second = Call(f, 1, session=g)
    assert second.result() == 2, "with both gates shut"
    assert len(asked) == 3
    asking.open()
    computing.open()
    assert len(results([leader, first])) == 2


def test_a_deadline_is_kept_under_the_noise_of_other_waits() -> None:
    """A wait of 0.2 s ends neither early nor after the 50 ms in which signals are looked for have passed many times."""
    held = Held(wait=0.2)
    leader = held.lead()
    ended = threading.Event()

    def late() -> Any:
        value = held.f(1)
        ended.set()
        return value

    second = Call(late)
    assert not ended.wait(0.1)
    assert second.result() == [1, 2]
    held.gate.open()
    leader.result()
