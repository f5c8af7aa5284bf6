"""Plain data as msgpack, exactly: what is packed comes back equal and of the same types, in any process.

What msgpack has itself (None, bool, int of 64 bits, float, str, bytes, list, dict) is packed and unpacked by its C
code, at its speed. All else is an *extension type* of msgpack: a code of one byte, and bytes of ours. What consists of
other values, as a tuple does, is an array whose last item is an extension type without bytes: its *mark*. Values with
marks begin with ``RICH``, since looking for marks takes time. The codes and what belongs to them are the format of
stored data, so they never change their meaning.

msgpack itself would take a bytearray for bytes, and without a word. So each container is looked at before it is
packed, and only types that come back the same are let through.

No value is unpacked within the unpacking of another: each such call takes 40 KiB of the C stack, and some systems give
a thread 128.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from struct import Struct
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

from ._codec import NotStorable, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any, TypeAlias

    from ._registered import Registered

    Writer: TypeAlias = "Callable[[Packing, Any, int], object]"
    Reader: TypeAlias = Callable[[Any], object]

try:
    import msgpack  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    if error.name != "msgpack":
        raise
    raise ModuleNotFoundError("Stores need msgpack: pip install 'versioned-lru-cache[local]'", name="msgpack") from None

_untyped: Any = msgpack
ExtType, Packer, unpackb = _untyped.ExtType, _untyped.Packer, _untyped.unpackb

NATIVE = frozenset({type(None), bool, int, float, str, bytes})
MAX_DEPTH = 100
TOO_DEEP = f"is nested more than {MAX_DEPTH} deep, which is the limit"
RICH = b"\xc1r"  # msgpack never begins with this byte.
_FIRST_BUFFER = 4096
_SPAN = Struct(">iii")


class Packing:
    """One value that is being packed.

    Args:
        registered: The classes that are known beside plain data.
        most: How many items all containers may have together. Each takes a byte at least, so what could never be
            stored is given up early, a value that leads to one list on two to the power of sixty ways too.
    """

    __slots__ = ("_has_marks", "_left", "_most", "_pack", "_registered")

    def __init__(self, registered: dict[type, Registered], most: int) -> None:
        self._registered = registered
        self._most = self._left = most
        self._has_marks = False
        # Lone surrogates are allowed in a str, so in bytes too. `default` is called for what C can't pack of what is
        # let through: large ints. The buffer grows; the default size of 256 KiB would be asked of the system each time.
        self._pack: Callable[[object], bytes] = Packer(
            strict_types=True, unicode_errors="surrogatepass", default=_large_int, buf_size=_FIRST_BUFFER
        ).pack

    def pack(self, value: object) -> bytes:
        """Return a value's bytes.

        Raises:
            NotStorable: Something in the value would not come back as it was; it does not say where.
        """
        try:
            data = self._pack(self.packable(value, MAX_DEPTH))
        except (MemoryError, OverflowError, RecursionError, ValueError) as error:  # of msgpack, and of a deep call
            raise NotStorable(f"can't be packed: {type(error).__name__}: {error}") from error
        return RICH + data if self._has_marks else data

    def packable(self, value: object, depth: int) -> object:
        """Return what msgpack packs in place of a value.

        Raises:
            NotStorable: ``value`` is refused, or something in it; it does not say where.
        """
        kind = type(value)
        if kind in NATIVE:
            return value
        if depth <= 0:
            raise NotStorable(TOO_DEEP)
        write = _WRITERS.get(kind)
        if write is not None:
            return write(self, value, depth - 1)
        registered = self._registered.get(kind)
        if registered is None:
            raise NotStorable(problem_of(value))
        return self.marked(_REGISTERED, [registered.name, registered.encoded(value)], depth - 1)

    def marked(self, code: int, parts: list[Any], depth: int) -> object:
        """Return the packable parts of a value with the mark of its type."""
        self._has_marks = True
        return [*self.array(parts, depth), ExtType(code, b"")]

    def array(self, value: list[Any], depth: int) -> list[Any]:
        """Return a list whose items are packable; the same where they are so already."""
        self._count(len(value))
        if NATIVE.issuperset(map(type, value)):
            return value
        packable = self.packable
        return [each if type(each) in NATIVE else packable(each, depth) for each in value]

    def mapping(self, value: dict[Any, Any], depth: int) -> object:
        """Return a dict whose values are packable, or its pairs where msgpack can't have the keys."""
        if not NATIVE.issuperset(map(type, value)):
            return self.marked(_PAIRS, [part for pair in value.items() for part in pair], depth)
        self._count(len(value))
        if NATIVE.issuperset(map(type, value.values())):
            return value
        packable = self.packable
        return {key: each if type(each) in NATIVE else packable(each, depth) for key, each in value.items()}

    def unordered(self, code: int, value: Collection[Any], depth: int) -> object:
        """Return the packable items of a set, in the order of their bytes, not in that of their hashes."""
        items = [self.packable(each, depth) for each in value]
        items.sort(key=self._pack)
        self._count(len(items))
        self._has_marks = True
        return [*items, ExtType(code, b"")]

    def _count(self, items: int) -> None:
        self._left -= items
        if self._left < 0:
            raise TooLarge(f"has more than {self._most} items; max_record_bytes={self._most} is allowed")


class _Mark:
    """What the mark of a type becomes while an array is unpacked: it makes the value of the items before it."""

    __slots__ = ("make",)

    def __init__(self, make: Reader) -> None:
        self.make = make


def unpacker(registered: dict[str, Registered]) -> Reader:
    """Return what makes values of bytes that :class:`Packing` has packed. It raises whatever for other bytes."""

    def registered_object(parts: list[Any]) -> object:
        name, state = parts
        return registered[name].decode(state)

    marks = {code: _Mark(make) for code, make in _MAKERS.items()}
    marks[_REGISTERED] = _Mark(registered_object)

    def extension_or_mark(code: int, data: bytes) -> object:
        return marks.get(code) or _READERS[code](data)

    def array(items: list[Any]) -> object:
        return items.pop().make(items) if items and type(items[-1]) is _Mark else items

    def read(data: bytes) -> Any:
        if data[:2] == RICH:
            return unpackb(
                memoryview(data)[2:],
                ext_hook=extension_or_mark,
                list_hook=array,
                strict_map_key=False,
                unicode_errors="surrogatepass",
            )
        return unpacked(data)

    return read


def unpacked(data: bytes) -> object:
    """Return the value of packed bytes that have no marks. It raises whatever for other bytes."""
    return unpackb(data, ext_hook=_extension, strict_map_key=False, unicode_errors="surrogatepass")


def _extension(code: int, data: bytes) -> object:
    return _READERS[code](data)


def problem_of(value: object) -> str:
    """Return what is wrong with a value that is refused by itself, and the remedy."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    base = next((each for each in kind.__mro__[1:] if each in NATIVE or each in _WRITERS), None)
    if hasattr(kind, "__members__") or hasattr(kind, "_fields") or hasattr(kind, "__dataclass_fields__"):
        return f"is of {name}, which this codec does not know: codec.register({kind.__name__})"
    if base is not None:
        return (
            f"is of {name} and would come back as {base.__name__}, of which it is a subclass. Register it, "
            f"codec.register({kind.__name__}, encode=..., decode=...), or make it that"
        )
    if kind in (bytearray, memoryview):
        return f"is a {kind.__name__} and would come back as bytes: make it that, or register {kind.__name__}"
    return (
        f"is of {name}, which is no plain data. Register it, codec.register({kind.__name__}, encode=..., decode=...), "
        "return plain data in its place, or use the codec Pickle"
    )


# --- the extension types. A number is part of the format: it is never used for anything else.

_LARGE_INT = 1
_DATETIME = 2
_DATE = 3
_TIME = 4
_TIMEDELTA = 5
_ZONEINFO = 6
_DECIMAL = 7
_UUID = 8
# Marks.
_TUPLE = 32
_SET = 33
_FROZENSET = 34
_PAIRS = 35
_ZONED_DATETIME = 36
_ZONED_TIME = 37
_TIMEZONE = 38
_FRACTION = 39
_REGISTERED = 40

_SAFETY = {b"": SafeUUID.unknown, b"s": SafeUUID.safe, b"u": SafeUUID.unsafe}
_UNSAFETY = {safety: mark for mark, safety in _SAFETY.items()}


def _large_int(value: int) -> object:
    return ExtType(_LARGE_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _tuple(packing: Packing, value: tuple[Any, ...], depth: int) -> object:
    return packing.marked(_TUPLE, list(value), depth)


def _datetime(packing: Packing, value: datetime, depth: int) -> object:
    if value.fold or (value.tzinfo is not None and value.tzinfo is not timezone.utc):
        parts = [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, value.tzinfo]
        return packing.marked(_ZONED_DATETIME, parts, depth)
    return ExtType(_DATETIME, value.isoformat().encode())


def _time(packing: Packing, value: time, depth: int) -> object:
    if value.fold or value.tzinfo is not None:
        return packing.marked(
            _ZONED_TIME, [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, value.tzinfo], depth
        )
    return ExtType(_TIME, value.isoformat().encode())


def _timezone(packing: Packing, value: timezone, depth: int) -> object:
    # Its offset, and its name if it was given one: the arguments that make it, as copy and pickle use them.
    made_of: Any = value
    return packing.marked(_TIMEZONE, list(made_of.__getinitargs__()), depth)


def _zoneinfo(packing: Packing, value: ZoneInfo, depth: int) -> object:
    try:
        made_of: Any = value.__reduce__()
    except Exception as error:
        raise NotStorable("is a ZoneInfo of a file, which other processes don't have: make it of a key") from error
    key, is_cached = made_of[1]
    return ExtType(_ZONEINFO, (b"c" if is_cached else b"n") + key.encode())


_WRITERS: dict[type, Writer] = {
    list: Packing.array,
    dict: Packing.mapping,
    tuple: _tuple,
    set: lambda packing, value, depth: packing.unordered(_SET, value, depth),
    frozenset: lambda packing, value, depth: packing.unordered(_FROZENSET, value, depth),
    datetime: _datetime,
    date: lambda packing, value, depth: ExtType(_DATE, value.isoformat().encode()),
    time: _time,
    timedelta: lambda packing, value, depth: ExtType(
        _TIMEDELTA, _SPAN.pack(value.days, value.seconds, value.microseconds)
    ),
    timezone: _timezone,
    ZoneInfo: _zoneinfo,
    Decimal: lambda packing, value, depth: ExtType(_DECIMAL, str(value).encode()),
    Fraction: lambda packing, value, depth: packing.marked(_FRACTION, [value.numerator, value.denominator], depth),
    UUID: lambda packing, value, depth: ExtType(_UUID, value.bytes + _UNSAFETY[value.is_safe]),
}
PLAIN = frozenset(_WRITERS) | NATIVE


def _zoned(parts: list[Any], kind: type[datetime | time]) -> object:
    text, fold, zone = parts
    return kind.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _dict_of_pairs(parts: list[Any]) -> object:
    items = iter(parts)
    return dict(zip(items, items, strict=True))


_READERS: dict[int, Reader] = {
    _LARGE_INT: lambda data: int.from_bytes(data, "big", signed=True),
    _DATETIME: lambda data: datetime.fromisoformat(data.decode()),
    _DATE: lambda data: date.fromisoformat(data.decode()),
    _TIME: lambda data: time.fromisoformat(data.decode()),
    _TIMEDELTA: lambda data: timedelta(*_SPAN.unpack(data)),
    _ZONEINFO: lambda data: (ZoneInfo if data[:1] == b"c" else ZoneInfo.no_cache)(data[1:].decode()),
    _DECIMAL: lambda data: Decimal(data.decode()),
    _UUID: lambda data: UUID(bytes=data[:16], is_safe=_SAFETY[data[16:]]),
}
_MAKERS: dict[int, Reader] = {
    _TUPLE: tuple,
    _SET: set,
    _FROZENSET: frozenset,
    _PAIRS: _dict_of_pairs,
    _ZONED_DATETIME: lambda parts: _zoned(parts, datetime),
    _ZONED_TIME: lambda parts: _zoned(parts, time),
    _TIMEZONE: lambda parts: timezone(*parts),
    _FRACTION: lambda parts: Fraction(*parts),
}
