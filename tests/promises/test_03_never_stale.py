"""Promise 3: a session that starts after the version changed never gets a value computed before the change."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

import pytest

from tests.support.row import Row
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


@pytest.fixture
def data() -> Row:
    return Row()


def test_the_next_session_sees_the_change(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def f() -> int:
        return data.row

    for row in [1, 2, 2, 3, 1]:
        data.row = row
        data.current = {}
        assert f() == row
    data.current = None
    for row in [5, 5, 6]:
        data.row = row
        assert f() == row


def test_a_session_that_has_not_asked_yet_sees_the_change(data: Row) -> None:
    sessions: list[dict[str, Any]] = [{}, {}]

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def f(x: int) -> int:
        return data.row

    @versioned_lru_cache("constant", session=lambda: data.current)
    def touch() -> None: ...

    for data.current in sessions:
        touch()
    data.current = sessions[0]
    assert f(1) == 1
    data.row = 2
    data.current = sessions[1]
    assert f(1) == 2


def test_every_key_is_judged_and_not_only_the_first(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def f(x: int) -> int:
        return data.row

    data.current = {}
    assert [f(x) for x in range(5)] == [1] * 5
    data.row, data.current = 2, {}
    assert [f(x) for x in range(5)] == [2] * 5
    data.row, data.current = 3, {}
    f(0)
    data.row, data.current = 2, {}
    assert [f(x) for x in range(5)] == [2] * 5


def test_a_version_of_none_is_a_version(data: Row) -> None:
    version: object = None

    @versioned_lru_cache(lambda: version)
    def f() -> object:
        return version

    assert f() is None
    assert f() is None
    assert f.cache_info().hits == 1
    version = 0
    assert f() == 0
    version = None
    assert f() is None


def test_what_was_computed_in_an_old_session_is_not_served_in_a_new_one(data: Row) -> None:
    """It is newer than the version it was stored under; the next session finds a mismatch and asks again."""

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def f(x: int) -> int:
        return data.row

    old: dict[str, Any] = {}
    data.current = old
    f(0)
    data.row = 2
    assert f(1) == 2
    data.current = {}
    assert (f(0), f(1)) == (2, 2)
    data.row = 3
    data.current = {}
    assert (f(0), f(1)) == (3, 3)


class Nested:
    """An outer cached function that calls an inner one; both read the same row, each has its own version function."""

    def __init__(self, data: Row, **inner_options: Any) -> None:
        self.calls = 0

        @versioned_lru_cache(data.also_version, session=lambda: data.current, **inner_options)
        def inner(x: int = 0) -> int:
            return data.row

        @versioned_lru_cache(data.version, session=lambda: data.current)
        def outer(x: int = 0) -> tuple[int, ...]:
            self.calls += 1
            return tuple(inner(each) for each in range(x + 1))

        self.inner, self.outer = inner, outer


def test_a_result_made_with_an_older_one_is_kept_for_its_session_only(data: Row) -> None:
    nested = Nested(data)
    data.current = {}
    nested.inner(0)
    data.row = 2
    mixed = nested.outer()  # the version is 2, the inner result of before
    assert mixed == (1,)
    assert nested.outer() is mixed
    assert not nested.outer.cache_contains()
    assert nested.outer.cache_stats().not_stored == 1
    data.current = {}
    assert nested.outer() == (2,)
    assert nested.outer.cache_contains()


def test_also_through_a_function_between_them(data: Row) -> None:
    nested = Nested(data)

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def outermost() -> tuple[int, ...]:
        return nested.outer()

    data.current = {}
    nested.inner(0)
    data.row = 2
    assert outermost() == (1,)
    data.current = {}
    assert outermost() == (2,)
    data.current = {}
    assert outermost() == (2,)
    assert nested.calls == 2


def test_also_when_the_function_between_them_answers_from_the_session(data: Row) -> None:
    nested = Nested(data)

    @versioned_lru_cache(lambda: data.row, session=lambda: data.current)
    def outermost() -> tuple[int, ...]:
        return nested.outer()

    data.current = {}
    nested.inner(0)
    data.row = 2
    nested.outer()
    assert outermost() == (1,)
    data.current = {}
    assert outermost() == (2,)


def test_also_when_the_function_between_them_has_a_constant_version(data: Row) -> None:
    nested = Nested(data)

    @versioned_lru_cache("constant", session=lambda: data.current)
    def between() -> int:
        return nested.inner(0)

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def outermost() -> int:
        return between()

    data.current = {}
    nested.inner(0)
    data.row = 2
    assert outermost() == 1
    data.current = {}
    assert outermost() == 2


def test_a_constant_inner_function_never_grows_old(data: Row) -> None:
    @versioned_lru_cache("constant")
    def inner() -> int:
        return 7

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def outer() -> int:
        return inner() + data.row

    inner()
    data.current = {}
    assert outer() == 8
    assert outer.cache_contains()


def test_a_failed_or_uncached_use_of_an_older_result_counts_too(data: Row) -> None:
    nested = Nested(data)

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def outer() -> int:
        def plain() -> int:
            return nested.inner(0)

        return plain()

    data.current = {}
    nested.inner(0)
    data.row = 2
    assert outer() == 1
    assert not outer.cache_contains()


def test_a_result_made_with_fresh_ones_is_stored(data: Row) -> None:
    nested = Nested(data)
    for row in [1, 2]:
        data.row, data.current = row, {}
        assert nested.outer(2) == (row, row, row)
        assert nested.outer.cache_contains(2)
        data.current = {}
        assert nested.outer(2) == (row, row, row)
    assert nested.calls == 2


def test_a_result_made_with_results_verified_just_now_is_stored(data: Row) -> None:
    """The inner results were computed long ago, but a newer observation than the outer one found them unchanged."""
    version = 1

    @versioned_lru_cache(lambda: "unchanged", session=lambda: data.current)
    def inner(x: int) -> int:
        return x

    @versioned_lru_cache(lambda: version, session=lambda: data.current)
    def outer() -> int:
        return inner(1) + inner(2)

    data.current = {}
    outer()
    for version in [2, 3]:
        data.current = {}
        assert outer() == 3
        assert outer.cache_peek() == (3, version)
    assert outer.cache_stats().not_stored == 0


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_the_ttl_is_a_bound_also_for_the_newest(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current, ttl=10)
    def f() -> list[int]:
        return [data.row]

    with MockClock() as clock:
        first = f()
        clock.advance(9.999)
        assert f() is first
        clock.advance(0.001)
        assert f() is not first


@pytest.mark.parametrize("version", [1, lambda: 1], ids=["constant", "asked"])
@pytest.mark.parametrize("active", [False, True], ids=["no session", "session"])
def test_the_ttl_is_a_bound_by_the_real_clock_too(version: object, active: bool) -> None:
    """To the nanosecond: what tells the time cheaply is some milliseconds off."""
    made = versioned_lru_cache(version=version, ttl=0.003)(time.monotonic)
    with session() if active else nullcontext():
        end = time.monotonic() + 0.2
        answers = 0
        while (before := time.monotonic()) < end:
            assert before - made() < 0.003
            answers += 1
    assert 2 < made.cache_info().misses < answers


def test_two_functions_with_one_version_function_see_one_state(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def f() -> int:
        return data.row

    @versioned_lru_cache(data.version, session=lambda: data.current)
    def h() -> int:
        return data.row

    f()
    h()
    data.row, data.current = 2, {}
    assert f() == 2
    data.row = 3
    h()
    data.current = {}
    assert (f(), h()) == (3, 3)


def test_what_is_seen_for_one_number_vouches_for_no_other_of_its_hash() -> None:
    """They share what is known of their version only if that is of the same arguments."""
    versions, fails = dict.fromkeys((-1, -2), "v1"), False

    @versioned_lru_cache(lambda number: versions[number])
    def f(number: int) -> str:
        if fails:
            raise ZeroDivisionError
        return versions[number]

    one, other = -1, -2
    assert hash(one) == hash(other)
    assert (f(one), f(other)) == ("v1", "v1")
    with session():
        versions[other], fails = "v2", True
        with pytest.raises(ZeroDivisionError):
            f(other)
        fails = False
        with session():
            f(one)  # observed later than the other's new version
        assert f(other) == "v2"
