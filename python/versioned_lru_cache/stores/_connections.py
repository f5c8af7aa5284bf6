"""A connection pool for one SQLite database: a connection is used by one thread at a time, and by no forked child.

`idle` is a stack: the connection that was used last has the warmest page cache. Taking and giving back are one `pop`
and one `append`, each atomic with the GIL and without, so that a load pays no lock. There are never more connections
than threads have been in SQLite at the same time, where one a thread would keep hundreds in a big pool of threads.

What lies there are cursors, each the only one of its connection: to make one takes a tenth of a load.

SQLite allows a child no use of what it inherits, not even to close it. So before a fork the pool waits for those in
use, closes all, and both sides open new ones when they need them.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock
from contextlib import contextmanager, suppress
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from sqlite3 import Connection, Cursor

__all__ = ["Connections"]

# A thread may be waiting for another process's write, or the fork may come out of a signal handler inside of a call.
FORK_WAITS = 1.0


class Connections:
    """The open connections to one database file."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._gate = allocate_lock()
        self._open: set[Connection] = set()
        self.idle: list[Cursor] = []
        _pools.add(self)

    def take(self) -> Cursor:
        """Return a connection's cursor that nobody else uses; it is given back by `idle.append`, or ended by `end`."""
        try:
            return self.idle.pop()
        except IndexError:
            with self._gate:
                connection = self._connect()
                self._open.add(connection)
                return connection.cursor()

    def end(self, cursor: Cursor) -> None:
        """Close a connection in place of giving it back: after an error nobody knows what state it is in."""
        connection = cursor.connection
        _close(connection)
        self._open.discard(connection)

    @contextmanager
    def one(self) -> Generator[Connection]:
        """Use a connection; if that fails it is closed, which rolls back what it has begun."""
        cursor = self.take()
        try:
            yield cursor.connection
        except BaseException:
            self.end(cursor)
            raise
        self.idle.append(cursor)

    def close(self) -> None:
        """Close those that are idle now, and each of the others when it is given back."""
        idle, self.idle = self.idle, _Ended(self)
        while idle:
            self.end(idle.pop())

    def before_fork(self, deadline: float) -> bool:
        """Close all and let none be opened. Return whether the gate was taken."""
        taken = self._gate.acquire(timeout=max(0.0, deadline - time.monotonic()))
        while True:
            with suppress(IndexError):
                while True:
                    self.end(self.idle.pop())
            if not self._open or time.monotonic() >= deadline:
                return taken
            time.sleep(0.001)

    def after_fork(self, taken: bool) -> None:
        """Let connections be opened again."""
        if taken:
            self._gate.release()

    def in_child(self) -> None:
        """Begin anew. What another thread was still using is kept, so that nothing closes it."""
        _inherited.extend(self._open)
        self._open.clear()
        self.idle.clear()
        self._gate = allocate_lock()


class _Ended(list["Cursor"]):
    """Stands in for `idle` after the end: holds nothing, and closes what is given back."""

    def __init__(self, pool: Connections) -> None:
        super().__init__()
        self._pool = pool

    def append(self, cursor: Cursor, /) -> None:
        self._pool.end(cursor)


def _close(connection: Connection) -> None:
    # What was not committed is rolled back by it; that a damaged database can't even be closed well is no news.
    with suppress(Exception):
        connection.close()


_pools: WeakSet[Connections] = WeakSet()
_inherited: list[Connection] = []
_forking: list[tuple[Connections, bool]] = []


def _before_fork() -> None:
    deadline = time.monotonic() + FORK_WAITS
    _forking.extend((pool, pool.before_fork(deadline)) for pool in list(_pools))


def _after_in_parent() -> None:
    while _forking:
        pool, taken = _forking.pop()
        pool.after_fork(taken)


def _after_in_child() -> None:
    while _forking:
        pool, _ = _forking.pop()
        pool.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
