"""Promise 8: how deep a cached function may call itself, by the C stack that each level takes."""

from __future__ import annotations

import sys

import pytest

from tests.support.child import PRELUDE, run

pytestmark = pytest.mark.child


# CPython 3.12 counts calls from C, of which it allows 500; no stack is too small for those.
COUNTS = pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="the interpreter's own limit comes first")
# In 3.10 a call by vectorcall with names takes a frame more; without a GIL the interpreter's frames
# are larger.
HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
BYTES = 1920 if not HAS_GIL else 1536 if sys.version_info >= (3, 11) else 1664


@COUNTS
def test_a_level_of_recursion_takes_little_of_the_stack() -> None:
    run(
        PRELUDE
        + f"BYTES = {BYTES}"
        + """
sys.setrecursionlimit(1_000_000)

def levels(kibibytes):
    reached = []

    def descend():
        depth = 0

        @cached(maxsize=None)
        def f(level):
            nonlocal depth
            depth = level
            return f(level + 1)

        try:
            f(0)
        except RecursionError:
            reached.append(depth)

    threading.stack_size(kibibytes * 1024)
    thread = threading.Thread(target=descend)
    thread.start()
    thread.join()
    return reached[0]

# The smaller first: a stack that is larger than asked for may be used again.
shallow = levels(1024)
deep = levels(2048)
a_level = 1024 * 1024 / (deep - shallow)
assert a_level <= BYTES, f"{a_level:.0f} bytes"
"""
    )


def test_the_interpreters_own_test_of_recursion() -> None:
    """As `test_lru_recursion` of CPython 3.13 has it, with its numbers."""
    run(
        PRELUDE
        + """
@cached(maxsize=None)
def fib(n):
    if n <= 1:
        return n
    return fib(n - 1) + fib(n - 2)

depth = 10_000 * 2 // 7 if sys.version_info[:2] != (3, 12) else 490  # what functools reaches there
sys.setrecursionlimit(2 * depth + 200)
fib(depth)
"""
    )
