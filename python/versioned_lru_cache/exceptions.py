"""What this library raises itself."""

__all__ = ["NotStored"]


class NotStored(LookupError):
    """An offline session called for a result that is not stored.

    Example:
        >>> from versioned_lru_cache import session, versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def price(item: str) -> int:
        ...     return len(item)
        >>> with session(offline=True):
        ...     try:
        ...         price("tea")
        ...     except NotStored:
        ...         "not yet"
        'not yet'
    """


def __dir__() -> list[str]:
    return sorted(__all__)
