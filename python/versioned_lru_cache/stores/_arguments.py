"""What the arguments of stores have in common: the codec that is used unless told, and how wrong ones are refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._codec import Codec

__all__ = ["default_codec", "no_bytes"]


def default_codec() -> Codec:
    """Return the codec of a store that names none."""
    from ._msgpack import Msgpack  # Who names another codec need not have msgpack.

    return Msgpack()


def no_bytes(what: str, value: object) -> TypeError:
    """Return the error that a value which must be bytes is refused by."""
    return TypeError(f"{what}={value!r}: must be bytes")


def __dir__() -> list[str]:
    return sorted(__all__)
