"""Promise 8, forks: a child forked in the middle of anything works at once, whatever threads it left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import fork_hooks, forks
from tests.support.child import each_bound, run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.child,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork"),
]

# With a session hits are found at a glance, without one every call asks: two ways through the code.
SESSIONS = each_bound({"session": None}, {"session": {}})
BOTH = ["child", "parent"]


def run_forking(told: list[str], program: Callable[..., None], *arguments: object) -> None:
    """Runs a program that forks. Its processes tell that they came to their end, and nothing else."""
    done = run(program, *arguments)
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == sorted(told)


@SESSIONS
def test_a_child_computes_what_a_thread_of_the_parent_computes(bound: dict[str, Any]) -> None:
    run_forking(BOTH, forks.a_child_computes_what_a_thread_of_the_parent_computes, bound)


def test_a_child_asks_for_the_version_that_a_thread_of_the_parent_asks_for() -> None:
    run_forking(BOTH, forks.a_child_asks_for_the_version_that_a_thread_of_the_parent_asks_for)


def test_a_session_goes_on_on_both_sides_and_one_of_a_thread_left_behind_is_no_burden() -> None:
    run_forking(BOTH, forks.a_session_goes_on_on_both_sides_and_one_of_a_thread_left_behind_is_no_burden)


@SESSIONS
def test_forks_in_the_middle_of_hits(bound: dict[str, Any]) -> None:
    run_forking(["child"] * 20 + ["parent"], forks.forks_in_the_middle_of_hits, bound)


@SESSIONS
def test_clear_and_invalidate_in_a_child_do_not_reach_the_parent(bound: dict[str, Any]) -> None:
    run_forking(BOTH, forks.clear_and_invalidate_in_a_child_do_not_reach_the_parent, bound)


@SESSIONS
@pytest.mark.parametrize("thread", ["main", "another"])
def test_a_fork_inside_of_a_computation_returns_on_both_sides(bound: dict[str, Any], thread: str) -> None:
    # A thread other than the main one is all that its child has, and the child would end with it as if all were well.
    run_forking(BOTH, forks.a_fork_inside_of_a_computation_returns_on_both_sides, bound, thread)


def test_a_fork_inside_of_a_version_function_answers_on_both_sides() -> None:
    run_forking(BOTH, forks.a_fork_inside_of_a_version_function_answers_on_both_sides)


@pytest.mark.parametrize("where", ["hash", "eq", "key", "cache_if", "del", "exception"])
def test_a_fork_inside_of_other_code_that_a_call_runs(where: str) -> None:
    run_forking(BOTH, forks.a_fork_inside_of_other_code_that_a_call_runs, where)


@pytest.mark.parametrize("ask", ["cache_contains", "cache_peek", "cache_invalidate"])
def test_a_fork_while_a_thread_asks_about_a_call_that_is_not_stored(ask: str) -> None:
    # Whether the function takes the arguments could be told by `inspect`, but its import would stop at the gate here.
    run_forking(BOTH, forks.a_fork_while_a_thread_asks_about_a_call_that_is_not_stored, ask)


def test_a_fork_by_a_signal_handler_while_the_thread_waits() -> None:
    run_forking(BOTH, forks.a_fork_by_a_signal_handler_while_the_thread_waits)


def test_calls_by_hooks_that_run_right_after_the_fork() -> None:
    # Hooks run in the order of their registration: one from before the package's import runs before the package's own.
    run_forking(BOTH, fork_hooks.calls_by_hooks_that_run_right_after_the_fork)


def test_a_child_forks_in_its_turn() -> None:
    run_forking(["0", "1", "2", "3"], forks.a_child_forks_in_its_turn)


def test_processes_of_multiprocessing_by_fork() -> None:
    run_forking(["parent"], forks.processes_of_multiprocessing_by_fork)


def test_processes_of_a_fork_server_that_has_computed_and_computes() -> None:
    run_forking(["parent"], forks.processes_of_a_fork_server_that_has_computed_and_computes)
