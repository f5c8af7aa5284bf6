"""Keys and values whose methods call the cache, and garbage collections, while threads compute and wait."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from typing import Any

from tests.support import keys
from tests.support.calling import Call, Gate, quiet, results, until, waiting
from tests.support.constant import cached_each
from versioned_lru_cache import Versioned, versioned_lru_cache


def garbage_collections_while_threads_compute_and_wait(generation: int) -> None:
    class Cyclic:
        def __init__(self, x):
            self.x, self.me = x, self

        def __hash__(self):
            return self.x

        def __eq__(self, other):
            return isinstance(other, Cyclic) and self.x == other.x

        def __del__(self):
            f.cache_contains(self)

    gate = Gate()

    @cached_each(maxsize=2)
    def f(x):
        if x.x == 0:
            gate.stop()
        return Cyclic(x.x)

    leader = Call(f, Cyclic(0))
    gate.wait()
    waiters = waiting(4, f, Cyclic(0))
    for x in range(1, 50):
        f(Cyclic(x))
        gc.collect(generation)
    assert all(waiter.is_alive() for waiter in waiters)
    gate.open()
    value = leader.result()
    assert all(other is value for other in results(waiters))
    quiet()
    f.cache_clear()
    gc.collect()


def what_nobody_needs_any_more_is_collected_though_it_was_waited_for() -> None:
    class Thing:
        pass

    gate, g = Gate(), {}

    @versioned_lru_cache(lambda: 1, session=g)  # not of the arguments: the session would remember those
    def f(x):
        gate.stop()
        return Thing()

    def made():
        key = Thing()
        leader = Call(f, key)
        gate.wait()
        value = [leader, *waiting(3, f, key)]
        gate.open()
        found = {id(one) for one in results(value)}
        assert len(found) == 1
        return weakref.ref(key), weakref.ref(leader.value)

    key, value = made()
    f.cache_clear()
    quiet()
    gc.collect()
    assert key() is None
    assert value() is None


def keys_that_call_the_cache_during_a_flight(method: str, bound: dict[str, Any]) -> None:
    gate, local = Gate(), threading.local()

    def meddle():
        if getattr(local, "busy", False):
            return
        local.busy = True
        try:
            f(0)
            f(Key(7))
            f.cache_info()
            f.cache_contains(Key(1))
            f.cache_peek(Key(1))
            f.cache_invalidate(Key(2))
            f.cache_put(Versioned("put", 1), Key(3))
        finally:
            local.busy = False

    class Key(keys.Key):
        base = 5

        def hashed(self):
            if method == "__hash__":
                meddle()

        def compared(self):
            if method == "__eq__":
                meddle()

    @cached_each(**bound)
    def f(x):
        n = x.n if isinstance(x, Key) else x
        if n == 1 and not gate.opened.is_set():
            gate.stop()
        return n

    leader = Call(f, Key(1))
    gate.wait()
    others = [Call(f, Key(n)) for n in (2, 4, 5)]
    assert results(others) == [2, 4, 5]
    same = [Call(f, Key(1)) for _ in range(3)]
    gate.open()
    assert results([leader, *same]) == [1] * 4
    quiet()


def an_equality_that_waits_for_the_flight_it_is_compared_with() -> None:
    gate, local = Gate(), threading.local()

    class Key(keys.Key):
        def compared(self):
            if not getattr(local, "busy", False):
                local.busy = True
                try:
                    f(first)
                finally:
                    local.busy = False

    first = Key(1)

    @cached_each()
    def f(x):
        if x.n == 1:
            gate.stop()
        return [x.n]

    def compares(waiter):
        return sys._current_frames()[waiter.ident].f_code is Key.compared.__code__

    leader = Call(f, first)
    gate.wait()
    waiters = [Call(f, Key(2)) for _ in range(3)]
    for waiter in waiters:
        until(lambda waiter=waiter: compares(waiter), "the wait within the lookup")
    gate.open()
    assert results(waiters) == [[2]] * 3
    assert leader.result() == [1]
    quiet()


def a_value_whose_destructor_calls_the_cache_while_it_is_replaced() -> None:
    version, gate = [0], Gate()

    class Value:
        def __init__(self, x):
            self.x = x

        def __del__(self):
            if self.x < 100:
                f(self.x + 100)
                f(self.x + 101)

    @versioned_lru_cache(lambda x: version[0] if x < 100 else 0, maxsize=3)
    def f(x):
        if version[0] == 1 and x == 1 and not gate.opened.is_set():
            gate.stop()
        return Value(x)

    for x in range(3):
        f(x)
    version[0] = 1
    leader = Call(f, 1)
    gate.wait()
    waiters = waiting(3, f, 1)
    for x in range(10, 20):
        f(x)
    gate.open()
    value = leader.result()
    assert all(other is value for other in results(waiters))
    assert f.cache_info().currsize <= 3
    quiet()


def a_destructor_that_wants_what_its_own_thread_computes() -> None:
    runs = []

    class Sneaky:
        def __init__(self):
            self.me = self

        def __del__(self):
            runs.append("destroyed")
            assert f(1)[0] == 1

    @cached_each()
    def f(x):
        runs.append("run")
        if len(runs) == 1:
            Sneaky()
            gc.collect()
        return [x, len(runs)]

    assert f(1)[0] == 1
    assert runs == ["run", "destroyed", "run"]
    quiet()


def a_destructor_that_takes_its_time_when_the_traceback_of_a_failure_is_set_back() -> None:
    class Slow:
        def __del__(self):
            time.sleep(0.001)

    gate = Gate()

    @cached_each()
    def f(x):
        gate.stop()
        raise OSError("down")

    def call():
        _slow = Slow()
        f(1)

    def caller():
        try:
            call()
        except OSError:
            failed.append(1)

    def waits(thread):
        return sys._current_frames()[thread.ident].f_code is call.__code__

    failed, callers = [], [threading.Thread(target=caller, daemon=True) for _ in range(20)]
    Call(f, 1)
    gate.wait()
    for one in callers:
        one.start()
    until(lambda: all(waits(one) for one in callers), "the waits")
    gate.open()
    quiet()
    assert len(failed) == 20
