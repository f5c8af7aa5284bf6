"""The interpreter's own tests of `functools.lru_cache`, run on this library with a constant version."""

from __future__ import annotations

import functools
import unittest
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

suite = pytest.importorskip("test.test_functools", reason="this interpreter comes without its tests")


def lru_cache(maxsize: Any = 128, typed: bool = False) -> Any:
    """Decorate as functools does: with parentheses and without."""
    if callable(maxsize):
        return versioned_lru_cache(None)(maxsize)
    decorate: Callable[[Any], Any] = versioned_lru_cache(None, maxsize=maxsize, typed=typed)
    return decorate


@lru_cache()
def cached_func(x: int, y: int) -> int:
    return 3 * x + y


@pytest.mark.thread_unsafe(reason="counts what the collector collects, and sets the interval at which threads switch")
class TestHere(suite.TestLRU, unittest.TestCase):  # type: ignore[misc,name-defined]
    """The tests, with this library in the place of functools."""

    module = SimpleNamespace(
        **{
            **vars(functools),
            "lru_cache": lru_cache,
            "cache": lru_cache(None),
            "_CacheInfo": type(cached_func.cache_info()),
        }
    )
    cached_func = (cached_func,)

    @lru_cache()
    def cached_meth(self, x: int, y: int) -> int:
        return 3 * x + y

    @staticmethod
    @lru_cache()
    def cached_staticmeth(x: int, y: int) -> int:
        return 3 * x + y

    def test_lru_with_types(self) -> None:
        """As the suite has it, but that a call by name is the same as one by place."""
        for maxsize in (None, 128):

            @self.module.lru_cache(maxsize=maxsize, typed=True)
            def square(x: float) -> float:
                return x * x

            for call in (square(3), square(x=3)):
                assert call == 9
                assert type(call) is int
            for call in (square(3.0), square(x=3.0)):
                assert call == 9.0
                assert type(call) is float
            assert square.cache_info()[:2] == (2, 2)

    def test_lru_cache_parameters(self) -> None:
        """As the suite has it, but that all options are told."""
        for maxsize, typed in ((2, False), (1, True)):

            @self.module.lru_cache(maxsize=maxsize, typed=typed)
            def f() -> int:
                return 1

            assert list(f.cache_parameters().items())[:2] == [("maxsize", maxsize), ("typed", typed)]

    def test_lru_cache_threaded2(self) -> None:
        """Is left out by choice: it wants several threads at a time in the body for one key."""


def test_there_are_tests() -> None:
    assert sum(name.startswith("test") for name in dir(suite.TestLRU)) >= 26
