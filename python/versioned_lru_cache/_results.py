"""What the ``cache_*`` methods return and take."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import timedelta
    from typing import Generic, NamedTuple, TypeVar

    from typing_extensions import Self

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
            bypassed: Calls that ran the function because the cache was off: :func:`disabled`.
            ended: How many of the stored results have ended: their ttl is over.
            weight: What the stored results weigh together; ``None`` where that is not bounded.
            max_weight: The most that they may; ``None`` is unbounded.
            store_hits: Calls answered with a record of the store; they count as hits.
            store_misses: Calls that found none there that was good.
            store_errors: How often the store failed, or held what could not be read.
            store_seconds: How many seconds it has taken.

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
        bypassed: int
        ended: int
        weight: int | None
        max_weight: int | None
        store_hits: int
        store_misses: int
        store_errors: int
        store_seconds: float

    class _Fields(NamedTuple, Generic[T]):
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
        "refresh_errors validated invalidated bypassed ended weight max_weight store_hits store_misses store_errors "
        "store_seconds",
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
        bypassed: Calls that ran the function because the cache was off: :func:`disabled`.
        ended: How many of the stored results have ended: their ttl is over.
        weight: What the stored results weigh together; ``None`` where that is not bounded.
        max_weight: The most that they may; ``None`` is unbounded.
        store_hits: Calls answered with a record of the store; they count as hits.
        store_misses: Calls that found none there that was good.
        store_errors: How often the store failed, or held what could not be read.
        store_seconds: How many seconds it has taken.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> versioned_lru_cache(None)(len).cache_stats().evictions
        0
    """

    T = object
    _Fields = namedtuple("Versioned", "value version")


class Versioned(_Fields[T]):
    """A result, the version of the data that it was made from, and perhaps how long it lives.

    As a tuple it is the value and the version.

    Attributes:
        value: The result.
        version: The version.
        ttl: A bound on its age, in seconds or as a timedelta, or ``None``. Where the option ``ttl=`` bounds that too,
            the shorter counts. A result that lives 0 seconds or less is handed out and not stored.

    Example:
        >>> from versioned_lru_cache import Versioned
        >>> Versioned("a report", 7)
        Versioned(value='a report', version=7)
        >>> Versioned("a token", 7, ttl=60)
        Versioned(value='a token', version=7, ttl=60)
    """

    def __repr__(self) -> str:
        ttl = "" if self.ttl is None else f", ttl={self.ttl!r}"
        return f"{type(self).__name__}(value={self.value!r}, version={self.version!r}{ttl})"

    if TYPE_CHECKING:
        ttl: float | timedelta | None

        def __new__(cls, value: T, version: Hashable, ttl: float | timedelta | None = None) -> Self:
            raise NotImplementedError

    else:

        def __new__(cls, value, version, ttl=None):
            self = super().__new__(cls, value, version)
            self.ttl = ttl
            return self

        # What namedtuple makes of these knows nothing of the ttl.

        @classmethod
        def _make(cls, iterable):
            return cls(*iterable)

        def _replace(self, **changes):
            return type(self)(**{"value": self.value, "version": self.version, "ttl": self.ttl, **changes})
