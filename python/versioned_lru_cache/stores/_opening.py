"""What a local store has open: opened on first use, and anew when the database in use is another.

It is another after the folder was removed, and after some process has set the database aside because it was damaged.
That is looked at before everything that takes or checks a lease or removes records, and by loads once a second: a load
from a database that was set aside less than a second ago finds what was there, as the memory of another process does.
"""

from __future__ import annotations

import os
import sqlite3
import time
from _thread import allocate_lock
from contextlib import contextmanager, suppress
from typing import TypeAlias
from weakref import WeakSet, finalize

from . import _database as sql
from ._folder import prepare
from ._leases import LeaseFiles
from ._read_only import ReadOnlyDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path
    from typing import Concatenate, ParamSpec, TypeVar

    from ._folder import Folder

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["Opened"]

# Whoever opens a database holds others up for a few milliseconds.
OPENING_SECONDS = 10.0
AnyDatabase: TypeAlias = sql.Database | ReadOnlyDatabase


class Opened:
    """The database in use, and the folder of its leases."""

    def __init__(self, path: Path | None, read_only: bool) -> None:
        self.path = path
        self.database: AnyDatabase | None = None
        self.set_aside = 0
        self.opening = allocate_lock()
        self._read_only = read_only
        self._folder: Folder | None = None
        self._ending: finalize[[], Opened] | None = None
        _all.add(self)

    def current(self) -> AnyDatabase:
        """Look whether the open database is still the one in use, and return that."""
        database = self.database
        if database is None or not database.is_current():
            database = self._open(database)
        database.looked()
        return database

    def files(self) -> LeaseFiles:
        """Return the files of the leases."""
        self.current()
        assert self._folder is not None
        return LeaseFiles(self._folder.leases)

    def do(self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do something on a connection; once more on another database if this one was damaged."""
        database = self.current()
        try:
            with database.pool.one() as connection:
                return work(connection, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            if not self.healed(database, error):
                raise
        with self.current().pool.one() as connection:
            return work(connection, *args, **kwargs)

    def healed(self, database: AnyDatabase, error: sqlite3.DatabaseError) -> bool:
        """Set the database aside if an error says that it is damaged. Return whether that was so."""
        if self._read_only or not sql.is_damage(error, database.path):
            return False
        self.heal(database, str(error))
        return True

    def heal(self, database: AnyDatabase, reason: str) -> None:
        """Set a damaged database aside, unless another process or thread was faster."""
        if self._read_only or self._folder is None:
            return
        with _alone(self._folder):
            if database.is_current():
                sql.mark_damaged(database.path, reason)
                self.set_aside += 1

    def sweep(self, connection: sqlite3.Connection) -> None:
        """Remove what holders that died have left of their leases."""
        assert self._folder is not None
        files = LeaseFiles(self._folder.leases)
        # First the notes: whoever has made one has a file already, until the lease is released.
        noted = sql.names_of_leases(connection)
        for held in files.left_behind():
            files.free(held)
        sql.forget_leases(connection, [each for each in noted.items() if not files.exists(each[0])])

    def close(self) -> None:
        """Close all files."""
        with self.opening:
            database, self.database = self.database, None
            if self._ending is not None:
                self._ending.detach()
                self._ending = None
            if database is not None:
                database.close()

    def _open(self, before: AnyDatabase | None) -> AnyDatabase:
        with self.opening:
            if self.database is not None and self.database is not before:
                return self.database  # Another thread was faster.
            if before is not None:
                before.close()
                self.database = None
            if self._ending is not None:
                self._ending.detach()
            self._folder = folder = prepare(self.path, self._read_only)
            database = _for_reading(folder) if self._read_only else self._for_writing(folder)
            # At the end of the program too: the last connection to be closed writes the log into the file.
            self._ending = finalize(self, database.close)
            self.database = database
        if not self._read_only and before is None:
            with suppress(OSError, sqlite3.Error), database.pool.one() as connection:
                self.sweep(connection)
        return database

    def _for_writing(self, folder: Folder) -> sql.Database:
        with _alone(folder):
            name = sql.latest(folder.bucket)
            if name is not None:
                database = sql.Database(folder, name)
                try:
                    database.set_up()
                    return database
                except sqlite3.DatabaseError as error:
                    database.pool.close()
                    if not sql.is_damage(error, database.path):
                        raise
                    sql.mark_damaged(database.path, str(error))
                    self.set_aside += 1
            database = sql.Database(folder, sql.new_name(folder.bucket))
            database.set_up()
            return database


def _for_reading(folder: Folder) -> ReadOnlyDatabase:
    name = sql.latest(folder.bucket)
    if name is None:
        raise FileNotFoundError(f"{folder.bucket} has no database yet: a store that writes makes it")
    database = ReadOnlyDatabase(folder, name)
    database.set_up()
    return database


@contextmanager
def _alone(folder: Folder) -> Generator[None]:
    """Let one process at a time make a database or set one aside."""
    files = LeaseFiles(folder.bucket)
    deadline = time.monotonic() + OPENING_SECONDS
    while (held := files.take("opening")) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(f"another process has been opening the database in {folder.bucket} for too long")
        time.sleep(0.005)
    try:
        yield
    finally:
        files.free(held)


_all: WeakSet[Opened] = WeakSet()


def _after_in_child() -> None:
    # Whoever was opening one is no thread of the child.
    for opened in list(_all):
        opened.opening = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
