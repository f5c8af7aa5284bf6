"""What comes with the package, and what on use."""

from __future__ import annotations

import pytest

import versioned_lru_cache
from child import run


@pytest.mark.child
def test_what_not_every_program_needs_is_not_imported_with_the_package() -> None:
    run(
        """
        import sys
        before = set(sys.modules)
        import versioned_lru_cache
        new = set(sys.modules) - before
        unused = {"asyncio", "collections", "contextvars", "dataclasses", "datetime", "enum", "functools", "inspect"}
        unused |= {"logging", "threading", "typing"}
        unused |= {f"versioned_lru_cache.{name}" for name in ("_async", "_behind", "_refresh", "_results", "_sessions")}
        assert not new & unused, new & unused
        """
    )


@pytest.mark.child
def test_names_that_come_on_use_can_be_told_before() -> None:
    run(
        """
        import versioned_lru_cache
        assert "Versioned" not in vars(versioned_lru_cache)
        assert set(versioned_lru_cache.__all__) <= set(dir(versioned_lru_cache))
        assert versioned_lru_cache.Versioned is versioned_lru_cache.Versioned
        assert "Versioned" in vars(versioned_lru_cache)
        """
    )


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'versioned_lru_cache' has no attribute 'unknown'"):
        getattr(versioned_lru_cache, "unknown")  # noqa: B009 - checkers know that there is none
