"""How commits to a SQLite database are seen: from outside, and on a connection of the user's."""

from __future__ import annotations

import os
from _thread import RLock
from itertools import count
from weakref import WeakSet

from ._version_function import making

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from sqlite3 import Connection


class Watch:
    """The one connection of a process by which it sees what others commit to a database.

    SQLite tells of commits by numbers that mean something to one connection only, so all threads share this. It opens
    the file to read only: then its end neither writes nor removes anything, whatever lies there by then.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._opened = ""
        self.lock = RLock()
        _watches.add(self)

    def version(self) -> Hashable:
        with self.lock:
            try:
                found = os.stat(self._path)
            except FileNotFoundError:
                self.close()
                return None
            if self._connection is None or self._file != (found.st_dev, found.st_ino):
                self.close()
                self._connection = _opened(self._path, "ro")
                # That of the path before it was opened: should another have been put there since, this is told next.
                self._file = found.st_dev, found.st_ino
                self._opened = os.urandom(8).hex()
            return self._opened, self._commits(self._connection)

    def _commits(self, connection: Connection) -> int:
        from sqlite3 import OperationalError

        try:
            return _pragma(connection, "data_version")
        except OperationalError as error:
            # A writer that died left its journal behind, which takes one who may write to roll back.
            if "readonly" not in str(error):
                raise
            healing = _opened(self._path, "rw")
            try:
                _pragma(healing, "data_version")
            finally:
                healing.close()
            return _pragma(connection, "data_version")

    def close(self) -> None:
        """Close the connection; the next version opens another, and is another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        self.close()


_watches: WeakSet[Watch] = WeakSet()


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


def _opened(path: str, mode: str) -> Connection:
    from pathlib import Path
    from sqlite3 import connect

    address = f"{Path(path).absolute().as_uri()}?mode={mode}"
    return connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _pragma(connection: Connection, question: str) -> int:
    cursor = connection.cursor()
    cursor.row_factory = None
    try:
        (answer,) = cursor.execute(f"PRAGMA {question}").fetchone()
        return int(answer)
    finally:
        cursor.close()


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
