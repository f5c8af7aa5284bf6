"""The interpreter ends while daemon threads are in code that the library called, again and again in forks."""

from __future__ import annotations

import asyncio
import enum
import faulthandler
import gc
import itertools
import os
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.constant import cached
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 10
THREADS = 4


class Flag:
    """An event that has no lock.

    Without a GIL what other threads let go of is finalized by the thread that made it, in the middle of any code of
    that (CPython's Python/brc.c), so also while it has the lock of an Event in another finalizer.
    """

    risen = False

    def set(self):
        self.risen = True

    def is_set(self):
        return self.risen

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while not self.risen and time.monotonic() < end:
            time.sleep(0.001)
        return self.risen


main_thread = threading.get_ident()
reached = Flag()
until_the_end: list[object] = []


def stay(*_, here=threading.get_ident, main=main_thread, reached=reached, sleep=time.sleep):
    """Never returns, but in the main thread, which finalizes what is left."""
    while here() != main:
        reached.set()
        sleep(0.001)


class Slow:
    """Dies slowly, so that the threads come back to an interpreter that is ending."""

    def __del__(self, sleep=time.sleep):
        sleep(0.1)


def fork() -> None:
    """Returns in each of the forks only. The process that forked ends well if all of them do."""
    faulthandler.cancel_dump_traceback_later()  # its thread would be missing in a fork
    runs = []
    while len(runs) < RUNS:
        if not (process := os.fork()):
            return
        runs.append(process)
    deadline = time.monotonic() + 30
    codes: list[object] = []
    for process in runs:
        while not (done := os.waitpid(process, os.WNOHANG))[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        if not done[0]:
            os.kill(process, 9)
        codes.append(os.waitstatus_to_exitcode(done[1]) if done[0] else "hangs")
    sys.exit(0 if codes == [0] * RUNS else str(codes))


def end_while_threads(work: Callable[[], None]) -> None:
    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    assert reached.wait(20)
    until_the_end.extend([Slow(), work])


def the_hash_of_an_argument():
    class Argument:
        __hash__ = stay

    @cached(session={})
    def f(x):
        return x

    return lambda: f(Argument())


def the_equality_of_an_argument():
    class Argument:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            stay()

    @cached(session={})
    def f(x):
        return x

    f(Argument())
    return lambda: f(Argument())


def the_finalizer_of_a_value():
    class Value:
        __del__ = stay

    @cached(maxsize=1, session={})
    def f(x):
        return Value()

    def work():
        for n in range(3):
            f((n, threading.current_thread()))

    return work


def a_finalizer_that_the_collector_calls():
    class Circle:
        def __init__(self):
            self.own = self

        __del__ = stay

    @cached(session={})
    def f(x):
        return [x]

    def work():
        gc.disable()
        circles = [Circle()]
        del circles
        gc.enable()
        gc.set_threshold(1)
        while not reached.is_set():  # one of them collects
            f((time.monotonic(), threading.current_thread()))

    return work


def a_version_function():
    @versioned_lru_cache(lambda thread, stay=stay: stay(thread))
    def f(x):
        return x

    return lambda: f(threading.current_thread())


def the_function_itself():
    @cached()
    def f(x):
        stay()

    return lambda: f(threading.current_thread())


def a_mappings_get():
    class Place:
        get = stay

        def setdefault(self, key, value):
            return value

    @cached(session=Place())
    def f(x):
        return x

    return lambda: f(1)


def a_mappings_setdefault():
    class Place:
        def get(self, key):
            return None

        setdefault = stay

    @cached(session=Place())
    def f(x):
        return x

    return lambda: f(1)


def a_key_function():
    @cached(key=stay)
    def f(x):
        return x

    return lambda: f(1)


def a_cache_if():
    @cached(cache_if=stay)
    def f(x):
        return x

    return lambda: f(threading.current_thread())


def a_coroutine_that_is_awaited():
    @cached()
    async def f(x):
        await asyncio.sleep(0)
        stay()

    return lambda: asyncio.run(f(1))


def a_loop_that_goes_on():
    @cached(session={})
    async def f(x):
        reached.set()
        for _ in itertools.count():
            await asyncio.sleep(0.001)

    return lambda: asyncio.run(f(1))


# What the threads are in when the interpreter ends.
PLACES: dict[str, Callable[[], Callable[[], None]]] = {
    "the hash of an argument": the_hash_of_an_argument,
    "the equality of an argument": the_equality_of_an_argument,
    "the finalizer of a value": the_finalizer_of_a_value,
    "a finalizer that the collector calls": a_finalizer_that_the_collector_calls,
    "a version function": a_version_function,
    "the function itself": the_function_itself,
    "a mapping's get": a_mappings_get,
    "a mapping's setdefault": a_mappings_setdefault,
    "key=": a_key_function,
    "cache_if=": a_cache_if,
    "a coroutine that is awaited": a_coroutine_that_is_awaited,
    "a loop that goes on": a_loop_that_goes_on,
}


@dataclass(frozen=True)
class Point:
    x: int


MEMBERS = list(enum.Enum("Color", [f"c{n}" for n in range(20)]))
# Classes that people use as arguments: what the threads are in, chance says.
ARGUMENTS: dict[str, Callable[[int], Any]] = {
    "UUIDs": lambda n: uuid.UUID(int=n),
    "members of an Enum": MEMBERS.__getitem__,
    "frozen dataclasses": Point,
}


def threads_that_stay_somewhere_are_left_there(place: str) -> None:
    fork()
    end_while_threads(PLACES[place]())


def threads_that_call_all_the_time_are_left_where_they_are(arguments: str) -> None:
    fork()
    make = ARGUMENTS[arguments]
    sys.setswitchinterval(1e-5)

    @cached(session={})
    def f(x):
        return x

    def work():
        reached.set()
        while True:
            for n in range(20):
                f(make(n))

    end_while_threads(work)
