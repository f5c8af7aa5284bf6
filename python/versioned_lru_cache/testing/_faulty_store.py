"""A store with faults, to see that what uses a store gives right answers all the same."""

from __future__ import annotations

import time
from _thread import allocate_lock
from itertools import chain, repeat
from random import Random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..stores import Lease, Store

__all__ = ["FaultyStore"]

FAULTS = {
    "load": ("fail", "stall", "old", "foreign", "truncated", "flipped"),
    "acquire": ("fail", "stall", "lost"),
    "wait": ("fail", "stall"),
    "save": ("fail", "stall", "lost"),
    "release": ("fail", "stall"),
    "delete": ("fail", "stall"),
    "clear": ("fail", "stall"),
}


class FaultyStore:
    """A store that does what another does, but for faults: by a plan, or drawn from a seed.

    The faults:

    - ``"fail"`` (any method) raises an ``OSError`` in place of doing anything; a release is done first, as the lease of
      a lost connection ends as well;
    - ``"stall"`` (any method) takes ``stall`` seconds more;
    - ``"old"`` (load) returns the first record that was seen at this address, ``"foreign"`` one of another address;
    - ``"truncated"``, ``"flipped"`` (load) return the record less its end, or with one bit changed;
    - ``"lost"`` (acquire, save) ends the lease, so that others can acquire it and it can't save.

    Args:
        store: The store that does the work.
        plan: For each method the faults of its calls, the first one first; ``None`` stands for none. Calls beyond the
            plan have no fault.
        seed: In place of a plan: each call has a fault with the probability ``rate``, drawn from a generator that
            begins with this. The same calls in the same order have the same faults.
        rate: Between 0 and 1.
        stall: How many seconds a stall takes.

    Raises:
        ValueError: A method or a fault is unknown, or there is both a plan and a seed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from versioned_lru_cache.stores import LocalStore
        >>> from versioned_lru_cache.testing import FaultyStore
        >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="test") as store:
        ...     faulty = FaultyStore(store, plan={"load": ["fail", None]})
        ...     try:
        ...         faulty.load(b"address")
        ...     except OSError as error:
        ...         print(error)
        ...     print(faulty.load(b"address"), faulty.happened)
        load fails, as planned
        None [('load', 'fail')]
    """

    happened: list[tuple[str, str]]
    """The faults that there were, as method and fault."""

    def __init__(
        self,
        store: Store,
        *,
        plan: Mapping[str, Sequence[str | None]] | None = None,
        seed: int | None = None,
        rate: float = 0.1,
        stall: float = 0.05,
    ) -> None:
        """Make a faulty store of a sound one."""
        if plan is not None and seed is not None:
            raise ValueError("plan and seed: faults come by a plan or from a seed, not both")
        if not 0 <= rate <= 1:
            raise ValueError(f"rate={rate!r}: must be a probability, between 0 and 1")
        for method, faults in (plan or {}).items():
            if method not in FAULTS:
                raise ValueError(f"plan: {method!r} is no method of a store. Allowed: {', '.join(FAULTS)}")
            for fault in faults:
                if fault is not None and fault not in FAULTS[method]:
                    raise ValueError(f"plan: {method} has no fault {fault!r}. Allowed: {', '.join(FAULTS[method])}")
        self.store = store
        self.namespace = store.namespace
        self.codec = store.codec
        self.happened = []
        self._plan: dict[str, Iterator[str | None]] = {
            method: chain(faults, repeat(None)) for method, faults in (plan or {}).items()
        }
        self._random = Random(seed)
        self._rate = rate if seed is not None else 0.0
        self._stall = stall
        self._first: dict[bytes, bytes] = {}
        self._lock = allocate_lock()

    def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or another, or what is left of it."""
        fault = self._fault("load")
        record = self.store.load(address)
        if record is None or fault is None:
            self._remember(address, record)
            return record
        with self._lock:
            if fault == "old":
                return self._first.get(address, record)
            if fault == "foreign":
                others = [found for other, found in self._first.items() if other != address]
                return self._random.choice(others) if others else record
            if fault == "truncated":
                return record[: self._random.randrange(len(record))] if record else record
            if fault == "flipped" and record:
                bit = self._random.randrange(len(record) * 8)
                flipped = bytearray(record)
                flipped[bit // 8] ^= 1 << bit % 8
                return bytes(flipped)
        return record

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take a lease, or one that is lost already."""
        fault = self._fault("acquire")
        lease = self.store.acquire(address, version)
        if lease is not None and fault == "lost":
            self.store.release(lease)
        return lease

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Wait for a lease."""
        self._fault("wait")
        self.store.wait(address, version, seconds)

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Save a record, or lose the lease just before."""
        if self._fault("save") == "lost":
            self.store.release(lease)
        self._remember(lease.address, record)
        return self.store.save(lease, record, seconds)

    def release(self, lease: Lease) -> None:
        """Release a lease, and fail then."""
        try:
            self._fault("release")
        finally:
            self.store.release(lease)

    def delete(self, address: bytes) -> bool:
        """Delete a record."""
        self._fault("delete")
        return self.store.delete(address)

    def clear(self, group: bytes) -> None:
        """Clear a group."""
        self._fault("clear")
        self.store.clear(group)

    def __getattr__(self, name: str) -> Any:
        """What else the store can do, it does without faults."""
        return getattr(self.store, name)

    def _fault(self, method: str) -> str | None:
        """Draw the fault of a call; one that raises or stalls does so here."""
        with self._lock:
            fault = next(self._plan[method], None) if method in self._plan else None
            if self._random.random() < self._rate:
                fault = self._random.choice(FAULTS[method])
            if fault is not None:
                self.happened.append((method, fault))
        if fault == "fail":
            raise OSError(f"{method} fails, as planned")
        if fault == "stall":
            time.sleep(self._stall)
        return fault

    def _remember(self, address: bytes, record: bytes | None) -> None:
        if record is not None:
            with self._lock:
                self._first.setdefault(address, record)


def __dir__() -> list[str]:
    return sorted(__all__)
