"""What must hold whatever the mechanism: the promises, checked on what a program can see.

The oracle knows nothing of tickets, stores or shelves. It is told what a world does (a version changes, a version
function is asked, a call begins and returns) and judges each result by when and from what it was made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True)
class Terms:
    """How a function is cached."""

    name: str
    version: str
    session: str
    maxsize: int | None = 128
    ttl: float | None = None
    typed: bool = False
    picky: bool = False


@dataclass(eq=False)
class Made:
    """A result that knows what it was made from."""

    number: int
    slot: Hashable  # the part of the world that its version speaks for
    data: object  # the version of that part when the computation read it
    began: int
    born: float
    # The versions that its session was told until then, and when the first and the last were asked. Mostly it is one.
    announced: list[object] = field(default_factory=list)
    first_asked: int = 0
    last_asked: int = 0
    made_in: object = None
    is_put: bool = False
    # How many results of the function had been made when it was last seen to be stored.
    stored: int = 0
    parts: list[Made] = field(default_factory=list)


@dataclass(eq=False)
class Span:
    """A session between two renewals, as its user sees it."""

    start: int
    asked: dict[Hashable, list[tuple[float, int, object]]] = field(default_factory=dict)
    reads: dict[str, dict[Hashable, Made]] = field(default_factory=dict)
    keys: dict[str, set[Hashable]] = field(default_factory=dict)


@dataclass(eq=False)
class Call:
    """A call in progress. Without a session it is a span of its own."""

    terms: Terms
    key: Hashable
    span: Span
    start: int
    asks: int = 0
    made: Made | None = None
    disturbed: bool = False  # its key was read, put or emptied while it ran


class Oracle:
    """Judges one world."""

    def __init__(self) -> None:
        self.moment = 0
        self.history: dict[Hashable, list[tuple[int, object]]] = {}
        self.emptied: dict[tuple[str, Hashable], int] = {}
        self.calls: list[Call] = []
        self.peeked: dict[tuple[str, Hashable], tuple[Made, object]] = {}
        self.results: Counter[str] = Counter()

    def tick(self) -> int:
        """The next moment."""
        self.moment += 1
        return self.moment

    # What happens.

    def changed(self, slot: Hashable, version: object) -> None:
        """A part of the world has another version now."""
        history = self.history.setdefault(slot, [])
        if not history or history[-1][1] != version:
            history.append((self.tick(), version))

    def asked(self, scope: Hashable, version: object, clock: float) -> None:
        """A version function answered. Promise 1: once per session, or the answer was too old for this function."""
        call = self.calls[-1]
        call.asks += 1
        assert call.asks == 1, "promise 1: one call asked twice"
        answers = call.span.asked.setdefault(scope, [])
        if answers:
            before, ttl = answers[-1][0], call.terms.ttl
            assert ttl is not None, "promise 1: asked again in a session"
            assert clock - before >= ttl, "promise 1: asked again in a session within the ttl"
        answers.append((clock, self.tick(), version))

    def began(self, made: Made, scope: Hashable | None) -> None:
        """The function runs; the version was asked before, unless it is a constant."""
        call = self.calls[-1]
        call.made = made
        made.made_in = call.span
        if scope is None:
            made.first_asked = made.last_asked = made.began
        else:
            answers = call.span.asked[scope]
            made.announced = [version for _, _, version in answers]
            made.first_asked, made.last_asked = answers[0][1], answers[-1][1]

    def emptied_now(self, name: str, keys: list[Hashable]) -> None:
        """Results were cleared or invalidated."""
        now = self.tick()
        for key in keys:
            self.emptied[name, key] = now
        for call in self.calls:
            if call.terms.name == name and call.key in keys:
                call.disturbed = True

    def forget(self, span: Span, name: str, keys: list[Hashable]) -> None:
        """A session need not see its results of these keys again."""
        for key in keys:
            span.reads.get(name, {}).pop(key, None)

    def put(self, span: Span, name: str, key: Hashable) -> None:
        """A session put a result. It is remembered among those it read, in the place of what it read before."""
        self.forget(span, name, [key])
        span.keys.setdefault(name, set()).add(key)

    def returned(self, call: Call, made: Made, clock: float, stored: bool) -> None:
        """A call ended with a result. `stored` says that its terms allow to remember it."""
        served = made is not call.made
        self.results[call.terms.name] += call.made is not None
        if served and call.terms.ttl is not None:
            assert clock - made.born < call.terms.ttl, "served at or past its ttl"
        self.check_emptied(call, made)
        self.check_never_stale(call, made)
        self.check_repeatable(call, made, clock, served, stored)
        if self.calls:
            outer = self.calls[-1]
            if outer.made:
                outer.made.parts.append(made)
            for around in self.calls:
                if around.span is call.span and around.terms is call.terms and around.key == call.key:
                    around.disturbed = True

    # What must hold.

    def check_emptied(self, call: Call, made: Made) -> None:
        """Promise 4: what was computed or begun before a clear or an invalidation is not given to later callers."""
        emptied = self.emptied.get((call.terms.name, call.key), 0)
        assert call.start < emptied or made.began > emptied, "promise 4: a lost invalidation"

    def held(self, slot: Hashable, since: int) -> list[object]:
        """The versions that a part of the world had since then."""
        history = self.history[slot]
        before = [version for moment, version in history if moment <= since]
        return before[-1:] + [version for moment, version in history if moment > since]

    def check_never_stale(self, call: Call, made: Made) -> None:
        """Promise 3: what a session gets was the state of the world at some time since the session began."""
        if made.made_in is call.span or made.slot is None:
            return
        if made.is_put:
            # Who puts a value vouches for its version; to a session that was there before it is newer than what it saw.
            if made.began > call.span.start:
                return
            assert made.data in self.held(made.slot, call.span.start), "promise 3: stale, put before the session began"
            return
        held = self.held(made.slot, call.span.start)
        if self.came_back(made.slot, made.first_asked):
            # A version that came back vouches again for what was computed under it, which may have read newer data.
            assert any(version in held for version in [made.data, *made.announced]), "promise 3: stale"
            return
        assert made.data in held, "promise 3: stale"
        self.check_parts(made, made, held)

    def check_parts(self, whole: Made, made: Made, held: list[object]) -> None:
        """Promise 3 for the results that a result was made with."""
        for part in made.parts:
            if part.slot == whole.slot and not part.is_put and not self.came_back(part.slot, part.first_asked):
                assert part.data in held, "promise 3: made with the help of a stale result"
                self.check_parts(whole, part, held)

    def came_back(self, slot: Hashable, since: int) -> bool:
        """Whether a version returned to an earlier value since then."""
        versions = self.held(slot, since)
        return any(version in versions[:index] for index, version in enumerate(versions))

    def check_repeatable(self, call: Call, made: Made, clock: float, served: bool, stored: bool) -> None:
        """Promise 2: in a session the same call gives the same object.

        It may lose what another made, if more than maxsize results were made since that was last seen to be stored.
        """
        name, span, terms = call.terms.name, call.span, call.terms
        reads = span.reads.setdefault(name, {})
        keys = span.keys.setdefault(name, set())
        keys.add(call.key)
        known = reads.pop(call.key, None)
        if call.disturbed:
            return
        if stored:
            reads[call.key] = made
        if known is not None and known is not made:
            expired = terms.ttl is not None and clock - known.born >= terms.ttl
            crowded = terms.maxsize is not None and len(keys) > terms.maxsize
            made_since = self.results[name] - known.stored
            pushed = terms.maxsize is not None and known.made_in is not span and made_since > terms.maxsize
            assert expired or crowded or pushed, f"promise 2: another object in the same session (served: {served})"

    def check_stored(self, terms: Terms, key: Hashable, made: Made | None, disturbances: object) -> None:
        """Promise 5: a result of an older observation never takes the place of one of a newer."""
        before = self.peeked.pop((terms.name, key), None)
        if made is None:
            return
        made.stored = self.results[terms.name]
        self.peeked[terms.name, key] = (made, disturbances)
        if before and before[1] == disturbances:
            assert made.last_asked >= before[0].first_asked, "promise 5: a step back"
