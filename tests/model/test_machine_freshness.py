"""The package and the model live through random days on which sources change, fail, lag and disagree."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.model.fresh_model_side import ModelSide
from tests.model.fresh_oracle import Terms
from tests.model.fresh_real_side import RealSide
from tests.model.fresh_sides import GIVES, KEYS, PLACES, SLOTS, Action, Target
from versioned_lru_cache import IMMUTABLE

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")

functions = st.integers(0, 1)
keys = st.sampled_from(KEYS)
slots = st.sampled_from(SLOTS)
places = st.integers(0, PLACES - 1)
seconds = st.sampled_from([1, 1, 2, 3, 5])
versions = st.sampled_from([3, 4, 4, 5, 2, IMMUTABLE])
# How long a result lives that is put.
told = st.sampled_from([None, None, None, 2, 0])
targets = st.builds(Target, st.sampled_from(["all", "function", "key", "where"]), functions, keys, st.booleans())
policies = st.lists(targets, max_size=2).map(tuple)

# What happens while a function runs.
acts = st.one_of(
    st.tuples(st.just("announce"), slots, versions),
    st.tuples(st.just("fail"), st.sampled_from([None, "down"])),
    st.tuples(st.just("advance"), seconds),
    st.tuples(st.just("switch"), st.none() | places),
    st.tuples(st.just("call"), functions, keys),
    st.tuples(st.just("refresh"), functions, keys),
    st.tuples(st.just("put"), functions, keys, versions, told),
    st.tuples(st.just("purge"), functions),
    st.tuples(st.just("invalidate"), functions, keys),
    st.tuples(st.just("clear"), functions),
    st.tuples(st.just("give"), functions, st.sampled_from(GIVES)),
    st.just(("behind",)),
)
scripts = st.lists(acts, min_size=1, max_size=3).map(tuple)


@st.composite
def terms(draw: Any) -> Terms:
    """Some options."""
    varies = draw(st.sampled_from([False, False, True]))
    ttl = None if varies else draw(st.sampled_from([None, 3, 5]))
    by_arguments = draw(st.booleans())
    stale_if_error = draw(st.sampled_from([None, None, 4, math.inf]))
    behind = draw(st.sampled_from([None, None, 4]))
    return Terms(
        "f",
        by_arguments=by_arguments,
        part=by_arguments and draw(st.booleans()),
        maxsize=draw(st.sampled_from([128, 128, 2, 1, None])),
        max_weight=draw(st.sampled_from([None, None, None, 2, 5])),
        ttl=ttl,
        varies=varies,
        verify=(varies or ttl is not None) and draw(st.booleans()),
        revalidates=draw(st.booleans()),
        stale_if_error=stale_if_error,
        retry_after=draw(st.sampled_from([1, 2, 0])) if stale_if_error or behind else 1,
        stale_while_revalidate=behind,
        retries=draw(st.sampled_from([0, 0, 0, 1, 2])),
        settle=draw(st.sampled_from([None, None, 2])),
        ordered=draw(st.sampled_from([False, False, True])),
    )


class Machine(RuleBasedStateMachine):
    """Each rule is one action on both sides, or a few; after each step all that can be seen must be the same."""

    side: type[RealSide] = RealSide
    real: RealSide
    model: ModelSide

    @initialize(one=terms(), other=terms())
    def begin(self, one: Terms, other: Terms) -> None:
        functions = [one, replace(other, name="g")]
        self.real, self.model = self.side(functions), ModelSide(functions)

    def both(self, *action: object) -> None:
        self.real.act(action)
        self.model.act(action)

    @rule(function=functions, key=keys)
    def call(self, function: int, key: int) -> None:
        self.both("call", function, key)

    @rule(function=functions, key=keys, script=scripts)
    def call_what_is_busy(self, function: int, key: int, script: tuple[Action, ...]) -> None:
        self.both("call", function, key, script)

    @rule(visits=st.lists(st.tuples(st.none() | places, functions, keys), min_size=2, max_size=5))
    def visit(self, visits: list[tuple[int | None, int, int]]) -> None:
        for place, function, key in visits:
            self.both("switch", place)
            self.both("call", function, key)

    @rule(slot=slots, version=versions)
    def announce(self, slot: int | None, version: object) -> None:
        self.both("announce", slot, version)

    @rule(how=st.sampled_from([None, None, "down", "down", "bug"]))
    def fail(self, how: str | None) -> None:
        self.both("fail", how)

    @rule(function=functions, gives=st.sampled_from(GIVES), first=st.lists(st.sampled_from(GIVES), max_size=2))
    def give(self, function: int, gives: str, first: list[str]) -> None:
        self.both("give", function, gives, tuple(first))

    @rule(by=seconds)
    def advance(self, by: int) -> None:
        self.both("advance", by)

    @rule(place=st.none() | places)
    def switch(self, place: int | None) -> None:
        self.both("switch", place)

    @rule(place=places, policy=policies, offline=st.sampled_from([False, False, False, True]))
    def open(self, place: int, policy: tuple[Target, ...], offline: bool) -> None:
        self.both("open", place, () if offline else policy, offline)
        self.both("switch", place)

    @rule(place=places)
    def close(self, place: int) -> None:
        self.both("close", place)

    @rule(function=functions, key=keys)
    def refresh(self, function: int, key: int) -> None:
        self.both("refresh", function, key)

    @rule(function=functions, key=keys, version=versions, told=told)
    def put(self, function: int, key: int, version: object, told: int | None) -> None:
        self.both("put", function, key, version, told)

    @rule(function=functions)
    def purge(self, function: int) -> None:
        self.both("purge", function)

    @rule(function=functions, key=keys)
    def invalidate(self, function: int, key: int) -> None:
        self.both("invalidate", function, key)

    @rule(function=functions)
    def clear(self, function: int) -> None:
        self.both("clear", function)

    @rule()
    def behind(self) -> None:
        self.both("behind")

    @invariant()
    def both_saw_the_same(self) -> None:
        if hasattr(self, "real"):
            assert self.real.log == self.model.log
            self.real.log.clear()
            self.model.log.clear()

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        if hasattr(self, "real"):
            assert self.real.waiting() == self.model.waiting()
            for place in range(PLACES):
                assert self.real.stale(place) == self.model.stale(place), place
            for terms in self.real.functions:
                self.compare(terms)

    def compare(self, terms: Terms) -> None:
        assert self.real.counts(terms.name) == self.model.counts(terms.name), terms.name
        for key in KEYS:
            real, model = self.real.peek(terms.name, key), self.model.peek(terms.name, key)
            assert (real is None) == (model is None), (terms.name, key)
            if real and model:
                assert (real[0].number, *real[1:]) == (model[0].number, *model[1:]), (terms.name, key)
            self.real.oracle.check_stored(terms, key, real, self.real.counts(terms.name)["evictions"])

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.end()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=500,
    stateful_step_count=40,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
