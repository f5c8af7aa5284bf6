"""The small world of `fresh_sides` on the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.calls import Freshness, ModelCache
from tests.model.fresh_oracle import Made, Terms, at_least, part_of
from tests.model.fresh_sides import DELAY, Down, Side, Target
from tests.model.world import HARD, NO, SOFT, ModelSession, ModelWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class ModelSide(Side):
    """The world on the model."""

    def __init__(self, functions: list[Terms]) -> None:
        super().__init__(functions)
        self.now = 0.0
        self.world = ModelWorld(self.time, self.do_advance)
        self.sessions: dict[int, ModelSession] = {}
        for_all, each = self.version(each=False), self.version(each=True)
        self.cached = {
            terms.name: ModelCache(
                self.world,
                self.function(terms),
                each if terms.by_arguments else for_all,
                by_arguments=terms.by_arguments,
                part=(lambda key: (part_of(key),)) if terms.part else None,
                maxsize=terms.maxsize,
                max_weight=terms.max_weight,
                ttl=terms.ttl,
                freshness=Freshness(
                    verify=terms.verify,
                    revalidate=self.revalidate(terms) if terms.revalidates else None,
                    stale_if_error=terms.stale_if_error,
                    retry_after=terms.retry_after,
                    errors=Down,
                    stale_while_revalidate=terms.stale_while_revalidate,
                    retries=terms.retries,
                    delay=DELAY,
                    settle=terms.settle,
                    order=at_least if terms.ordered else None,
                    lives=(lambda made, key: made.lives) if terms.varies else None,
                    weigh=(lambda made: made.weight) if terms.max_weight is not None else None,
                ),
            )
            for terms in functions
        }

    def session(self) -> ModelSession | None:
        """The session of calls made now: a plain one, if none was opened."""
        if self.place is None:
            return None
        if self.place not in self.sessions:
            self.sessions[self.place] = ModelSession(self.world)
        return self.sessions[self.place]

    def policy(self, targets: tuple[Target, ...]) -> Callable[[object, tuple[Hashable, ...]], tuple[int, bool]]:
        def renews(cache: object, args: tuple[Hashable, ...]) -> tuple[int, bool]:
            level, named = NO, False
            for target in targets:
                if target.kind != "all":
                    if self.cached[self.find(target.function).name] is not cache:
                        continue
                    if target.kind == "key" and args != (target.key,):
                        continue
                    if target.kind == "where" and args == (target.key,):
                        continue
                    named = True
                level = max(level, HARD if target.hard else SOFT)
            return level, named

        return renews

    def open(self, place: int, targets: tuple[Target, ...], offline: bool) -> None:
        self.sessions[place] = ModelSession(self.world, self.policy(targets), offline)

    def close(self, place: int) -> None:
        session = self.sessions.pop(place, None)
        if session:
            session.end()

    def validating(self) -> bool:
        return self.world.readers.validating

    def time(self) -> float:
        return self.now

    def do_advance(self, seconds: float) -> None:
        self.now += seconds

    def do_behind(self) -> None:
        if not self.world.behind:
            return
        # In a context of its own: no computation around it has read what it does.
        around, self.world.readers.frames = self.world.readers.frames, []
        try:
            self.world.behind.pop(0)()
        finally:
            self.world.readers.frames = around

    def call(self, name: str, key: int) -> object:
        return self.cached[name].call(self.session(), key)

    def refresh(self, name: str, key: int) -> object:
        return self.cached[name].refresh(self.session(), key)

    def put(self, name: str, made: Made, version: object, key: int, told: int | None) -> None:
        cache = self.cached[name]
        cache.put(self.session(), made, version, key, lives=made.bound, weight=cache.weight_of(made))

    def invalidate(self, name: str, key: int) -> bool:
        return self.cached[name].invalidate(key)

    def purge(self, name: str) -> int:
        return self.cached[name].purge()

    def clear(self, name: str) -> None:
        self.cached[name].clear()

    def peek(self, name: str, key: int) -> tuple[Made, object, object] | None:
        entry = self.cached[name].peek(key)
        if entry is None:
            return None
        assert isinstance(entry.value, Made)
        return entry.value, entry.stamp.version, entry.lives

    def counts(self, name: str) -> dict[str, int | None]:
        cache = self.cached[name]
        maxsize = cache.maxsize if cache.maxsize is None else max(cache.maxsize, 0)
        weight = None if cache.max_weight is None else cache.weight
        room = {"ended": len(cache.ended()), "weight": weight, "max_weight": cache.max_weight}
        return {**vars(cache.counts), "maxsize": maxsize, "currsize": len(cache.live), **room}

    def stale(self, place: int) -> int:
        return self.sessions[place].stale if place in self.sessions else 0

    def waiting(self) -> int:
        return len(self.world.behind)
