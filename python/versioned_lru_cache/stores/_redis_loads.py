"""Loads over a pool of redis-py with few of its frames: most of what a load costs beside the server is Python.

Only for a client that was made of a URL. A user's own may be of any class, and watched by what wraps its methods.
"""

from __future__ import annotations

from inspect import Parameter, signature

from ._redis_clients import ConnectionLost
from ._redis_leases import begins_anew_in_a_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Loads:
    """Asks for two keys at once. It keeps the connections that it has taken from the pool, which looks after each use.

    Args:
        pool: Of the client. To close that closes these too; they connect again when they are used.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._idle: list[Any] = []
        self._inherited: list[object] = []
        # What older versions must be told, newer ones warn of.
        named = signature(pool.get_connection).parameters.get("command_name")
        self._named = ("MGET",) if named is not None and named.default is Parameter.empty else ()
        begins_anew_in_a_child(self)

    def mget(self, first: bytes, second: bytes) -> Any:
        """Return what is under both, and ask once more if the connection is lost, as the client does."""
        asked = [b"*3\r\n$4\r\nMGET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(first), first, len(second), second)]
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._pool.get_connection(*self._named)
        try:
            try:
                connection.send_packed_command(asked)
                return connection.read_response()
            except ConnectionLost:
                connection.disconnect()
                connection.send_packed_command(asked)
                return connection.read_response()
        except BaseException:  # Nobody may find the answer, which may be on its way, for that of another question.
            connection.disconnect()
            raise
        finally:
            idle.append(connection)

    def in_child(self) -> None:
        """Use no connection of the parent's, and close none: both would speak on the same socket."""
        self._inherited.append(self._idle)
        self._idle = []
