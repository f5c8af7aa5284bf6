"""The same small world twice: once on the real package, once on the model.

A world has parts with a version each, functions cached in different ways, dictionaries that hold sessions, and a clock.
What happens is a list of actions; a function that runs can be told to do some of them. All that can be seen is logged.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from tests.model.oracle import Call, Made, Oracle, Span, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

PLACES = 3


class Boom(Exception):
    """A failure on purpose."""


class Point:
    """A key with its own equality and few hashes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.number == other.number

    def __hash__(self) -> int:
        return self.number % 2

    def __repr__(self) -> str:
        return f"Point({self.number})"


def made_now(*items: Hashable) -> Hashable:
    """A new tuple, where a literal would always be the same object."""
    return items


# Made anew each time: equal, not identical.
KEYS: list[Callable[[], Hashable]] = [
    lambda: -1,
    lambda: -2,
    lambda: 1,
    lambda: 1.0,
    lambda: True,
    lambda: Point(1),
    lambda: Point(3),
    lambda: "a",
]
VERSIONS: list[Callable[[], Hashable]] = [
    lambda: 1,
    lambda: 1.0,
    lambda: 2,
    lambda: 3,
    lambda: made_now(1),
    lambda: made_now(1.0),
    lambda: made_now("a", 1),
    lambda: None,
]
# Version functions, and the part of the world each one reads.
SLOTS = {"x": "x", "also x": "x", "y": "y", "each": "each", "constant": None}

Action = tuple[Any, ...]


class Side:
    """What both sides have in common. Actions name functions and keys by number; `None` is the one that runs now."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool) -> None:
        self.functions, self.keys = functions, keys
        self.terms = {terms.name: terms for terms in functions}
        self.running: list[tuple[Terms, int]] = []
        self.oracle = Oracle() if judged else None
        self.log: list[Action] = []
        self.numbers = count(1)
        self.state: dict[Hashable, Callable[[], Hashable]] = {}
        self.script: tuple[Action, ...] = ()
        self.failing = False
        self.place: int | None = 0
        self.spans: dict[int, Span] = {}
        self.ambient: list[tuple[Span, int | None, Span | None]] = []
        self.disturbances: dict[str, int] = dict.fromkeys(self.terms, 0)
        for slot in ("x", "y"):
            self.do_change(slot, 0)
        for key in range(len(keys)):
            self.do_change("each", 0, key)

    # Actions.

    def act(self, action: Action) -> None:
        """Does one thing."""
        name, *rest = action
        getattr(self, f"do_{name}")(*rest)

    def do_call(
        self, function: int | None, key: int | None, script: tuple[Action, ...] = (), fails: bool = False
    ) -> None:
        terms, key = self.find(function, key)
        argument = self.keys[key]()
        shared = self.span_of(terms)
        moment = self.oracle.tick() if self.oracle else 0
        call = Call(terms, self.identity(terms, argument), shared or Span(moment), moment)
        if self.oracle:
            self.oracle.calls.append(call)
        self.running.append((terms, key))
        self.script, self.failing = script, fails
        made = None
        try:
            made = self.call(terms, shared, argument)
        except Boom:
            self.log.append(("raised", terms.name, repr(argument)))
        else:
            self.log.append(("got", terms.name, repr(argument), made.number))
        finally:
            self.script, self.failing = (), False
            self.running.pop()
            if self.oracle:
                self.oracle.calls.pop()
        if self.oracle and made:
            storing = (terms.maxsize is None or terms.maxsize > 0) and (not terms.picky or pick(made))
            self.oracle.returned(call, made, self.clock(), storing)
        self.judge_stored(terms, argument)

    def do_change(self, slot: str, version: int, key: int | None = None) -> None:
        where = slot if key is None else (slot, self.keys[key % len(self.keys)]())
        self.state[where] = VERSIONS[version]
        if self.oracle:
            self.oracle.changed(where, VERSIONS[version]())

    def do_invalidate(self, function: int | None, key: int | None) -> None:
        terms, key = self.find(function, key)
        argument = self.keys[key]()
        self.log.append(("invalidated", self.invalidate(terms.name, argument)))
        self.emptied(terms.name, [self.identity(terms, argument)])

    def do_clear(self, function: int | None) -> None:
        terms = self.running[-1][0] if function is None else self.find(function, 0)[0]
        self.clear(terms.name)
        self.emptied(terms.name, [self.identity(terms, make()) for make in self.keys])

    def emptied(self, name: str, keys: list[Hashable]) -> None:
        self.disturbances[name] += 1
        if self.oracle:
            self.oracle.emptied_now(name, keys)
            for span in self.all_spans():
                self.oracle.forget(span, name, keys)

    def do_put(self, function: int | None, key: int | None, version: int) -> None:
        terms, key = self.find(function, key)
        argument = self.keys[key]()
        if terms.version == "constant":
            version = 0
        span = self.span_of(terms)
        moment = self.oracle.tick() if self.oracle else 0
        slot = self.slot(terms, argument)
        made = Made(next(self.numbers), slot, VERSIONS[version](), moment, self.clock(), is_put=True)
        made.first_asked = made.last_asked = moment
        self.put(terms, span, made, VERSIONS[version](), argument)
        if self.oracle:
            made.made_in = span
            self.oracle.results[terms.name] += 1
            identity = self.identity(terms, argument)
            for call in self.oracle.calls:
                call.disturbed |= call.terms is terms and call.key == identity
            if span:
                self.oracle.put(span, terms.name, identity)

    def judge_stored(self, terms: Terms, argument: Hashable) -> None:
        """Lets the oracle see what is stored under a key, also between the actions of a function that runs."""
        if self.oracle:
            peeked = self.peek(terms.name, argument)
            disturbances = (self.disturbances[terms.name], self.counts(terms.name)["evictions"])
            self.oracle.check_stored(terms, self.identity(terms, argument), peeked and peeked[0], disturbances)

    def find(self, function: int | None, key: int | None) -> tuple[Terms, int]:
        """What an action means."""
        if function is None or key is None:
            return self.running[-1]
        return self.functions[function % len(self.functions)], key % len(self.keys)

    def do_switch(self, place: int | None) -> None:
        self.place = place

    def do_renew(self, place: int) -> None:
        span = self.spans.get(place)
        if span:
            fresh = Span(self.oracle.tick() if self.oracle else 0)
            self.renew(place, span, fresh)
            self.spans = {where: fresh if one is span else one for where, one in self.spans.items()}
            self.ambient = [
                (fresh if entered is span else entered, where, fresh if before is span else before)
                for entered, where, before in self.ambient
            ]

    def do_end(self, place: int) -> None:
        span = self.spans.pop(place, None)
        if span:
            self.end(place)
            self.let_go(span)

    def do_enter(self, place: int | None) -> None:
        span = self.begin()
        self.enter(place)
        before = None
        if place is not None:
            before = self.spans.get(place)
            self.spans[place] = span
        self.ambient.append((span, place, before))

    def do_leave(self) -> None:
        if not self.ambient:
            return
        span, place, before = self.ambient.pop()
        self.leave()
        if place is not None:
            inside = self.spans.pop(place, None)
            if before:
                self.spans[place] = before
            if inside and inside is not span:
                self.let_go(inside)
        self.let_go(span)

    def do_raise(self) -> None:
        raise Boom

    # Sessions.

    def span_of(self, terms: Terms) -> Span | None:
        """The session a call of this function takes part in."""
        place = {"first": 0, "ambient": None}.get(terms.session, self.place)
        if place is None:
            return self.ambient[-1][0] if self.ambient else None
        if place not in self.spans:
            self.spans[place] = self.begin()
        return self.spans[place]

    def begin(self) -> Span:
        return Span(self.oracle.tick() if self.oracle else 0)

    def all_spans(self) -> list[Span]:
        """All that live; those that a with block hides live on."""
        hidden = [span for entered, _, before in self.ambient for span in (entered, before) if span]
        return [*self.spans.values(), *hidden]

    def let_go(self, span: Span) -> None:
        """Ends a session that nobody holds."""
        if not any(span is other for other in self.all_spans()):
            self.ended(span)

    def ended(self, span: Span) -> None:
        pass

    # The cached functions.

    def function(self, terms: Terms) -> Callable[[Hashable], Made]:
        def function(argument: Hashable) -> Made:
            slot = self.slot(terms, argument)
            moment = self.oracle.tick() if self.oracle else 0
            data = None if slot is None else self.state[slot]()
            made = Made(next(self.numbers), slot, data, moment, self.clock())
            self.log.append(("run", terms.name, repr(argument), made.number))
            if self.oracle:
                self.oracle.began(made, None if slot is None else (terms.version, slot))
            script, self.script = self.script, ()
            for action in script:
                self.act(action)
            return made

        return function

    def version(self, label: str) -> object:
        def answer(*given: Hashable) -> Hashable:
            slot = (SLOTS[label], *given) if given else SLOTS[label]
            if self.validating():
                return self.state[slot]()
            if self.failing:
                self.failing = False
                self.log.append(("failed", label))
                raise Boom
            version = self.state[slot]()
            self.log.append(("asked", label, repr(given), repr(version)))
            if self.oracle:
                self.oracle.asked((label, slot), version, self.clock())
            return version

        if label == "constant":
            return 1
        if label == "each":
            return lambda argument: answer(argument)
        return lambda: answer()

    def slot(self, terms: Terms, argument: Hashable) -> Hashable:
        return ("each", argument) if terms.version == "each" else SLOTS[terms.version]

    def identity(self, terms: Terms, argument: Hashable) -> Hashable:
        return (argument, type(argument)) if terms.typed else argument

    # What the two sides do differently.

    def validating(self) -> bool:
        """Whether a version function is asked for a computation that has read its answer."""
        raise NotImplementedError

    def clock(self) -> float:
        raise NotImplementedError

    def do_advance(self, seconds: int) -> None:
        raise NotImplementedError

    def call(self, terms: Terms, span: Span | None, argument: Hashable) -> Made:
        raise NotImplementedError

    def put(self, terms: Terms, span: Span | None, made: Made, version: object, argument: Hashable) -> None:
        raise NotImplementedError

    def clear(self, name: str) -> None:
        raise NotImplementedError

    def invalidate(self, name: str, argument: Hashable) -> bool:
        raise NotImplementedError

    def renew(self, place: int, span: Span, fresh: Span) -> None:
        raise NotImplementedError

    def end(self, place: int) -> None:
        raise NotImplementedError

    def enter(self, place: int | None) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    def peek(self, name: str, argument: Hashable) -> tuple[Made, object] | None:
        raise NotImplementedError

    def counts(self, name: str) -> dict[str, int | None]:
        raise NotImplementedError


def pick(made: Made) -> bool:
    """What cache_if asks of a result."""
    return made.number % 3 != 0
