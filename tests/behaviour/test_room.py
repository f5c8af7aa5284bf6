"""What gives its room to new results: what has ended before what lives, by number and by weight; and purging."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusing import refused
from versioned_lru_cache import IMMUTABLE, NotStored, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")


@pytest.fixture
def clock() -> Iterator[MockClock]:
    with MockClock() as clock:
        yield clock


def lasting(**options: Any) -> Any:
    """A function whose result lives as long as its argument says."""
    return versioned_lru_cache(None, ttl=lambda value, lives, *more: lives, **options)(
        lambda lives, *more: (lives, *more)
    )


def stored(f: Any, *calls: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Those of some calls whose results are stored, and have not ended."""
    return [call for call in calls if f.cache_contains(*call)]


def size(f: Any) -> tuple[int, int]:
    """How many results are stored, and how many of those have ended."""
    stats = f.cache_stats()
    assert stats.currsize == f.cache_info().currsize
    return stats.currsize, stats.ended


# --- what has ended first


def test_what_has_ended_gives_its_room_before_what_lives(clock: MockClock) -> None:
    f = lasting(maxsize=3)
    for lives in (100, 2, 50):
        f(lives)
    clock.advance(2)
    assert size(f) == (3, 1)
    f(60)
    assert stored(f, (100,), (50,), (60,)) == [(100,), (50,), (60,)], "the least recently used one lives"
    assert size(f) == (3, 0)
    assert f.cache_stats().evictions == 1
    f(70)
    assert stored(f, (100,), (50,), (60,), (70,)) == [(50,), (60,), (70,)], "none has ended"


def test_what_ended_first_goes_first(clock: MockClock) -> None:
    f = lasting(maxsize=4)
    for lives in (100, 3, 1, 2):
        f(lives)
    clock.advance(50)
    for number, left in enumerate([(3, 2), (3,), ()]):
        f(200, number)
        with session(offline=True):  # It is given what is stored though it has ended.
            assert [lives for lives in (3, 1, 2) if is_there(f, lives)] == list(left)
    assert f.cache_contains(100)


def is_there(f: Any, *call: Any) -> bool:
    try:
        f(*call)
    except NotStored:
        return False
    return True


def test_with_one_ttl_for_all(clock: MockClock) -> None:
    f = versioned_lru_cache(None, maxsize=3, ttl=10)(lambda x: x)
    f(1)
    clock.advance(5)
    f(2), f(3), f(1)
    clock.advance(5)
    f(4)
    assert stored(f, (2,), (3,), (4,)) == [(2,), (3,), (4,)], "the one used last has ended"


def test_a_verified_result_has_not_ended(clock: MockClock) -> None:
    f = versioned_lru_cache(lambda: 1, maxsize=2, ttl=10, on_expiry="verify")(lambda x: x)
    f(1), f(2)
    clock.advance(10)
    f(1)
    assert size(f) == (2, 1)
    f(3)
    assert stored(f, (1,), (3,)) == [(1,), (3,)]
    clock.advance(9)
    f(4)
    assert stored(f, (3,), (4,)) == [(3,), (4,)], "none has ended, though the first was to have"


def test_a_verified_result_gives_its_room_at_its_new_end(clock: MockClock) -> None:
    f = versioned_lru_cache(lambda: 1, maxsize=2, ttl=10, on_expiry="verify")(lambda x: x)
    f(1)
    clock.advance(10)
    f(1)
    clock.advance(5)
    f(2), f(1)
    clock.advance(5)
    f(3)
    assert stored(f, (2,), (3,)) == [(2,), (3,)]


def test_what_never_changes_gives_its_room_like_what_lives(clock: MockClock) -> None:
    f = versioned_lru_cache(lambda x: IMMUTABLE if x else 1, maxsize=2, ttl=10)(lambda x: x)
    f(1), f(0)
    clock.advance(10)
    f(2)
    assert stored(f, (1,), (2,)) == [(1,), (2,)]


def test_sessions_are_not_given_again_what_ended_and_left(clock: MockClock) -> None:
    f = lasting(maxsize=1)
    with session():
        f(5)
        clock.advance(5)
        f(9)
        f(5)
        assert f.cache_info().misses == 3


# --- without a bound


def test_without_a_bound_what_is_stored_is_what_lives(clock: MockClock) -> None:
    f = versioned_lru_cache(None, maxsize=None, ttl=10)(lambda x: x)
    for x in range(10_000):
        f(x)
        clock.advance(1 / 8)
        assert f.cache_info().currsize <= 81
    assert f.cache_stats().evictions == 0
    clock.advance(10)
    f(-1)
    assert size(f) == (1, 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_with_a_lifetime_per_result(clock: MockClock, seed: int) -> None:
    f = lasting(maxsize=None)
    ends: dict[tuple[int, int], float] = {}
    for number in range(5_000):
        lives = 1 + (number * 7919 + seed) % 997 % (3 ** (number % 7))
        f(lives, number)
        ends[lives, number] = clock.now + lives
        ends = {call: end for call, end in ends.items() if end > clock.now}
        assert size(f) == (len(ends), 0)
        clock.advance(1 / 4)
    assert len(ends) > 20


def test_what_has_ended_is_let_go(clock: MockClock) -> None:
    class Result:
        pass

    f = versioned_lru_cache(None, maxsize=None, ttl=10)(lambda x: Result())
    refs = [weakref.ref(f(x)) for x in range(100)]
    clock.advance(10)
    f(-1)
    assert not any(ref() for ref in refs)


def test_a_stale_policy_keeps_what_it_may_use(clock: MockClock) -> None:
    f = versioned_lru_cache(None, maxsize=None, ttl=10, stale_if_error=20)(lambda x: x)
    f(1)
    clock.advance(29)
    f(2)
    assert size(f) == (2, 1)
    clock.advance(1)
    f(3)
    assert size(f) == (2, 0), "the first has gone"
    g = versioned_lru_cache(None, maxsize=None, ttl=10, stale_if_error=math.inf)(lambda x: x)
    g(1)
    clock.advance(1e9)
    g(2)
    assert size(g) == (2, 1)


@pytest.mark.parametrize("options", [{"on_expiry": "verify"}, {"revalidate": lambda previous, x: x}])
def test_what_can_be_made_good_stays_as_long_again_as_it_lived(clock: MockClock, options: Any) -> None:
    f: Any = versioned_lru_cache(lambda: 1, maxsize=None, ttl=10, **options)(lambda x: x)
    f(1)
    clock.advance(19)
    f(2)
    assert size(f) == (2, 1)
    f(1)
    assert f.cache_info().misses - f.cache_stats().revalidated <= 3
    clock.advance(20)
    f(3)
    assert size(f) == (1, 0)


def test_a_bound_keeps_what_has_ended_until_its_room_is_needed(clock: MockClock) -> None:
    f = versioned_lru_cache(None, maxsize=3, ttl=10)(lambda x: x)
    f(1)
    clock.advance(10)
    f(2)
    assert size(f) == (2, 1)
    with session(offline=True):
        assert f(1) == 1


# --- purging


def test_purge_drops_what_has_ended(clock: MockClock) -> None:
    f = lasting()
    for lives in (1, 2, 100, 3):
        f(lives)
    assert f.cache_purge() == 0
    clock.advance(2)
    assert (f.cache_purge(), f.cache_purge()) == (2, 0)
    assert size(f) == (2, 0)
    assert stored(f, (100,), (3,)) == [(100,), (3,)]
    assert f.cache_stats().evictions == 0


def test_purge_leaves_what_a_stale_policy_may_use(clock: MockClock) -> None:
    for option in ("stale_if_error", "stale_while_revalidate"):
        options: Any = {option: 20}
        f = versioned_lru_cache(None, ttl=10, **options)(lambda x: x)
        f(1)
        clock.advance(29)
        assert (f.cache_purge(), size(f)) == (0, (1, 1))
        clock.advance(1)
        assert (f.cache_purge(), size(f)) == (1, (0, 0))


def test_purge_drops_what_is_stale_for_longer_than_it_has_ended(clock: MockClock) -> None:
    version = 1
    f = versioned_lru_cache(lambda: version, ttl=10, stale_if_error=20)(lambda x: x)
    f(1)
    version = 2
    f(2)
    clock.advance(20)
    assert f.cache_purge() == 1, "its version has differed for 20 seconds"


def test_purge_drops_what_says_itself_that_it_has_ended(clock: MockClock) -> None:
    f = versioned_lru_cache(None)(lambda lives: Versioned(lives, None, ttl=lives))
    f(1), f(2)
    clock.advance(1)
    assert size(f) == (2, 1)
    assert f.cache_purge() == 1


def test_purge_of_what_has_no_end() -> None:
    f = versioned_lru_cache(None)(lambda x: x)
    f(1)
    assert (f.cache_purge(), size(f)) == (0, (1, 0))


def test_a_bound_method_purges_for_all_instances(clock: MockClock) -> None:
    class Shop:
        @versioned_lru_cache(None, ttl=5)
        def price(self) -> int:
            return 1

    one, other = Shop(), Shop()
    one.price(), other.price()
    clock.advance(5)
    assert one.price.cache_purge() == 2


# --- weight


def weighed(max_weight: int, **options: Any) -> Any:
    return versioned_lru_cache(None, max_weight=max_weight, weigh=len, **options)(lambda text: text)


def test_all_together_weigh_no_more_than_that() -> None:
    f = weighed(10, maxsize=None)
    for text in ("aaaa", "bbb", "ccc"):
        f(text)
    assert (f.cache_stats().weight, f.cache_stats().max_weight) == (10, 10)
    f("aaaa")
    f("d")
    assert stored(f, ("aaaa",), ("bbb",), ("ccc",), ("d",)) == [("aaaa",), ("ccc",), ("d",)]
    f("e" * 9)
    assert stored(f, ("aaaa",), ("ccc",), ("d",), ("e" * 9,)) == [("d",), ("e" * 9,)]
    assert (f.cache_stats().weight, f.cache_stats().evictions) == (10, 3)
    f.cache_invalidate("d")
    assert f.cache_stats().weight == 9
    f.cache_clear()
    assert f.cache_stats().weight == 0


def test_what_is_heavier_than_the_bound_is_not_stored() -> None:
    f = weighed(3)
    f("a")
    assert f("bbbb") == "bbbb"
    assert stored(f, ("a",), ("bbbb",)) == [("a",)]
    assert f.cache_stats().not_stored == 1
    f.cache_put(Versioned("cccc", None), "c")
    assert stored(f, ("a",), ("c",)) == [("a",)]
    f.cache_put(Versioned("ccc", None), "c")
    assert stored(f, ("a",), ("c",)) == [("c",)]


def test_beside_maxsize() -> None:
    f = weighed(10, maxsize=2)
    f("a"), f("b"), f("c")
    assert f.cache_info().currsize == 2
    f("d" * 10)
    assert f.cache_info().currsize == 1


def test_what_has_ended_gives_its_weight_first(clock: MockClock) -> None:
    f = versioned_lru_cache(None, maxsize=None, max_weight=10, weigh=len, ttl=lambda value, text: 100 - len(text))(
        lambda text: text
    )
    for text in ("aa", "bbbbbb", "c"):
        f(text)
    clock.advance(94)
    f("dddd")
    assert stored(f, ("aa",), ("c",), ("dddd",)) == [("aa",), ("c",), ("dddd",)]


def test_a_result_in_the_place_of_another_takes_its_weight() -> None:
    version = 1
    f = versioned_lru_cache(lambda: version, max_weight=10, weigh=len)(lambda: "a" * version)
    f()
    version = 7
    f()
    assert f.cache_stats().weight == 7


def test_parameters_tell_of_it() -> None:
    assert weighed(3).cache_parameters()["max_weight"] == 3
    stats = versioned_lru_cache(None)(len).cache_stats()
    assert (stats.weight, stats.max_weight) == (None, None)


@pytest.mark.parametrize("weight", [-1, 1.5, "1", None, True, [], 2**64])
def test_a_wrong_weight_is_told_and_nothing_is_lost(weight: Any) -> None:
    version = 1
    f = versioned_lru_cache(lambda: version, max_weight=5, weigh=lambda value: 1 if value == 1 else weight)(
        lambda: version
    )
    assert f() == 1
    version = 2
    refused(f, TypeError, "weigh=", repr(weight), "an int of 0 or more")
    assert f.cache_peek() == (1, 1)
    assert f.cache_stats().errors == 1


def test_what_weighing_raises_is_raised() -> None:
    f = versioned_lru_cache(None, max_weight=5, weigh=len)(lambda: 5)
    with pytest.raises(TypeError, match="has no len"):
        f()

    class Odd:
        def __index__(self) -> int:
            raise OSError("scales")

    g = versioned_lru_cache(None, max_weight=5, weigh=lambda value: Odd())(lambda: 5)  # type: ignore[arg-type, return-value]
    with pytest.raises(OSError, match="scales"):
        g()


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"max_weight": 5}, ValueError, ["max_weight=5", "weigh"]),
        ({"weigh": len}, ValueError, ["weigh=", "max_weight"]),
        ({"max_weight": 0, "weigh": len}, ValueError, ["max_weight=0", "1 or more"]),
        ({"max_weight": -1, "weigh": len}, ValueError, ["max_weight=-1"]),
        ({"max_weight": 1.5, "weigh": len}, TypeError, ["max_weight=1.5", "an int"]),
        ({"max_weight": True, "weigh": len}, TypeError, ["max_weight=True"]),
        ({"max_weight": 5, "weigh": 5}, TypeError, ["weigh=5", "callable"]),
    ],
)
def test_wrong_options(options: Any, kind: type[Exception], words: list[str]) -> None:
    refused(lambda: versioned_lru_cache(None, **options), kind, *words)
