"""Promise 8: the interpreter ends while daemon threads are in code that the library called."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.child import PRELUDE, run

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each run is a fork, since a start takes longer than a run"),
]

RUNS = 10
THREADS = 4
BEGIN = (
    PRELUDE
    + f"""
import asyncio, enum, faulthandler, os, time, uuid
from dataclasses import dataclass

faulthandler.cancel_dump_traceback_later()  # its thread would be missing in a fork
runs = []
while len(runs) < {RUNS}:
    if not (process := os.fork()):
        break
    runs.append(process)
else:
    deadline = time.monotonic() + 30
    codes = []
    for process in runs:
        while not (done := os.waitpid(process, os.WNOHANG))[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        if not done[0]:
            os.kill(process, 9)
        codes.append(os.waitstatus_to_exitcode(done[1]) if done[0] else "hangs")
    sys.exit(0 if codes == [0] * {RUNS} else str(codes))

class Flag:
    # No Event, which has a lock: without a GIL what other threads let go of is finalized by the thread that made it, in
    # the middle of any code of that (CPython's Python/brc.c), so also while it has the lock in another finalizer.
    risen = False

    def set(self):
        self.risen = True

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while not self.risen and time.monotonic() < end:
            time.sleep(0.001)
        return self.risen

reached = Flag()

def stay(*_, here=threading.get_ident, main=threading.get_ident(), reached=reached, sleep=time.sleep):
    while here() != main:  # which finalizes what is left
        reached.set()
        sleep(0.001)

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(0.1)  # so that the threads come back to an interpreter that is ending

"""
)
END = f"""
for _ in range({THREADS}):
    threading.Thread(target=work, daemon=True).start()
assert reached.wait(20)
slow = Slow()
"""

# What the threads are in when the interpreter ends.
PLACES = {
    "the hash of an argument": """
class Argument:
    __hash__ = stay

@cached(session={})
def f(x): return x

def work():
    f(Argument())
""",
    "the equality of an argument": """
class Argument:
    def __hash__(self): return 1
    def __eq__(self, other): stay()

@cached(session={})
def f(x): return x

f(Argument())

def work():
    f(Argument())
""",
    "the finalizer of a value": """
class Value:
    __del__ = stay

@cached(maxsize=1, session={})
def f(x): return Value()

def work():
    for n in range(3):
        f((n, threading.current_thread()))
""",
    "a finalizer that the collector calls": """
class Circle:
    def __init__(self): self.own = self
    __del__ = stay

@cached(session={})
def f(x): return [x]

def work():
    gc.disable()
    circles = [Circle()]
    del circles
    gc.enable()
    gc.set_threshold(1)
    while not reached.is_set():  # one of them collects
        f((time.monotonic(), threading.current_thread()))
""",
    "a version function": """
@versioned_lru_cache(stay)
def f(x): return x

def work():
    f(threading.current_thread())
""",
    "the function itself": """
@cached()
def f(x): stay()

def work():
    f(threading.current_thread())
""",
    "a mapping's get": """
class Place:
    get = stay
    def setdefault(self, key, value): return value

@cached(session=Place())
def f(x): return x

def work():
    f(1)
""",
    "a mapping's setdefault": """
class Place:
    def get(self, key): return None
    setdefault = stay

@cached(session=Place())
def f(x): return x

def work():
    f(1)
""",
    "key=": """
@cached(key=stay)
def f(x): return x

def work():
    f(1)
""",
    "cache_if=": """
@cached(cache_if=stay)
def f(x): return x

def work():
    f(threading.current_thread())
""",
    "a coroutine that is awaited": """
@cached()
async def f(x):
    await asyncio.sleep(0)
    stay()

def work():
    asyncio.run(f(1))
""",
    "a loop that goes on": """
@cached(session={})
async def f(x):
    reached.set()
    while True:
        await asyncio.sleep(0.001)

def work():
    asyncio.run(f(1))
""",
}
# Classes that people use as arguments: what the threads are in, chance says.
ARGUMENTS = {
    "UUIDs": "make = lambda n: uuid.UUID(int=n)",
    "members of an Enum": """
Color = enum.Enum("Color", [f"c{n}" for n in range(20)])
members = list(Color)
make = members.__getitem__
""",
    "frozen dataclasses": """
@dataclass(frozen=True)
class Point:
    x: int
make = Point
""",
}
BUSY = """
sys.setswitchinterval(1e-5)

@cached(session={})
def f(x): return x

def work():
    reached.set()
    while True:
        for n in range(20):
            f(make(n))
"""


@pytest.mark.parametrize("place", PLACES)
def test_threads_that_stay_somewhere_are_left_there(place: str) -> None:
    if "collector" in place and not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.skip("without a GIL no collection begins while a function is called")
    run(BEGIN + PLACES[place] + END)


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_threads_that_call_all_the_time_are_left_where_they_are(arguments: str) -> None:
    run(BEGIN + ARGUMENTS[arguments] + BUSY + END)
