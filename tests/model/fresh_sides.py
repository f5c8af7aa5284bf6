"""A small world of sources that change, fail, lag and disagree, twice: once on the real package, once on the model.

There is one thing that has a version, one for each key, and one for some keys together. What their version functions
answer and what the functions give is set beforehand; what can be seen of it all is logged.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.model.fresh_oracle import Made, Oracle, Span, Terms, part_of
from versioned_lru_cache import IMMUTABLE, NOT_MODIFIED, NotStored, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = (0, 1, 2)
# What has a version: all together, each key, and each part.
SLOTS = (None, *KEYS, *sorted({part_of(key) for key in KEYS}))
PLACES = 3
# What a function may be told to give, beside a plain value.
GIVES = (
    *("plain", "agreed", "below", "above", "immutable", "not-modified", "previous", "down", "bug"),
    *("lives", "ended", "wrong-ttl"),
)
# How long a result lives of which it is told.
TOLD: dict[str, Any] = {"lives": 2, "ended": 0, "wrong-ttl": "soon"}
# How long a result lives that is asked, by its number.
LIVES = (None, 4, 2, 0, 3)

Action = tuple[Any, ...]


class Down(Exception):
    """The source can't be reached: one of `errors`."""


class Bug(Exception):
    """Another failure."""


FAILURES = {"down": Down, "bug": Bug}


DELAY = 0.5  # of the first retry; no fraction of it is lost in a float


@dataclass(frozen=True)
class Target:
    """What a session renews."""

    kind: str  # all, function, key, where
    function: int = 0
    key: int = 0
    hard: bool = False


class Side:
    """What both sides have in common."""

    def __init__(self, functions: list[Terms]) -> None:
        self.functions = functions
        self.log: list[Action] = []
        self.numbers = count(1)
        self.place: int | None = None
        # What is announced for each of them; what the functions show lags this by so much.
        self.announced: dict[int | None, Any] = {}
        self.oracle = Oracle()
        self.spans: dict[int, Span] = {}
        self.callers: list[Span] = []
        for slot in SLOTS:
            self.do_announce(slot, 3)
        self.failing: str | None = None
        self.gives = {terms.name: "plain" for terms in functions}
        # What comes before that, once each.
        self.gives_first: dict[str, deque[str]] = {terms.name: deque() for terms in functions}
        self.script: tuple[Action, ...] = ()
        self.running: list[tuple[str, int]] = []

    def act(self, action: Action) -> None:
        """Does one thing."""
        name, *rest = action
        getattr(self, f"do_{name}")(*rest)

    # What happens in the world.

    def do_announce(self, key: int | None, version: object) -> None:
        self.announced[key] = version
        self.oracle.announced(key, version)

    def do_fail(self, how: str | None) -> None:
        self.failing = how

    def do_give(self, function: int, gives: str, first: tuple[str, ...] = ()) -> None:
        name = self.find(function).name
        self.gives[name], self.gives_first[name] = gives, deque(first)

    def do_switch(self, place: int | None) -> None:
        self.place = place

    def do_advance(self, seconds: float) -> None:
        raise NotImplementedError

    def version(self, each: bool) -> Callable[..., object]:
        def ask(*given: int) -> object:
            if self.validating():
                return self.announced[given[0] if given else None]
            self.log.append(("asked", *given))
            if self.failing:
                raise FAILURES[self.failing]
            return self.announced[given[0] if given else None]

        return (lambda key: ask(key)) if each else (lambda: ask())

    def function(self, terms: Terms) -> Callable[[int], object]:
        def function(key: int) -> object:
            self.log.append(("ran", terms.name, key))
            return self.given(terms, key, None)

        return function

    def revalidate(self, terms: Terms) -> Callable[[Versioned[Made], int], object]:
        def revalidate(previous: Versioned[Made], key: int) -> object:
            self.log.append(("checked", terms.name, key, previous.value.number, repr(previous.version)))
            return self.given(terms, key, previous)

        return revalidate

    def given(self, terms: Terms, key: int, previous: Versioned[Made] | None) -> object:
        """What the source gives."""
        first = self.gives_first[terms.name]
        gives = first.popleft() if first else self.gives[terms.name]
        slot = terms.slot(key)
        announced, moment, born = self.announced[slot], self.oracle.tick(), self.time()
        span = self.callers[-1] if self.callers else Span(moment)
        script, self.script = self.script, ()
        self.running.append((terms.name, key))
        for action in script:
            self.act(action)
        self.running.pop()
        if gives in FAILURES:
            raise FAILURES[gives]
        if gives == "not-modified" and previous is None:
            return NOT_MODIFIED
        # A function that calls itself runs once more, and what can't be put in order or told is refused.
        refused = gives == "wrong-ttl" or (terms.ordered and gives == "plain")
        if (terms.name, key) not in self.running and not refused:
            bound = previous.value.bound if previous is not None and gives in ("not-modified", "previous") else None
            self.oracle.check_given(terms, key, span, 0 if terms.varies else TOLD.get(gives, bound))
        if previous is not None and gives in ("not-modified", "previous"):
            previous.value.moment, previous.value.born = moment, born
            previous.value.versions += self.oracle.held(slot, span.start)
            if terms.varies:
                previous.value.bound = previous.value.lives
            return NOT_MODIFIED if gives == "not-modified" else previous
        made = self.make(terms, moment, born, self.oracle.held(slot, span.start), TOLD.get(gives))
        if gives == "plain":
            return made
        step = {"below": -1, "above": 1}.get(gives, 0)
        seen = IMMUTABLE if gives == "immutable" else announced if announced is IMMUTABLE else announced + step
        made.versions = [seen]
        return Versioned(made, seen, TOLD.get(gives))

    def make(self, terms: Terms, moment: int, born: float, versions: list[Any], told: Any) -> Made:
        """A result."""
        number = next(self.numbers)
        lives = LIVES[number % len(LIVES)] if terms.varies else None
        said = [one for one in (lives, told) if isinstance(one, int)]
        return Made(number, moment, born, versions, lives, min(said, default=None))

    # What programs do.

    def find(self, function: int) -> Terms:
        return self.functions[function % len(self.functions)]

    def span(self) -> Span:
        """The session of calls made now: a plain one, if none was opened."""
        if self.place is None:
            return Span(self.oracle.tick())
        if self.place not in self.spans:
            self.spans[self.place] = Span(self.oracle.tick())
        return self.spans[self.place]

    def do_call(self, function: int, key: int, script: tuple[Action, ...] = ()) -> None:
        terms, span, before = self.find(function), self.span(), self.peek(self.find(function).name, key)
        made = self.outcome("call", terms, key, script, span, self.call)
        if made:
            self.oracle.check_answer(terms, key, made, span, self.time())
        elif not script:
            self.oracle.check_failure(terms, before, self.peek(terms.name, key))

    def do_refresh(self, function: int, key: int, script: tuple[Action, ...] = ()) -> None:
        terms = self.find(function)
        self.struck(terms.name, [key])
        self.outcome("refresh", terms, key, script, self.span(), self.refresh)

    def outcome(
        self, what: str, terms: Terms, key: int, script: tuple[Action, ...], span: Span, call: Callable[..., object]
    ) -> Made | None:
        """Makes a call. Its result, if it has one."""
        self.script, made = script, None
        self.callers.append(span)
        try:
            made = call(terms.name, key)
        except (Down, Bug, NotStored, TypeError) as error:
            self.log.append((what, terms.name, key, "raised", type(error).__name__))
        else:
            assert isinstance(made, Made), made
            self.log.append((what, terms.name, key, "got", made.number))
        finally:
            self.script = ()
            self.callers.pop()
        return made

    def do_put(self, function: int, key: int, version: object, told: int | None = None) -> None:
        terms = self.find(function)
        name, slot = terms.name, terms.slot(key)
        self.span()
        # Who puts a value says that this is the version now.
        self.oracle.announced(slot, version)
        self.oracle.announced(slot, self.announced[slot])
        made = self.make(terms, self.oracle.tick(), self.time(), [version], told)
        self.put(name, made, version, key, told)
        self.struck(name, [key])

    def do_invalidate(self, function: int, key: int) -> None:
        name = self.find(function).name
        self.log.append(("invalidated", self.invalidate(name, key)))
        self.struck(name, [key])

    def do_purge(self, function: int) -> None:
        name = self.find(function).name
        self.log.append(("purged", self.purge(name)))
        self.oracle.purged(name, KEYS)

    def do_clear(self, function: int) -> None:
        name = self.find(function).name
        self.clear(name)
        self.struck(name, list(KEYS))

    def struck(self, name: str, keys: list[int]) -> None:
        for key in keys:
            self.oracle.struck(name, key, [*self.spans.values(), *self.callers])

    def do_open(self, place: int, targets: tuple[Target, ...], offline: bool) -> None:
        """Begins a session in a place, in the stead of the one that is there."""
        self.do_close(place)
        self.open(place, targets, offline)
        renews_all = any(target.kind == "all" for target in targets)
        self.spans[place] = Span(self.oracle.tick(), offline, renews_all and not offline)

    def do_close(self, place: int) -> None:
        self.spans.pop(place, None)
        self.close(place)

    def close(self, place: int) -> None:
        raise NotImplementedError

    def do_behind(self) -> None:
        """Lets the refresh run that has waited longest."""
        raise NotImplementedError

    # What the two sides do differently.

    def validating(self) -> bool:
        """Whether a version function is asked for a computation that has read its answer."""
        raise NotImplementedError

    def time(self) -> float:
        raise NotImplementedError

    def open(self, place: int, targets: tuple[Target, ...], offline: bool) -> None:
        raise NotImplementedError

    def call(self, name: str, key: int) -> object:
        raise NotImplementedError

    def refresh(self, name: str, key: int) -> object:
        raise NotImplementedError

    def put(self, name: str, made: Made, version: object, key: int, told: int | None) -> None:
        raise NotImplementedError

    def invalidate(self, name: str, key: int) -> bool:
        raise NotImplementedError

    def purge(self, name: str) -> int:
        raise NotImplementedError

    def clear(self, name: str) -> None:
        raise NotImplementedError

    def peek(self, name: str, key: int) -> tuple[Made, object, object] | None:
        raise NotImplementedError

    def counts(self, name: str) -> dict[str, int | None]:
        raise NotImplementedError

    def stale(self, place: int) -> int:
        """How many stale values the session in a place was given."""
        raise NotImplementedError

    def waiting(self) -> int:
        """How many refreshes are to run behind."""
        raise NotImplementedError
