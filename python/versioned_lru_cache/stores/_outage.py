"""An outage of the server that tells versions: it is logged once, and the server left alone for a growing pause."""

from __future__ import annotations

import logging
from time import monotonic

from ..exceptions import VersionUnknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

log = logging.getLogger("versioned_lru_cache.stores")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0


class Outage:
    """Within it a question is put to a server. That fails as :class:`VersionUnknown`: the cached function computes.

    Any exception counts, whatever a client of the user's raises: one of a cluster is no ``redis.RedisError``.
    """

    def __init__(self, store: object) -> None:
        self._store = store
        self._pause = self._until = 0.0
        self._last = ""

    def __enter__(self) -> None:
        """Refuse to ask if the server has failed a short time ago."""
        if self._pause and monotonic() < self._until:
            raise VersionUnknown(f"{self._store!r} has failed a short time ago: {self._last}")

    def __exit__(self, kind: object, error: BaseException | None, _: TracebackType | None) -> None:
        """Note how that has ended."""
        if isinstance(error, Exception):
            if not self._pause:
                log.warning(
                    "%r can't tell the versions of its counters, so what they are for is computed in each session: "
                    "%s: %s",
                    self._store,
                    type(error).__name__,
                    error,
                )
            now = monotonic()
            if now >= self._until:  # Those that were on their way as well count once.
                self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
                self._until = now + self._pause
            self._last = f"{type(error).__name__}: {error}"
            raise VersionUnknown(f"{self._store!r} has failed: {self._last}") from error
        if error is None and self._pause:
            self._pause = 0.0
            log.warning("%r tells versions again", self._store)
