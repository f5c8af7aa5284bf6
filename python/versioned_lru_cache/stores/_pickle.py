"""The codec Pickle: all that pickle takes, signed, so that nobody without the key has anything unpickled."""

from __future__ import annotations

import pickle
from hmac import compare_digest, digest

from .._words import a_type
from ._codec import NotStorable, Unreadable
from ._compression import MAX_RECORD_BYTES, Sizes
from ._paths import at_attribute, items, located

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._paths import Child

_PURPOSE = b"versioned-lru-cache pickle 1\0"  # A signature of other data by the same key is none for ours.
_SIGNATURE_BYTES = 32
_SHORTEST_KEY = 16
_PROTOCOL = 5  # Of all Python versions that this package runs on.


class Pickle:
    """The codec for all that ``pickle`` takes. What it reads must be signed with a secret key.

    Unpickling runs whatever the pickle says, so a store that others can write to would let them run code. Each record
    is therefore signed (HMAC, SHA-256) together with the call, the version and the time that it is of. What has no
    good signature is never unpickled: it counts as missing. Keep the key where the program's other secrets are, never
    beside the store.

    What pickle does not keep is not kept. Classes are found by name, as they are now.

    Args:
        secret_key: A str or bytes of 16 bytes or more; ``secrets.token_hex(32)`` makes one. All processes that share a
            store need the same.
        old_keys: Keys whose signatures are good still. To change the key, add the new one here everywhere, then make
            it the ``secret_key`` and the old one one of these, and leave that out when its records have gone.
        max_record_bytes: What takes more bytes is refused, and a record that would is not read.
        compress_above: Compress what takes more bytes than this, by zlib; ``None`` never does.

    Attributes:
        name: ``"pickle"``, written into each record.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: A key is too short, or another argument's value is not allowed.

    Example:
        >>> import re
        >>> from versioned_lru_cache.stores import Pickle
        >>> codec = Pickle("a secret that nobody can guess")
        >>> codec.decode(codec.encode(re.compile("tea+"), b""), b"")
        re.compile('tea+')
    """

    name = "pickle"

    def __init__(
        self,
        secret_key: bytes | str,
        *,
        old_keys: Iterable[bytes | str] = (),
        max_record_bytes: int = MAX_RECORD_BYTES,
        compress_above: int | None = None,
    ) -> None:
        if isinstance(old_keys, (bytes, str)):
            raise TypeError(f"old_keys is {a_type(old_keys)}; it must be a tuple of keys")
        self._key = _checked_key("secret_key", secret_key)
        self._keys = (self._key, *(_checked_key("one of old_keys", each) for each in old_keys))
        self._sizes = Sizes(max_record_bytes, compress_above)

    def encode(self, value: object, bound: bytes = b"") -> bytes:
        """Return a value's pickle with its signature.

        Args:
            value: What pickle takes.
            bound: What the signature is to cover beside it.

        Returns:
            The bytes.

        Raises:
            NotStorable: It can't be pickled; the message says where in it.
            TooLarge: It takes more than ``max_record_bytes``.

        Example:
            >>> len(Pickle("a secret that nobody can guess").encode(None))
            36
        """
        try:
            plain = pickle.dumps(value, _PROTOCOL)
        except Exception as error:
            found = located(value, _not_storable(error), _refusal, _children)
            raise found from error
        data = self._sizes.compressed(plain)
        return _signature(self._key, data, bound) + data

    def decode(self, data: bytes, bound: bytes = b"") -> object:
        """Return the value of a pickle, if its signature is good.

        Args:
            data: The bytes.
            bound: What ``encode`` was given.

        Returns:
            The value.

        Raises:
            Unreadable: The signature is of none of the keys, or not for this ``bound``; or what was signed can't be
                unpickled, because a class has changed, say.

        Example:
            >>> codec = Pickle("a secret that nobody can guess")
            >>> codec.decode(codec.encode({1, 2}))
            {1, 2}
        """
        signature, data = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not any(compare_digest(signature, _signature(key, data, bound)) for key in self._keys):
            raise Unreadable("the signature is of none of the keys")
        plain = self._sizes.inflated(data)
        try:
            return pickle.loads(plain)
        except Exception as error:
            raise Unreadable(f"it can't be unpickled: {type(error).__name__}: {error}") from error


def _signature(key: bytes, data: bytes, bound: bytes) -> bytes:
    # The length comes first, so that no byte of the one can pass for one of the other.
    return digest(key, b"%b%d:%b%b" % (_PURPOSE, len(bound), bound, data), "sha256")


def _checked_key(label: str, key: object) -> bytes:
    # The key itself is in no message: those go into logs.
    if isinstance(key, str):
        key = key.encode("utf-8", "surrogatepass")
    if not isinstance(key, bytes):
        raise TypeError(f"{label} is {a_type(key)}; it must be a str or bytes")
    if len(key) < _SHORTEST_KEY:
        raise ValueError(
            f"{label} has {len(key)} bytes; it must have {_SHORTEST_KEY} or more: secrets.token_hex(32) makes one"
        )
    return key


def _not_storable(error: Exception) -> NotStorable:
    return NotStorable(f"can't be pickled: {type(error).__name__}: {error}")


def _refusal(value: object, depth: int) -> NotStorable | None:
    try:
        pickle.dumps(value, _PROTOCOL)
    except Exception as error:
        return _not_storable(error)
    return None


def _children(value: object) -> Iterable[Child]:
    yield from items(value)
    attributes: dict[str, object] = getattr(value, "__dict__", None) or {}
    if not isinstance(value, type) and type(attributes) is dict:
        for name, each in attributes.items():
            yield at_attribute(name), each
