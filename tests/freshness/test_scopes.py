"""What one answer or one failure of a version function says, it says of all results of the same `version_args`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import calling
from tests.support.sources import DOWN
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")

LIKE = -1, -2  # of one hash


class OfUsers:
    """A function of a user and a day, whose version function is given the user."""

    def __init__(self, clock: MockClock, **options: Any) -> None:
        self.clock = clock
        self.start = clock.now
        self.versions: dict[object, Any] = {}
        self.asked: list[object] = []
        self.down = False

        def version(user: object) -> Any:
            self.asked.append(user)
            answer = self.versions.get(user, "v1")
            if isinstance(answer, Exception):
                raise answer
            return answer

        @versioned_lru_cache(version, version_args=lambda user, day: (user,), **options)
        def f(user: object, day: int) -> tuple[Any, int]:
            if self.down:
                raise DOWN
            return self.versions.get(user, "v1"), day

        self.f = f

    def at(self, seconds: float) -> None:
        """So many seconds after the beginning."""
        self.clock.advance(self.start + seconds - self.clock.now)

    def fails(self, *args: object) -> None:
        """A call raises what the source does."""
        with pytest.raises(OSError, match="down"):
            self.f(*args)


@contextmanager
def world(**options: Any) -> Iterator[OfUsers]:
    """With a clock of its own."""
    with MockClock() as clock:
        yield OfUsers(clock, **options)


@pytest.mark.parametrize("user", ["u", 1.5, -1])
def test_what_differs_for_one_differs_for_all(user: object) -> None:
    with world(stale_if_error=600) as w:
        assert (w.f(user, 1), w.f(user, 2), w.f("other", 2)) == (("v1", 1), ("v1", 2), ("v1", 2))
        w.at(100)
        w.versions[user] = "v2"
        assert w.f(user, 1) == ("v2", 1)
        w.versions[user] = w.versions["other"] = DOWN
        w.at(699.9)
        assert w.f(user, 2) == ("v1", 2)
        w.at(700)
        w.fails(user, 2)
        assert w.f(user, 1) == ("v2", 1)
        assert w.f("other", 2) == ("v1", 2)


def test_it_differs_for_a_refresh_behind_too() -> None:
    with world(stale_while_revalidate=600) as w:
        w.f("u", 1)
        w.f("u", 2)
        w.at(100)
        w.versions["u"] = "v2"
        assert w.f("u", 1) == ("v1", 1)
        calling.until(lambda: w.f.cache_peek("u", 1) == (("v2", 1), "v2"))
        w.at(700)
        assert w.f("u", 2) == ("v2", 2), "nobody may have what was not fresh for so long"


def test_a_failure_for_one_is_one_for_all() -> None:
    with world(stale_if_error=600, retry_after=2) as w:
        for user, day in [("u", 1), ("u", 2), ("other", 1)]:
            w.f(user, day)
        w.at(100)
        w.versions["u"] = DOWN
        w.asked.clear()
        assert w.f("u", 1) == ("v1", 1)
        w.at(101.9)
        assert (w.f("u", 2), w.f("other", 1)) == (("v1", 2), ("v1", 1))
        assert w.asked == ["u", "other"], "the source of u is left alone"
        w.at(699.9)
        assert w.f("u", 2) == ("v1", 2)
        w.at(702)
        w.fails("u", 2)


def test_a_success_for_one_is_one_for_all() -> None:
    with world(stale_if_error=600, retry_after=50) as w:
        w.f("u", 1)
        w.f("u", 2)
        w.at(100)
        w.versions["u"] = DOWN
        assert w.f("u", 1) == ("v1", 1)
        w.at(200)
        w.versions["u"] = "v1"
        assert w.f("u", 1) == ("v1", 1)
        w.at(210)
        w.asked.clear()
        assert (w.f("u", 2), w.asked) == (("v1", 2), ["u"])
        w.versions["u"] = DOWN
        w.at(809.9)
        assert w.f("u", 2) == ("v1", 2)
        w.at(1410)
        w.fails("u", 2)


def test_no_refresh_behind_begins_for_a_source_that_failed_just_now() -> None:
    with world(stale_if_error=600, stale_while_revalidate=600, retry_after=5) as w:
        w.f("u", 1)
        w.f("u", 2)
        w.versions["u"] = DOWN
        w.f("u", 1)
        w.versions["u"] = "v2"
        w.at(4)
        w.asked.clear()
        assert w.f("u", 2) == ("v1", 2)
        assert w.asked == []
        w.at(5)
        assert w.f("u", 2) == ("v1", 2)
        calling.until(lambda: w.f.cache_peek("u", 2) == (("v2", 2), "v2"))


def test_what_was_observed_before_a_failure_does_not_end_it() -> None:
    with world(stale_if_error=600, retry_after=50) as w:
        w.f("u", 1)
        with session():
            assert w.f("u", 2) == ("v1", 2)
            w.at(100)
            w.versions["u"] = DOWN
            with session():
                w.f("u", 1)
            assert w.f("u", 1) == ("v1", 1)
            assert w.f("u", 3)[1] == 3, "made under that"
        w.asked.clear()
        assert (w.f("u", 1), w.asked) == (("v1", 1), [])
        w.at(700)
        w.fails("u", 1)


def test_a_function_that_failed_is_left_alone_though_a_session_knows_the_version_of_before() -> None:
    with world(stale_if_error=600, retry_after=50) as w:
        w.f("u", 1)
        with session():
            w.down = True
            with pytest.raises(OSError, match="down"):
                w.f.cache_refresh("u", 1)
            assert w.f("u", 1) == ("v1", 1)
        w.asked.clear()
        assert (w.f("u", 1), w.asked) == (("v1", 1), [])


def test_what_a_session_stores_after_another_version_was_observed_is_not_fresh() -> None:
    with world(stale_if_error=600) as w:
        with session():
            w.f("u", 1)
            w.at(100)
            w.versions["u"] = "v2"
            with session():
                w.f("u", 2)
            w.f("u", 3)
        w.versions["u"] = DOWN
        w.at(700)
        w.fails("u", 3)
        assert w.f("u", 2) == ("v2", 2)


def test_what_is_put_says_of_which_part_it_is() -> None:
    with world(stale_if_error=600) as w:
        w.f("u", 1)
        w.f.cache_put(w.f.cache_peek("u", 1), "u", 2)
        w.at(100)
        w.versions["u"] = "v2"
        w.f("u", 1)
        w.versions["u"] = DOWN
        w.at(700)
        w.fails("u", 2)


def test_numbers_of_one_hash_are_told_apart() -> None:
    with world(stale_if_error=600) as w:
        one, other = LIKE
        assert hash(one) == hash(other)
        for user in LIKE:
            w.f(user, 1)
        w.at(100)
        w.versions[one] = "v2"
        w.f(one, 2)
        w.versions[one] = w.versions[other] = DOWN
        w.at(700)
        w.fails(one, 1)
        assert w.f(other, 1) == ("v1", 1)


def test_a_version_of_before_that_comes_back_is_fresh_again_where_it_is_found() -> None:
    with world(stale_if_error=600) as w:
        w.f("u", 1)
        w.f("u", 2)
        w.at(100)
        w.versions["u"] = "v2"
        w.f("u", 2)
        w.at(200)
        w.versions["u"] = "v1"
        assert w.f("u", 1) == ("v1", 1)
        w.versions["u"] = DOWN
        w.at(300)
        assert w.f("u", 1) == ("v1", 1)
        w.at(899.9)
        assert w.f("u", 1) == ("v1", 1)
        w.at(901)
        w.fails("u", 1)
