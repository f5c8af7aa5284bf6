"""A database that is only read: from an image, a read-only file system, or a folder in which others write.

While nobody writes, which a missing write-ahead log tells, the file is complete and stands still. It is read as
immutable then: no locks, no files beside it, so the folder need not be writable. Where there is a log somebody writes,
or died doing so, and the log is read with SQLite's own locks.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from ._connections import Connections
from ._database import BUSY_SECONDS, DAMAGED, LOOK_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._folder import Folder

__all__ = ["ReadOnlyDatabase"]


class ReadOnlyDatabase:
    """One database file, of which nothing is changed."""

    journal = "read-only"
    old_before = 0  # No access is noted.

    def __init__(self, folder: Folder, name: str) -> None:
        self.path = os.path.join(folder.bucket, name)
        self.look_at = 0.0
        self._log = f"{self.path}-wal"
        # A rollback journal is no log: there SQLite's locks tell who writes.
        self._locked = folder.on_network or self._has_log()
        self._seen = self._look()
        self.pool = Connections(self._connect)

    def _connect(self) -> sqlite3.Connection:
        address = f"{Path(self.path).absolute().as_uri()}?mode=ro{'' if self._locked else '&immutable=1'}"
        try:
            connection = sqlite3.connect(
                address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise self._told(error) from error
        try:
            connection.text_factory = bytes
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise self._told(error) from error
            raise
        return connection

    def _told(self, error: sqlite3.OperationalError) -> sqlite3.OperationalError:
        if self._locked and "unable to open" in str(error):
            return sqlite3.OperationalError(
                f"{self.path} has a write-ahead log beside it, which can't be read here: it was copied while a store"
                " was open. close() that store first, and copy the folder then"
            )
        return error

    def set_up(self) -> None:
        """See whether it can be read."""
        with self.pool.one():
            pass

    def close(self) -> None:
        """Close all connections."""
        self.pool.close()

    def is_current(self) -> bool:
        """Whether it is as it was when it was opened, and still the one in use."""
        if os.access(self.path + DAMAGED, os.F_OK):
            return False
        if self._locked:
            return os.access(self.path, os.F_OK)
        return not self._has_log() and self._look() == self._seen

    def looked(self) -> None:
        """Note the time, after a look."""
        self.look_at = time.monotonic() + LOOK_SECONDS

    def note(self, address: bytes) -> None:
        """Note nothing."""

    def _has_log(self) -> bool:
        return os.access(self._log, os.F_OK)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
