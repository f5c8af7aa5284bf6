"""Promise 7: an exception is never cached and removes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.testing import MockClock


class Failing:
    """A function and its version, each of which can be made to fail."""

    def __init__(self, session: Any = None, **options: Any) -> None:
        self.version: object = 1
        self.failing: BaseException | None = None
        self.version_failing: BaseException | None = None
        self.runs = self.asked = 0

        def version() -> object:
            self.asked += 1
            if self.version_failing:
                raise self.version_failing
            return self.version

        @versioned_lru_cache(version, session=session, **options)
        def f(x: int) -> object:
            self.runs += 1
            if self.failing:
                raise self.failing
            return (x, self.version)

        self.f = f


def test_an_exception_is_not_cached_and_the_very_one_is_raised() -> None:
    source = Failing()
    for failing in [ValueError("one"), KeyError("two"), KeyboardInterrupt()]:
        source.failing = failing
        with pytest.raises(type(failing)) as raised:
            source.f(1)
        assert raised.value is failing
        assert not source.f.cache_contains(1)
    source.failing = None
    assert source.f(1) == (1, 1)
    assert source.runs == 4
    assert source.f.cache_info() == (0, 4, 128, 1)
    assert source.f.cache_stats().errors == 3


def test_a_failure_leaves_the_old_entry() -> None:
    source = Failing()
    source.f(1)
    source.version, source.failing = 2, ValueError("gone")
    with pytest.raises(ValueError, match="gone"):
        source.f(1)
    assert source.f.cache_peek(1) == ((1, 1), 1)
    source.version = 1
    assert source.f(1) == (1, 1)
    assert source.runs == 2


def test_a_failure_leaves_what_other_sessions_saw() -> None:
    current: dict[str, Any] = {}
    source = Failing(lambda: current)
    first = current
    old = source.f(1)
    source.version, source.failing, current = 2, ValueError("gone"), {}
    with pytest.raises(ValueError, match="gone"):
        source.f(1)
    current = first
    assert source.f(1) is old


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_a_failure_after_the_ttl_leaves_the_entry_but_does_not_serve_it() -> None:
    with MockClock() as clock:
        source = Failing(ttl=5)
        source.f(1)
        clock.advance(5)
        source.failing = ValueError("gone")
        with pytest.raises(ValueError, match="gone"):
            source.f(1)
        assert source.f.cache_info().currsize == 1
        assert not source.f.cache_contains(1)
        source.failing = None
        assert source.f(1) == (1, 1)


def test_a_failure_evicts_nothing() -> None:
    source = Failing(maxsize=2)
    source.f(1)
    source.f(2)
    source.failing = ValueError("gone")
    with pytest.raises(ValueError, match="gone"):
        source.f(3)
    source.failing = None
    assert source.f.cache_contains(1)
    assert source.f.cache_contains(2)


def test_a_failure_does_not_change_the_order_of_use() -> None:
    source = Failing(maxsize=2)
    source.f(1)
    source.f(2)
    source.version, source.failing = 2, ValueError("gone")
    with pytest.raises(ValueError, match="gone"):
        source.f(1)
    source.failing = None
    source.f(3)
    assert not source.f.cache_contains(1)
    assert source.f.cache_contains(2)


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
def test_a_version_function_that_fails_is_asked_again(session: dict[str, Any] | None) -> None:
    source = Failing(session)
    source.version_failing = OSError("down")
    for asked in [1, 2]:
        with pytest.raises(OSError, match="down") as raised:
            source.f(1)
        assert raised.value is source.version_failing
        assert source.asked == asked
    source.version_failing = None
    assert source.f(1) == (1, 1)
    assert source.runs == 1
    assert source.f.cache_stats().version_calls == 1


def test_a_version_function_that_fails_removes_nothing() -> None:
    source = Failing()
    kept = source.f(1)
    source.version_failing = OSError("down")
    with pytest.raises(OSError, match="down"):
        source.f(1)
    source.version_failing = None
    assert source.f(1) is kept
    assert source.runs == 1


def test_a_session_that_knows_the_version_does_not_notice() -> None:
    source = Failing({})
    kept = source.f(1)
    source.version_failing = OSError("down")
    assert source.f(1) is kept
    assert source.f(2) == (2, 1)


def test_cache_if_that_fails_stores_nothing_and_removes_nothing() -> None:
    failing = True

    def judge(value: object) -> bool:
        if failing:
            raise LookupError("no opinion")
        return True

    source = Failing(cache_if=judge)
    with pytest.raises(LookupError, match="no opinion"):
        source.f(1)
    assert not source.f.cache_contains(1)
    failing = False
    kept = source.f(1)
    source.version, failing = 2, True
    with pytest.raises(LookupError, match="no opinion"):
        source.f(1)
    assert source.f.cache_peek(1) == (kept, 1)


def test_key_and_version_args_that_fail_lose_nothing() -> None:
    failing = False

    def pick(x: int) -> tuple[int]:
        if failing:
            raise LookupError("no opinion")
        return (x,)

    both: list[dict[str, Any]] = [{"key": pick}, {"version_args": pick}]
    for options in both:
        failing = False
        f: Any = versioned_lru_cache(lambda *given: 1, **options)(lambda x: [x])
        kept = f(1)
        failing = True
        with pytest.raises(LookupError, match="no opinion"):
            f(1)
        failing = False
        assert f(1) is kept


def test_what_ran_inside_a_failed_computation_stays() -> None:
    inner = Failing()

    @versioned_lru_cache("constant")
    def outer() -> None:
        inner.f(1)
        raise ValueError("after")

    for _ in range(2):
        with pytest.raises(ValueError, match="after"):
            outer()
    assert inner.runs == 1


def test_a_caught_failure_inside_leaves_the_outer_result_as_it_is() -> None:
    inner = Failing()
    inner.failing = ValueError("inside")

    @versioned_lru_cache("constant")
    def outer() -> str:
        with pytest.raises(ValueError, match="inside"):
            inner.f(1)
        return "fine"

    assert outer() == "fine"
    assert outer.cache_contains()


def test_the_traceback_shows_the_function() -> None:
    source = Failing()
    source.failing = ValueError("here")
    with pytest.raises(ValueError, match="here") as raised:
        source.f(1)
    assert [entry.name for entry in raised.traceback][-1] == "f"
