"""An LRU cache that never answers with something staler than the caller's session permits.

A function's results are kept in memory, each tagged with the *version* of the data it was made from. A cheap version
function runs once per session (a web request, say) and decides between the stored result and new work::

    @versioned_lru_cache(database_version, session=flask.g)
    def report(region: str) -> Report: ...
"""

from ._core import IMMUTABLE, NOT_MODIFIED, CachedFunction, CachedMethod, CacheKey, Session
from ._decorators import versioned_lru_cache, versioned_lru_cache_with_ttl
from ._explanation import Explanation
from ._lag import Lag
from ._refresh import Refresh
from ._results import CacheInfo, CacheStats, Versioned
from ._sessions import current_session, session
from ._surroundings import run_behind_in
from .exceptions import NotStored

__all__ = [
    "IMMUTABLE",
    "NOT_MODIFIED",
    "CacheInfo",
    "CacheKey",
    "CacheStats",
    "CachedFunction",
    "CachedMethod",
    "Explanation",
    "Lag",
    "NotStored",
    "Refresh",
    "Session",
    "Versioned",
    "current_session",
    "run_behind_in",
    "session",
    "versioned_lru_cache",
    "versioned_lru_cache_with_ttl",
]
