"""Garbage collections that come where they are least expected."""

from __future__ import annotations

import gc
from contextvars import ContextVar

from versioned_lru_cache import versioned_lru_cache


def a_finalizer_that_calls_the_cache_while_a_call_begins() -> None:
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
            nonlocal ended
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


class Looked(type):
    """A metaclass that does something whenever a class of its is asked for `setdefault`, as decorating does."""

    meddle = staticmethod(lambda: None)

    def __getattribute__(cls, name):
        if name == "setdefault":
            Looked.meddle()
        return super().__getattribute__(name)


class Place(metaclass=Looked):
    def get(self, *args):
        pass

    def setdefault(self, *args):
        pass


def decorate():
    return versioned_lru_cache(lambda: 0, session=Place())(lambda a: a)


def a_collection_while_a_function_is_decorated() -> None:
    kept, ahead = [], 0

    def meddle():
        kept.append([{} for _ in range(300)])
        gc.collect()
        gc.enable()
        kept.append([[] for _ in range(ahead)])

    Looked.meddle = meddle
    decorate()
    gc.set_threshold(100, 1000, 1000)
    while ahead < 109:
        ahead = max(ahead + 1, 60)
        decorate()


def a_collector_that_is_turned_off_meanwhile_stays_off() -> None:
    looks = []

    def meddle():
        looks.append(gc.isenabled())
        if len(looks) == 2:
            gc.disable()

    Looked.meddle = meddle
    decorate()
    assert looks == [True, True], "it is on while other code runs"
    assert not gc.isenabled()
    gc.enable()
    decorate()
    assert gc.isenabled()
