"""The store protocol: records as bytes under addresses, and leases by which one computes for all.

A store never looks into a record, and keeps three promises whatever processes do at the same time:

- after `delete` or `clear` has returned, no `save` under a lease that was acquired before succeeds (a fence);
- a `save` under an earlier lease never replaces what was saved under a later one;
- while a lease's holder lives nobody else acquires the same address and version.

All else may fail: whoever calls a store goes on without it. So a store raises its own troubles as they come, as
`OSError` or as its backend's errors, and never waits without a bound.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._codec import Codec

__all__ = ["AsyncStore", "Lease", "Store"]


class Lease(NamedTuple):
    """The right to compute and save one address's record of one version, until it is released or its holder dies.

    Attributes:
        address: The record's address.
        version: A digest of the version that it was acquired for.
        token: Grows with each lease of an address: a later lease has a greater one.
        handle: What the store needs to release it; nobody else's concern.

    Example:
        >>> from versioned_lru_cache.stores import Lease
        >>> Lease(b"address", b"version", token=1, handle=None).token
        1
    """

    address: bytes
    version: bytes
    token: int
    handle: object


class Store(Protocol):
    """What a shared store does. Every method may be called in any thread, and may raise what the backend raises."""

    @property
    def namespace(self) -> str:
        """What tells the records of one program or tenant from others."""
        ...

    @property
    def codec(self) -> Codec:
        """How results are made into bytes."""
        ...

    def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``."""
        ...

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it."""
        ...

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds."""
        ...

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Store a record at the lease's address, unless the lease is fenced.

        Args:
            lease: As `acquire` has given it.
            record: Any bytes.
            seconds: For how long the record can be of use, if that is known. A store may remove it then; it need not,
                as whoever loads a record looks at its age.

        Returns:
            Whether it was stored. ``False``: the address was deleted or cleared since the lease was acquired, a later
            lease has saved there, or the lease was released. Or the store has no room for such a record at all.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing."""
        ...

    def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it. Return whether there was a record."""
        ...

    def clear(self, group: bytes) -> None:
        """Remove the records at all addresses that begin with these bytes, and fence every lease of them."""
        ...


class AsyncStore(Protocol):
    """What a shared store for coroutine functions does: the same as :class:`Store`, awaited."""

    @property
    def namespace(self) -> str:
        """What tells the records of one program or tenant from others."""
        ...

    @property
    def codec(self) -> Codec:
        """How results are made into bytes."""
        ...

    async def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``."""
        ...

    async def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it."""
        ...

    async def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds."""
        ...

    async def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Store a record at the lease's address, unless the lease is fenced, and return whether it was stored."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing."""
        ...

    async def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it. Return whether there was a record."""
        ...

    async def clear(self, group: bytes) -> None:
        """Remove the records at all addresses that begin with these bytes, and fence every lease of them."""
        ...


def __dir__() -> list[str]:
    return sorted(__all__)
