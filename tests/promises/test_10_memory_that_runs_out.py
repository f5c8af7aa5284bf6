"""Promise 10: memory that runs out is a MemoryError, and what was called works again when there is some."""

from __future__ import annotations

import sys

import pytest

from tests.programs import memory_that_runs_out
from tests.programs.memory_that_runs_out import ACTS
from tests.support.child import run

pytest.importorskip("_testcapi", reason="makes allocations fail")
pytestmark = [pytest.mark.child, pytest.mark.slow]

# What runs code in Python that defines functions, as decorators do, or generators. CPython from 3.12 on frees the code
# of a function for which there is no memory.
DEFINING = {"a block", "cache_explain", *(act for act in ACTS if act.startswith("decorating"))}


@pytest.mark.parametrize("act", ACTS)
def test_it_is_a_memory_error(act: str) -> None:
    if act in DEFINING and sys.version_info >= (3, 12):
        pytest.skip("CPython itself crashes where there is no memory to define a function")
    done = run(memory_that_runs_out.it_is_a_memory_error, act)
    assert "panicked" not in done.stderr
