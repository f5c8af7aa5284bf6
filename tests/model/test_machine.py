"""The package and the model live through the same random days, and an oracle watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.model.model_side import ModelSide
from tests.model.oracle import Terms
from tests.model.real_side import RealSide
from tests.model.sides import KEYS, PLACES, VERSIONS, Action

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")

# Name, version function, session. Some share a version function; two version functions read the same part of the world.
FUNCTIONS = [
    ("plain", "x", "current"),
    ("sharer", "x", "var"),
    ("builder", "also x", "current"),
    ("other", "y", "var"),
    ("each", "each", "current"),
    ("first", "x", "first"),
    ("constant", "constant", "current"),
    ("typed", "y", "current"),
    ("picky", "also x", "var"),
    ("ambient", "x", "ambient"),
]
MOST = 3  # functions and keys in one world: few, so that they meet

functions = keys = st.integers(0, MOST - 1)
versions = st.integers(0, len(VERSIONS) - 1)
places = st.integers(0, PLACES - 1)
seconds = st.integers(1, 4)
sizes = st.sampled_from([2, 1, 3, 2, 1, None, 0])
ttls = st.sampled_from([None, None, 3, 6])

changes = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(["x", "x", "y"]), versions),
    st.tuples(st.just("change"), st.just("each"), versions, keys),
)
# What a function may do while it runs. `None` for function and key: what runs just now.
small_acts = st.one_of(
    st.tuples(st.just("call"), functions, keys),
    st.tuples(st.just("call"), functions, keys),
    st.just(("call", None, None)),
    changes,
    st.tuples(st.just("invalidate"), functions, keys),
    st.just(("invalidate", None, None)),
    st.tuples(st.just("clear"), st.none() | functions),
    st.tuples(st.just("put"), functions, keys, versions),
    st.tuples(st.just("put"), st.none(), st.none(), versions),
    st.tuples(st.just("advance"), seconds),
    st.tuples(st.just("switch"), st.none() | places),
    st.tuples(st.just("renew"), places),
    st.just(("raise",)),
)
small_scripts = st.lists(small_acts, max_size=3).map(tuple)
acts = st.one_of(
    small_acts,
    st.tuples(st.just("call"), functions, keys, small_scripts),
    st.tuples(st.just("call"), st.none(), st.none(), small_scripts),
)
scripts = st.lists(acts, min_size=1, max_size=3).map(tuple)
sessions = st.one_of(
    st.tuples(st.just("renew"), places),
    st.tuples(st.just("end"), places),
    st.tuples(st.just("enter"), st.none() | places),
    st.just(("leave",)),
)
tampering = st.one_of(
    st.tuples(st.just("call"), functions, keys, st.just(()), st.just(True)),  # its version function fails
    st.tuples(st.just("invalidate"), functions, keys),
    st.tuples(st.just("clear"), functions),
    st.tuples(st.just("put"), functions, keys, versions),
)
# Calls in changing sessions, one after the other.
visits = st.lists(st.tuples(st.none() | places, functions, keys), min_size=2, max_size=6)


class Machine(RuleBasedStateMachine):
    """Each rule is one action on both sides, or a few; after each step all that can be seen must be the same."""

    side: type[RealSide] = RealSide
    real: RealSide
    model: ModelSide

    @initialize(
        chosen=st.lists(st.sampled_from(FUNCTIONS), min_size=2, max_size=MOST, unique=True),
        keys=st.lists(st.sampled_from(KEYS), min_size=2, max_size=MOST, unique=True),
        sizes=st.lists(sizes, min_size=MOST, max_size=MOST),
        ttls=st.lists(ttls, min_size=MOST, max_size=MOST),
    )
    def begin(
        self,
        chosen: list[tuple[str, str, str]],
        keys: list[Callable[[], Hashable]],
        sizes: list[int | None],
        ttls: list[float | None],
    ) -> None:
        functions = [
            Terms(name, version, session, maxsize, ttl, typed=name == "typed", picky=name == "picky")
            for (name, version, session), maxsize, ttl in zip(chosen, sizes, ttls, strict=False)
        ]
        self.real, self.model = self.side(functions, keys), ModelSide(functions, keys)

    def both(self, *action: object) -> None:
        self.real.act(action)
        self.model.act(action)

    @rule(function=functions, key=keys)
    def call(self, function: int, key: int) -> None:
        self.both("call", function, key)

    @rule(function=functions, key=keys, script=scripts)
    def call_what_is_busy(self, function: int, key: int, script: tuple[Action, ...]) -> None:
        self.both("call", function, key, script)

    @rule(visits=visits)
    def visit(self, visits: list[tuple[int | None, int, int]]) -> None:
        for place, function, key in visits:
            self.both("switch", place)
            self.both("call", function, key)

    @rule(function=functions, key=keys, inner=functions, again=keys, version=versions)
    def read_then_change_then_build(self, function: int, key: int, inner: int, again: int, version: int) -> None:
        self.both("call", inner, again)
        self.both("change", "x", version)
        self.both("call", function, key, (("call", inner, again),))

    @rule(action=changes)
    def change(self, action: Action) -> None:
        self.both(*action)

    @rule(by=seconds)
    def advance(self, by: int) -> None:
        self.both("advance", by)

    @rule(place=st.none() | places)
    def switch(self, place: int | None) -> None:
        self.both("switch", place)

    @rule()
    def rest(self) -> None:
        """While nothing changes, what has run once does not run again in another session (promise 11)."""
        for again in (False, True):
            self.both("switch", 0)
            self.both("end", 0)
            self.both("enter", None)
            begun = len(self.real.log)
            for function in range(len(self.real.functions)):
                for key in range(len(self.real.keys)):
                    self.both("call", function, key, (("call", function + 1, key),))
            runs = {what[1] for what in self.real.log[begun:] if again and what[0] == "run"}
            self.both("leave")
            lasting = {terms.name for terms in self.real.functions if self.lasts(terms)}
            assert not runs & lasting, f"promise 11: {runs & lasting} ran twice"

    def lasts(self, terms: Terms) -> bool:
        """Whether a function stores all that it makes, for good."""
        large = terms.maxsize is None or terms.maxsize >= len(self.real.keys)
        return large and terms.ttl is None and not terms.picky

    @rule(action=sessions)
    def turn(self, action: Action) -> None:
        self.both(*action)

    @rule(action=tampering)
    def tamper(self, action: Action) -> None:
        self.both(*action)

    @invariant()
    def both_saw_the_same(self) -> None:
        if hasattr(self, "real"):
            assert self.real.log == self.model.log
            self.real.log.clear()
            self.model.log.clear()

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        if hasattr(self, "real"):
            for terms in self.real.functions:
                self.compare(terms)

    def compare(self, terms: Terms) -> None:
        counts = self.real.counts(terms.name)
        assert counts == self.model.counts(terms.name), terms.name
        assert terms.maxsize is None or (counts["currsize"] or 0) <= terms.maxsize
        for make in self.real.keys:
            real, model = self.real.peek(terms.name, make()), self.model.peek(terms.name, make())
            assert (real is None) == (model is None), (terms.name, make())
            if real and model:
                assert (real[0].number, real[1]) == (model[0].number, model[1]), (terms.name, make())
            self.real.judge_stored(terms, make())

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.close()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    stateful_step_count=50,
    report_multiple_bugs=False,  # one failure leads to many, and each is reduced for minutes
    suppress_health_check=[HealthCheck.too_slow],  # whole days are drawn: that is more than is expected of one input
)
