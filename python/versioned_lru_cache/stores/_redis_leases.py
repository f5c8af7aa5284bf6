"""Renewal of leases: a heartbeat in a thread, as long as the process holds any.

A process that has died, or is stopped for longer than a lease lasts, sends none, and so loses its leases.
"""

from __future__ import annotations

import os
from threading import Condition, Thread
from time import monotonic
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ._redis_plan import Held

    class Inherited(Protocol):
        """What a forked child may not use as its parent's threads and loops have left it."""

        def in_child(self) -> None:
            """Begin anew."""


PART = 3  # Each lease is renewed after such a part of its time, so that one lost answer does no harm.

_inherited: WeakSet[Inherited] = WeakSet()


def begins_anew_in_a_child(inherited: Inherited) -> None:
    """Call its `in_child` after each fork, as long as it is there."""
    _inherited.add(inherited)


class Renewals:
    """The leases of a store.

    Args:
        renew: Renews one, and returns whether it is still held. It may raise anything: then it is tried again later.
        lease_seconds: How long a lease lasts if nobody renews it.
    """

    def __init__(self, renew: Callable[[Held], bool], lease_seconds: float) -> None:
        self._renew = renew
        self._every = lease_seconds / PART
        self._begin()
        begins_anew_in_a_child(self)

    def _begin(self) -> None:
        self._changed = Condition()
        self._held: dict[int, Held] = {}
        self._thread: Thread | None = None

    def add(self, held: Held) -> None:
        """Renew a lease from now on."""
        with self._changed:
            self._held[id(held)] = held
            if self._thread is None:
                self._thread = Thread(target=self._run, name="versioned_lru_cache leases", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # The program ends, or has all threads that it may have: the lease has its time.
                    self._thread = None

    def remove(self, held: Held) -> bool:
        """Renew it no more. Return whether it was."""
        with self._changed:
            if self._held.pop(id(held), None) is None:
                return False
            if not self._held:
                self._changed.notify_all()
            return True

    def end(self) -> None:
        """Renew none any more: they end by themselves."""
        with self._changed:
            for held in self._held.values():
                held.token = None
            self._held.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        changed, due = self._changed, monotonic() + self._every
        while True:
            with changed:
                while self._held and (left := due - monotonic()) > 0:
                    changed.wait(left)
                if not self._held:
                    self._thread = None
                    return
                held = list(self._held.values())
            due = monotonic() + self._every
            self._renew_all(held)

    def _renew_all(self, held: list[Held]) -> None:
        for each in held:
            try:
                still = self._renew(each)
            except Exception:  # The server is away. Each other lease would take a time-out as well.
                return
            if not still:
                self.remove(each)

    def in_child(self) -> None:
        """Forget the parent's leases; a thread of it may have had the lock."""
        for held in list(self._held.values()):
            held.token = None
        self._begin()


def _in_child() -> None:
    for each in list(_inherited):
        each.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
