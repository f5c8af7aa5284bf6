"""What is about all cached functions of the process."""

from __future__ import annotations

from weakref import ref

from ._core import switch_off, switch_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ._core import CachedFunction

# In the order in which they were decorated. Each is gone with its function.
_functions: dict[ref[CachedFunction[..., Any]], None] = {}


def remember(function: CachedFunction[..., Any]) -> None:
    """Remember a cached function for as long as it lives."""
    _functions[ref(function, _forget)] = None


def _forget(gone: ref[CachedFunction[..., Any]]) -> None:
    _functions.pop(gone, None)


def caches() -> list[CachedFunction[..., Any]]:
    """All cached functions that are alive, in the order in which they were decorated.

    They are not kept alive by being known here.

    Returns:
        A new list.

    Example:
        >>> from versioned_lru_cache import caches, versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def square(number: int) -> int:
        ...     return number * number
        >>> caches()[-1] is square
        True
    """
    return [function for function in (known() for known in list(_functions)) if function is not None]


def clear_all() -> None:
    """Forget all results of all cached functions, as their ``cache_clear`` does one by one.

    Example:
        >>> from versioned_lru_cache import clear_all, versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def square(number: int) -> int:
        ...     return number * number
        >>> square(3)
        9
        >>> clear_all()
        >>> square.cache_info().currsize
        0
    """
    for function in caches():
        _ = function.cache_clear()  # A store that is awaited hears of it with its next use.


class disabled:
    """A block in which every call of a cached function runs the function: nothing is looked up, asked or stored.

    It counts for the code of the block and the tasks that this begins, and not for other threads. For the whole
    process the environment variable ``VERSIONED_LRU_CACHE=off`` does the same, if it is set when the package is
    imported. Such calls are counted as misses, and by ``cache_stats().bypassed``.

    Example:
        >>> from versioned_lru_cache import disabled, versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def square(number: int) -> int:
        ...     return number * number
        >>> with disabled():
        ...     square(3), square(3)
        (9, 9)
        >>> square.cache_stats().bypassed, square.cache_info().currsize
        (2, 0)
    """

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        """Take nothing."""
        self._tokens: list[object] = []

    def __enter__(self) -> Self:
        """Switch off."""
        self._tokens.append(switch_off())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take that back."""
        switch_on(self._tokens.pop())
