"""A record's identity: which call of which function it is the result of, and the address that a store finds it by."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

GROUP_BYTES = 16
ADDRESS_BYTES = 32

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
        return _beginnings(self.namespace, self.name, self.revision)[0]

    @property
    def address(self) -> bytes:
        """Where the record lies: the group, then a digest of the revision and the key."""
        group, revision = _beginnings(self.namespace, self.name, self.revision)
        return group + blake2b(revision + self.key, digest_size=GROUP_BYTES).digest()


@lru_cache(maxsize=1024)
def _beginnings(namespace: str, name: str, revision: str) -> tuple[bytes, bytes]:
    """Return what all calls of a function share: the group, and what is digested before a key."""
    group = blake2b(_measured(namespace) + _measured(name), digest_size=GROUP_BYTES).digest()
    return group, _measured(revision)


def _measured(text: str) -> bytes:
    """Return the bytes of a text after their number: else ("ab", "c") would have the digest of ("a", "bc")."""
    encoded = text.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(encoded), encoded)
