"""What this library raises itself."""

__all__ = ["NotStored"]


class NotStored(LookupError):
    """An offline session called for a result that is not stored."""


def __dir__() -> list[str]:
    return sorted(__all__)
