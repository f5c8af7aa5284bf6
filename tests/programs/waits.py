"""Threads that wait for another's computation, whatever ends it or comes between."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from tests.support.calling import Call, Gate, main_waits, quiet, results, until, waiting
from tests.support.constant import cached_each
from tests.support.raising import raised
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class Stop(BaseException):
    """An exception that ends a thread."""


ENDS = {
    "raise SystemExit": SystemExit(),
    "raise KeyboardInterrupt": KeyboardInterrupt(),
    "sys.exit(3)": SystemExit(3),
    "raise Stop": Stop(),
}


def a_leader_that_ends_without_a_result_hands_over(end: str, bound: dict[str, Any]) -> None:
    gate, runs = Gate(), []

    @cached_each(**bound)
    def f(x):
        runs.append(x)
        if len(runs) == 1:
            gate.stop()
            raise ENDS[end]
        return [x, len(runs)]

    leader = Call(f, 1)
    gate.wait()
    waiters = waiting(4, f, 1)
    gate.open()
    leader.join(20)
    assert isinstance(leader.error, BaseException)
    assert not isinstance(leader.error, Exception)
    assert results(waiters) == [[1, 2]] * 4
    assert len(runs) == 2
    quiet()


def a_thread_that_is_killed_while_it_leads(times: int) -> None:
    runs = []

    class Killed(BaseException):
        pass

    @cached_each()
    def f(x):
        runs.append(threading.get_ident())
        while len(runs) <= times:
            time.sleep(0.001)
        return [x]

    made = [Call(f, 1)]
    until(lambda: runs)
    made += waiting(5, f, 1)
    for number in range(times):
        until(lambda number=number: len(runs) == number + 1)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(runs[-1]), ctypes.py_object(Killed)) == 1
        until(lambda number=number: len(runs) == number + 2)
    for call in made:
        call.join(20)
    assert sum(isinstance(call.error, Killed) for call in made) == times
    assert sum(call.value == [1] for call in made) == 6 - times
    assert len(runs) == times + 1
    quiet()


def an_exception_from_outside_reaches_a_thread_that_waits() -> None:
    gate = Gate()

    class Killed(BaseException):
        pass

    @cached_each()
    def f(x):
        gate.stop()
        return [x]

    leader = Call(f, 1)
    gate.wait()
    (waiter,) = waiting(1, f, 1)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(waiter.ident), ctypes.py_object(Killed))
    others = waiting(2, f, 1)
    gate.open()
    assert results([leader, *others]) == [[1]] * 3
    waiter.join(20)
    assert isinstance(waiter.error, Killed)
    quiet()
    assert f(1) == [1]


def ctrl_c_reaches_the_main_thread_that_waits(kind: str) -> None:
    gate, g = Gate(), {}

    def version():
        if kind == "version":
            gate.stop()
        return 1

    @versioned_lru_cache(version, session=g)
    def f(x):
        if kind == "result":
            gate.stop()
        return [x]

    leader = Call(f, 1)
    gate.wait()

    def wait_for_it():
        return f(1)

    sent = None

    def interrupt():
        nonlocal sent
        until(main_waits(wait_for_it))
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = Call(interrupt)
    raised(KeyboardInterrupt, wait_for_it)
    took = time.monotonic() - sent
    assert took < 2, took
    assert leader.is_alive(), "the leader goes on"
    waiters = waiting(2, f, 1)
    gate.open()
    assert results([leader, *waiters]) == [[1]] * 3
    interrupter.result()
    quiet()
    assert f(1) is leader.result()


def ctrl_c_ends_a_leader_in_the_main_thread_and_another_takes_over() -> None:
    runs, waiters = [], []

    @cached_each()
    def f(x):
        runs.append(threading.current_thread())
        while len(runs) == 1:
            time.sleep(0.001)
        return [x]

    def interrupt():
        until(lambda: runs)
        waiters.extend(waiting(3, f, 1))
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = Call(interrupt)
    raised(KeyboardInterrupt, f, 1)
    interrupter.result()
    assert results(waiters) == [[1]] * 3
    assert len(runs) == 2
    quiet()


def a_signal_handler_that_calls_the_cache_while_the_main_thread_waits() -> None:
    gate, called = Gate(), threading.Event()

    @cached_each()
    def f(x):
        if x == 1:
            gate.stop()
        return [x]

    def handler(*_):
        assert f(2) == [2]
        called.set()

    signal.signal(signal.SIGUSR1, handler)
    leader = Call(f, 1)
    gate.wait()

    def wait_for_it():
        return f(1)

    def interrupt():
        until(main_waits(wait_for_it))
        os.kill(os.getpid(), signal.SIGUSR1)
        assert called.wait(20)
        gate.open()

    interrupter = Call(interrupt)
    assert wait_for_it() is leader.result()
    interrupter.result()
    quiet()


def a_circle_that_closes_after_a_signal_handler_has_waited_itself() -> None:
    gates = {1: Gate(), 2: Gate()}

    @cached_each()
    def f(x):
        if x == 0:
            return [0, f(1)] if threading.current_thread() is threading.main_thread() else [0]
        gates[x].stop()
        return [x, f(0)[0]] if x == 1 else [x]

    def handler(*_):
        f(2)

    signal.signal(signal.SIGUSR1, handler)
    first, second = Call(f, 1), Call(f, 2)
    gates[1].wait()
    gates[2].wait()

    def direct():
        until(main_waits(f.__wrapped__))
        os.kill(os.getpid(), signal.SIGUSR1)
        until(main_waits(handler))
        gates[2].open()
        until(main_waits(f.__wrapped__))
        gates[1].open()

    director = Call(direct)
    assert f(0)[0] == 0
    assert first.result() == [1, 0]
    assert second.result() == [2]
    director.result()
    quiet()


def a_lock_that_the_leader_needs_is_bounded_by_wait() -> None:
    lock, inside = threading.Lock(), threading.Event()

    @cached_each(wait=0.05)
    def f(x):
        if threading.current_thread() is leader:
            inside.set()
            with lock:
                return "leader's"
        return "own"

    with lock:
        leader = threading.Thread(target=lambda: found.append(f(1)))
        found = []
        leader.start()
        assert inside.wait(20)
        assert f(1) == "own"
    leader.join(20)
    assert found == ["leader's"]
    assert f(1) == "leader's"
    quiet()


def a_pool_that_is_asked_for_what_its_asker_computes_is_bounded_by_wait() -> None:
    runs = []

    @cached_each(wait=0.05)
    def f(x):
        runs.append(x)
        return [x] if len(runs) > 1 else ["outer", pool.submit(f, x).result(20)]

    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result(20)
        assert f(1) == ["outer", [1]]
    assert f(1) == ["outer", [1]]
    assert runs == [1, 1]
    quiet()


# Ways to hand work on in a copy of the context. A pool's thread has one of its own accord on free-threaded builds.
INHERITING: dict[str, Callable[[Any, Any, int], Future[Any]]] = {
    "copy_context().run, f": lambda pool, f, x: pool.submit(copy_context().run, f, x),
}
if getattr(sys.flags, "thread_inherit_context", False):
    INHERITING["f"] = lambda pool, f, x: pool.submit(f, x)


def work_in_a_context_of_the_computation_does_not_wait_for_that(work: str) -> None:
    runs = []

    @cached_each()
    def f(x):
        runs.append(x)
        return [x] if len(runs) > 1 else ["outer", INHERITING[work](pool, f, x).result(20)]

    with ThreadPoolExecutor(1) as pool:
        assert f(1) == ["outer", [1]]
    assert f(1) == [1]
    assert runs == [1, 1]
    quiet()


def the_interpreter_ends_while_daemon_threads_wait() -> None:
    reached = threading.Event()

    @cached_each()
    def f(x):
        reached.set()
        time.sleep(3600)

    Call(f, 1)
    assert reached.wait(20)
    waiting(4, f, 1)
    atexit.register(time.sleep, 0.1)  # long enough for a waiter to look for signals
    print("done")


def the_interpreter_ends_while_a_daemon_thread_computes() -> None:
    reached = threading.Event()

    @cached_each()
    def f(x):
        reached.set()
        while True:
            time.sleep(0.001)

    class Slow:
        def __del__(self, sleep=time.sleep):
            sleep(0.1)  # so that the thread comes back to an interpreter that is ending

    Call(f, 1)
    assert reached.wait(20)
    sys.slow = Slow()
    print("done")
