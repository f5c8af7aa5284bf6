"""Shared stores: a second tier below the memory of each process, which survives restarts and serves its neighbours.

A store holds records: bytes, each with the value of one call, the version that it is of, and its age. A *codec* makes
values into bytes and back. :class:`Msgpack` is for plain data and for types that are registered; :class:`Pickle` is
for all that pickle takes, signed with a secret key.

Example:
    >>> from versioned_lru_cache.stores import Msgpack
    >>> codec = Msgpack()
    >>> codec.decode(codec.encode({"rows": [(1, "tea")]}, b""), b"")
    {'rows': [(1, 'tea')]}
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._codec import Codec, CodecError, NotStorable, TooLarge, Unreadable
    from ._msgpack import Msgpack
    from ._pickle import Pickle
else:
    # A codec brings its library with it, and who uses the one should not wait for the other's.
    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        # Written out, so that tools which look for imports find them.
        if name in ("Codec", "CodecError", "NotStorable", "TooLarge", "Unreadable"):
            from . import _codec as module
        elif name == "Msgpack":
            from . import _msgpack as module
        elif name == "Pickle":
            from . import _pickle as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(module, name)
        return value

    def _needed() -> None:
        from . import _record  # noqa: F401 - for those tools only


__all__ = ["Codec", "CodecError", "Msgpack", "NotStorable", "Pickle", "TooLarge", "Unreadable"]


def __dir__() -> list[str]:
    return sorted(__all__)
