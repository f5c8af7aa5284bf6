"""What must hold whatever the mechanism, checked on what a program of `fresh_sides` can see.

The oracle knows nothing of tickets, stores or shelves. It is told what is announced when, and from what each result was
made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versioned_lru_cache import IMMUTABLE

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Terms:
    """How a function is cached."""

    name: str
    by_arguments: bool = False
    # Of the arguments its version function is given only this much.
    part: bool = False
    maxsize: int | None = 128
    max_weight: int | None = None
    ttl: int | None = None
    verify: bool = False
    revalidates: bool = False
    stale_if_error: float | None = None
    retry_after: float = 1
    stale_while_revalidate: float | None = None
    retries: int = 0
    settle: int | None = None
    ordered: bool = False
    # Each result is asked how long it lives.
    varies: bool = False

    def slot(self, key: int) -> int | None:
        """What the version of a result is the version of."""
        return part_of(key) if self.part else key if self.by_arguments else None


def part_of(key: int) -> int:
    """What two of three keys have in common."""
    return 10 + key % 2


@dataclass(eq=False)
class Made:
    """A result that knows what it was made from."""

    number: int
    # When its source gave it, or found it good still: in the order of events, and by the clock.
    moment: int
    born: float
    # The versions that may have been asked for it, or the one that it says.
    versions: list[Any]
    # How long it lives, if it is asked for that; and if that or its source says so, the shorter.
    lives: float | None = None
    bound: float | None = None

    @property
    def weight(self) -> int:
        """What it weighs."""
        return self.number % 4


@dataclass(eq=False)
class Span:
    """A session; or a call in none."""

    start: int
    offline: bool = False
    renews_all: bool = False
    # How often a result was given in it since it was last struck.
    given: dict[tuple[str, int], float] = field(default_factory=dict)


def at_least(one: Any, other: Any) -> bool:
    """The order of versions, which are numbers here; what never changes has no place in it."""
    return one is IMMUTABLE or bool(one >= other)


class Oracle:
    """Judges one world."""

    def __init__(self) -> None:
        self.moment = 0
        self.history: dict[int | None, list[tuple[int, object]]] = {}
        self.stored: dict[tuple[str, int], tuple[Any, Any]] = {}

    def tick(self) -> int:
        """The next moment."""
        self.moment += 1
        return self.moment

    def announced(self, key: int | None, version: object) -> None:
        """Something has another version now."""
        self.history.setdefault(key, []).append((self.tick(), version))

    def held(self, key: int | None, since: int) -> list[object]:
        """The versions that something had since then."""
        history = self.history[key]
        before = [version for moment, version in history if moment <= since]
        return before[-1:] + [version for moment, version in history if moment > since]

    def check_answer(self, terms: Terms, key: int, made: Made, span: Span, clock: float) -> None:
        """Promise 3, and a session that renews all. An order may answer with what is stored in any state."""
        if made.moment > span.start or span.offline or IMMUTABLE in made.versions or terms.ordered:
            return
        if span.renews_all:
            assert terms.stale_if_error is not None, "an old result in a session that renews all"
        if terms.stale_if_error is None and terms.stale_while_revalidate is None:
            held = self.held(terms.slot(key), span.start)
            assert any(version in held for version in made.versions), "promise 3: stale"
            bounds = [bound for bound in (terms.ttl, made.bound) if bound is not None]
            if bounds and not terms.verify:
                assert clock - made.born < min(bounds), "past its ttl"

    def check_given(self, terms: Terms, key: int, span: Span, bound: float | None) -> None:
        """The function gave a result: at most once in a session that renews all, if nothing else takes it away."""
        before = span.given.get((terms.name, key), 0)
        span.given[terms.name, key] = before + 1 if bound is None else -math.inf
        lasting = terms.ttl is None and terms.settle is None and terms.maxsize == 128 and terms.max_weight is None
        if span.renews_all and lasting and not terms.retries:
            assert span.given[terms.name, key] <= 1, "renewed twice in a session"

    def check_failure(self, terms: Terms, before: object, after: object) -> None:
        """Promise 7. Where time goes by between two attempts, the old result may have expired."""
        assert before == after or (terms.retries and after is None), "promise 7: a failure lost something"

    def check_stored(self, terms: Terms, key: int, stored: tuple[Any, Any, Any] | None, evictions: object) -> None:
        """No step back by the order of versions."""
        if stored is None and terms.maxsize is None and terms.max_weight is None:
            self.purged(terms.name, [key])  # It may have ended, and left with that.
        if not terms.ordered or stored is None:
            return
        version = stored[1]
        before = self.stored.get((terms.name, key))
        if before and before[1] == evictions and before[0] is not IMMUTABLE:
            assert at_least(version, before[0]), "a step back by order"
        self.stored[terms.name, key] = version, evictions

    def purged(self, name: str, keys: Iterable[int]) -> None:
        """What has ended may have left."""
        for key in keys:
            self.stored.pop((name, key), None)

    def struck(self, name: str, key: int, spans: list[Span]) -> None:
        """A result was cleared, invalidated, put or refreshed."""
        self.stored.pop((name, key), None)
        for span in spans:
            span.given[name, key] = -math.inf
