"""An LRU cache that never answers with something staler than the caller's session permits.

A function's results are kept in memory, each tagged with the *version* of the data it was made from. A cheap version
function runs once per session (a web request, say) and decides between the stored result and new work.

Example:
    >>> from versioned_lru_cache import session, versioned_lru_cache, versions
    >>> sales = versions.counter("sales")
    >>> @versioned_lru_cache(sales)
    ... def report(region: str) -> str:
    ...     return f"version {sales()} of {region}"
    >>> with session():
    ...     report("north"), sales.bump(), report("north")
    ('version 0 of north', 1, 'version 0 of north')
    >>> with session():
    ...     report("north")
    'version 1 of north'
"""

from ._core import IMMUTABLE, NOT_MODIFIED, CachedFunction, CachedMethod, CacheKey, Session, current_version
from ._core import __version__ as __version__
from ._decorators import versioned_lru_cache, versioned_lru_cache_with_ttl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._explanation import Explanation
    from ._lag import Lag
    from ._process import caches, clear_all, disabled
    from ._properties import CachedProperty, versioned_cached_property
    from ._refresh import Refresh
    from ._results import CacheInfo, CacheStats, Versioned
    from ._sessions import current_session, session
    from ._surroundings import run_behind_in, set_refresh_context
    from .exceptions import NotStored, VersionUnknown
else:
    # Most programs use few of these, and those that use none of them should not wait for the import.
    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        # Written out, so that tools which look for imports find them.
        if name in ("CacheInfo", "CacheStats", "Versioned"):
            from . import _results as module
        elif name in ("current_session", "session"):
            from . import _sessions as module
        elif name == "Explanation":
            from . import _explanation as module
        elif name == "Lag":
            from . import _lag as module
        elif name in ("caches", "clear_all", "disabled"):
            from . import _process as module
        elif name in ("CachedProperty", "versioned_cached_property"):
            from . import _properties as module
        elif name in ("NotStored", "VersionUnknown"):
            from . import exceptions as module
        elif name == "Refresh":
            from . import _refresh as module
        elif name in ("run_behind_in", "set_refresh_context"):
            from . import _surroundings as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(module, name)
        return value

    def _needed() -> None:
        from . import _imported_by_core  # noqa: F401 - for those tools only

    def __dir__() -> list[str]:
        """Tell of what is public, used already or not, and of the public modules that were imported."""
        modules = {"exceptions", "stores", "testing", "versions"} & globals().keys()
        return sorted({*__all__, *modules, "__version__"})


__all__ = [
    "IMMUTABLE",
    "NOT_MODIFIED",
    "CacheInfo",
    "CacheKey",
    "CacheStats",
    "CachedFunction",
    "CachedMethod",
    "CachedProperty",
    "Explanation",
    "Lag",
    "NotStored",
    "Refresh",
    "Session",
    "VersionUnknown",
    "Versioned",
    "caches",
    "clear_all",
    "current_session",
    "current_version",
    "disabled",
    "run_behind_in",
    "session",
    "set_refresh_context",
    "versioned_cached_property",
    "versioned_lru_cache",
    "versioned_lru_cache_with_ttl",
]
