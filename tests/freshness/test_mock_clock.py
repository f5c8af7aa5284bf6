"""The clock for tests of a ttl: it goes on from real time, and never back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache._core import clock_now
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")


def test_what_was_stored_in_real_time_ages_when_it_moves() -> None:
    f: Any = versioned_lru_cache(version=1, ttl=60)(lambda: object())
    kept = f()
    with MockClock() as clock:
        clock.advance(59)
        assert f() is kept
        clock.advance(1)
        assert f() is not kept


def test_a_clock_made_before_what_is_stored() -> None:
    clock = MockClock()
    f: Any = versioned_lru_cache(version=1, ttl=60)(lambda: object())
    with MockClock() as other:
        other.advance(1000)  # As real time might, until the first is entered.
        kept = f()
        with clock:
            assert f() is kept
            clock.advance(60)
            assert f() is not kept


def test_it_begins_at_the_time_that_the_library_sees() -> None:
    before = clock_now()
    with MockClock() as clock:
        assert before <= clock.now * 1e9 < before + 60e9
        clock.advance(5)
        with MockClock() as inner:
            assert inner.now == clock.now


def test_what_is_added_to_it_is_exact() -> None:
    with MockClock() as clock:
        began = clock.now
        for count in range(1, 100):
            clock.advance(1)
            assert clock.now == began + count


def test_entered_again_it_goes_on_where_it_was() -> None:
    clock = MockClock()
    with clock:
        clock.advance(100)
        left = clock.now
    assert clock.now == left
    clock.advance(1)
    with clock:
        assert clock.now == left + 1


@pytest.mark.parametrize("twice", [False, True])
def test_clocks_that_are_left_in_another_order(twice: bool) -> None:
    first = MockClock()
    second = first if twice else MockClock()
    first.__enter__()
    second.__enter__()
    second.advance(1000)
    shown = second.now
    first.__exit__(None, None, None)
    assert second.now == clock_now() / 1e9 == shown, "it is entered still"
    second.__exit__(None, None, None)
    assert clock_now() < (shown - 900) * 1e9, "real time is back"


@pytest.mark.parametrize("move", [lambda clock: clock.advance(5), lambda clock: None])
def test_before_it_is_entered(move: Callable[[MockClock], None]) -> None:
    clock = MockClock()
    began = clock.now
    move(clock)
    shown = clock.now
    assert began <= shown
    with clock:
        assert clock.now >= shown
