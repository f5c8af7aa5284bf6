"""The codec protocol: what makes a value into bytes and back, and the errors of those who do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

ROOT = "result"  # What messages call the value that is encoded.


class Codec(Protocol):
    """What makes a result into bytes for a store and back: :class:`Msgpack`, :class:`Pickle`, or one of your own.

    What ``encode`` accepts comes back equal and of the same types. Bytes that it did not make are no value: ``decode``
    raises :class:`Unreadable` for them.

    Attributes:
        name: Written into each record. A record of a codec of another name counts as missing, so a codec whose bytes
            change gets another name.

    Example:
        >>> from versioned_lru_cache.stores import Codec
        >>> class Text:
        ...     name = "text"
        ...     def encode(self, value: object, bound: bytes) -> bytes:
        ...         if type(value) is not str:
        ...             raise NotStorable("is no str", "result")
        ...         return value.encode()
        ...     def decode(self, data: bytes, bound: bytes) -> object:
        ...         return data.decode()
        >>> codec: Codec = Text()
        >>> codec.decode(codec.encode("tea", b""), b"")
        'tea'
    """

    name: str

    def encode(self, value: object, bound: bytes) -> bytes:
        r"""Return a value's bytes.

        Args:
            value: What a cached function has returned, or a version.
            bound: What a signature must cover beside the value: of which call, version and time it is. ``decode`` is
                given the same.

        Returns:
            The bytes.

        Raises:
            NotStorable: The value would not come back as it was.

        Example:
            >>> from versioned_lru_cache.stores import Msgpack
            >>> Msgpack().encode([1, None], b"")
            b'\x92\x01\xc0'
        """
        ...

    def decode(self, data: bytes, bound: bytes) -> object:
        r"""Return the value of bytes that ``encode`` made.

        Args:
            data: The bytes.
            bound: What ``encode`` was given.

        Returns:
            The value.

        Raises:
            Unreadable: ``encode`` did not make these bytes, or for another ``bound``, or with another key.

        Example:
            >>> from versioned_lru_cache.stores import Msgpack
            >>> Msgpack().decode(b"\x92\x01\xc0", b"")
            [1, None]
        """
        ...


class CodecError(Exception):
    """What codecs raise: :class:`NotStorable` or :class:`Unreadable`.

    A cached function raises neither. A result that can't be stored is returned and kept in memory; a record that can't
    be read counts as missing. They are for who calls a codec, and for its log.

    Example:
        >>> from versioned_lru_cache.stores import CodecError, Msgpack
        >>> try:
        ...     Msgpack().decode(b"no record", b"")
        ... except CodecError as error:
        ...     type(error).__name__
        'Unreadable'
    """


class NotStorable(CodecError, TypeError):
    """A value would not come back equal and of the same types.

    Args:
        problem: What is wrong, and the remedy.
        path: Where in the value, beginning with the word ``result``.

    Example:
        >>> from versioned_lru_cache.stores import Msgpack, NotStorable
        >>> try:
        ...     Msgpack().encode({"rows": [bytearray(b"tea")]}, b"")
        ... except NotStorable as error:
        ...     print(error.path)
        result["rows"][0]
    """

    def __init__(self, problem: str, path: str = ROOT) -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"


class TooLarge(NotStorable):
    """A value takes more bytes than ``max_record_bytes``.

    Args:
        problem: How many bytes it takes, and how many are allowed.
        path: Where in the value, beginning with the word ``result``.

    Example:
        >>> from versioned_lru_cache.stores import Msgpack, TooLarge
        >>> try:
        ...     Msgpack(max_record_bytes=1000).encode("tea" * 1000, b"")
        ... except TooLarge as error:
        ...     print(error)
        result takes 3003 bytes; max_record_bytes=1000 is allowed
    """


class Unreadable(CodecError, ValueError):
    """These bytes are not what the codec made: truncated, damaged, forged, or of another program.

    Example:
        >>> from versioned_lru_cache.stores import Pickle, Unreadable
        >>> ours, theirs = Pickle("a secret of our program"), Pickle("another, of their program")
        >>> try:
        ...     ours.decode(theirs.encode("tea", b""), b"")
        ... except Unreadable as error:
        ...     print(error)
        the signature is of none of the keys
    """
