"""What the Redis stores ask the server for and what the answers mean, for the plain and the awaited one alike.

All keys of a function begin with `vlru:<namespace>:{<group>}`. What is in braces decides the slot in a cluster, so they
are all in one, and one script can see them.
"""

from __future__ import annotations

from binascii import hexlify
from math import inf, isfinite
from os import urandom
from time import monotonic

from . import _redis_scripts as scripts
from ._arguments import check_bytes, check_namespace
from ._identity import GROUP_BYTES
from ._protocol import Lease

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NamedTuple

    class Run(NamedTuple):
        """A script that is to be run, with its keys and arguments."""

        script: scripts.Script
        keys: tuple[bytes, ...]
        arguments: tuple[bytes | int, ...]

else:
    from collections import namedtuple

    Run = namedtuple("Run", "script keys arguments")

MONTH = 30 * 86400.0
_SHORTEST_LEASE = 0.1
_EPOCH_BYTES, _STAMP_BYTES = 16, 32
_FIRST_PAUSE, _LONGEST_PAUSE, _PART = 0.005, 1.0, 0.1
# How long the state of a function is kept at least after its last lease: a computation may take as long.
_DAY = 86400.0


class Held:
    """A lease that this process holds. It can be used no more when its token is `None`.

    Attributes:
        address: Of the record.
        version: A digest of the version.
        token: Random bytes, by which the server knows the holder.
        stamp: The function's epoch and the lease's fence.
    """

    __slots__ = ("address", "stamp", "token", "version")

    def __init__(self, address: bytes, version: bytes) -> None:
        self.address = address
        self.version = version
        self.token: bytes | None = urandom(16)
        self.stamp = b""


class Plan:
    """The commands of one store.

    Args:
        namespace: The store's.
        lease_seconds: How long a lease lasts if nobody renews it.
        record_seconds: How long a record is kept of which nobody says; `None` for ever.
    """

    def __init__(self, namespace: str, lease_seconds: float, record_seconds: float | None) -> None:
        check_namespace(namespace)
        if "{" in namespace or "}" in namespace:
            raise ValueError(f"namespace={namespace!r}: braces decide where a cluster puts a key; leave them out")
        self.lease_seconds = check_seconds("lease_seconds", lease_seconds, _SHORTEST_LEASE)
        self._keep = (
            0 if record_seconds is None else _milliseconds(check_seconds("record_seconds", record_seconds, 0.001))
        )
        self._lease = _milliseconds(self.lease_seconds)
        self._keep_state = self._keep and max(self._keep, _milliseconds(_DAY))
        self.beginning = b"vlru:%b:{" % namespace.encode("utf-8", "surrogatepass")

    def load(self, address: bytes) -> tuple[str, bytes, bytes]:
        """Return the command that reads a record and the state of its function in one round trip."""
        state, own = self._keys(address)
        return "MGET", b"%b:r:%b" % (state, own), state

    def loaded(self, answer: Any) -> bytes | None:
        """Return the record, if it is of the function's epoch."""
        data, state = answer
        if data is None or state is None or data[:_EPOCH_BYTES] != state[:_EPOCH_BYTES]:
            return None
        record: bytes = data[_STAMP_BYTES:]
        return record

    def acquire(self, held: Held) -> Run:
        """Return what takes a lease."""
        state, own = self._keys(held.address)
        more = (urandom(_EPOCH_BYTES), self._lease, self._keep_state)
        return Run(
            scripts.ACQUIRE, (state, b"%b:l:%b" % (state, own)), (_field(held.version), held.token or b"", *more)
        )

    def acquired(self, held: Held, answer: Any) -> Lease | None:
        """Return the lease, unless another has it."""
        if answer is None:
            return None
        held.stamp = answer
        return Lease(held.address, held.version, int(held.stamp[_EPOCH_BYTES:]), held)

    def save(self, held: Held, token: bytes, record: bytes, seconds: float | None) -> Run:
        """Return what stores a record that is of use for so long."""
        state, own = self._keys(held.address)
        keep = self._keep if seconds is None or seconds == inf else _milliseconds(seconds)
        keys = (state, b"%b:r:%b" % (state, own), b"%b:l:%b" % (state, own))
        return Run(scripts.SAVE, keys, (_field(held.version), token, held.stamp + record, keep))

    def release(self, held: Held, token: bytes) -> Run:
        """Return what gives a lease back."""
        return Run(scripts.RELEASE, (self._leases(held.address),), (_field(held.version), token))

    def renew(self, held: Held, token: bytes) -> Run:
        """Return what begins a lease's time anew, and answers 0 if it has ended."""
        return Run(scripts.RENEW, (self._leases(held.address),), (_field(held.version), token, self._lease))

    def is_held(self, address: bytes, version: bytes) -> Run:
        """Return what answers 1 if anybody holds a lease."""
        return Run(scripts.IS_HELD, (self._leases(address),), (_field(version),))

    def delete(self, address: bytes) -> Run:
        """Return what removes a record, fences its leases, and answers 1 if there was one."""
        state, own = self._keys(address)
        return Run(scripts.DELETE, (state, b"%b:r:%b" % (state, own), b"%b:l:%b" % (state, own)), ())

    def clear(self, group: bytes) -> tuple[str, bytes]:
        """Return the command that ends a function's epoch: nothing of it is seen or saved from then on."""
        check_bytes("group", group)
        if len(group) != GROUP_BYTES:
            raise ValueError(
                f"group={group!r}: must be the {GROUP_BYTES} bytes with which a function's addresses begin"
            )
        return "UNLINK", b"%b%b}" % (self.beginning, hexlify(group))

    def _keys(self, address: bytes) -> tuple[bytes, bytes]:
        """Return the key of the function's state, and what tells an address from others of the function."""
        check_bytes("address", address)
        if len(address) <= GROUP_BYTES:
            raise ValueError(f"address={address!r}: must be longer than the {GROUP_BYTES} bytes of its group")
        digits = hexlify(address)
        return b"%b%b}" % (self.beginning, digits[: 2 * GROUP_BYTES]), digits[2 * GROUP_BYTES :]

    def _leases(self, address: bytes) -> bytes:
        state, own = self._keys(address)
        return b"%b:l:%b" % (state, own)


def held_by(lease: Lease) -> tuple[Held, bytes | None] | tuple[None, None]:
    """Return what a lease of a Redis store holds, and its token; nothing of another store's."""
    held = lease.handle
    return (held, held.token) if isinstance(held, Held) else (None, None)


def pauses(seconds: float) -> Iterator[float]:
    """Yield how long to wait before each look, a tenth of the time so far, until so many seconds are over."""
    began = monotonic()
    while (waited := monotonic() - began) < seconds:
        yield min(max(waited * _PART, _FIRST_PAUSE), _LONGEST_PAUSE, seconds - waited)


def _field(version: bytes) -> bytes:
    check_bytes("version", version)
    return b"v" + version


def check_seconds(name: str, value: object, least: float) -> float:
    """Refuse what is no number of seconds, or too few."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}={value!r}: must be a number of seconds")
    if not least <= value or not isfinite(value):
        raise ValueError(f"{name}={value!r}: must be a number of seconds, at least {least}")
    return float(value)


def _milliseconds(seconds: float) -> int:
    return int(min(max(seconds * 1000, 1), 2**50))
