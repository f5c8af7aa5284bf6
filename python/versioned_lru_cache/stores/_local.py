"""LocalStore: a shared store for the processes of one user on one machine, in a SQLite database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import monotonic

from . import _database as sql
from ._arguments import check_bytes, check_namespace, default_codec, no_bytes
from ._leases import Held, name_of
from ._opening import Opened
from ._protocol import Lease
from ._reports import LocalCheck, LocalStats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from ._codec import Codec
    from ._reports import LocalRecord

__all__ = ["LocalStore"]

SMALLEST = 2**20
# SQLite's own bound, less what else is in the row.
LARGEST_RECORD = 10**9 - 2**10


class LocalStore:
    """Results in a SQLite database, for the processes of one user on one machine, and for the next start.

    It is opened on first use: making one touches no file. After a fork, and when its folder was removed, it opens
    anew. A damaged database is set aside and a new one begun. Leases are locks of files, which the operating system
    frees when their holder dies.

    Args:
        path: The folder. ``None`` is ``versioned-lru-cache`` in the user's cache folder. It is made with mode 0700; one
            that others may write to, a symlink, and a file system without working locks are refused.
        namespace: Keeps apart what different programs or deployments store in one folder.
        codec: What makes bytes of results; ``None`` is :class:`Msgpack`.
        max_bytes: At most so many bytes of the disk are used, of all namespaces of the folder: what was used least
            recently is evicted, to within two minutes. The write-ahead log, some 4 MB, comes in addition.
        read_only: Only read, also where nothing can be written: every lease is given and none saves.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument's value is not allowed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from versioned_lru_cache.stores import LocalStore
        >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
        ...     store.load(b"address") is None, store.stats().records
        (True, 0)
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        namespace: str,
        codec: Codec | None = None,
        max_bytes: int = 2**30,
        read_only: bool = False,
    ) -> None:
        """Make a store; nothing is opened yet."""
        try:
            folder = None if path is None else Path(path).absolute()
        except TypeError:
            raise TypeError(
                f"path={path!r}: must be a str or a path of str, or None for the user's cache folder"
            ) from None
        check_namespace(namespace)
        if type(max_bytes) is not int:
            raise TypeError(f"max_bytes={max_bytes!r}: must be an int, a number of bytes")
        if max_bytes < SMALLEST:
            raise ValueError(f"max_bytes={max_bytes}: must be at least {SMALLEST} (1 MiB)")
        if type(read_only) is not bool:
            raise TypeError(f"read_only={read_only!r}: must be a bool")
        self.namespace = namespace
        self.codec: Codec = default_codec() if codec is None else codec
        self._max_bytes = max_bytes
        self._read_only = read_only
        self._opened = Opened(folder, read_only)
        self._evicted = 0

    # --- the protocol

    def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``.

        Args:
            address: As it was saved.

        Raises:
            TypeError: The address is no bytes.
            OSError: The folder can't be used, and why; ``sqlite3.Error`` where the database can't be read at
                present.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.load(b"address") is None
            True
        """
        if type(address) is not bytes:
            raise no_bytes("address", address)
        opened = self._opened
        database = opened.database
        if database is None or monotonic() >= database.look_at:
            database = opened.current()
        pool = database.pool
        try:
            try:
                cursor = pool.idle.pop()
            except IndexError:
                cursor = pool.take()
            try:
                # For bytes the module looks for an adapter first; a bytearray it takes as it is.
                row = cursor.execute(sql.LOAD, (bytearray(address),)).fetchone()
            except BaseException:
                pool.end(cursor)
                raise
        except sqlite3.DatabaseError as error:
            if not opened.healed(database, error):
                raise
            return None
        pool.idle.append(cursor)
        if row is None:
            return None
        record, used = row
        # A flipped bit may have made anything of them; the record itself is checked by who decodes it.
        if type(record) is not bytes or type(used) is not int:
            return None
        if used < database.old_before:
            database.note(address)
        return record

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it.

        A read-only store gives every lease: each process computes for itself, since none can save.

        Args:
            address: Of the record that is to be computed.
            version: A digest of the version that it is computed for.

        Raises:
            TypeError: An argument is no bytes.
            OSError: The folder can't be used, and why; ``sqlite3.Error`` where the database can't be written at
                present.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     lease = store.acquire(b"address", b"version")
            ...     other = store.acquire(b"address", b"version")
            ...     store.release(lease)
            ...     lease.version, other is None
            (b'version', True)
        """
        name = _name(address, version)
        if self._read_only:
            return Lease(address, version, 0, None)
        held = self._opened.files().take(name)
        if held is None:
            return None
        try:
            token = self._opened.do(sql.lease, address, name)
        except BaseException:
            self._opened.files().free(held)
            raise
        return Lease(address, version, token, held)

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds.

        Args:
            address: Of the lease that another holds.
            version: Of the same.
            seconds: How long to wait at most.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.wait(b"address", b"version", 60.0)  # nobody holds it
        """
        name = _name(address, version)
        if not self._read_only:
            self._opened.files().wait(name, seconds)

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Store a record at the lease's address, unless the lease is fenced.

        Args:
            lease: As :meth:`acquire` has given it.
            record: Any bytes.
            seconds: Is not looked at: what is used least recently goes first, so what is of no use does by itself.

        Returns:
            Whether it was stored. ``False``: deleted or cleared since the lease was acquired, a later lease has saved,
            the lease was released, or the record is larger than ``max_bytes``; or the store is read-only.

        Raises:
            TypeError: The record is no bytes.
            OSError: The folder can't be used, and why; ``sqlite3.Error`` where the database can't be written at
                present: the disk is full, say.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     lease = store.acquire(b"address", b"version")
            ...     saved = store.save(lease, b"first"), store.delete(b"address"), store.save(lease, b"second")
            ...     store.release(lease)
            ...     saved
            (True, True, False)
        """
        check_bytes("record", record)
        held = lease.handle
        if not isinstance(held, Held) or held.descriptor is None:
            return False
        if len(record) > min(self._max_bytes, LARGEST_RECORD):
            return False
        return self._opened.do(self._save, lease, record)

    def _save(self, connection: sqlite3.Connection, lease: Lease, record: bytes) -> bool:
        saved = sql.save(connection, lease.address, lease.token, record)
        if saved and sql.size(connection) > self._max_bytes:
            self._evict(connection, self._max_bytes)
        return saved

    def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing.

        Args:
            lease: As :meth:`acquire` has given it.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     lease = store.acquire(b"address", b"version")
            ...     store.release(lease)
            ...     store.stats().leases
            0
        """
        held = lease.handle
        if isinstance(held, Held) and self._opened.files().free(held):
            self._opened.do(sql.end_lease, lease.token)

    def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it.

        Args:
            address: As it was saved.

        Returns:
            Whether there was a record.

        Raises:
            TypeError: The address is no bytes.
            PermissionError: The store is read-only.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.delete(b"address")
            False
        """
        check_bytes("address", address)
        self._refuse_if_read_only("delete")
        return self._opened.do(sql.delete, address)

    def clear(self, group: bytes) -> None:
        """Remove the records at all addresses that begin with these bytes, and fence every lease of them.

        Args:
            group: The first bytes of the addresses.

        Raises:
            TypeError: The group is no bytes.
            PermissionError: The store is read-only.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.clear(b"addr")
        """
        check_bytes("group", group)
        self._refuse_if_read_only("clear")
        self._opened.do(sql.clear, group)

    # --- upkeep

    def clear_all(self) -> None:
        """Remove all records of the folder, of all namespaces, fence all leases, and give the disk back.

        Raises:
            PermissionError: The store is read-only.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.clear_all()
        """
        self.clear(b"")
        self._opened.do(sql.give_back)

    def prune(self, max_bytes: int | None = None) -> int:
        """Evict the least recently used records down to a bound, sweep dead leases, and give free disk back.

        Args:
            max_bytes: The bound for this time, 0 or more; ``None`` is that of the store.

        Returns:
            How many records were evicted.

        Raises:
            PermissionError: The store is read-only.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.prune()
            0
        """
        bound = self._max_bytes if max_bytes is None else max_bytes
        if type(bound) is not int or bound < 0:
            raise ValueError(f"max_bytes={max_bytes!r}: must be None or a number of bytes, 0 or more")
        self._refuse_if_read_only("prune")
        self._opened.do(self._opened.sweep)
        removed = self._opened.do(self._evict, bound)
        self._opened.do(sql.give_back)
        return removed

    def stats(self) -> LocalStats:
        """Tell what is in the store, and what this object has done to it.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.stats().journal
            'wal'
        """
        (records, leases), used = self._opened.do(sql.counts), self._opened.do(sql.size)
        journal = self._opened.current().journal
        return LocalStats(records, used, self._max_bytes, leases, self._evicted, self._opened.set_aside, journal)

    def records(self) -> Iterator[LocalRecord]:
        """Go through all records of the folder, of all namespaces; what is saved meanwhile may be among them or not.

        No value is decoded, so nothing is unpickled, and writers wait for nothing.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     list(store.records())
            []
        """
        from ._listing import told_of  # It brings msgpack, which who has another codec need not have.

        after = -1
        while rows := self._opened.do(sql.some_records, after):
            for after, address, record in rows:  # noqa: B007 - the last one is where to go on
                yield told_of(address, record)

    def reopen(self, path: str | PathLike[str] | None = None, *, read_only: bool = False) -> None:
        """Go on in another folder: with the store of a program that only reads it, to fill it, say.

        Args:
            path: The folder; ``None`` is the one that it has.
            read_only: As for the class.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore("/baked/in", namespace="shop", read_only=True) as store:
            ...     store.reopen(f"{folder}/store")
            ...     store.stats().records
            0
        """
        folder = self._opened.path if path is None else Path(path).absolute()
        self._opened.close()
        self._opened, self._read_only = Opened(folder, read_only), read_only

    def check(self) -> LocalCheck:
        """Read the whole database and tell what is wrong. If anything is, it is set aside, and the next check is good.

        Returns:
            What was found. Records have checksums of their own, which are not looked at here.

        Example:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
            ...     store.check().ok
            True
        """
        database = self._opened.current()
        try:
            with database.pool.one() as connection:
                records, used = sql.counts(connection)[0], sql.size(connection)
                found = sql.problems(connection)
            if found:
                self._opened.heal(database, "; ".join(found))
        except sqlite3.DatabaseError as error:
            if not sql.is_damage(error, database.path):
                raise
            self._opened.heal(database, str(error))
            records, used, found = 0, 0, (str(error),)
        return LocalCheck(found, records, used)

    def close(self) -> None:
        """Close all files. Leases stay with their holders; the next use opens the store again.

        Example:
            >>> LocalStore(namespace="shop").close()
        """
        self._opened.close()

    def __enter__(self) -> LocalStore:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        path = self._opened.path
        place = "the user's cache folder" if path is None else repr(str(path))
        return f"<LocalStore {self.namespace!r} in {place}{', read-only' if self._read_only else ''}>"

    def _evict(self, connection: sqlite3.Connection, max_bytes: int) -> int:
        database = self._opened.database
        if isinstance(database, sql.Database):
            database.write_notes(connection)
        removed = sql.evict(connection, max_bytes)
        self._evicted += removed
        return removed

    def _refuse_if_read_only(self, what: str) -> None:
        if self._read_only:
            raise PermissionError(f"{what}: {self!r} changes nothing. Make it without read_only=True")


def _name(address: bytes, version: bytes) -> str:
    check_bytes("address", address)
    check_bytes("version", version)
    return name_of(address, version)


def __dir__() -> list[str]:
    return sorted(__all__)
