"""What the ``cache_*`` methods return and take."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Generic, NamedTuple, TypeVar

    T = TypeVar("T")

    class CacheInfo(NamedTuple):
        """Hits, misses, maxsize and the number of stored results, as functools has them."""

        hits: int
        misses: int
        maxsize: int | None
        currsize: int

    class CacheStats(NamedTuple):
        """All that a cached function counts, since it was decorated or last cleared."""

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
        """A result, and the version of the data that it was made from."""

        value: T
        version: Hashable

else:
    from collections import namedtuple

    CacheInfo = namedtuple("CacheInfo", "hits misses maxsize currsize")
    CacheInfo.__doc__ = "Hits, misses, maxsize and the number of stored results, as functools has them."

    CacheStats = namedtuple(
        "CacheStats",
        "hits misses maxsize currsize version_calls verified evictions not_stored errors revalidated stale "
        "refresh_errors validated invalidated",
    )
    CacheStats.__doc__ = """All that a cached function counts, since it was decorated or last cleared.

    ``hits`` and ``misses`` are calls that did not and did run the function; ``version_calls`` are successful runs of
    the version function, ``verified`` how often one asked anew was found equal to that of what is stored, ``evictions``
    those that left because the store was full, ``not_stored`` results that were returned but could not be stored,
    ``errors`` calls that raised, ``revalidated`` old results that ``revalidate`` found good still, ``stale`` calls
    answered with a value that was not fresh, ``refresh_errors`` refreshes behind that failed, ``validated`` and
    ``invalidated`` versions that computations had read before and that held, or did not, when they were asked anew.
    """

    Versioned = namedtuple("Versioned", "value version")
    Versioned.__doc__ = "A result, and the version of the data that it was made from."
