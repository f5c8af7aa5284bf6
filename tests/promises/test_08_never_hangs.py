"""Promise 8: no call hangs or crashes, whatever the code it runs does. Each test is a process with a time limit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import never_hangs
from tests.support.child import SESSIONS, each_bound, run

pytestmark = pytest.mark.child


@SESSIONS
def test_a_function_that_calls_itself_with_the_same_arguments(bound: dict[str, Any]) -> None:
    run(never_hangs.a_function_that_calls_itself_with_the_same_arguments, bound)


@SESSIONS
def test_functions_that_call_each_other(bound: dict[str, Any]) -> None:
    run(never_hangs.functions_that_call_each_other, bound)


@SESSIONS
def test_clear_inside_the_function(bound: dict[str, Any]) -> None:
    run(never_hangs.clear_inside_the_function, bound)


def test_sessions_that_end_or_renew_inside_the_function() -> None:
    run(never_hangs.sessions_that_end_or_renew_inside_the_function)


@SESSIONS
def test_garbage_collection_at_odd_points(bound: dict[str, Any]) -> None:
    run(never_hangs.garbage_collection_at_odd_points, bound)


def test_garbage_collection_by_threshold_while_many_entries_come_and_go() -> None:
    run(never_hangs.garbage_collection_by_threshold_while_many_entries_come_and_go)


@pytest.mark.parametrize("limit", [None, 1_000_000])
@each_bound({"session": None}, {"session": {}})
def test_deep_recursion_is_a_recursion_error(limit: int | None, bound: dict[str, Any]) -> None:
    run(never_hangs.deep_recursion_is_a_recursion_error, limit, bound, timeout=120)


@pytest.mark.parametrize("limit", [None, 1_000_000])
def test_deep_recursion_through_version_function_key_and_equality(limit: int | None) -> None:
    run(never_hangs.deep_recursion_through_version_function_key_and_equality, limit, timeout=120)


def test_ordinary_recursion_of_some_depth_works() -> None:
    run(never_hangs.ordinary_recursion_of_some_depth_works)


def test_threads_that_meddle_with_each_other() -> None:
    run(never_hangs.threads_that_meddle_with_each_other)


def test_a_version_function_in_a_session_that_calls_what_it_is_the_version_of() -> None:
    """Nobody can know that version; what must not happen is a wait for oneself."""
    run(never_hangs.a_version_function_in_a_session_that_calls_what_it_is_the_version_of)


def test_interpreter_exit_with_filled_caches_and_live_sessions() -> None:
    done = run(never_hangs.interpreter_exit_with_filled_caches_and_live_sessions)
    assert done.stdout == "done\n"
