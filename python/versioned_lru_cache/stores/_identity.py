"""A record's identity: which call of which function it is the result of, and the address that a store finds it by."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from struct import Struct

from .._core import record_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

GROUP_BYTES = 16
_SIZE = Struct(">I")

if TYPE_CHECKING:

    class _Fields(NamedTuple):
        namespace: str
        name: str
        revision: str
        key: bytes

else:
    _Fields = namedtuple("Identity", "namespace name revision key")


class Identity(_Fields):
    """What tells a record from all others.

    Addresses are digests, and no two are expected to be the same. A record carries the whole identity nevertheless,
    and who reads it compares: a collision costs a computation, never a wrong value.

    Attributes:
        namespace: The store's.
        name: The function's, in that namespace.
        revision: Of the function's code. Two revisions of one function have records of their own.
        key: The canonical bytes of the call's arguments.
    """

    __slots__ = ()

    @property
    def group(self) -> bytes:
        """The first half of the address, the same for all records of a function: what a clear removes."""
        return beginnings(self.namespace, self.name, self.revision)[0]

    @property
    def address(self) -> bytes:
        """Where the record lies: the group, then a digest of the revision and the key."""
        return address_of(beginnings(self.namespace, self.name, self.revision), self.key)

    def packed(self) -> bytes:
        """Return the bytes that stand for it in a record: those of the function, then the key."""
        return beginnings(self.namespace, self.name, self.revision)[2] + self.key

    @classmethod
    def unpacked(cls, data: bytes) -> Identity:
        """Return the identity of such bytes.

        Raises:
            ValueError: They are of none.
        """
        parts: list[str] = []
        at = 0
        for _ in range(3):
            if len(data) < at + _SIZE.size:
                raise ValueError(f"an identity of {len(data)} bytes ends too early")
            begin = at + _SIZE.size
            at = begin + _SIZE.unpack_from(data, at)[0]
            if at > len(data):
                raise ValueError(f"an identity of {len(data)} bytes ends too early")
            parts.append(data[begin:at].decode("utf-8", "surrogatepass"))
        namespace, name, revision = parts
        return cls(namespace, name, revision, data[at:])


def address_of(function: tuple[bytes, bytes, bytes], key: bytes) -> bytes:
    """Return where the record of a call lies: of the function's beginnings, and the call's key."""
    return record_address(function[0], function[1], key)


@lru_cache(maxsize=1024)
def beginnings(namespace: str, name: str, revision: str) -> tuple[bytes, bytes, bytes]:
    """Return what calls share: the group, what is digested before a key, and what lies before it in a record."""
    group = blake2b(_measured(namespace) + _measured(name), digest_size=GROUP_BYTES).digest()
    texts = [text.encode("utf-8", "surrogatepass") for text in (namespace, name, revision)]
    return group, _measured(revision), b"".join(_SIZE.pack(len(text)) + text for text in texts)


def _measured(text: str) -> bytes:
    """Return the bytes of a text after their number: else ("ab", "c") would have the digest of ("a", "bc")."""
    encoded = text.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(encoded), encoded)
