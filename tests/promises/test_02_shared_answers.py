"""Promise 2: what a function goes by stays, though its session has it once for all functions of a version function."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from tests.support.handle import HANDLE
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

# What a session remembers at least for one function.
LEAST = 1024


class Source:
    """A version function that is given something, and how often it was asked."""

    def __init__(self) -> None:
        self.version, self.asked = 1, 0

    def __call__(self, x: int) -> int:
        self.asked += 1
        return self.version


class Key:
    """Equal only to itself, and compared by no code of its own."""


def functions(source: Source, g: dict[str, Any], **second: Any) -> tuple[Any, Any]:
    """Two functions of one version function; what they return is of the moment."""

    @versioned_lru_cache(source, session=g, maxsize=2 * LEAST)
    def lasting(x: int) -> int:
        return source.version

    @versioned_lru_cache(source, session=g, **second)
    def other(x: int) -> int:
        return source.version

    return lasting, other


def shown(g: dict[str, Any], function: Any) -> list[Any]:
    """The versions by which a session goes, as its handle shows them."""
    versions = g[HANDLE][function.__module__][function.__qualname__]
    return list(versions.values())


@pytest.mark.parametrize("first", ["lasting", "other"])
def test_another_function_that_asks_again_moves_only_itself(first: str) -> None:
    source, g = Source(), dict[str, Any]()
    lasting, other = functions(source, g, ttl=10)
    with MockClock() as clock:
        for call in [lasting, other] if first == "lasting" else [other, lasting]:
            assert call(0) == 1
        assert source.asked == 1
        source.version = 2
        clock.advance(20)
        assert (other(0), lasting(0)) == (2, 1)
        assert (shown(g, lasting), shown(g, other)) == ([1], [2])
        lasting.cache_invalidate(0)
        assert lasting(0) == 2, "computed anew"
        assert (shown(g, lasting), source.asked) == ([1], 2), "but under the answer of before"


def test_a_function_that_asked_again_goes_on_by_that() -> None:
    source, g = Source(), dict[str, Any]()
    lasting, other = functions(source, g, ttl=10)
    with MockClock() as clock:
        for version in range(1, 5):
            source.version = version
            assert other(0) == version
            clock.advance(20)
        assert lasting(0) == 4
        assert (shown(g, lasting), shown(g, other), source.asked) == ([4], [4], 4)


def test_what_another_function_was_answered_is_not_shown_as_its_own() -> None:
    source, g = Source(), dict[str, Any]()
    lasting, other = functions(source, g)
    for call, x in [(lasting, 0), (other, 1), (other, 0), (lasting, 2)]:
        call(x)
    assert (shown(g, lasting), shown(g, other), source.asked) == ([1, 1], [1, 1], 3)


def test_another_function_takes_no_room_from_it() -> None:
    source, g = Source(), dict[str, Any]()
    lasting, other = functions(source, g, maxsize=1)
    for x in range(LEAST):
        lasting(x)
    for x in range(LEAST, 3 * LEAST):
        other(x)
    assert source.asked == 3 * LEAST
    for x in range(LEAST):
        lasting(x)
    assert source.asked == 3 * LEAST, "each was asked once"
    assert len(shown(g, lasting)) == LEAST


def test_functions_in_turn_take_no_room_from_each_other() -> None:
    source, g = Source(), dict[str, Any]()
    first, other = (versioned_lru_cache(source, session=g, maxsize=1)(lambda x: x) for _ in range(2))
    for x in range(LEAST):
        first(x)
        other(-1 - x)
    assert source.asked == 2 * LEAST
    for x in range(LEAST):
        first(x)
    assert source.asked == 2 * LEAST, "each was asked once"


def test_what_another_function_pushed_out_is_bounded_too() -> None:
    source, g = Source(), dict[str, Any]()

    @versioned_lru_cache(source, session=g, maxsize=1)
    def few(x: int) -> int:
        return x

    @versioned_lru_cache(source, session=g, maxsize=1)
    def other(x: int) -> int:
        return x

    for x in range(8 * LEAST):
        (other if x % 3 == 2 else few)(x)
    assert len(shown(g, few)) <= LEAST
    assert len(shown(g, other)) <= LEAST
    for x in range(2 * LEAST):
        few(x)
    assert len(shown(g, few)) <= LEAST


@pytest.mark.thread_unsafe(reason="counts references")
def test_a_session_has_an_answer_once() -> None:
    key, version = Key(), Key()

    @versioned_lru_cache(lambda x: version)
    def f(x: object) -> int:
        return 1

    def references() -> tuple[int, int]:
        gc.collect()
        return sys.getrefcount(key), sys.getrefcount(version)

    before = references()
    with session():
        f(key)
        assert references() == (before[0] + 2, before[1] + 2), "the entry's, and the session's"
        f(key)
        assert references() == (before[0] + 2, before[1] + 2)
    assert references() == (before[0] + 1, before[1] + 1)
