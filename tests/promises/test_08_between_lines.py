"""Promise 8: an exception between two lines of the package's Python code (Ctrl-C, a tracer's), a signal's handler or
a fork there: no key hangs after it, no session stays open, no refresh is for ever under way."""

from __future__ import annotations

import os

import pytest

from tests.programs import between_lines, imports_nothing
from tests.support.child import run

pytestmark = pytest.mark.child


@pytest.mark.parametrize("scenario", between_lines.SCENARIOS)
def test_an_exception(scenario: str) -> None:
    run(between_lines.an_exception, scenario, timeout=240)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("scenario", ["a miss", "a refresh behind, of a coroutine function", "a refresh behind"])
def test_a_fork(scenario: str) -> None:
    """Nothing is imported there, and no lock is held: what the child needs it has."""
    run(between_lines.a_fork, scenario, timeout=240)


@pytest.mark.parametrize("scenario", ["a miss", "a refresh behind"])
def test_a_call_of_a_signals_handler(scenario: str) -> None:
    """Or of a finalizer: at each line that runs for a call another is made, of another key."""
    run(between_lines.a_call_of_a_signals_handler, scenario, timeout=240)


def test_calls_import_nothing() -> None:
    """Not even the first: what is being imported is locked, and half a module to whoever comes between."""
    run(imports_nothing.calls_import_nothing)
