"""Promise 6: per key and version one computation at a time. Who misses meanwhile waits, and gets what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.calling import MINE, Call, Gate, results, until_waiting, waiting
from tests.support.held import Held
from versioned_lru_cache import Versioned, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable

# How a result is forgotten while it is computed.
FORGET = pytest.mark.parametrize(
    "forget", [lambda f: f.cache_clear(), lambda f: f.cache_invalidate(1)], ids=["clear", "invalidate"]
)


@pytest.mark.parametrize("threads", [2, 16])
@pytest.mark.parametrize("sessions", ["none", "one", "one each"])
def test_threads_that_miss_at_the_same_time_share_one_computation(threads: int, sessions: str) -> None:
    held = Held()
    shared: dict[str, Any] = {}

    def session() -> dict[str, Any] | None:
        return {"none": None, "one": shared, "one each": {}}[sessions]

    leader = held.lead(session=session())
    waiters = [Call(held.f, 1, session=session()) for _ in range(threads - 1)]
    until_waiting(*waiters)
    held.gate.open()
    value = leader.result()
    assert value == [1, 1]
    assert all(other is value for other in results(waiters))
    assert held.runs == 1
    assert held.f.cache_info() == (threads - 1, 1, 128, 1), "who joins is a hit"
    assert held.f(1) is value


def test_other_keys_do_not_wait() -> None:
    held = Held()
    leader = held.lead(-1)
    assert Call(held.f, -2).result() == [-2, 2], "-1 and -2 have the same hash in Python"
    held.gate.open()
    assert leader.result() == [-1, 1]


def test_equal_keys_are_one_key() -> None:
    held = Held()
    leader = held.lead(1)
    waiters = [*waiting(1, held.f, 1.0), *waiting(1, held.f, True)]
    held.gate.open()
    assert results(waiters) == [[1, 1]] * 2
    assert leader.result() == [1, 1]


def test_typed_keys_are_two() -> None:
    held = Held(typed=True)
    leader = held.lead(1)
    assert Call(held.f, 1.0).result() == [1.0, 2]
    held.gate.open()
    leader.result()


def test_keys_with_an_equality_of_their_own_wait_for_an_equal_one() -> None:
    class Point:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Point) and self.number == other.number

    held = Held()
    leader = held.lead(Point(1))
    (waiter,) = waiting(1, held.f, Point(1))
    assert Call(held.f, Point(2)).result()[1] == 2, "an equal hash is not enough"
    held.gate.open()
    assert waiter.result() is leader.result()


def test_a_key_function_decides_what_is_the_same() -> None:
    held = Held(key=str.lower)
    leader = held.lead("A")
    (waiter,) = waiting(1, held.f, "a")
    held.gate.open()
    assert waiter.result() is leader.result()
    assert waiter.result() == ["A", 1]


def test_a_constant_version() -> None:
    gate, runs = Gate(), []

    @versioned_lru_cache("v1")
    def f(x: int) -> list[int]:
        runs.append(x)
        gate.stop()
        return [x]

    leader = Call(f, 1)
    gate.wait()
    waiters = waiting(3, f, 1)
    gate.open()
    assert all(value is leader.result() for value in results(waiters))
    assert runs == [1]


def test_methods_share_a_computation_per_instance() -> None:
    gate, runs = Gate(), []

    class Shop:
        __hash__ = None  # type: ignore[assignment]

        @versioned_lru_cache(lambda self, x: 1)
        def price(self, x: int) -> list[int]:
            runs.append(self)
            if len(runs) == 1:
                gate.stop()
            return [x]

    shop, other = Shop(), Shop()
    leader = Call(shop.price, 1)
    gate.wait()
    (waiter,) = waiting(1, shop.price, 1)
    assert Call(other.price, 1).result() == [1]
    gate.open()
    assert waiter.result() is leader.result()
    assert [run is shop for run in runs] == [True, False]


def test_who_goes_by_another_version_does_not_join() -> None:
    held = Held()
    leader = held.lead()
    held.version = 2
    assert Call(held.f, 1).result() == [1, 2]
    held.gate.open()
    assert leader.result() == [1, 1]
    assert held.f(1) == [1, 2], "the result of the older version has not replaced that of the newer"
    assert held.f.cache_peek(1).version == 2


def test_a_session_of_an_older_version_does_not_join_a_computation_of_a_newer() -> None:
    held, old = Held(maxsize=None), dict[str, Any]()
    assert held.f.cache_put(Versioned("first", 1), 0) is None
    assert Call(held.f, 0, session=old).result() == "first"
    held.version = 2
    leader = held.lead(session={})
    assert Call(held.f, 1, session=old).result() == [1, 2]
    held.gate.open()
    assert leader.result() == [1, 1]
    assert Call(held.f, 1, session={}).result() is leader.result()
    assert Call(held.f, 1, session=old).result() == [1, 2]


def test_equal_versions_are_one_version() -> None:
    held = Held()
    held.version = (1, "a")
    leader = held.lead()
    held.version = (1.0, "".join(["a"]))
    (waiter,) = waiting(1, held.f, 1)
    held.gate.open()
    assert waiter.result() is leader.result()


@FORGET
def test_what_is_forgotten_goes_to_those_who_waited_and_to_nobody_else(forget: Callable[[Any], object]) -> None:
    held = Held()
    leader = held.lead(session={})
    waiters = [*waiting(2, held.f, 1), *waiting(1, held.f, 1, session={})]
    forget(held.f)
    held.gate.open()
    assert leader.result() == [1, 1]
    assert all(value is leader.result() for value in results(waiters))
    assert held.f(1) == [1, 2]


@FORGET
def test_who_calls_after_what_runs_was_forgotten_computes_at_once(forget: Callable[[Any], object]) -> None:
    held = Held()
    leader = held.lead(session={})
    waiters = waiting(2, held.f, 1)
    forget(held.f)
    later = Call(held.f, 1).result()
    assert later == [1, 2]
    held.gate.open()
    assert leader.result() == [1, 1]
    assert all(value is leader.result() or value is later for value in results(waiters)), "a newer one is as good"
    assert held.f(1) is later


@FORGET
def test_those_who_waited_for_what_was_forgotten_do_not_remember_it(forget: Callable[[Any], object]) -> None:
    held, leading, joining = Held(), dict[str, Any](), dict[str, Any]()
    leader = held.lead(session=leading)
    waiters = waiting(1, held.f, 1, session=joining)
    forget(held.f)
    held.gate.open()
    assert results([leader, *waiters]) == [[1, 1], [1, 1]]
    assert not held.f.cache_contains(1)
    assert Call(held.f, 1, session=joining).result() == [1, 2]
    assert Call(held.f, 1, session=leading).result() == [1, 2]


@FORGET
def test_later_callers_share_a_computation_of_their_own(forget: Callable[[Any], object]) -> None:
    gates, runs = [Gate(), Gate()], []

    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> list[int]:
        runs.append(x)
        number = len(runs)
        gates[number - 1].stop()
        return [x, number]

    first = Call(f, 1)
    gates[0].wait()
    forget(f)
    second = Call(f, 1)
    gates[1].wait()
    (waiter,) = waiting(1, f, 1)
    gates[0].open()
    assert first.result() == [1, 1]
    assert waiter.is_waiting(), "it waits for the one that began after"
    gates[1].open()
    assert waiter.result() is second.result()
    assert f(1) is second.result()


def test_a_moved_version_supersedes() -> None:
    held = Held()
    leader = held.lead()
    early = waiting(2, held.f, 1)
    held.version = 2
    late = Call(held.f, 1).result()
    held.gate.open()
    assert late == [1, 2]
    assert all(value is leader.result() or value is late for value in results(early)), "a newer one is as good"
    assert held.f(1) is late


def test_the_invalidation_of_another_key_leaves_those_who_wait_alone() -> None:
    held = Held()
    leader = held.lead(-1)
    held.f.cache_invalidate(-2)
    (waiter,) = waiting(1, held.f, -1)
    held.gate.open()
    assert waiter.result() is leader.result()
    assert held.f.cache_contains(-1)


def test_a_put_is_what_those_who_waited_find() -> None:
    held = Held()
    leader = held.lead()
    (waiter,) = waiting(1, held.f, 1)
    held.f.cache_put(Versioned("put", 1), 1)
    assert held.f(1) == "put"
    held.gate.open()
    assert leader.result() == [1, 1]
    assert waiter.result() in ("put", [1, 1])
    assert held.f(1) == "put"


def test_an_exception_is_theirs_too_after_one_run() -> None:
    held = Held()
    held.raises = OSError("no answer")
    leader = held.lead()
    waiters = [*waiting(4, held.f, 1), *waiting(4, held.f, 1, session={})]
    held.gate.open()
    for call in [leader, *waiters]:
        with pytest.raises(OSError, match="no answer") as raised:
            call.result()
        assert raised.value is held.raises
    assert held.runs == 1
    assert held.f.cache_stats().errors == 9
    assert held.f.cache_info()[:2] == (0, 1)
    assert held.f.cache_info().currsize == 0
    assert held.f(1) == [1, 2], "an exception is not remembered"


def test_a_failure_leaves_the_old_entry() -> None:
    held = Held()
    held.f.cache_put(Versioned("old", 1), 1)
    held.version = 2
    held.raises = OSError()
    leader = held.lead()
    (waiter,) = waiting(1, held.f, 1)
    held.gate.open()
    for call in [leader, waiter]:
        with pytest.raises(OSError):  # noqa: PT011 # without a message
            call.result()
    assert held.f.cache_peek(1) == ("old", 1)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_ends_a_thread_is_not_theirs_and_one_of_them_takes_over(error: type[BaseException]) -> None:
    held = Held()
    held.raises = error()
    leader = held.lead()
    waiters = waiting(4, held.f, 1)
    held.gate.open()
    with pytest.raises(error):
        leader.result()
    found = results(waiters)
    assert found == [[1, 2]] * 4
    assert all(value is found[0] for value in found)
    assert held.runs == 2


def test_what_cache_if_refuses_goes_to_those_who_wait_and_is_not_remembered() -> None:
    held = Held(cache_if=lambda value: False)
    session: dict[str, Any] = {}
    leader = held.lead(session={})
    waiters = [*waiting(1, held.f, 1), *waiting(1, held.f, 1, session=session)]
    held.gate.open()
    assert all(value is leader.result() for value in results(waiters))
    assert held.f.cache_info().currsize == 0
    assert Call(held.f, 1, session=session).result() == [1, 2]


def test_a_failing_cache_if_fails_for_all() -> None:
    def cache_if(value: object) -> bool:
        raise OSError("can't tell")

    held = Held(cache_if=cache_if)
    leader = held.lead()
    waiters = waiting(2, held.f, 1)
    held.gate.open()
    errors = []
    for call in [leader, *waiters]:
        with pytest.raises(OSError, match="can't tell") as raised:
            call.result()
        errors.append(raised.value)
    assert errors[0] is errors[1] is errors[2]
    assert held.runs == 1


def test_a_cache_that_stores_nothing_shares_all_the_same() -> None:
    held = Held(maxsize=0)
    leader = held.lead()
    waiters = waiting(3, held.f, 1)
    held.gate.open()
    assert all(value is leader.result() for value in results(waiters))
    assert held.runs == 1
    assert held.f(1) == [1, 2]


def test_a_full_cache_shares_what_is_evicted_at_once() -> None:
    held = Held(maxsize=1)
    leader = held.lead(1)
    waiters = waiting(3, held.f, 1)
    Call(held.f, 2).result()
    held.gate.open()
    assert all(value is leader.result() for value in results(waiters))
    assert held.f.cache_info().currsize == 1


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_the_age_of_what_was_shared_counts_from_the_start_of_the_computation() -> None:
    held, joining = Held(ttl=10), dict[str, Any]()
    with MockClock() as clock:
        leader = held.lead()
        (waiter,) = waiting(1, held.f, 1, session=joining)
        clock.advance(6)
        held.gate.open()
        assert waiter.result() is leader.result()
        clock.advance(3.5)
        assert Call(held.f, 1, session=joining).result() is leader.result()
        assert held.f(1) is leader.result()
        clock.advance(0.5)
        assert Call(held.f, 1, session=joining).result() == [1, 2]
        assert held.f(1) == [1, 2]


def test_who_joins_remembers_the_result_for_its_session() -> None:
    """Whatever becomes of it in the store."""
    held, joining = Held(maxsize=1), dict[str, Any]()
    leader = held.lead(1)
    (waiter,) = waiting(1, held.f, 1, session=joining)
    held.gate.open()
    value = waiter.result()
    assert value is leader.result()
    held.version = 2
    assert held.f(2) == [2, 2]
    assert held.f(1) == [1, 3]
    assert Call(held.f, 1, session=joining).result() is value


def test_a_session_that_is_renewed_while_it_waits() -> None:
    held, session = Held(), dict[str, Any]()
    leader = held.lead()
    (waiter,) = waiting(1, held.f, 1, session=session)
    session["lru_cache_versions"].renew()
    held.version = 2
    held.gate.open()
    assert waiter.result() is leader.result(), "it had asked before"
    assert Call(held.f, 1, session=session).result() == [1, 2], "the session has not"


def test_a_result_built_on_something_older_is_not_for_other_sessions() -> None:
    """The leader's session has read the older row already; others would be served what was old when they began."""
    versions, gate, runs = {"row": 1, "sum": 1}, Gate(), []

    @versioned_lru_cache(lambda: versions["row"], session=MINE)
    def row() -> int:
        return versions["row"]

    @versioned_lru_cache(lambda: versions["row"] + versions["sum"], session=MINE)
    def total() -> int:
        runs.append(1)
        found = row()
        if len(runs) == 1:
            gate.stop()
        return found

    old: dict[str, Any] = {}
    assert Call(row, session=old).result() == 1
    versions["row"] = 2
    leader = Call(total, session=old)
    gate.wait()
    waiters = [*waiting(1, total), *waiting(1, total, session={})]
    gate.open()
    assert leader.result() == 1
    assert results(waiters) == [2, 2]
    assert total() == 2
    assert Call(total, session=old).result() == 1


def test_a_wave_of_callers_after_each_change_computes_once_each() -> None:
    """What was waited for before is not in the way of what comes after."""
    versions, runs = [0], []
    gate = Gate()

    @versioned_lru_cache(lambda: versions[0], session=MINE)
    def f(x: int) -> int:
        runs.append(versions[0])
        gate.stop()
        return versions[0]

    for version in range(20):
        versions[0], gate = version, Gate()
        leader = Call(f, 1, session={})
        gate.wait()
        waiters = [*waiting(2, f, 1), *waiting(1, f, 1, session={})]
        gate.open()
        assert results([leader, *waiters]) == [version] * 4
    assert runs == list(range(20))
    assert f.cache_info() == (60, 20, 128, 1)
