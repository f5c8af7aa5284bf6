"""Computations in threads that need each other, or themselves."""

from __future__ import annotations

import sys
import threading
from typing import Any

from tests.support.calling import MINE, Call, Gate, quiet, results, until, waiting
from tests.support.constant import cached_each
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.testing import is_validating

# Ways through the code: asked at each call or once, stored or not, keys made by Python.
BOUND: dict[str, dict[str, Any]] = {
    "": {},
    "session={}": {"session": {}},
    "maxsize=0": {"maxsize": 0},
    "maxsize=1": {"maxsize": 1},
    "key=lambda *args: args": {"key": lambda *args: args},
}


def recursion_while_others_wait(bound: str) -> None:
    gate, depth = Gate(), 0

    @cached_each(**BOUND[bound])
    def f(x):
        nonlocal depth
        depth += 1
        if depth == 1:
            gate.stop()
        return f(x) if depth < 5 else [depth]

    leader = Call(f, 1)
    gate.wait()
    waiters = waiting(3, f, 1)
    gate.open()
    assert leader.result() == [5]
    assert all(value == [5] for value in results(waiters))
    assert depth == 5
    quiet()


def a_circle_of_keys(bound: str, n: int) -> None:
    together, runs = threading.Barrier(n), []
    outer = threading.local()

    @cached_each(**BOUND[bound])
    def f(x):
        runs.append(x)
        if over or getattr(outer, "is_inside", False):
            return [x]
        outer.is_inside = True
        together.wait(20)
        return [x, f((x + 1) % n)]

    over = False

    made = [Call(f, x) for x in range(n)]
    found = results(made)
    assert [value[0] for value in found] == list(range(n))
    # One thread had to compute itself what another was computing. The others waited for each other's.
    assert len(runs) == n + 1, runs
    quiet()
    over = True
    assert [f(x)[0] for x in range(n)] == list(range(n))


def a_circle_of_functions_with_sessions_of_their_own(n: int) -> None:
    together, runs = threading.Barrier(n), []
    outer = threading.local()

    def make(number):
        @versioned_lru_cache(lambda: 1, session=[None, MINE][number % 2])
        def f():
            runs.append(number)
            if getattr(outer, "is_inside", False):
                return [number]
            outer.is_inside = True
            together.wait(20)
            return [number, functions[(number + 1) % n]()]

        return f

    functions = [make(number) for number in range(n)]
    made = [Call(f, session={}) for f in functions]
    assert [value[0] for value in results(made)] == list(range(n))
    assert len(runs) == n + 1, runs
    quiet()


def a_circle_of_version_functions_in_one_session(n: int) -> None:
    together, asked = threading.Barrier(n), []
    outer = threading.local()
    g = {}

    def make(number):
        def version():
            if not is_validating():  # what the version of each rests on may be asked about once more
                asked.append(number)
            if not getattr(outer, "is_inside", False):
                outer.is_inside = True
                together.wait(20)
                functions[(number + 1) % n]()
            return 1

        return versioned_lru_cache(version, session=g)(lambda: [number])

    functions = [make(number) for number in range(n)]
    assert results([Call(f) for f in functions]) == [[number] for number in range(n)]
    # Once more where a wait would close a circle: of the version functions, or with those that are asked for a
    # validation.
    assert n < len(asked) <= 2 * n, asked
    quiet()


def a_circle_of_a_version_function_and_a_function() -> None:
    together, g = threading.Barrier(2), {}
    outer = threading.local()

    def meet(call):
        if not getattr(outer, "is_inside", False):
            outer.is_inside = True
            together.wait(20)
            call()

    def version():
        meet(lambda: plain(1))
        return 1

    @versioned_lru_cache(version, session=g)
    def versioned(x):
        return [x]

    @cached_each()
    def plain(x):
        meet(lambda: versioned(x))
        return [x]

    assert results([Call(versioned, 1), Call(plain, 1)]) == [[1], [1]]
    quiet()


def two_circles_that_share_a_thread() -> None:
    ready = threading.Barrier(3)
    outer = threading.local()

    @cached_each()
    def f(x):
        if getattr(outer, "is_inside", False):
            return {x}
        outer.is_inside = True
        ready.wait(20)
        return {x} | (f(1) | f(2) if x == 0 else f(0))

    found = results([Call(f, x) for x in range(3)])
    assert all(x in value for x, value in enumerate(found)), found
    quiet()


def others_may_wait_for_a_thread_in_a_circle() -> None:
    ready, gate = threading.Barrier(2), Gate()
    outer = threading.local()

    @cached_each()
    def f(x):
        if getattr(outer, "is_inside", False):
            return [x]
        outer.is_inside = True
        if x == 0:
            gate.stop()
        ready.wait(20)
        return [x, f(1 - x)[0]]

    a, b = Call(f, 0), Call(f, 1)
    gate.wait()
    waiters = [*waiting(3, f, 0), *waiting(3, f, 1)]
    gate.open()
    assert a.result() == [0, 1]
    assert b.result() == [1, 0]
    assert [value[0] for value in results(waiters)] == [0] * 3 + [1] * 3
    quiet()


def a_greenlet_that_wants_what_another_of_its_thread_computes(bound: dict[str, Any]) -> None:
    import greenlet

    runs = []

    @cached_each(**bound)
    def f(x):
        runs.append(x)
        if len(runs) == 1:
            main.switch("first")
        return [x, len(runs)]

    main = greenlet.getcurrent()
    first, second = greenlet.greenlet(lambda: f(1)), greenlet.greenlet(lambda: f(1))
    assert first.switch() == "first"
    other = second.switch()
    assert other == [1, 2], "it computes by itself"
    assert f(1) is other
    assert first.switch() == [1, 2]
    assert runs == [1, 1]
    quiet()


def a_greenlet_that_wants_what_waits_for_another_of_its_thread() -> None:
    import greenlet

    runs = []

    @cached_each()
    def f(x):
        runs.append(x)
        if x == 1 and runs.count(1) == 1:
            main.switch()
        return [x, f(1)] if x == 2 else [x]

    main = greenlet.getcurrent()
    first = greenlet.greenlet(lambda: f(1))
    first.switch()
    other = Call(f, 2)
    until(lambda: 2 in runs)
    until(lambda: sys._current_frames()[other.ident].f_code is f.__wrapped__.__code__)
    assert greenlet.greenlet(lambda: f(2)).switch() == [2, [1]]
    first.switch()
    assert other.result() == [2, [1]]
    quiet()
