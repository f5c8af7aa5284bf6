"""Functions that call themselves as deep as the stack allows."""

from __future__ import annotations

import sys
import threading

from tests.support.constant import cached


def a_level_of_recursion_takes_little_of_the_stack(limit: int) -> None:
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
    assert a_level <= limit, f"{a_level:.0f} bytes"


def the_interpreters_own_test_of_recursion() -> None:
    @cached(maxsize=None)
    def fib(n):
        if n <= 1:
            return n
        return fib(n - 1) + fib(n - 2)

    depth = 10_000 * 2 // 7 if sys.version_info[:2] != (3, 12) else 490  # what functools reaches there
    sys.setrecursionlimit(2 * depth + 200)
    fib(depth)
