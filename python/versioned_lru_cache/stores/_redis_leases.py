"""Leases that a process holds in Redis: renewed by a thread in the background for as long as it lives.

A lease in a server can't end with its holder, so it ends by itself, unless it is renewed in time. The thread begins
with the first lease and ends with the last. What a process held before it forked its child does not hold.
"""

from __future__ import annotations

import logging
import os
import threading
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._protocol import Lease

_log = logging.getLogger("versioned_lru_cache.stores")


class Renewals:
    """The leases of a store, and the thread that renews them.

    Args:
        renew: Renews a lease; whether it is held still.
        seconds: How long a lease lives. Each is renewed when a third of that is over.
    """

    def __init__(self, renew: Callable[[Lease], bool], seconds: float) -> None:
        self._renew = renew
        self._pause = seconds / 3
        self.forget_all()
        _known.add(self)

    def forget_all(self) -> None:
        """Hold nothing, as a child that was forked just now."""
        self._held: dict[tuple[bytes, bytes, int], Lease] = {}
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._runs = False

    def add(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        with self._changing:
            self._held[lease[:3]] = lease
            if not self._runs:
                self._runs, self._ended = True, threading.Event()
                threading.Thread(
                    target=self._run, args=(self._ended,), name="versioned_lru_cache leases", daemon=True
                ).start()

    def drop(self, lease: Lease) -> None:
        """Renew it no more."""
        with self._changing:
            self._held.pop(lease[:3], None)
            if not self._held and self._runs:
                self._runs = False
                self._ended.set()

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(self._pause):
            with self._changing:
                held = list(self._held.values())
            for lease in held:
                try:
                    lives = self._renew(lease)
                except Exception as error:  # The next turn may do better, before it ends.
                    _log.info("a lease was not renewed: %s: %s", type(error).__name__, error)
                    continue
                if not lives:
                    self.drop(lease)


_known: WeakSet[Renewals] = WeakSet()


def _after_in_child() -> None:
    # Whoever held the lock, or ran, is no thread of the child.
    for renewals in list(_known):
        renewals.forget_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
