"""A record: what a store keeps of one result, as bytes, and what is checked before they are a result again.

    magic  format  checksum  size of the header | header | value
    4      1       16        4                  | plain data, packed | as the codec encodes it

The checksum covers all that follows it. The header has the identity, the times and the version: all that is needed to
decide whether the value is worth decoding. What a codec signs is the value together with everything between the
checksum and it. A change of this layout gets the next format number, and each program reads its own format only.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

from . import _packing
from ._codec import ROOT, NotStorable, Unreadable
from ._identity import Identity
from ._moment import Moment

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

__all__ = ["FORMAT", "Header", "Moment", "Record", "decode_header", "decode_record", "encode_record", "version_digest"]

FORMAT = 1
_MAGIC = b"vlru"
_BEGINNING = _MAGIC + bytes([FORMAT])
_START = Struct(">4sB16sI")
_COVERED = 4 + 1 + 16  # Where begins what the checksum covers.
_FIELDS, _BEGAN, _VERIFIED = 13, 7, 8
_MOST_ITEMS = 16 << 20

_read: Any = _packing.unpacker({})
_tuple: Any = tuple
_make = _tuple.__new__  # As a named tuple makes itself, without its Python code: half a microsecond of a record.


def encode_record(record: Record, identity: Identity, codec: Codec) -> bytes:
    """Return a record's bytes.

    Raises:
        NotStorable: The value or the version would not come back as it was.
    """
    version, by_codec = _part_of_header(record.version, identity, codec)
    began, verified = list(record.began), None if record.verified == record.began else list(record.verified)
    more = [record.ttl, record.order, record.immutable, record.lags]
    header = _pack([codec.name, *identity, version, by_codec, began, verified, *more])
    bound = len(header).to_bytes(4, "big") + header
    covered = bound + _encoded(record.value, bound, codec)
    return _BEGINNING + _checksum(covered) + covered


def decode_record(data: bytes, identity: Identity, codec: Codec) -> Record:
    """Return the record of bytes that :func:`encode_record` made for this identity and codec.

    Raises:
        Unreadable: The bytes are truncated, damaged or foreign, of another format, identity or codec.
    """
    fields, end = _header(data)
    name, namespace, function, revision, key, version, by_codec, began, verified, ttl, order, immutable, lags = fields
    if (namespace, function, revision, key) != identity:
        raise Unreadable("it is the record of another call")
    if name != codec.name:
        raise Unreadable(f"it is of the codec {name!r}, and the store's is {codec.name!r}")
    try:
        if by_codec:
            version = codec.decode(version, _bound_of_version(identity))
        value = codec.decode(data[end:], data[_COVERED:end])
    except Unreadable:
        raise
    except Exception as error:  # of a codec of the user's
        raise Unreadable(f"it can't be decoded by {name!r}: {type(error).__name__}: {error}") from error
    record: Record = _make(Record, (value, version, began, verified, ttl, order, immutable, lags))
    return record


def decode_header(data: bytes) -> Header:
    """Return what a record tells without its value: all but the signature is checked, and no codec is needed.

    Raises:
        Unreadable: The bytes are truncated, damaged or foreign, or of another format.
    """
    fields, end = _header(data)
    name, namespace, function, revision, key, version, by_codec, began, verified, ttl, order, immutable, lags = fields
    identity, shown = Identity(namespace, function, revision, key), None if by_codec else _shown(version)
    return Header(identity, name, began, verified, ttl, order, immutable, lags, shown, len(data) - end)


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


def _checksum(covered: bytes) -> bytes:
    return blake2b(covered, digest_size=16).digest()


def _header(data: bytes) -> tuple[Any, int]:
    """Return the fields of the header, and where it ends.

    Raises:
        Unreadable: The bytes are truncated, damaged or foreign, or of another format.
    """
    if len(data) < _START.size:
        raise Unreadable(f"it has {len(data)} bytes, which is too few for a record")
    magic, made_in, checksum, size = _START.unpack_from(data)
    if magic != _MAGIC or made_in != FORMAT:
        raise Unreadable(f"it begins with {data[:5].hex()}; a record of this format begins with {_BEGINNING.hex()}")
    if _checksum(data[_COVERED:]) != checksum:
        raise Unreadable("its checksum is wrong: it was truncated or damaged")
    end = _START.size + size
    try:
        fields = _read(data[_START.size : end])
        began = fields[_BEGAN] = _make(Moment, fields[_BEGAN])
        fields[_VERIFIED] = began if fields[_VERIFIED] is None else _make(Moment, fields[_VERIFIED])
        if len(fields) != _FIELDS:
            raise ValueError(f"it has {len(fields)} fields, and {_FIELDS} are right")
    except Exception as error:  # One that no program of ours has written, since its checksum is right.
        raise Unreadable(f"its header can't be unpacked: {type(error).__name__}: {error}") from error
    return fields, end
