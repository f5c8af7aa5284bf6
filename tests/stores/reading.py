"""Whole records: all that one says, by the two ways in which the package reads a part of it."""

from __future__ import annotations

from typing import Any

from versioned_lru_cache.stores._identity import Identity, beginnings
from versioned_lru_cache.stores._record import Record, decode_header, decode_result

FORMAT = 1


def decode_record(data: bytes, identity: Identity, codec: Any) -> Record:
    """Return the record of bytes that `encode_record` made for this identity and codec, or raise Unreadable."""
    value, version, *_ = decode_result(data, beginnings(*identity[:3])[2], identity.key, codec)
    header = decode_header(data)
    return Record(
        value=value,
        version=version,
        began=header.began,
        verified=header.verified,
        ttl=header.ttl,
        order=header.order,
        immutable=header.immutable,
        lags=header.lags,
    )
