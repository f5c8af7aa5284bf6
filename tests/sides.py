"""The same small world twice: once on the real package, once on the model.

A world has parts with a version each, functions cached in different ways, dictionaries that hold sessions, and a clock. What
happens is a list of actions; a function that runs can be told to do some of them. All that can be seen goes into a log.
"""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar, Token
from itertools import count
from typing import TYPE_CHECKING, Any

from model import ModelCache, ModelSession, ModelWorld
from oracle import Call, Made, Oracle, Span, Terms
from versioned_lru_cache import Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

HANDLE = "lru_cache_versions"
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
    lambda: tuple([1]),
    lambda: tuple([1.0]),
    lambda: tuple(["a", 1]),
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
            identity = self.identity(terms, argument)
            for call in self.oracle.calls:
                call.disturbed |= call.terms is terms and call.key == identity
            if span:
                self.oracle.put(span, terms.name, identity)

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


def pick(made: Made) -> bool:
    """What cache_if asks of a result."""
    return made.number % 3 != 0


class RealSide(Side):
    """The world on the package."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool = True) -> None:
        self.stack = ExitStack()
        self.mock = self.stack.enter_context(MockClock())
        self.now = 0.0
        super().__init__(functions, keys, judged)
        self.mappings: list[dict[str, Any]] = [{} for _ in range(PLACES)]
        self.var: ContextVar[dict[str, Any]] = ContextVar("var")
        self.token: Token[dict[str, Any]] | None = None
        self.blocks: list[Any] = []
        versions = {label: self.version(label) for label in SLOTS}
        self.cached = {terms.name: self.decorate(terms, versions[terms.version]) for terms in functions}
        self.do_switch(0)

    def decorate(self, terms: Terms, version: object) -> Any:
        sessions: dict[str, Any] = {
            "current": lambda: None if self.place is None else self.mappings[self.place],
            "var": self.var,
            "first": self.mappings[0],
            "ambient": None,
        }
        return versioned_lru_cache(
            version,
            session=sessions[terms.session],
            maxsize=terms.maxsize,
            ttl=terms.ttl,
            typed=terms.typed,
            cache_if=pick if terms.picky else None,
            name=terms.name,
        )(self.function(terms))

    def close(self) -> None:
        while self.blocks:
            self.leave()
        self.do_switch(None)
        self.stack.close()

    def do_switch(self, place: int | None) -> None:
        super().do_switch(place)
        if self.token:
            self.var.reset(self.token)
            self.token = None
        if place is not None:
            self.token = self.var.set(self.mappings[place])

    def clock(self) -> float:
        return self.now

    def do_advance(self, seconds: int) -> None:
        self.now += seconds
        self.mock.advance(seconds)

    def call(self, terms: Terms, span: Span | None, argument: Hashable) -> Made:
        made = self.cached[terms.name](argument)
        assert isinstance(made, Made)
        return made

    def put(self, terms: Terms, span: Span | None, made: Made, version: object, argument: Hashable) -> None:
        self.cached[terms.name].cache_put(Versioned(made, version), argument)

    def clear(self, name: str) -> None:
        self.cached[name].cache_clear()

    def invalidate(self, name: str, argument: Hashable) -> bool:
        found: bool = self.cached[name].cache_invalidate(argument)
        return found

    def renew(self, place: int, span: Span, fresh: Span) -> None:
        self.mappings[place][HANDLE].renew()

    def end(self, place: int) -> None:
        del self.mappings[place][HANDLE]

    def enter(self, place: int | None) -> None:
        self.blocks.append(session() if place is None else session(self.mappings[place]))
        self.blocks[-1].__enter__()

    def leave(self) -> None:
        self.blocks.pop().__exit__(None, None, None)

    def peek(self, name: str, argument: Hashable) -> tuple[Made, object] | None:
        found = self.cached[name].cache_peek(argument)
        assert self.cached[name].cache_contains(argument) == (found is not None)
        return None if found is None else (found.value, found.version)

    def counts(self, name: str) -> dict[str, int | None]:
        info, stats = self.cached[name].cache_info(), self.cached[name].cache_stats()
        assert info == (stats.hits, stats.misses, stats.maxsize, stats.currsize)
        return {
            "hits": info.hits,
            "misses": info.misses,
            "maxsize": info.maxsize,
            "currsize": info.currsize,
            "version_calls": stats.version_calls,
            "evictions": stats.evictions,
            "not_stored": stats.not_stored,
            "errors": stats.errors,
        }


class ModelSide(Side):
    """The world on the model."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool = False) -> None:
        self.now = 0.0
        super().__init__(functions, keys, judged)
        self.world = ModelWorld(self.clock)
        self.sessions: dict[Span, ModelSession] = {}
        versions = {label: self.version(label) for label in SLOTS}
        self.cached = {
            terms.name: ModelCache(
                self.world,
                self.function(terms),
                versions[terms.version],
                by_arguments=terms.version == "each",
                maxsize=terms.maxsize,
                ttl=terms.ttl,
                typed=terms.typed,
                cache_if=pick if terms.picky else None,
            )
            for terms in functions
        }

    def begin(self) -> Span:
        span = super().begin()
        self.sessions[span] = ModelSession(self.world)
        return span

    def ended(self, span: Span) -> None:
        self.sessions.pop(span).end()

    def clock(self) -> float:
        return self.now

    def do_advance(self, seconds: int) -> None:
        self.now += seconds

    def call(self, terms: Terms, span: Span | None, argument: Hashable) -> Made:
        made = self.cached[terms.name].call(self.sessions[span] if span else None, argument)
        assert isinstance(made, Made)
        return made

    def put(self, terms: Terms, span: Span | None, made: Made, version: object, argument: Hashable) -> None:
        self.cached[terms.name].put(self.sessions[span] if span else None, made, version, argument)

    def clear(self, name: str) -> None:
        self.cached[name].clear()

    def invalidate(self, name: str, argument: Hashable) -> bool:
        return self.cached[name].invalidate(argument)

    def renew(self, place: int, span: Span, fresh: Span) -> None:
        self.sessions[fresh] = self.sessions.pop(span)
        self.sessions[fresh].renew()

    def end(self, place: int) -> None:
        pass

    def enter(self, place: int | None) -> None:
        pass

    def leave(self) -> None:
        pass

    def peek(self, name: str, argument: Hashable) -> tuple[Made, object] | None:
        entry = self.cached[name].peek(argument)
        if entry is None:
            return None
        assert isinstance(entry.value, Made)
        return entry.value, entry.version

    def counts(self, name: str) -> dict[str, int | None]:
        cache = self.cached[name]
        maxsize = cache.maxsize if cache.maxsize is None else max(cache.maxsize, 0)
        return {**vars(cache.counts), "maxsize": maxsize, "currsize": len(cache.live)}
