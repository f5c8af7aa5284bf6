"""One client of redis-py for each event loop: its connections can be used in no other."""

from __future__ import annotations

import asyncio

from ._redis_clients import async_client_of
from ._redis_leases import begins_anew_in_a_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Any


class Clients:
    """The clients of a URL. Those of loops that are closed are dropped; a forked child has none of its parent's.

    Args:
        url: Of the server.
        timeout: How many seconds it may take to connect or to answer.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._of_loops: dict[AbstractEventLoop, Any] = {}
        self._inherited: list[object] = []
        begins_anew_in_a_child(self)

    def current(self) -> Any:
        """Return that of the loop that runs."""
        loop = asyncio.get_running_loop()
        client = self._of_loops.get(loop)
        if client is None:
            for other in [each for each in self._of_loops if each.is_closed()]:
                self._of_loops.pop(other, None)
            client = self._of_loops[loop] = async_client_of(self._url, self._timeout)
        return client

    async def end(self) -> None:
        """Close the connections of this loop."""
        client = self._of_loops.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def __len__(self) -> int:
        return len(self._of_loops)

    def in_child(self) -> None:
        """Use no connection of the parent's, and close none: both would speak on the same socket."""
        self._inherited.append(self._of_loops)
        self._of_loops = {}
