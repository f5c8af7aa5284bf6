"""Values that are nested deeply, read on a thread whose C stack is small, as threads of some systems are."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from versioned_lru_cache.stores import Msgpack

STACK_BYTES = 192 << 10


class Link(NamedTuple):
    next: Any


def deep_values_are_read_on_a_small_stack() -> None:
    codec = Msgpack()
    codec.register(Link, name="link")
    encoded: list[bytes] = []
    for around in (lambda inner: (inner,), lambda inner: frozenset({inner}), lambda inner: {(1,): inner}, Link):
        value: Any = 1
        for _ in range(99 if around is not Link else 49):  # An object is two deep: itself and its fields.
            value = around(value)
        encoded.append(codec.encode(value))
    read: list[object] = []
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=lambda: read.extend(map(codec.decode, encoded)))
    thread.start()
    thread.join()
    assert len(read) == len(encoded)
