"""What the arguments of stores have in common: the codec that is used unless told, and how wrong ones are refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._codec import Codec

__all__ = ["check_bytes", "check_namespace", "default_codec", "no_bytes"]


def default_codec() -> Codec:
    """Return the codec of a store that names none."""
    from ._msgpack import Msgpack  # Who names another codec need not have msgpack.

    return Msgpack()


def check_namespace(namespace: object) -> None:
    """Refuse what names nothing."""
    if type(namespace) is not str:
        raise TypeError(f"namespace={namespace!r}: must be a str")
    if not namespace:
        raise ValueError("namespace='': must name what is stored, a program and its deployment, say")


def check_bytes(what: str, value: object) -> None:
    """Refuse what is no bytes."""
    if type(value) is not bytes:
        raise no_bytes(what, value)


def no_bytes(what: str, value: object) -> TypeError:
    """Return the error that a value which must be bytes is refused by."""
    return TypeError(f"{what}={value!r}: must be bytes")


def __dir__() -> list[str]:
    return sorted(__all__)
