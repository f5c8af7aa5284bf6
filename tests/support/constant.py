"""Cached functions whose version never changes. The version is still asked for, as any other would be."""

from __future__ import annotations

from typing import Any

from versioned_lru_cache import versioned_lru_cache


def cached(**options: Any) -> Any:
    """A decorator: one version for all calls of a function."""
    return versioned_lru_cache(lambda: 1, **options)


def cached_each(**options: Any) -> Any:
    """The same with a version of its own for each call's arguments."""
    return versioned_lru_cache(lambda *args: 1, **options)
