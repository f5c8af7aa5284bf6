"""Random days of one function whose results end and weigh: judged by what each result said, and by nothing else.

The oracle has no order of use and no queue. It knows of each call whether it ran, and of each result when it ends and
what it weighs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from versioned_lru_cache import NotStored, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")

KEYS = range(8)


@dataclass(frozen=True)
class Said:
    """What a result said of itself when it was made."""

    end: float
    weight: int


class Machine(RuleBasedStateMachine):
    """Each rule is one thing that a program may do."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = MockClock()
        self.clock = self.mock.__enter__()
        self.ran = False
        self.says: tuple[float | None, int] = (None, 0)
        # Of all results that were made and that nothing is known to have taken away.
        self.made: dict[int, Said] = {}

    @initialize(
        maxsize=st.sampled_from([None, 1, 3, 5]),
        max_weight=st.sampled_from([None, 6, 9]),
        ttl=st.sampled_from(["all", "each", "told"]),
        by_version=st.booleans(),
    )
    def begin(self, maxsize: int | None, max_weight: int | None, ttl: str, by_version: bool) -> None:
        self.maxsize, self.max_weight, self.ttl = maxsize, max_weight, ttl
        options: dict[str, Any] = {"maxsize": maxsize, "max_weight": max_weight}
        if max_weight is not None:
            options["weigh"] = lambda value: value[1]
        if ttl != "told":
            options["ttl"] = 4 if ttl == "all" else lambda value, key: value[0]

        def function(key: int) -> object:
            self.ran = True
            return Versioned(self.says, 1, ttl=self.says[0]) if ttl == "told" else self.says

        self.f: Any = versioned_lru_cache(version=(lambda: 1) if by_version else 1, **options)(function)

    def live(self) -> dict[int, Said]:
        """What is stored and has not ended."""
        return {key: said for key, said in self.made.items() if self.f.cache_contains(key)}

    @property
    def bounded(self) -> bool:
        return self.maxsize is not None or self.max_weight is not None

    @rule(
        key=st.sampled_from(KEYS), lives=st.sampled_from([None, 0, 1, 2, 5, 7]), weight=st.sampled_from([0, 1, 2, 4, 7])
    )
    def call(self, key: int, lives: float | None, weight: int) -> None:
        self.says, self.ran = (lives, weight), False
        before, now = self.live(), self.clock.now
        self.f(key)
        if not self.ran:
            assert now < self.made[key].end, "a result answered that had ended"
            return
        assert key not in before, "a result that lives was made again"
        span = 4 if self.ttl == "all" else lives
        too_heavy = self.max_weight is not None and weight > self.max_weight
        if too_heavy or span == 0:
            assert self.live() == before, "what was not stored has moved something"
            return
        self.made[key] = new = Said(now + span if span is not None else float("inf"), weight)
        after = self.live()
        assert after.get(key) == new
        left = before.keys() - after.keys()
        if left:
            assert self.f.cache_stats().ended == 0, "what lives left before what had ended"
            many = self.maxsize is not None and len(before) + 1 > self.maxsize
            heavy = (
                self.max_weight is not None and sum(said.weight for said in before.values()) + weight > self.max_weight
            )
            assert many or heavy, "it left though there was room"
        if not self.bounded:
            assert self.f.cache_stats().ended == 0, "what has ended takes room"

    @rule(by=st.sampled_from([1, 1, 2, 5]))
    def advance(self, by: int) -> None:
        self.clock.advance(by)

    @rule()
    def purge(self) -> None:
        before, ended = self.live(), self.f.cache_stats().ended
        assert self.f.cache_purge() == ended
        assert self.live() == before
        assert self.f.cache_stats().ended == 0

    @rule(key=st.sampled_from(KEYS))
    def invalidate(self, key: int) -> None:
        self.f.cache_invalidate(key)
        self.made.pop(key, None)
        assert not self.f.cache_contains(key)

    @invariant()
    def it_keeps_to_its_bounds(self) -> None:
        if not hasattr(self, "f"):
            return
        stats, now = self.f.cache_stats(), self.clock.now
        live = self.live()
        assert all(now < said.end for said in live.values()), "it is told of what has ended"
        assert stats.currsize == len(live) + stats.ended
        assert self.maxsize is None or stats.currsize <= self.maxsize
        if self.max_weight is not None:
            assert sum(said.weight for said in self.there().values()) == stats.weight <= self.max_weight

    def there(self) -> dict[int, Said]:
        """What is stored, as an offline session sees it, which takes what has ended too."""
        found = {}
        with session(offline=True):
            for key, said in self.made.items():
                try:
                    self.f(key)
                except NotStored:
                    continue
                found[key] = said
        return found

    def teardown(self) -> None:
        self.mock.__exit__()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=300, stateful_step_count=40, report_multiple_bugs=False)
