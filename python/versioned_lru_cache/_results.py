"""What the ``cache_*`` methods return and take."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Generic, NamedTuple, TypeVar

    T = TypeVar("T")

    class CacheInfo(NamedTuple):
        """Hits, misses, maxsize and the number of stored results, as functools has them.

        Attributes:
            hits: Calls that did not run the function.
            misses: Calls that did.
            maxsize: The most results that are stored; ``None`` is unbounded.
            currsize: How many are stored.

        Example:
            >>> from versioned_lru_cache import versioned_lru_cache
            >>> versioned_lru_cache(None)(len).cache_info()
            CacheInfo(hits=0, misses=0, maxsize=128, currsize=0)
        """

        hits: int
        misses: int
        maxsize: int | None
        currsize: int

    class CacheStats(NamedTuple):
        """All that a cached function counts, since it was decorated or last cleared.

        Attributes:
            hits: Calls that did not run the function.
            misses: Calls that did.
            maxsize: The most results that are stored; ``None`` is unbounded.
            currsize: How many are stored.
            version_calls: Successful runs of the version function.
            verified: How often a version asked anew was found equal to that of what is stored.
            evictions: Results that left because the store was full.
            not_stored: Results that were returned but could not be stored.
            errors: Calls that raised.
            revalidated: Old results that ``revalidate`` found good still.
            stale: Calls answered with a value that was not fresh.
            refresh_errors: Refreshes behind that failed.
            validated: Versions that computations had read before and that held when they were asked anew.
            invalidated: Those that did not.

        Example:
            >>> from versioned_lru_cache import versioned_lru_cache
            >>> versioned_lru_cache(None)(len).cache_stats().evictions
            0
        """

        hits: int
        misses: int
        maxsize: int | None
        currsize: int
        version_calls: int
        verified: int
        evictions: int
        not_stored: int
        errors: int
        revalidated: int
        stale: int
        refresh_errors: int
        validated: int
        invalidated: int

    class Versioned(NamedTuple, Generic[T]):
        """A result, and the version of the data that it was made from.

        Attributes:
            value: The result.
            version: The version.

        Example:
            >>> from versioned_lru_cache import Versioned
            >>> Versioned("a report", 7)
            Versioned(value='a report', version=7)
        """

        value: T
        version: Hashable

else:
    from collections import namedtuple

    # The docstrings are those above, again: an editor shows the ones, and help() the others.
    CacheInfo = namedtuple("CacheInfo", "hits misses maxsize currsize")
    CacheInfo.__doc__ = """Hits, misses, maxsize and the number of stored results, as functools has them.

    Attributes:
        hits: Calls that did not run the function.
        misses: Calls that did.
        maxsize: The most results that are stored; ``None`` is unbounded.
        currsize: How many are stored.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> versioned_lru_cache(None)(len).cache_info()
        CacheInfo(hits=0, misses=0, maxsize=128, currsize=0)
    """

    CacheStats = namedtuple(
        "CacheStats",
        "hits misses maxsize currsize version_calls verified evictions not_stored errors revalidated stale "
        "refresh_errors validated invalidated",
    )
    CacheStats.__doc__ = """All that a cached function counts, since it was decorated or last cleared.

    Attributes:
        hits: Calls that did not run the function.
        misses: Calls that did.
        maxsize: The most results that are stored; ``None`` is unbounded.
        currsize: How many are stored.
        version_calls: Successful runs of the version function.
        verified: How often a version asked anew was found equal to that of what is stored.
        evictions: Results that left because the store was full.
        not_stored: Results that were returned but could not be stored.
        errors: Calls that raised.
        revalidated: Old results that ``revalidate`` found good still.
        stale: Calls answered with a value that was not fresh.
        refresh_errors: Refreshes behind that failed.
        validated: Versions that computations had read before and that held when they were asked anew.
        invalidated: Those that did not.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> versioned_lru_cache(None)(len).cache_stats().evictions
        0
    """

    Versioned = namedtuple("Versioned", "value version")
    Versioned.__doc__ = """A result, and the version of the data that it was made from.

    Attributes:
        value: The result.
        version: The version.

    Example:
        >>> from versioned_lru_cache import Versioned
        >>> Versioned("a report", 7)
        Versioned(value='a report', version=7)
    """
