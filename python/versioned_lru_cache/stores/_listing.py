"""What a record tells when all of a store are listed: its header, or why it can't be read."""

from __future__ import annotations

from ._codec import Unreadable
from ._moment import Moment
from ._record import decode_header
from ._reports import LocalRecord

__all__ = ["told_of"]


def told_of(address: object, record: object) -> LocalRecord:
    """Return what the bytes at an address tell."""
    try:
        # A flipped bit may have made anything of them.
        if type(address) is not bytes or type(record) is not bytes:
            raise Unreadable("its row is damaged")
        header = decode_header(record)
    except Unreadable as error:
        size = len(record) if type(record) is bytes else 0
        address = address if type(address) is bytes else b""
        return LocalRecord(address, "", "", "", "", None, None, None, False, size, str(error))
    identity = header.identity
    return LocalRecord(
        address=address,
        namespace=identity.namespace,
        function=identity.name,
        revision=identity.revision,
        codec=header.codec,
        version=header.version,
        age=header.began.age(Moment.now()),
        ttl=header.ttl,
        immutable=header.immutable,
        size=len(record),
        problem=None,
    )
