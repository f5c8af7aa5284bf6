"""Canonical keys are the same in each process, by each version of Python and on each platform.

The table was written once, and each interpreter on which the tests run compares with it. A change of it makes all that
stores hold useless: raise `FORMAT` in `stable_key.rs` with it. `tests.programs.stable_keys.print_keys` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import stable_keys
from tests.support.child import run

TABLE = Path(__file__).with_name("golden_keys.txt")


@pytest.mark.parametrize("line", TABLE.read_text(encoding="utf-8").splitlines())
def test_a_key_is_what_it_always_was(line: str) -> None:
    key, _, call = line.partition("  ")
    assert stable_keys.key_of(call) == key


@pytest.mark.child
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_a_key_is_the_same_whatever_the_seed_of_hashes(seed: int) -> None:
    run(stable_keys.are_as_in, str(TABLE), PYTHONHASHSEED=str(seed))


@pytest.mark.child
def test_values_that_go_too_deep_are_a_recursion_error() -> None:
    run(stable_keys.deep_values_are_refused)


@pytest.mark.child
def test_values_without_end_are_refused() -> None:
    run(stable_keys.values_without_end_are_refused)
