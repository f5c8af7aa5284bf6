"""What a process makes of the same values, whatever its hash seed is."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from hashlib import sha256

from versioned_lru_cache.stores import Msgpack, Pickle
from versioned_lru_cache.stores._identity import Identity
from versioned_lru_cache.stores._record import Moment, Record, encode_record, version_digest

NAMES = [f"name {number}" for number in range(200)]
VALUES = [
    set(NAMES),
    frozenset(NAMES),
    {"of": {frozenset({name, name.encode()}) for name in NAMES}, "more": (set(NAMES[:3]), [set()])},
    {(name, datetime(2026, 1, 1, tzinfo=timezone.utc), Decimal("1.50")): {name} for name in NAMES},
    {frozenset({frozenset({name, 1}), 2}) for name in NAMES},
]


def shown() -> list[str]:
    """Digests of encodings, and the order in which this process has a set."""
    codec, moment = Msgpack(), Moment(1, b"a boot of a test", 2)
    identity = Identity("shop", "report", "1", b"key")
    encoded = [codec.encode(value) for value in VALUES]
    encoded += [
        encode_record(Record(value, frozenset(NAMES), moment, moment, None, None, False, False), identity, codec)
        for value in VALUES
    ]
    encoded += [version_digest(frozenset(NAMES), codec), version_digest(frozenset(NAMES), Pickle("k" * 16))]
    encoded += [identity.address]
    return [sha256(each).hexdigest() for each in encoded]


if __name__ == "__main__":
    print(*shown(), " ".join(set(NAMES)), sep="\n")
