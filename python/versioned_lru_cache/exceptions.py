"""What this library raises itself."""

__all__ = ["NotStored", "VersionUnknown"]


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


class VersionUnknown(Exception):
    """A version function can't tell the version now, and the call is to be answered all the same.

    To be raised by a version function, whose server is away, say. A result that may stand in by ``stale_if_error`` is
    the answer. Else the function computes: for its session only, since what is stored can't be compared and what is
    made belongs to no version. What is stored stays, for the time when the version can be told again. ``cache_refresh``
    raises it: there is no version for which it could store a result. Any other exception of a version function is that
    of the call.

    Example:
        >>> from versioned_lru_cache import VersionUnknown, versioned_lru_cache
        >>> def version() -> int:
        ...     raise VersionUnknown("the server of versions is away")
        >>> @versioned_lru_cache(version)
        ... def price(item: str) -> int:
        ...     return len(item)
        >>> price("tea"), price.cache_info().currsize
        (3, 0)
    """


def __dir__() -> list[str]:
    return sorted(__all__)
