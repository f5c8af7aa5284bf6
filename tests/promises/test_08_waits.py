"""Promise 8: who waits for another's computation never waits for ever, whatever ends that or comes between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import waits
from tests.support.child import each_bound, run

pytestmark = pytest.mark.child


@pytest.mark.parametrize("end", waits.ENDS)
@each_bound({}, {"session": {}})
def test_a_leader_that_ends_without_a_result_hands_over(end: str, bound: dict[str, Any]) -> None:
    run(waits.a_leader_that_ends_without_a_result_hands_over, end, bound)


@pytest.mark.parametrize("times", [1, 3])
def test_a_thread_that_is_killed_while_it_leads(times: int) -> None:
    """By an exception from outside; and so are those who take over from it."""
    run(waits.a_thread_that_is_killed_while_it_leads, times)


def test_an_exception_from_outside_reaches_a_thread_that_waits() -> None:
    """It has to wait until the thread runs Python code again, and that it does when the leader is done."""
    run(waits.an_exception_from_outside_reaches_a_thread_that_waits)


@pytest.mark.parametrize("kind", ["result", "version"])
def test_ctrl_c_reaches_the_main_thread_that_waits(kind: str) -> None:
    run(waits.ctrl_c_reaches_the_main_thread_that_waits, kind)


def test_ctrl_c_ends_a_leader_in_the_main_thread_and_another_takes_over() -> None:
    run(waits.ctrl_c_ends_a_leader_in_the_main_thread_and_another_takes_over)


def test_a_signal_handler_that_calls_the_cache_while_the_main_thread_waits() -> None:
    run(waits.a_signal_handler_that_calls_the_cache_while_the_main_thread_waits)


def test_a_circle_that_closes_after_a_signal_handler_has_waited_itself() -> None:
    """A wait within a wait must not make the outer one forgotten."""
    run(waits.a_circle_that_closes_after_a_signal_handler_has_waited_itself, timeout=20)


def test_a_lock_that_the_leader_needs_is_bounded_by_wait() -> None:
    """Nothing can see this one: the caller holds what the leader asks for."""
    run(waits.a_lock_that_the_leader_needs_is_bounded_by_wait)


def test_a_pool_that_is_asked_for_what_its_asker_computes_is_bounded_by_wait() -> None:
    """Nothing can see this one either, as the pool's thread has a context of its own: it was started before."""
    run(waits.a_pool_that_is_asked_for_what_its_asker_computes_is_bounded_by_wait)


@pytest.mark.parametrize("work", waits.INHERITING)
def test_work_in_a_context_of_the_computation_does_not_wait_for_that(work: str) -> None:
    """It is part of the computation, and returns what it makes itself."""
    run(waits.work_in_a_context_of_the_computation_does_not_wait_for_that, work)


def test_the_interpreter_ends_while_daemon_threads_wait() -> None:
    for _ in range(3):
        done = run(waits.the_interpreter_ends_while_daemon_threads_wait).stdout
        assert done == "done\n"


def test_the_interpreter_ends_while_a_daemon_thread_computes() -> None:
    for _ in range(3):
        done = run(waits.the_interpreter_ends_while_a_daemon_thread_computes).stdout
        assert done == "done\n"
