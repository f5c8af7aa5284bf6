"""Loads over a pool of redis-py with few of its frames: most of what a load costs beside the server is Python.

Only for a client that was made of a URL. A user's own may be of any class, and watched by what wraps its methods.
"""

from __future__ import annotations

from inspect import Parameter, signature

from ._redis_clients import ConnectionLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Loads:
    """Asks for two keys at once.

    Args:
        pool: Of the client. What it gives is connected, and has no answer left of before.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        # What older versions must be told, newer ones warn of.
        named = signature(pool.get_connection).parameters.get("command_name")
        self._named = ("MGET",) if named is not None and named.default is Parameter.empty else ()

    def mget(self, first: bytes, second: bytes) -> Any:
        """Return what is under both, and ask once more if the connection is lost, as the client does."""
        asked = [
            b"*3\r\n$4\r\nMGET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(first), first, len(second), second),
        ]
        try:
            return self._answer(asked)
        except ConnectionLost:
            return self._answer(asked)

    def _answer(self, asked: list[bytes]) -> Any:
        connection = self._pool.get_connection(*self._named)
        try:
            connection.send_packed_command(asked)
            return connection.read_response()
        except BaseException:  # Nobody may find the answer, which may be on its way, for that of another question.
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)
