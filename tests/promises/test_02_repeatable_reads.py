"""Promise 2: in a session the same call returns the same object, whatever others store and whatever is evicted."""

from __future__ import annotations

from threading import local
from typing import Any

import pytest

from tests.support.calling import Call, Gate
from tests.support.handle import HANDLE
from versioned_lru_cache import Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


class Result:
    """Equal only to itself."""


class SwitchedSessions:
    """A version, sessions `a` and `b`, and the one of them in which calls are made now."""

    def __init__(self) -> None:
        self.version: object = 1
        self.runs = 0
        self.sessions: dict[str, dict[str, Any]] = {"a": {}, "b": {}, "c": {}}
        self.current: dict[str, Any] | None = None

    def cached(self, **options: Any) -> Any:
        @versioned_lru_cache(lambda: self.version, session=lambda: self.current, **options)
        def f(x: object = None) -> Result:
            self.runs += 1
            return Result()

        return f

    def switch(self, name: str | None) -> None:
        self.current = None if name is None else self.sessions[name]


@pytest.fixture
def world() -> SwitchedSessions:
    return SwitchedSessions()


def test_a_newer_result_of_another_session_does_not_reach_this_one(world: SwitchedSessions) -> None:
    f = world.cached()
    world.switch("a")
    old = f(1)
    world.version = 2
    world.switch("b")
    new = f(1)
    assert new is not old
    world.switch("a")
    assert f(1) is old
    world.switch("b")
    assert f(1) is new
    assert world.runs == 2


def test_also_when_the_result_was_there_before_the_session(world: SwitchedSessions) -> None:
    f = world.cached()
    old = f(1)
    world.switch("a")
    assert f(1) is old
    world.version = 2
    world.switch(None)
    new = f(1)
    world.switch("a")
    assert f(1) is old
    world.switch("b")
    assert f(1) is new


def test_many_versions_later_each_session_sees_its_own(world: SwitchedSessions) -> None:
    f = world.cached()
    seen = {}
    for version, name in enumerate("abc"):
        world.version = version
        world.switch(name)
        seen[name] = f(1)
    for name in "abcabc":
        world.switch(name)
        assert f(1) is seen[name]
    assert world.runs == 3


def test_eviction_by_other_sessions_takes_nothing_away(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=2)
    world.switch("a")
    seen = [f(1), f(2)]
    world.switch("b")
    for x in range(10, 20):
        f(x)
    assert f.cache_info().currsize == 2
    assert not f.cache_contains(1)
    world.switch("a")
    assert [f(1), f(2)] == seen
    assert [f(2), f(1)] == seen[::-1]
    assert world.runs == 12


def test_eviction_by_the_session_itself_is_bounded_by_maxsize(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=2)
    world.switch("a")
    seen = [f(1), f(2)]
    assert [f(1), f(2)] == seen
    for x in range(3, 30):
        f(x)
    before = world.runs
    f(1)
    assert world.runs == before + 1, "a session remembers a bounded number of results"


def test_results_that_were_there_before_and_never_read_take_no_room_from_those_read(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=2)
    f(2)
    f(3)
    world.switch("a")
    one = f(1)  # evicts 2, which the session might have read
    world.switch("b")
    f(3)
    world.switch("a")
    four = f(4)  # evicts 1
    world.switch("b")
    for x in [5, 6, 7, 8]:
        f(x)
    world.switch("a")
    assert (f(1), f(4)) == (one, four), "the session has read two keys, and maxsize is 2"


def test_what_others_evict_stays_until_as_much_has_left_since(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=4)
    before = [f(x) for x in range(4)]
    world.switch("a")
    assert [f(x) for x in range(4)] == before
    readers = []
    for x in range(4, 8):
        world.current = {}
        f(3)
        readers.append(world.current)
        f(x)  # evicts one of them
        world.switch("a")
        assert [f(x) for x in range(4)] == before
    assert world.runs == 8
    world.switch("b")
    f(7)
    for x in range(8, 12):
        f(x)  # evicts what this session may have seen
    world.switch("a")
    assert [f(x) for x in range(4)] == before, "it was given them again, so that it keeps them"


def test_what_a_session_was_given_first_stays_whatever_others_store(world: SwitchedSessions) -> None:
    """They all live on, and each may have seen what was stored before it."""
    f = world.cached(maxsize=1)
    seen = []
    for version in range(10):
        world.version = version
        world.switch(None)
        made = f()
        world.current = {}
        assert f() is made
        seen.append((world.current, made))
    for world.current, result in seen * 2:
        assert f() is result


def test_what_one_session_evicts_takes_no_room_from_others(world: SwitchedSessions) -> None:
    """A session that has been given nothing has seen nothing of what it evicts."""
    f = world.cached(maxsize=2)
    before = [f(x) for x in range(2)]
    world.switch("a")
    assert [f(x) for x in range(2)] == before
    for x in range(2, 12):
        world.current = {}
        f(x)
    world.switch("a")
    assert [f(x) for x in range(2)] == before


def test_what_was_set_aside_unread_does_not_hide_what_was_read_later(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=2)
    f(1)
    world.version = 2
    world.switch("a")
    f(0)  # the session goes by version 2
    world.switch(None)
    newest = f(1)  # the result of version 1 leaves the store, and the session could have read it
    world.switch("a")
    assert f(1) is newest
    world.switch("b")
    for x in range(10, 14):
        f(x)
    assert not f.cache_contains(1)
    world.switch("a")
    assert f(1) is newest


def test_a_session_that_goes_back_to_an_earlier_version_stays_with_what_it_saw(world: SwitchedSessions) -> None:
    f = world.cached()
    world.switch("a")
    first = f(1)
    world.version = 2
    world.switch("b")
    second = f(1)
    world.version = 1
    world.switch("c")
    third = f(1)
    for name, result in [("a", first), ("b", second), ("c", third)]:
        world.switch(name)
        assert f(1) is result


def test_equal_versions_need_not_be_identical(world: SwitchedSessions) -> None:
    f = world.cached()
    seen = set()
    for version in [(1, "a"), (1.0, "a"), (True, "a")]:
        world.version = version
        world.switch(None)
        seen.add(f(1))
        world.current = {}
        seen.add(f(1))
    assert len(seen) == 1
    assert world.runs == 1


def test_a_version_that_is_equal_only_to_itself_matches_by_identity(world: SwitchedSessions) -> None:
    f = world.cached()
    world.version = float("nan")
    assert f(1) is f(1)
    world.version = float("nan")
    f(1)
    assert world.runs == 2


def test_what_the_session_read_from_a_newer_observation_stays(world: SwitchedSessions) -> None:
    """Its own observation is older than the entry: computing could give nothing older, so it takes the entry."""
    f = world.cached(maxsize=1)
    world.switch("a")
    f(0)
    world.version = 2
    world.switch("b")
    newer = f(1)
    world.switch("a")
    assert f(1) is newer
    world.version = 3
    world.switch("b")
    f(2)
    world.switch("c")
    f(1)
    world.switch("a")
    assert f(1) is newer


def test_two_sessions_can_share_what_neither_could_find_again(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=1)
    for name in "abc":
        world.switch(name)
        f(0)
    world.switch("a")
    shared = f(1)  # stored after all three sessions began
    for name in "bc":
        world.switch(name)
        assert f(1) is shared
    world.switch(None)
    f(2)
    for name in "abc":
        world.switch(name)
        assert f(1) is shared


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_age_ends_it(world: SwitchedSessions) -> None:
    f = world.cached(ttl=10)
    with MockClock() as clock:
        world.switch("a")
        first = f(1)
        clock.advance(9)
        assert f(1) is first
        clock.advance(1)
        second = f(1)
        assert second is not first
        assert f(1) is second


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_age_counts_from_the_start_of_the_computation() -> None:
    with MockClock() as clock:

        @versioned_lru_cache(None, ttl=10)
        def f() -> Result:
            clock.advance(4)
            return Result()

        first = f()
        clock.advance(5)
        assert f() is first
        clock.advance(1)
        assert f() is not first


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_age_ends_what_a_session_keeps_for_itself_too(world: SwitchedSessions) -> None:
    f = world.cached(ttl=10, maxsize=1)
    with MockClock() as clock:
        world.switch("a")
        first = f(1)
        world.switch("b")
        f(2)
        world.switch("a")
        assert f(1) is first
        clock.advance(10)
        assert f(1) is not first


@pytest.mark.parametrize("how", ["clear", "invalidate"])
def test_clear_and_invalidate_are_heard_by_every_session(world: SwitchedSessions, how: str) -> None:
    f = world.cached(maxsize=1)
    seen = {}
    for version, name in enumerate("abc"):
        world.version = version
        world.switch(name)
        seen[name] = f(1)
    if how == "clear":
        f.cache_clear()
    else:
        assert f.cache_invalidate(1)
        assert not f.cache_invalidate(1)
    for name in "abc":
        world.switch(name)
        assert f(1) is not seen[name]


def test_invalidate_finds_what_only_a_session_still_has(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=1)
    world.switch("a")
    old = f(1)
    world.switch(None)
    f(2)
    assert not f.cache_contains(1)
    assert f.cache_invalidate(1)
    world.switch("a")
    assert f(1) is not old


def test_put_by_another_session_does_not_reach_this_one(world: SwitchedSessions) -> None:
    f = world.cached()
    world.switch("a")
    read = f(1)
    world.switch("b")
    put = Result()
    f.cache_put(Versioned(put, 2), 1)
    assert f(1) is put
    world.switch("a")
    assert f(1) is read
    f.cache_put(Versioned(put, 2), 1)
    assert f(1) is put


def test_a_put_beside_a_slow_call_of_the_session_is_what_that_returns() -> None:
    gate, put = Gate(), Result()

    @versioned_lru_cache(lambda: 1, session={})
    def f(x: int) -> Result:
        gate.stop()
        return Result()

    slow = Call(f, 1)
    gate.wait()
    f.cache_put(Versioned(put, 1), 1)
    assert f(1) is put
    gate.open()
    assert slow.result() is put
    assert f(1) is put


def test_a_put_while_the_function_runs_in_the_same_session_stays(world: SwitchedSessions) -> None:
    put = Result()

    @versioned_lru_cache(lambda: world.version, session=lambda: world.current, maxsize=1)
    def f(x: int) -> Result:
        if x == 1:
            f.cache_put(Versioned(put, "another version"), 1)
        return Result()

    world.switch("a")
    assert f(1) is not put
    assert f(1) is put
    world.switch("b")
    f(2)  # evicts it
    world.switch("a")
    assert f(1) is put


def test_renew_ends_it(world: SwitchedSessions) -> None:
    f = world.cached()
    world.switch("a")
    old = f(1)
    world.version = 2
    assert f(1) is old
    world.sessions["a"][HANDLE].renew()
    assert f(1) is not old


def test_maxsize_0_stores_nothing_not_even_for_a_session(world: SwitchedSessions) -> None:
    f = world.cached(maxsize=0)
    world.switch("a")
    assert f(1) is not f(1)
    assert f.cache_info() == (0, 2, 0, 0)


def test_what_cache_if_refuses_is_not_remembered(world: SwitchedSessions) -> None:
    answers = iter([None, None, "yes"])

    @versioned_lru_cache(lambda: world.version, session=lambda: world.current, cache_if=lambda value: value is not None)
    def f() -> str | None:
        return next(answers)

    world.switch("a")
    assert [f(), f(), f(), f()] == [None, None, "yes", "yes"]


def test_what_cache_if_refuses_leaves_the_old_result_where_it_is(world: SwitchedSessions) -> None:
    answers = iter(["old", None])

    @versioned_lru_cache(lambda: world.version, session=lambda: world.current, cache_if=lambda value: value is not None)
    def f() -> str | None:
        return next(answers)

    assert f() == "old"
    world.version = 2
    assert f() is None
    assert f.cache_peek() == ("old", 1)
    world.version = 1
    assert f() == "old"


def test_in_the_ambient_session(world: SwitchedSessions) -> None:
    @versioned_lru_cache(lambda: world.version)
    def f() -> Result:
        return Result()

    with session():
        old = f()
        world.version = 2
        assert f() is old
        with session():
            new = f()
            assert new is not old
            assert f() is new
        assert f() is old
    assert f() is new


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "evicted"])
def test_a_slower_call_of_what_the_session_was_given_of_another_that_has_left(
    world: SwitchedSessions, replaced: bool
) -> None:
    """The other session's own note is in the entry, so this session's is aside of it."""
    gate = Gate()
    slow = [True]

    @versioned_lru_cache(lambda: world.version, session=lambda: places.place, maxsize=1)
    def f(x: int) -> Result:
        if slow[0]:
            slow[0] = False
            gate.stop()
        return Result()

    places = local()
    a: dict[str, Any] = {}
    b: dict[str, Any] = {}

    def within(place: dict[str, Any], x: int = 0) -> Result:
        places.place = place
        return f(x)

    leader = Call(within, a)
    gate.wait()
    places.place = b
    given = f.cache_refresh(0)  # waits for nobody
    assert within(a) is given, "of the same version, and known to the session from now on"
    if replaced:
        world.version = 2
        assert within({}) is not given
    else:
        within({}, 1)
    gate.open()
    assert leader.result() is given
    assert within(a) is given
