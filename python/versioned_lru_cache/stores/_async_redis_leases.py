"""Renewal of leases in event loops: a heartbeat by a task of each loop, as long as that holds any."""

from __future__ import annotations

import asyncio
from time import monotonic

from ._redis_leases import PART, begins_anew_in_a_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Awaitable, Callable

    from ._redis_plan import Held


class Heartbeats:
    """The leases of an async store. Those of a loop that has ended are renewed no more.

    Args:
        renew: Renews one, and tells whether it is still held. It may raise anything: then it is tried again later.
        lease_seconds: How long a lease lasts if nobody renews it.
    """

    def __init__(self, renew: Callable[[Held], Awaitable[bool]], lease_seconds: float) -> None:
        self._renew = renew
        self._every = lease_seconds / PART
        self._loops: dict[AbstractEventLoop, tuple[dict[int, Held], Task[None]]] = {}
        begins_anew_in_a_child(self)

    def add(self, held: Held) -> None:
        """Renew a lease from now on, in the loop that runs."""
        loop = asyncio.get_running_loop()
        there = self._loops.get(loop)
        if there is not None and not there[1].done():
            there[0][id(held)] = held
            return
        for other in [each for each in self._loops if each.is_closed()]:
            self._loops.pop(other, None)
        leases = {id(held): held}
        self._loops[loop] = leases, loop.create_task(self._run(leases), name="versioned_lru_cache leases")

    def remove(self, held: Held) -> bool:
        """Renew it no more. Return whether it was."""
        loop = asyncio.get_running_loop()
        there = self._loops.get(loop)
        if there is None or there[0].pop(id(held), None) is None:
            return False
        if not there[0]:
            self._loops.pop(loop)[1].cancel()
        return True

    def end(self) -> None:
        """Renew none of this loop any more: they end by themselves."""
        there = self._loops.pop(asyncio.get_running_loop(), None)
        if there is not None:
            for held in there[0].values():
                held.token = None
            there[1].cancel()

    async def _run(self, leases: dict[int, Held]) -> None:
        due = monotonic() + self._every
        while leases:
            await asyncio.sleep(max(0.0, due - monotonic()))
            due = monotonic() + self._every
            await self._renew_all(leases)

    async def _renew_all(self, leases: dict[int, Held]) -> None:
        for key, held in list(leases.items()):
            try:
                still = await self._renew(held)
            except Exception:  # The server is away. Each other lease would take a time-out as well.
                return
            if not still:
                leases.pop(key, None)

    def in_child(self) -> None:
        """Forget the parent's leases. Its tasks find nothing to renew, should the child go on in one of its loops."""
        for leases, _ in self._loops.values():
            for held in leases.values():
                held.token = None
            leases.clear()
        self._loops.clear()
