"""What a thread with a small C stack can read."""

from __future__ import annotations

import pytest

from tests.programs import small_stack
from tests.support.child import run


@pytest.mark.child
def test_deep_values_are_read_on_a_small_stack() -> None:
    run(small_stack.deep_values_are_read_on_a_small_stack)
