"""A cached function decorated once more, with the same options but for some: with a store, or with another body."""

from __future__ import annotations

from .. import versioned_lru_cache, versioned_lru_cache_with_ttl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .. import CachedFunction

_NAMES_OF_ORIGINAL = {
    "version": "generate_version_func",
    "session": "proxy_to_session_context_object",
    "maxsize": "cache_max_size",
    "ttl": "time_to_live_seconds",
}


def decorated_again(
    function: CachedFunction[..., Any], body: Callable[..., Any], **changed: Any
) -> CachedFunction[..., Any]:
    """Return a function of this body with the options of another, but for those that are changed.

    Raises:
        TypeError: The options can't be had together, or with this body.
        ValueError: The same.
    """
    options: dict[str, Any] = {**function.cache_parameters(), **changed}
    if "module_name" not in options:
        return versioned_lru_cache(options.pop("version"), **options)(body)
    options = {_NAMES_OF_ORIGINAL.get(option, option): value for option, value in options.items()}
    return versioned_lru_cache_with_ttl(**options)(body)
