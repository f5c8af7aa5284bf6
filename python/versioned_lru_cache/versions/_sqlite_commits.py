"""How commits to a SQLite database are seen: from outside, and on a connection of the user's."""

from __future__ import annotations

import os
from _thread import RLock
from itertools import count
from weakref import finalize

from ._version_function import making

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from sqlite3 import Connection


class Watch:
    """The one connection of a process by which it sees what others commit to a database.

    SQLite tells of commits by numbers that mean something to one connection only, so all threads share this. It may
    write, though it asks for nothing that does: else it could not roll back what a writer that died has left, and if it
    is the last to be closed, what is in the write-ahead log would not get into the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._opened = ""
        self.lock = RLock()
        _watches.add(self)

    def end_with(self, user: object) -> None:
        """Let the connection be closed when what uses it is gone, and at the end of the interpreter."""
        # Not by a finalizer of this object: in a cycle that of the connection may run first, and complain.
        finalize(user, self._end)

    def _end(self) -> None:
        with self.lock:
            self.close()
            _watches.discard(self)

    def version(self) -> Hashable:
        with self.lock:
            try:
                found = os.stat(self._path)
            except FileNotFoundError:
                self.close()
                return None
            if self._connection is None or self._file != (found.st_dev, found.st_ino):
                self.close()
                self._connection = _opened(self._path)
                # That of the path before it was opened: should another have been put there since, this is told next.
                self._file = found.st_dev, found.st_ino
                self._opened = os.urandom(8).hex()
            return self._opened, self._connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Close the connection; the next version opens another, and is another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_watches: set[Watch] = set()


class _Forking:
    """Sees to it that no connection is inherited by a child, where SQLite allows no use of it, not even its end."""

    def __init__(self) -> None:
        self._held: list[Watch] = []

    def before(self) -> None:
        making.acquire()
        self._held = list(_watches)
        for watch in self._held:
            watch.lock.acquire()
            watch.close()

    def after(self) -> None:
        while self._held:
            self._held.pop().lock.release()
        making.release()


if hasattr(os, "register_at_fork"):
    _forking = _Forking()
    os.register_at_fork(before=_forking.before, after_in_parent=_forking.after, after_in_child=_forking.after)


def _opened(path: str) -> Connection:
    from pathlib import Path
    from sqlite3 import connect

    address = f"{Path(path).absolute().as_uri()}?mode=rw"  # makes no file, unlike a plain path
    return connect(address, uri=True, isolation_level=None, check_same_thread=False)


class Watched:
    """What changes on a connection of the user's when it commits, or another does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # Numbers mean something to one connection only.
        self._name = os.urandom(8).hex()
        self._asked = count()

    def version(self) -> Hashable:
        connection = self._connection
        cursor = connection.cursor()
        cursor.row_factory = None
        # What the connection has written, whether it was kept or not. The number never goes back, so no state of the
        # data has that of another. It is read first: what is written after this makes the next version another.
        seen: list[object] = [self._name, connection.total_changes]
        # As blobs, since the user's text_factory may make anything of text.
        attached = "SELECT CAST(name AS BLOB), CAST(file AS BLOB) FROM pragma_database_list"
        for name, file in cursor.execute(attached).fetchall():
            quoted = '"' + name.decode().replace('"', '""') + '"'
            # Commits of others; changes of the schema, which total_changes leaves out, as it does the last.
            for question in ("data_version", "schema_version", "user_version"):
                (answer,) = cursor.execute(f"PRAGMA {quoted}.{question}").fetchone()
                seen.append(answer)
            seen.append(file)
        cursor.close()
        # In a transaction even equal numbers say little: a savepoint, or the transaction itself, may be rolled back.
        if connection.in_transaction:
            seen.append(next(self._asked))
        return tuple(seen)
