"""The small world of `sides` on the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.calls import ModelCache
from tests.model.oracle import Made, Span, Terms
from tests.model.sides import SLOTS, Side, pick
from tests.model.world import ModelSession, ModelWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

# What this world compares of what is counted.
COUNTED = ("hits", "misses", "version_calls", "evictions", "not_stored", "errors")


class ModelSide(Side):
    """The world on the model."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool = False) -> None:
        self.now = 0.0
        super().__init__(functions, keys, judged)
        self.world = ModelWorld(self.clock, self.do_advance)
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

    def validating(self) -> bool:
        return self.world.readers.validating

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
        return entry.value, entry.stamp.version

    def counts(self, name: str) -> dict[str, int | None]:
        cache = self.cached[name]
        maxsize = cache.maxsize if cache.maxsize is None else max(cache.maxsize, 0)
        counts = {name: number for name, number in vars(cache.counts).items() if name in COUNTED}
        return {**counts, "maxsize": maxsize, "currsize": len(cache.live)}
