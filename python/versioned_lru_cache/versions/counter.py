"""A version that the program itself moves on."""

from __future__ import annotations

from .._core import Counter
from .._options import checked_text

_counters: dict[str, Counter] = {}


def counter(name: str) -> Counter:
    """Return a version function that counts how often the program said that the data has changed.

    Reading it takes no Python call. One name is one counter in the whole process, for as long as that lives.

    Args:
        name: What has changed, ``"prices"``.

    Returns:
        A version function whose ``bump()`` moves it on and returns the new version, an int.

    A version seen again means the same data, but for what it can miss: every change that nobody bumps it for, and all
    that other processes do.

    Raises:
        TypeError: ``name`` is no ``str``.
        ValueError: ``name`` is empty.

    Example:
        >>> from versioned_lru_cache.versions import counter
        >>> wages = counter("wages")
        >>> wages(), wages.bump(), wages()
        (0, 1, 1)
    """
    return _counters.setdefault(name, Counter(checked_text(name, "counter(name)")))
