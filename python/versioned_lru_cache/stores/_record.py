"""A record: what a store keeps of one result, as bytes, and what is checked before they are a result again.

    magic  format  checksum | header | value
    4      1       16       |        | as the codec encodes it

The core lays it out and reads it (`src/py/records/layout.rs`). The checksum covers all that follows it. The header has
the identity, the times and the version: all that is needed to decide whether the value is worth decoding. What a codec
signs is the value together with the header. A change of this layout gets the next format number, and each program reads
its own format only.
"""

from __future__ import annotations

from hashlib import blake2b

from .._core import IMMUTABLE, header_of, open_record, pack_header, seal_record
from . import _packing
from ._codec import ROOT, NotStorable, Unreadable
from ._identity import Identity
from ._moment import Moment, this_boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from ._codec import Codec

    class Record(NamedTuple):
        """A result, with what decides who may be given it.

        Attributes:
            value: What the function returned.
            version: The version of the data that it was made from.
            began: When its computation began.
            verified: When its version was last found to be that of the data.
            ttl: How many seconds it lives, where it says so itself.
            order: The place of its observation in the store's order, where the store has one.
            immutable: Whether it never changes.
            lags: Whether it is of another version than was announced.
        """

        value: object
        version: object
        began: Moment
        verified: Moment
        ttl: float | None
        order: int | None
        immutable: bool
        lags: bool

    class Header(NamedTuple):
        """What a record tells without its value.

        Attributes:
            identity: Which call of which function it is the result of.
            codec: The name of the codec.
            began: When its computation began.
            verified: When its version was last found to be that of the data.
            ttl: How many seconds it lives, where it says so itself.
            order: The place of its observation in the store's order, where the store has one.
            immutable: Whether it never changes.
            lags: Whether it is of another version than was announced.
            version: How the version is written in Python; ``None`` where only the codec can tell, or it is too long.
            value_bytes: How many bytes the value takes.
        """

        identity: Identity
        codec: str
        began: Moment
        verified: Moment
        ttl: float | None
        order: int | None
        immutable: bool
        lags: bool
        version: str | None
        value_bytes: int

else:
    from collections import namedtuple

    Record = namedtuple("Record", "value version began verified ttl order immutable lags")
    Header = namedtuple("Header", "identity codec began verified ttl order immutable lags version value_bytes")

__all__ = ["Header", "Moment", "Record", "decode_header", "decode_result", "encode_record", "version_digest"]

_MOST_ITEMS = 16 << 20
_BY_CODEC = 2  # How the version of an opened record is there; 1 is packed, 0 as itself.

_read: Any = _packing.unpacker({})


def encode_record(record: Record, identity: Identity, codec: Codec) -> bytes:
    """Return a record's bytes.

    Raises:
        NotStorable: The value or the version would not come back as it was.
    """
    version, by_codec = _part_of_header(record.version, identity, codec)
    packed: Any = version if by_codec else _pack(version)
    name = codec.name.encode("utf-8", "surrogatepass")
    header = pack_header(identity.packed(), name, packed, record.began, record.verified, *record[4:], by_codec)
    return seal_record(header, _encoded(record.value, header, codec))


def decode_result(
    data: bytes, function: bytes, key: bytes, codec: Codec
) -> tuple[object, object, int | None, int | None]:
    """Return what a call needs of its record: value, version (or ``IMMUTABLE``), age and own lifetime.

    Args:
        data: The record.
        function: What lies before the key in the record's identity.
        key: The canonical bytes of the call's arguments.
        codec: The store's.

    Raises:
        Unreadable: The bytes are truncated, damaged or foreign, of another format, identity or codec.
    """
    try:
        version, form, bound, encoded, age, ttl, immutable = open_record(data, function, key, codec.name, this_boot())
    except ValueError as error:
        raise Unreadable(str(error)) from None
    try:
        if form:
            version = _decoded_version(version, form == _BY_CODEC, Identity.unpacked(function + key), codec)
        return codec.decode(encoded, bound), IMMUTABLE if immutable else version, age, ttl
    except Unreadable:
        raise
    except Exception as error:  # of a codec of the user's
        raise Unreadable(f"it can't be decoded by {codec.name!r}: {type(error).__name__}: {error}") from error


def decode_header(data: bytes) -> Header:
    """Return what a record tells without its value: all but the signature is checked, and no codec is needed.

    Raises:
        Unreadable: The bytes are truncated, damaged or foreign, or of another format.
    """
    try:
        (identity, codec, version), began, verified, more, by_codec, end = header_of(data)
        shown = None if by_codec else _shown(_read(version))
        name = codec.decode("utf-8", "surrogatepass")
        return Header(
            Identity.unpacked(identity), name, Moment(*began), Moment(*verified), *more, shown, len(data) - end
        )
    except ValueError as error:
        raise Unreadable(str(error)) from None
    except Exception as error:  # One that no program of ours has written, since its checksum is right.
        raise Unreadable(f"its header can't be unpacked: {type(error).__name__}: {error}") from error


def _decoded_version(data: bytes, by_codec: bool, identity: Identity, codec: Codec) -> object:
    return codec.decode(data, _bound_of_version(identity)) if by_codec else _read(data)


def _shown(version: object) -> str | None:
    try:
        return repr(version)
    except ValueError:  # An int of more digits than Python writes.
        return None


def version_digest(version: object, codec: Codec) -> bytes:
    """Return 16 bytes that stand for a version: what a lease is for.

    Plain data has the same in every process, whatever the codec. Where only the codec takes a version, the digest is
    as stable as its bytes are: two pickles of one value may differ, and then two processes may compute the same.

    Raises:
        NotStorable: The version would not come back as it was.
    """
    return blake2b(_pack(list(_part_of_header(version, None, codec))), digest_size=16).digest()


def _part_of_header(version: object, identity: Identity | None, codec: Codec) -> tuple[object, bool]:
    """Return what stands in a header for a version, and whether that is what the codec made of it.

    As a rule a version is plain data. Then it is read together with the header, and nothing has to be unpickled for it.
    """
    try:
        _pack(version)
    except NotStorable:
        try:
            return _encoded(version, _bound_of_version(identity), codec), True
        except NotStorable as error:
            raise type(error)(error.problem, error.path.replace(ROOT, "version", 1)) from error
    return version, False


def _encoded(value: object, bound: bytes, codec: Codec) -> bytes:
    try:
        return codec.encode(value, bound)
    except NotStorable:
        raise
    except Exception as error:  # of a codec of the user's
        raise NotStorable(f"can't be encoded by {codec.name!r}: {type(error).__name__}: {error}") from error


def _bound_of_version(identity: tuple[str, str, str, bytes] | None) -> bytes:
    return b"" if identity is None else _pack(list(identity))


def _pack(value: object) -> bytes:
    return _packing.Packing({}, _MOST_ITEMS).pack(value)
