"""The small world of `fresh_sides` on the package."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.model.fresh_oracle import Made, Terms, at_least, part_of
from tests.model.fresh_sides import DELAY, PLACES, Down, Side, Target
from tests.model.writing import Writing
from versioned_lru_cache import Lag, Refresh, Versioned, _behind, current_session, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock, is_validating

if TYPE_CHECKING:
    from collections.abc import Callable


class RealSide(Side):
    """The world on the package. What is to run behind waits until it is told to."""

    def __init__(self, functions: list[Terms]) -> None:
        super().__init__(functions)
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(MockClock())
        self.behind: list[_behind.Behind] = []
        self.stack.enter_context(mock.patch.object(_behind, "begin", self.behind.append))
        self.stack.enter_context(mock.patch.object(logging.getLogger("versioned_lru_cache"), "disabled", True))
        self.writing = Writing("key")
        self.mappings: list[dict[str, Any]] = [{} for _ in range(PLACES)]
        self.blocks: dict[int, tuple[Context, Any]] = {}
        for_all, each = self.version(each=False), self.version(each=True)
        self.cached = {terms.name: self.decorate(terms, each if terms.by_arguments else for_all) for terms in functions}

    def decorate(self, terms: Terms, version: Callable[..., object]) -> Any:
        return versioned_lru_cache(
            version,
            version_args=(lambda key: (part_of(key),)) if terms.part else None,
            session=lambda: None if self.place is None else self.mappings[self.place],
            name=terms.name,
            maxsize=terms.maxsize,
            max_weight=terms.max_weight,
            weigh=None if terms.max_weight is None else lambda made: made.weight,
            ttl=(lambda made, key: made.lives) if terms.varies else terms.ttl,
            on_expiry="verify" if terms.verify else "recompute",
            revalidate=self.revalidate(terms) if terms.revalidates else None,
            stale_if_error=terms.stale_if_error,
            retry_after=terms.retry_after,
            errors=Down,
            stale_while_revalidate=terms.stale_while_revalidate,
            lag=Lag(terms.retries, DELAY, terms.settle, at_least if terms.ordered else None),
        )(self.function(terms))

    def end(self) -> None:
        for place in range(PLACES):
            self.do_close(place)
        for job in self.behind:
            job.end()
        self.stack.close()

    def policy(self, targets: tuple[Target, ...]) -> Refresh:
        policy = Refresh.none()
        for target in targets:
            f = self.cached[self.find(target.function).name]
            if target.kind == "all":
                policy |= Refresh.all(hard=target.hard)
            elif target.kind == "function":
                policy |= Refresh.only(f, hard=target.hard)
            elif target.kind == "key":
                policy |= Refresh.only(self.writing.call(f.cache_key, target.key), hard=target.hard)
            else:
                policy |= Refresh.only(f.where(lambda key, but=target.key: key != but), hard=target.hard)
        return policy

    def open(self, place: int, targets: tuple[Target, ...], offline: bool) -> None:
        block = session(self.mappings[place], refresh=self.policy(targets), offline=offline)
        # In a context of its own, so that no call takes part because it is made within the block.
        context = copy_context()
        context.run(block.__enter__)
        self.blocks[place] = context, block

    def close(self, place: int) -> None:
        if place in self.blocks:
            context, block = self.blocks.pop(place)
            context.run(block.__exit__, None, None, None)
        self.mappings[place].clear()

    def validating(self) -> bool:
        return is_validating()

    def time(self) -> float:
        return self.clock.now

    def do_advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def do_behind(self) -> None:
        if self.behind:
            Context().run(_behind._run, self.behind.pop(0))

    def call(self, name: str, key: int) -> object:
        return self.writing.call(self.cached[name], key)

    def refresh(self, name: str, key: int) -> object:
        return self.writing.call(self.cached[name].cache_refresh, key)

    def put(self, name: str, made: Made, version: Any, key: int, told: int | None) -> None:
        self.writing.call(self.cached[name].cache_put, key, Versioned(made, version, told))

    def invalidate(self, name: str, key: int) -> bool:
        found: bool = self.writing.call(self.cached[name].cache_invalidate, key)
        return found

    def purge(self, name: str) -> int:
        purged: int = self.cached[name].cache_purge()
        return purged

    def clear(self, name: str) -> None:
        self.cached[name].cache_clear()

    def peek(self, name: str, key: int) -> tuple[Made, object, object] | None:
        found = self.writing.call(self.cached[name].cache_peek, key)
        assert self.writing.call(self.cached[name].cache_contains, key) == (found is not None)
        return None if found is None else (found.value, found.version, found.ttl)

    def counts(self, name: str) -> dict[str, int | None]:
        stats: dict[str, int | None] = self.cached[name].cache_stats()._asdict()
        for name in ("verified", "validated", "invalidated", "bypassed"):
            del stats[name]
        for name in ("store_hits", "store_misses", "store_errors", "store_seconds"):
            assert stats.pop(name) == 0, "there is no store"
        return stats

    def stale(self, place: int) -> int:
        handle = current_session(self.mappings[place])
        return handle.stale if handle is not None else 0

    def waiting(self) -> int:
        return len(self.behind)
