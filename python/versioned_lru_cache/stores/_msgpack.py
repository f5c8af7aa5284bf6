"""The codec Msgpack: plain data and registered types, which come back exactly as they were."""

from __future__ import annotations

from datetime import datetime, time

from . import _packing
from ._codec import NotStorable, TooLarge, Unreadable
from ._compression import MAX_RECORD_BYTES, Sizes
from ._paths import at_attribute, items, located
from ._registered import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from ._paths import Child
    from ._registered import Registered

    T = TypeVar("T")

_OTHER = 0xC1  # What has marks or is compressed begins with it; msgpack never does.


class Msgpack:
    """The codec for plain data and for types that are registered; reading a record runs no code that lies in it.

    Plain data comes back equal and of the same types: ``None``, bool, int of any size, float (``nan`` too), str, bytes,
    list, tuple, dict with any such keys in their order, set, frozenset, datetime, date, time, timedelta, timezone,
    ZoneInfo, Decimal, Fraction and UUID. All else is refused: a subclass of these too, since it would come back as its
    base. What lies at two places of a value comes back as two objects, and a value that is part of itself is refused.

    Equal values of the same types have the same bytes, in every process, if their dicts have the same order.

    Args:
        types: Enums, named tuples and dataclasses that are to be known beside plain data: :meth:`register`.
        max_record_bytes: What takes more bytes is refused, and a record that would is not read.
        compress_above: Compress what takes more bytes than this, by zlib; ``None`` never does.

    Attributes:
        name: ``"msgpack"``, written into each record.

    Raises:
        TypeError: An argument is of a wrong type, or one of ``types`` does not say what it is made of.
        ValueError: An argument's value is not allowed.

    Example:
        >>> from datetime import date
        >>> from versioned_lru_cache.stores import Msgpack
        >>> codec = Msgpack()
        >>> codec.decode(codec.encode({date(2026, 11, 30): (1, 2.5, {"tea"})}, b""), b"")
        {datetime.date(2026, 11, 30): (1, 2.5, {'tea'})}
    """

    name = "msgpack"

    def __init__(
        self,
        types: Iterable[type] = (),
        *,
        max_record_bytes: int = MAX_RECORD_BYTES,
        compress_above: int | None = None,
    ) -> None:
        self._sizes = Sizes(max_record_bytes, compress_above)
        self._by_class: dict[type, Registered] = {}
        self._by_name: dict[str, Registered] = {}
        self._read = _packing.unpacker(self._by_name)
        for each in types:
            self.register(each)

    def register(
        self,
        cls: type[T],
        *,
        encode: Callable[[T], object] | None = None,
        decode: Callable[[Any], T] | None = None,
        name: str | None = None,
    ) -> None:
        """Let objects of a class be stored, those of its subclasses not.

        An Enum, a named tuple or a dataclass needs no more: it comes back with the attributes that it had, and
        ``__init__`` does not run again. For other classes ``encode`` and ``decode`` say how.

        Args:
            cls: The class.
            encode: Takes an object and returns what it is made of: plain data, or objects of other registered types.
            decode: Takes what ``encode`` has returned and returns an equal object. What it raises means that the record
                can't be read.
            name: What stands for the class in stored data; by default its module and qualified name. Whoever stores
                and reads must use the same.

        Raises:
            TypeError: An argument is of a wrong type, or the class does not say what it is made of.
            ValueError: The class is plain data or registered already, or the name is another's, or there is none that
                means the same class in every process.

        Example:
            >>> from array import array
            >>> codec = Msgpack()
            >>> codec.register(
            ...     array, encode=lambda a: (a.typecode, a.tolist()), decode=lambda parts: array(*parts)
            ... )
            >>> codec.decode(codec.encode(array("d", [1.5, 2]), b""), b"")
            array('d', [1.5, 2.0])
        """
        new = registered(cls, name, encode, decode)
        if cls in _packing.PLAIN:
            raise ValueError(f"{cls.__qualname__} is plain data; it needs no registration")
        for known in (self._by_class.get(cls), self._by_name.get(new.name)):
            if known is not None:
                raise ValueError(f"{known.cls.__qualname__} is registered already, as {known.name!r}")
        self._by_name[new.name] = new  # First: what is written must be readable.
        self._by_class[cls] = new

    def encode(self, value: object, bound: bytes = b"") -> bytes:
        r"""Return a value's bytes.

        Args:
            value: Plain data, or objects of registered types.
            bound: Not used: these bytes are not signed.

        Returns:
            The bytes.

        Raises:
            NotStorable: The value would not come back as it was; the message says where in it, and the remedy.
            TooLarge: It takes more than ``max_record_bytes``.

        Example:
            >>> Msgpack().encode([1, None])
            b'\x92\x01\xc0'
        """
        try:
            data = _packing.Packing(self._by_class, self._sizes.most).pack(value)
        except TooLarge:
            raise
        except NotStorable as error:
            raise self._located(value, error) from error.__cause__
        return self._sizes.compressed(data)

    def decode(self, data: bytes, bound: bytes = b"") -> object:
        r"""Return the value of bytes that ``encode`` made.

        Args:
            data: The bytes.
            bound: Not used.

        Returns:
            The value.

        Raises:
            Unreadable: These are no such bytes, or the classes in them are not registered, or have changed.

        Example:
            >>> Msgpack().decode(b"\x92\x01\xc0")
            [1, None]
        """
        try:
            if data[0] != _OTHER and len(data) <= self._sizes.most:
                return _packing.unpacked(data)
            return self._read(self._sizes.inflated(data))
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(f"it can't be unpacked: {type(error).__name__}: {error}") from error

    def _located(self, value: object, error: NotStorable) -> NotStorable:
        found = located(value, error, self._refusal, self._children)
        return NotStorable(found.problem) if found.problem == _packing.TOO_DEEP else found

    def _refusal(self, value: object, depth: int) -> NotStorable | None:
        try:
            _packing.Packing(self._by_class, self._sizes.most).packable(value, _packing.MAX_DEPTH - depth)
        except NotStorable as error:
            return error
        return None

    def _children(self, value: object) -> Iterable[Child]:
        known = self._by_class.get(type(value))
        if known is not None:
            try:
                state: Any = known.encoded(value)
            except NotStorable:
                return
            if known.by_attributes:
                for name, each in state.items():
                    yield at_attribute(name), each
            else:
                yield (lambda path: f"what encode makes of {path}"), state
        elif type(value) in (datetime, time):
            zone: Any = value
            yield at_attribute("tzinfo"), zone.tzinfo
        elif type(value) in _packing.PLAIN:
            yield from items(value)
