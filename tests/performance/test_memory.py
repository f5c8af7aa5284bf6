"""What a million calls, a million entries and the end of the interpreter leave behind (promise 9)."""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.programs import memory
from tests.support.child import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.child, pytest.mark.slow]

# These take some dozens of microseconds each; the others are done a million times.
COSTLY = {"wrong calls", "decorations", "lives"}


@pytest.mark.parametrize("kind", memory.KINDS)
def test_many_calls_leave_references_blocks_and_memory_as_they_were(kind: str) -> None:
    count = 50_000 if kind in COSTLY else 1_000_000
    run(memory.many_calls_leave_references_blocks_and_memory_as_they_were, kind, count, timeout=120)


def test_a_million_entries_are_dropped_without_recursion() -> None:
    """Chained ones too: each holds the one before it."""
    run(memory.a_million_entries_are_dropped_without_recursion, timeout=120)


@pytest.mark.parametrize("held", memory.HELD)
@pytest.mark.parametrize("end", memory.ENDS)
def test_the_interpreter_ends_silently(held: str, end: str) -> None:
    done = run(memory.the_interpreter_ends_silently, held, end)
    assert (done.stdout, done.stderr) == ("", "")


def bytes_an_entry(kind: str) -> float:
    """Return how much the resident memory of a new process grows for each of 200,000 int keys."""
    return median(float(run(memory.print_bytes_of_an_entry, kind, timeout=120).stdout) for _ in range(3))


def resident_is_known(test: Callable[..., None]) -> Callable[..., None]:
    """Skip a test where the resident memory can't be read, or means something else."""
    reads = pytest.mark.skipif(not memory.STATM.exists(), reason="reads the resident memory as Linux shows it")
    without = hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled()
    layout = pytest.mark.skipif(without, reason="another layout of objects")
    return layout(reads(test))


@resident_is_known
@pytest.mark.parametrize("kind", ["constant", "asks", "session"])
def test_an_entry_takes_no_more_memory_than_in_functools(kind: str) -> None:
    assert bytes_an_entry(kind) <= bytes_an_entry("functools")


@resident_is_known
def test_an_entry_with_a_version_of_its_own_takes_little_more_when_its_session_has_ended() -> None:
    assert bytes_an_entry("a version each") <= 1.5 * bytes_an_entry("functools")


@resident_is_known
def test_an_idle_session_that_has_read_much_takes_a_kilobyte() -> None:
    """Beyond one that has read nothing."""

    def size(reads: int) -> float:
        return float(run(memory.print_bytes_of_an_idle_session, reads, timeout=120).stdout)

    assert size(memory.RESULTS) - size(0) <= 1024
