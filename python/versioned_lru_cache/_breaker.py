"""A circuit breaker: a store that fails is left alone for a while, and told later what it must not keep.

An outage is counted and logged once. Each failure more doubles the pause, up to a bound. What the store was not told
is *owed*: as long as it has not heard of that, none of its records is used.
"""

from __future__ import annotations

import logging
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Striking: TypeAlias = Literal["delete", "clear"]

log = logging.getLogger("versioned_lru_cache.stores")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0


class Breaker:
    """What one function knows of how its store fares.

    Attributes:
        errors: How often the store has failed, or had a record that could not be read.
        seconds: How long it has taken altogether.
        owed: What the store was not told yet: what to do with which address or group. Each is told by itself, as
            another may be about the same meanwhile.
        alone_until: The store failed so short a time ago that it is left alone until then, in seconds of a monotonic
            clock.
        pause: How many seconds it is left alone for; zero while it works.
    """

    def __init__(self, name: str, store: object) -> None:
        self.errors = 0
        self.seconds = 0.0
        self.owed: dict[int, tuple[Striking, bytes]] = {}
        self._name = name
        self._store = store
        self._numbers = count()
        self.alone_until = 0.0
        self.pause = 0.0

    def owe(self, act: Striking, place: bytes) -> int:
        """Note what the store is to be told. Return the note's number."""
        number = next(self._numbers)
        self.owed[number] = act, place
        return number

    def has_failed(self, error: Exception, now: float) -> None:
        """Note a failure at this moment, in seconds of a monotonic clock."""
        self.errors += 1
        if not self.pause:
            log.warning(
                "%s: the store %r has failed, so results are computed and kept in memory only: %s: %s",
                self._name,
                self._store,
                type(error).__name__,
                error,
            )
        self.pause = min(max(2 * self.pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self.alone_until = now + self.pause

    def has_answered(self) -> None:
        """Note that the store works."""
        if self.pause:
            self.pause = 0.0
            log.warning("%s: the store %r is back", self._name, self._store)
