"""The database of a local store: records, and the leases that are out, in SQLite.

A **fence** is a row that is missing. To acquire a lease is to insert a row, whose number is the lease's token; to
delete or clear records is to delete the rows of their leases with them, in one transaction. A save is one statement,
which stores the record only if the lease's row is there, and only over a record of no later lease. Tokens are never
used twice (`AUTOINCREMENT`), and begin with the time, so that they are others in a database that takes the place of a
damaged one.

**Access times** are noted only where the one in the row is over a minute old, in memory, and written with the next
save or a minute later, many at once. So a load writes nothing, and the order in which records are evicted is that of
their last use, give or take that minute.

A file name is never used twice. Of the files `records-*.sqlite3` the last one is in use that has not been marked as
damaged. Renaming or replacing the file of a database would be a trap: SQLite removes write-ahead logs by their name,
so a process that still has the old one open would remove the log of the new.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from ._connections import Connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._folder import Folder

__all__ = ["BUSY_SECONDS", "DAMAGED", "LOAD", "Database", "is_damage", "latest", "new_name"]

# How long a write waits for those of other threads and processes, each of which takes far less than a millisecond.
BUSY_SECONDS = 5.0
ACCESS_SECONDS = 60
NOTES = 1024
LOOK_SECONDS = 1.0
# Small enough not to keep other writers waiting.
EVICTED_AT_ONCE = 256
READ_AT_ONCE = 64
READ_BYTES_AT_ONCE = 2**22
DAMAGED = ".damaged"
OLDEST = (3, 24, 0)  # of 2018: knows upserts
APPLICATION = 0x564C5243
SOME = "SELECT id, address, record FROM records"
LOAD = "SELECT record, used FROM records WHERE address = ?"
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    address BLOB NOT NULL UNIQUE,
    record BLOB NOT NULL,
    token INTEGER NOT NULL,
    used INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_use ON records (used);
CREATE TABLE IF NOT EXISTS leases (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    address BLOB NOT NULL,
    name TEXT NOT NULL
);
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'leases', {{first}} WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'leases');
PRAGMA application_id = {APPLICATION};
COMMIT;
"""


class Database:
    """One database file, open until `close`."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.path = os.path.join(folder.bucket, name)
        self.journal = "delete" if folder.on_network else "wal"
        self.pool = Connections(self._connect)
        # When a load looks next whether the file is still the one in use; the time that notes go by until then.
        self.look_at = 0.0
        self.old_before = 0
        self._notes: set[bytes] = set()
        self._flush_at = time.monotonic() + ACCESS_SECONDS

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            # What a flipped bit has made of a text or a number is no bytes, and never an error of decoding.
            connection.text_factory = bytes
            synchronous = "NORMAL" if self.journal == "wal" else "FULL"
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA journal_size_limit = 4194304")
        except BaseException:
            connection.close()
            raise
        return connection

    def set_up(self) -> None:
        """Make the tables if there are none. One process at a time may do so."""
        if sqlite3.sqlite_version_info < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise sqlite3.NotSupportedError(f"LocalStore needs SQLite {oldest} or newer, not {sqlite3.sqlite_version}")
        with self.pool.one() as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            found = connection.execute(f"PRAGMA journal_mode = {self.journal}").fetchone()[0]
            self.journal = found.decode()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application not in (0, APPLICATION):
                raise sqlite3.DatabaseError(f"file is not a database of this package: application {application}")
            if not application:
                connection.executescript(SCHEMA.format(first=time.time_ns() // 1000))

    def close(self) -> None:
        """Write what is noted and close all connections, the last of which writes the log into the file."""
        if self._notes:
            try:
                with self.pool.one() as connection:
                    self.write_notes(connection)
            except sqlite3.Error:
                pass  # They say only what is evicted last.
        self.pool.close()

    def is_current(self) -> bool:
        """Whether the file is there and is still the one in use."""
        return os.access(self.path, os.F_OK) and not os.access(self.path + DAMAGED, os.F_OK)

    def looked(self) -> None:
        """Note the time, after a look; write what was noted of loads when it is time to."""
        now = time.monotonic()
        self.look_at = now + LOOK_SECONDS
        self.old_before = int(time.time()) - ACCESS_SECONDS
        if self._notes and (now >= self._flush_at or len(self._notes) >= NOTES):
            try:
                with self.pool.one() as connection:
                    connection.execute("PRAGMA busy_timeout = 0")
                    self.write_notes(connection)
                    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            except sqlite3.Error:
                pass  # Another writes, say, and a load does not wait for that. Damage is seen by what is done next.

    def note(self, address: bytes) -> None:
        """Note that a record was used whose time of access is old."""
        if len(self._notes) < 2 * NOTES:
            self._notes.add(address)

    def write_notes(self, connection: sqlite3.Connection) -> None:
        """Write the times of access that are noted."""
        self._flush_at = time.monotonic() + ACCESS_SECONDS
        if not self._notes:
            return
        notes, self._notes = self._notes, set()
        used = int(time.time())
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("UPDATE records SET used = ? WHERE address = ?", [(used, each) for each in notes])
        connection.execute("COMMIT")


def lease(connection: sqlite3.Connection, address: bytes, name: str) -> int:
    """Note a lease whose lock is held, and return its token."""
    token = connection.execute("INSERT INTO leases (address, name) VALUES (?, ?)", (address, name)).lastrowid
    assert token is not None
    return token


def end_lease(connection: sqlite3.Connection, token: int) -> None:
    """Forget a lease."""
    connection.execute("DELETE FROM leases WHERE token = ?", (token,))


SAVE = """
INSERT INTO records (address, record, token, used)
SELECT address, :record, token, :used FROM leases
    WHERE token = :token
    AND address = :address
ON CONFLICT (address) DO UPDATE SET record = excluded.record, token = excluded.token, used = excluded.used
    WHERE records.token <= excluded.token
"""


def save(connection: sqlite3.Connection, address: bytes, token: int, record: bytes) -> bool:
    """Store a record, unless its lease is fenced or a later one has saved."""
    row = {"address": address, "token": token, "record": record, "used": int(time.time())}
    return connection.execute(SAVE, row).rowcount > 0


def delete(connection: sqlite3.Connection, address: bytes) -> bool:
    """Remove a record and fence its leases."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM leases WHERE address = ?", (address,))
    removed = connection.execute("DELETE FROM records WHERE address = ?", (address,)).rowcount
    connection.execute("COMMIT")
    return removed > 0


def clear(connection: sqlite3.Connection, group: bytes) -> None:
    """Remove all records whose addresses begin so, and fence their leases."""
    after = _next(group)
    within = "address >= ?" if after is None else "address >= ? AND address < ?"
    bounds = (group,) if after is None else (group, after)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"DELETE FROM leases WHERE {within}", bounds)
    connection.execute(f"DELETE FROM records WHERE {within}", bounds)
    connection.execute("COMMIT")


def _next(group: bytes) -> bytes | None:
    """The first bytes after all that begin with these; None if nothing comes after."""
    stem = group.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def size(connection: sqlite3.Connection) -> int:
    """What is in use of the file, in bytes."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * page)


def evict(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Remove the records that were used least recently until the rest is within the bound; return how many."""
    removed = 0
    while (excess := size(connection) - max_bytes) > 0:
        connection.execute("BEGIN IMMEDIATE")
        # A little more than has to go, so that not every save has to evict.
        excess += max_bytes // 64
        chosen: list[tuple[int]] = []
        rows = connection.execute(f"SELECT id, length(record) FROM records ORDER BY used, id LIMIT {EVICTED_AT_ONCE}")
        for row, length in rows.fetchall():
            chosen.append((row,))
            excess -= length
            if excess <= 0:
                break
        connection.executemany("DELETE FROM records WHERE id = ?", chosen)
        connection.execute("COMMIT")
        if not chosen:
            break
        removed += len(chosen)
    return removed


def give_back(connection: sqlite3.Connection) -> None:
    """Give free pages and the log back to the file system."""
    # A page a step: `execute` would take the first step only.
    connection.executescript("PRAGMA incremental_vacuum")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def names_of_leases(connection: sqlite3.Connection) -> dict[str, int]:
    """The names of all leases, each with its last token."""
    rows = connection.execute("SELECT name, max(token) FROM leases GROUP BY name").fetchall()
    return {name.decode(errors="replace"): token for name, token in rows}


def forget_leases(connection: sqlite3.Connection, ended: Iterable[tuple[str, int]]) -> None:
    """Remove what is noted of leases that have ended, up to a token each."""
    connection.executemany("DELETE FROM leases WHERE name = ? AND token <= ?", ended)


def some_records(connection: sqlite3.Connection, after: int) -> list[tuple[int, bytes, bytes]]:
    """The next records behind the row of a number: numbers, addresses and records."""
    found: list[tuple[int, bytes, bytes]] = []
    left = READ_BYTES_AT_ONCE
    for row in connection.execute(f"{SOME} WHERE id > ? ORDER BY id LIMIT {READ_AT_ONCE}", (after,)):
        found.append(row)
        left -= len(row[2]) if type(row[2]) is bytes else 0
        if left <= 0:  # One may take 16 MiB and more.
            break
    return found


def counts(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many records and leases there are."""
    found = connection.execute("SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM leases)").fetchone()
    return int(found[0]), int(found[1])


def problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with the whole file."""
    found = [row[0].decode(errors="replace") for row in connection.execute("PRAGMA integrity_check(20)")]
    return () if found == ["ok"] else tuple(found)


def latest(bucket: str) -> str | None:
    """The name of the database in use, or None if there is none."""
    names = set(os.listdir(bucket))
    databases = (name for name in names if name.startswith("records-") and name.endswith(".sqlite3"))
    return max((name for name in databases if name + DAMAGED not in names), default=None)


def new_name(bucket: str) -> str:
    """A name that no database has had, after all those that are there."""
    last = max((name for name in os.listdir(bucket) if name.startswith("records-")), default="records-0")
    number = max(time.time_ns(), int(last.removeprefix("records-").partition(".")[0]) + 1)
    return f"records-{number:020}.sqlite3"


def mark_damaged(path: str, reason: str) -> None:
    """Set a database aside, and remove those that were set aside before."""
    for other in Path(path).parent.glob(f"records-*{DAMAGED}"):
        stem = str(other).removesuffix(DAMAGED)
        for suffix in ("", "-wal", "-shm", "-journal"):
            _remove(stem + suffix)
        if not os.access(stem, os.F_OK):
            _remove(str(other))
    with open(path + DAMAGED, "w", encoding="utf-8") as file:
        file.write(f"{reason}\n")


def _remove(path: str) -> None:
    with suppress(OSError):  # Not there; or, on Windows, still open in another process.
        os.unlink(path)


def is_damage(error: Exception, path: str) -> bool:
    """Whether an error says that a file is no sound database of ours. By its words: 3.10 shows no codes."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    if "readonly database" in str(error):
        # A file that may be written, and that SQLite does not write, says in its header that it is of a later format.
        return os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
    words = ("malformed", "not a database", "no such table", "no such column", "unsupported file format")
    return any(each in str(error) for each in words)
