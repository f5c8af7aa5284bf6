"""Instances that live shortly, each with a version of its own, in one session: the dead are forgotten."""

from __future__ import annotations

import gc
import sys
import time

import pytest

from versioned_lru_cache import session, versioned_lru_cache


class Thing:
    """Has a version of its own."""

    def __init__(self, number: int) -> None:
        self.number = number

    @versioned_lru_cache(lambda self, *args: self.number, maxsize=None)
    def one(self, *args: int) -> int:
        return self.number

    @versioned_lru_cache(lambda self, **kwargs: self.number, maxsize=None)
    def named(self, **kwargs: int) -> int:
        return self.number


def seconds(count: int) -> float:
    best = float("inf")
    for _ in range(3):
        with session():
            began = time.perf_counter()
            for number in range(count):
                thing = Thing(number)
                assert thing.one() == thing.one(1) == thing.named(a=1, b=2) == number
            best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.slow
@pytest.mark.thread_unsafe(reason="measures time")
def test_each_takes_as_long_however_many_there_were() -> None:
    ratios = []
    for _ in range(3):
        ratios.append(seconds(16_000) / seconds(2_000))
        if ratios[-1] <= 16:
            return
    raise AssertionError(ratios)


@pytest.mark.skipif(not hasattr(sys, "getallocatedblocks"), reason="counts blocks")
@pytest.mark.thread_unsafe(reason="counts blocks")
def test_a_session_holds_nothing_of_the_dead() -> None:
    with session():

        def live_and_die() -> int:
            for number in range(500):
                thing = Thing(10_000 + number)
                thing.one()
                thing.one(2)
                thing.named(a=1, b=2)
                del thing
            gc.collect()
            return sys.getallocatedblocks()

        live_and_die()
        before = live_and_die()
        assert live_and_die() - before < 500
