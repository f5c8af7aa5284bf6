"""A cached function decorated once more, with the same options but for some: with a store, or with another body."""

from __future__ import annotations

from .. import versioned_lru_cache, versioned_lru_cache_with_ttl
from .._decorators import NAMES_OF_ORIGINAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .. import CachedFunction


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
    options = {NAMES_OF_ORIGINAL.get(option, option): value for option, value in options.items()}
    return versioned_lru_cache_with_ttl(**options)(body)
