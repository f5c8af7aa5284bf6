"""What a local store tells of itself."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LocalCheck", "LocalRecord", "LocalStats"]


class LocalStats(NamedTuple):
    """What is in a local store, and what this process has done to it.

    Attributes:
        records: How many records there are, of all namespaces of the folder.
        size: What they take on the disk, in bytes: pages of the database that are in use.
        max_bytes: The bound of this store object.
        leases: How many leases are noted, those of dead holders included until they are swept.
        evicted: How many records this store object has evicted.
        set_aside: How many damaged databases this store object has set aside.
        journal: How SQLite writes: ``"wal"``, ``"delete"`` for a rollback journal, or ``"read-only"``.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from versioned_lru_cache.stores import LocalStore
        >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
        ...     store.stats().records
        0
    """

    records: int
    size: int
    max_bytes: int
    leases: int
    evicted: int
    set_aside: int
    journal: str


class LocalRecord(NamedTuple):
    """What a local store tells of one record without its value, which no codec is needed for.

    Attributes:
        address: Where it lies.
        namespace: The store's that saved it.
        function: The function's name.
        revision: Of the function's code.
        codec: The name of the codec that encoded its value.
        version: How its version is written in Python; ``None`` where only the codec can tell, or it is too long.
        age: How many seconds ago its computation began; ``None`` is unknown.
        ttl: How many seconds it lives, where it says so itself.
        immutable: Whether it never changes.
        size: How many bytes it takes.
        problem: Why it can't be read, and all else but address and size is empty; ``None`` if it can.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from versioned_lru_cache.stores import LocalStore
        >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
        ...     [record.function for record in store.records()]
        []
    """

    address: bytes
    namespace: str
    function: str
    revision: str
    codec: str
    version: str | None
    age: float | None
    ttl: float | None
    immutable: bool
    size: int
    problem: str | None


class LocalCheck(NamedTuple):
    """What :meth:`LocalStore.check` has found.

    Attributes:
        problems: What SQLite found wrong. The database was set aside for it, unless the store is read-only.
        records: How many records there were.
        size: What they took on the disk, in bytes.

    Example:
        >>> from versioned_lru_cache.stores import LocalCheck
        >>> LocalCheck(problems=(), records=3, size=32768).ok
        True
    """

    problems: tuple[str, ...]
    records: int
    size: int

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong.

        Example:
            >>> LocalCheck(problems=("malformed",), records=0, size=0).ok
            False
        """
        return not self.problems


def __dir__() -> list[str]:
    return sorted(__all__)
