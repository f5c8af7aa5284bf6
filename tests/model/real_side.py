"""The small world of `sides` on the package."""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from tests.model.oracle import Made, Span, Terms
from tests.model.sides import PLACES, SLOTS, Side, pick
from tests.model.writing import Writing
from tests.support.handle import HANDLE
from versioned_lru_cache import Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock, is_validating

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class RealSide(Side):
    """The world on the package."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool = True) -> None:
        self.stack = ExitStack()
        self.mock = self.stack.enter_context(MockClock())
        self.now = 0.0
        super().__init__(functions, keys, judged)
        self.writing = Writing("argument")
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
            version=version,
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

    def validating(self) -> bool:
        return is_validating()

    def clock(self) -> float:
        return self.now

    def do_advance(self, seconds: int) -> None:
        self.now += seconds
        self.mock.advance(seconds)

    def call(self, terms: Terms, span: Span | None, argument: Hashable) -> Made:
        made = self.writing.call(self.cached[terms.name], argument)
        assert isinstance(made, Made)
        return made

    def put(self, terms: Terms, span: Span | None, made: Made, version: object, argument: Hashable) -> None:
        self.writing.call(self.cached[terms.name].cache_put, argument, Versioned(made, version))

    def clear(self, name: str) -> None:
        self.cached[name].cache_clear()

    def invalidate(self, name: str, argument: Hashable) -> bool:
        found: bool = self.writing.call(self.cached[name].cache_invalidate, argument)
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
        found = self.writing.call(self.cached[name].cache_peek, argument)
        assert self.writing.call(self.cached[name].cache_contains, argument) == (found is not None)
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
