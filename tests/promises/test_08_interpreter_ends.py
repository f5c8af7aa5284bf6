"""Promise 8: the interpreter ends while daemon threads are in code that the library called."""

from __future__ import annotations

import os
import sys

import pytest

from tests.programs import interpreter_ends
from tests.support.child import run

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each run is a fork, since a start takes longer than a run"),
]


@pytest.mark.parametrize("place", interpreter_ends.PLACES)
def test_threads_that_stay_somewhere_are_left_there(place: str) -> None:
    if "collector" in place and not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.skip("without a GIL no collection begins while a function is called")
    run(interpreter_ends.threads_that_stay_somewhere_are_left_there, place)


@pytest.mark.parametrize("arguments", interpreter_ends.ARGUMENTS)
def test_threads_that_call_all_the_time_are_left_where_they_are(arguments: str) -> None:
    run(interpreter_ends.threads_that_call_all_the_time_are_left_where_they_are, arguments)
