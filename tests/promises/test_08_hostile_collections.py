"""Promise 8: the garbage collector comes where it is least expected, and what it finalizes uses the cache."""

from __future__ import annotations

import pytest

from tests.support.child import PRELUDE, run

pytestmark = pytest.mark.child


def test_a_finalizer_that_calls_the_cache_while_a_call_begins() -> None:
    """Before 3.12 the collector runs in the midst of an allocation, here in each of a call's in turn."""
    run(
        PRELUDE
        + """
from contextvars import ContextVar

others = [ContextVar(str(number)) for number in range(12)]  # as frameworks have them
for other in others:
    other.set(1)
ended, kept = 0, []

@versioned_lru_cache("constant", maxsize=2)
def f(number):
    return number

class Value:
    def __init__(self):
        self.cycle = self
    def __del__(self):
        global ended
        ended += 1
        f(ended)
        kept.extend([ended] * 100 for _ in range(4))

f(0)
for lap in range(1, 50):
    for allocation in range(8):
        Value()
        gc.set_threshold(gc.get_count()[0] + allocation)
        f(-8 * lap - allocation)
        gc.set_threshold(700)
        gc.collect()
assert ended == 8 * 49
""",
        PYTHONMALLOC="debug",
    )


META = """
class Meta(type):
    def __getattribute__(cls, name):
        if name == "setdefault":
            meddle()
        return super().__getattribute__(name)

class Place(metaclass=Meta):
    def get(self, *args): pass
    def setdefault(self, *args): pass

def decorate():
    return versioned_lru_cache(lambda: 0, session=Place())(lambda a: a)
"""


def test_a_collection_while_a_function_is_decorated() -> None:
    run(
        PRELUDE
        + META
        + """
kept, ahead = [], 0

def meddle():
    kept.append([{} for _ in range(300)])
    gc.collect()
    gc.enable()
    kept.append([[] for _ in range(ahead)])

decorate()
gc.set_threshold(100, 1000, 1000)
for ahead in range(60, 110):
    decorate()
"""
    )


def test_a_collector_that_is_turned_off_meanwhile_stays_off() -> None:
    run(
        PRELUDE
        + META
        + """
looks = []

def meddle():
    looks.append(gc.isenabled())
    if len(looks) == 2:
        gc.disable()

decorate()
assert looks == [True, True], "it is on while other code runs"
assert not gc.isenabled()
gc.enable()
decorate()
assert gc.isenabled()
"""
    )
