"""Promise 8: how deep a cached function may call itself, by the C stack that each level takes."""

from __future__ import annotations

import sys

import pytest

from tests.programs import stack
from tests.support.child import run

pytestmark = pytest.mark.child


# CPython 3.12 counts calls from C, of which it allows 500; no stack is too small for those.
COUNTS = pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="the interpreter's own limit comes first")
# In 3.10 a call by vectorcall with names takes a frame more; without a GIL the interpreter's frames
# are larger.
HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
BYTES = 1920 if not HAS_GIL else 1536 if sys.version_info >= (3, 11) else 1664


@COUNTS
def test_a_level_of_recursion_takes_little_of_the_stack() -> None:
    run(stack.a_level_of_recursion_takes_little_of_the_stack, BYTES)


def test_the_interpreters_own_test_of_recursion() -> None:
    """As `test_lru_recursion` of CPython 3.13 has it, with its numbers."""
    run(stack.the_interpreters_own_test_of_recursion)
