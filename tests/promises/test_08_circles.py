"""Promise 8: computations that need each other, or themselves, never wait for each other for ever."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from tests.programs import circles
from tests.support.child import each_bound, run

pytestmark = pytest.mark.child

BOUND = pytest.mark.parametrize("bound", circles.BOUND)


@BOUND
def test_recursion_while_others_wait(bound: str) -> None:
    run(circles.recursion_while_others_wait, bound)


@BOUND
@pytest.mark.parametrize("threads", [2, 3, 4, 5])
def test_a_circle_of_keys(bound: str, threads: int) -> None:
    """Each thread computes one key and needs the next thread's. The last to come would close the circle."""
    run(circles.a_circle_of_keys, bound, threads)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_a_circle_of_functions_with_sessions_of_their_own(threads: int) -> None:
    run(circles.a_circle_of_functions_with_sessions_of_their_own, threads)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_a_circle_of_version_functions_in_one_session(threads: int) -> None:
    """The version of each rests on a result of the next."""
    run(circles.a_circle_of_version_functions_in_one_session, threads)


def test_a_circle_of_a_version_function_and_a_function() -> None:
    run(circles.a_circle_of_a_version_function_and_a_function)


def test_two_circles_that_share_a_thread() -> None:
    """The thread of key 0 is waited for by two, and waits for them one after the other."""
    run(circles.two_circles_that_share_a_thread)


def test_others_may_wait_for_a_thread_in_a_circle() -> None:
    run(circles.others_may_wait_for_a_thread_in_a_circle)


@pytest.mark.skipif(not find_spec("greenlet"), reason="greenlet is not installed")
@each_bound({}, {"session": {}})
def test_a_greenlet_that_wants_what_another_of_its_thread_computes(bound: dict[str, Any]) -> None:
    run(circles.a_greenlet_that_wants_what_another_of_its_thread_computes, bound)


@pytest.mark.skipif(not find_spec("greenlet"), reason="greenlet is not installed")
def test_a_greenlet_that_wants_what_waits_for_another_of_its_thread() -> None:
    """A thread's second greenlet asks for what a thread computes that waits for the first greenlet."""
    run(circles.a_greenlet_that_wants_what_waits_for_another_of_its_thread)
