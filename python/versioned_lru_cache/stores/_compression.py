"""Compression of what a codec has encoded, by zlib, with a bound on what it may inflate to."""

from __future__ import annotations

from .._words import a_type
from ._codec import TooLarge, Unreadable

COMPRESSED = b"\xc1z"  # Neither msgpack nor a pickle can begin with this byte.
MAX_RECORD_BYTES = 16 << 20


class Sizes:
    """How large an encoded value may be, and from which size on it is compressed.

    The bound holds before compression, for writers and for readers. So a small record never inflates to more than
    ``most`` bytes, whoever wrote it.
    """

    __slots__ = ("above", "most")

    def __init__(self, most: int, above: int | None) -> None:
        self.most = _checked("max_record_bytes", most, least=1)
        self.above = most if above is None else _checked("compress_above", above, least=0)

    def compressed(self, data: bytes) -> bytes:
        """Return encoded bytes as they are to be stored.

        Raises:
            TooLarge: They are more than is allowed.
        """
        if len(data) > self.most:
            raise TooLarge(f"takes {len(data)} bytes; max_record_bytes={self.most} is allowed")
        if len(data) > self.above:
            import zlib

            smaller = COMPRESSED + zlib.compress(data)
            if len(smaller) < len(data):
                return smaller
        return data

    def inflated(self, data: bytes) -> bytes:
        """Return the encoded bytes of stored ones.

        Raises:
            Unreadable: They are not what was compressed, or are more than is allowed.
        """
        if data[:2] == COMPRESSED:
            data = self._inflated(data)
        if len(data) > self.most:
            raise Unreadable(f"it takes more than max_record_bytes={self.most}")
        return data

    def _inflated(self, data: bytes) -> bytes:
        import zlib

        stream = zlib.decompressobj()
        try:
            plain = stream.decompress(memoryview(data)[2:], self.most + 1)
        except zlib.error as error:
            raise Unreadable(f"it can't be decompressed: {error}") from error
        if len(plain) <= self.most and (not stream.eof or stream.unused_data):
            raise Unreadable("it can't be decompressed: it ends too early or too late")
        return plain


def _checked(label: str, value: object, *, least: int) -> int:
    if type(value) is not int:
        raise TypeError(f"{label}={value!r} is {a_type(value)}; it must be a number of bytes, an int")
    if value < least:
        raise ValueError(f"{label}={value} is not allowed; it must be {least} or more")
    return value
