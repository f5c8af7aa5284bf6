"""Announced before it can be seen: calls that try again, versions with an order, and results that can't tell."""

from __future__ import annotations

import asyncio
import operator
from datetime import timedelta
from typing import Any

import pytest

from tests.programs import ends_of_programs
from tests.support import child, tasks
from tests.support.calling import MINE, Call, Gate, until_waiting
from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import NOT_MODIFIED, Lag, Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


def appears(source: Source, run: int) -> Any:
    """A page that shows version 42 from that run on, and 41 before."""
    return lambda: Versioned(*(("new", 42) if source.front["ran"] >= run else ("old", 41)))


@of_each_kind
async def test_the_call_tries_again_until_it_sees_what_was_announced(source: Source) -> None:
    f = source.cached(lag=Lag(retries=3, delay=0.1))
    source.version, source.gives = 42, appears(source, 3)
    assert await source.call(f) == "new"
    assert source.taken() == counts(asked=3, ran=3)
    assert f.cache_peek() == ("new", 42)


@of_each_kind
async def test_it_waits_longer_each_time(source: Source) -> None:
    start = source.clock.now
    times: list[float] = []
    f = source.cached(lag=Lag(retries=3, delay=0.1))

    def page() -> Versioned[str]:
        times.append(round(source.clock.now - start, 6))
        return Versioned("old", 41)

    source.version, source.gives = 42, page
    assert await source.call(f) == "old"
    assert times == [0, 0.1, 0.3, 0.7]


@of_each_kind
async def test_it_settles_for_what_it_has(source: Source) -> None:
    f = source.cached(lag=Lag(retries=2, delay=0.1))
    source.version, source.gives = 42, Versioned("old", 41)
    with session():
        for _ in range(3):
            assert await source.call(f) == "old"
        assert source.taken() == counts(asked=3, ran=3)
    assert f.cache_peek() == ("old", 41)
    with session():
        source.gives = Versioned("new", 42)
        assert await source.call(f) == "new"
    assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_an_announcement_that_is_taken_back_is_no_lag(source: Source) -> None:
    f = source.cached(lag=Lag(retries=2, delay=0.1))
    source.version = lambda: 42 if source.front["asked"] == 1 else 41
    source.gives = Versioned("page", 41)
    assert await source.call(f) == "page"
    assert source.taken() == counts(asked=2, ran=1)
    source.version = 41
    assert await source.call(f) == "page"
    assert source.taken() == counts(asked=1), "it is stored as agreeing"


@of_each_kind
async def test_a_newer_announcement_meanwhile_is_what_counts(source: Source) -> None:
    f = source.cached(lag=Lag(retries=3, delay=0.1))
    source.version = lambda: 41 + source.front["asked"]
    source.gives = lambda: Versioned("page", 41 if source.front["ran"] == 1 else 43)
    with session():
        assert await source.call(f) == "page"
        assert source.taken() == counts(asked=2, ran=2)
        assert f.cache_peek() == ("page", 43)
        assert await source.call(f) == "page"
        assert source.taken() == counts()


@of_each_kind
async def test_a_result_that_can_not_tell_its_version_is_not_tried_again(source: Source) -> None:
    f, began = source.cached(lag=Lag(retries=3, delay=0.1)), source.clock.now
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, ran=1)
    assert source.clock.now == began


@of_each_kind
async def test_without_retries_nothing_waits(source: Source) -> None:
    f, began = source.cached(lag=Lag()), source.clock.now
    source.version, source.gives = 42, Versioned("old", 41)
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, ran=1)
    assert source.clock.now == began


@of_each_kind
async def test_still_the_old_page_is_tried_again_and_not_modified_is_not(source: Source) -> None:
    f = source.cached(revalidate=True, lag=Lag(retries=2, delay=0.1))
    await source.call(f)
    source.taken()
    source.version, source.gives = "v2", lambda previous: previous
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=3, revalidated=3)
    assert f.cache_peek() == ("old", "v1")
    source.gives = NOT_MODIFIED
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, revalidated=1)
    assert f.cache_peek() == ("old", "v2")


@of_each_kind
async def test_a_failure_while_it_tries_loses_nothing(source: Source) -> None:
    f = source.cached(lag=Lag(retries=2, delay=0.1))
    source.version, source.gives = 41, Versioned("old", 41)
    await source.call(f)
    error = OSError("down")
    source.taken()

    def page() -> Any:
        if source.front["ran"] == 2:
            raise error
        return Versioned("old", 41)

    source.version, source.gives = 42, page
    assert await source.fails(OSError, f) is error
    assert f.cache_peek() == ("old", 41)


def current(announced: list[int], **options: Any) -> Any:
    """A function that shows what is announced now: its result lags where its session goes by what was before."""

    @versioned_lru_cache(lambda *part: announced[0], session=MINE, lag=Lag(retries=1, delay=0.1), **options)
    def f(key: str) -> Versioned[list[int]]:
        return Versioned([announced[0]], announced[0])

    return f


@pytest.mark.parametrize("version_args", [(), lambda key: ("all",)], ids=["one version", "a version by arguments"])
@pytest.mark.parametrize("company", [False, True], ids=["alone", "beside another session"])
def test_what_a_session_was_given_stays_though_another_call_there_asks_again(version_args: Any, company: bool) -> None:
    announced = [41]
    f = current(announced, version_args=version_args)

    def given(keys: str, place: dict[str, Any]) -> list[Any]:
        return [Call(f, key, session=place).result() for key in keys]

    with MockClock():
        given("abd", {})
        mine: dict[str, Any] = {}
        theirs: dict[str, Any] = {}
        before = given("abb", mine)
        if company:
            given("abb", theirs)
        announced[0] = 42
        assert given("c", mine) == [[42]], "it was asked again"
        assert all(now is then for now, then in zip(given("abb", mine), before, strict=True))
        assert given("abc", {}) == [[42]] * 3, "others see what is new"
        for place in [mine, theirs] if company else [mine]:
            assert all(now is then for now, then in zip(given("abb", place), before, strict=True))
        assert given("d", mine) == [[41]], "it was there when the session began"
        announced[0] = 43
        assert given("e", mine) == [[43]]
        assert given("c", mine) == [[42]]
        assert given("d", mine) == [[41]]


@pytest.mark.parametrize("version_args", [(), lambda key: ("all",)], ids=["one version", "a version by arguments"])
def test_so_does_what_others_had_replaced_before_it_was_given(version_args: Any) -> None:
    announced = [41]
    f = current(announced, version_args=version_args)

    with MockClock():
        place: dict[str, Any] = {}
        for key in "ab":
            Call(f, key, session={}).result()
        Call(f, "b", session=place).result()
        announced[0] = 42
        assert Call(f, "a", session={}).result() == [42]
        given = Call(f, "a", session=place).result()
        assert given == [41]
        assert Call(f, "c", session=place).result() == [42], "it was asked again"
        assert str(Call(f.cache_explain, "a", session=place).result()).endswith("detail=known")
        assert Call(f, "a", session=place).result() is given


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("version_args", [(), lambda key: ("all",)], ids=["one version", "a version by arguments"])
def test_so_does_what_it_was_given_between_two_such_calls(version_args: Any, replaced: bool) -> None:
    announced = [42]
    f = current(announced, version_args=version_args)

    with MockClock():
        Call(f, "a", session={}).result()
        announced[0] = 41
        place: dict[str, Any] = {}
        assert Call(f, "b", session=place).result() == [41]
        announced[0] = 42
        assert Call(f, "c", session=place).result() == [42]
        announced[0] = 43
        if replaced:
            Call(f, "a", session={}).result()
        given = [Call(f, "a", session=place).result() for _ in range(2)]
        assert given == [[42], [42]], "it goes by 42 now, which was stored when it began"
        assert Call(f, "d", session=place).result() == [43]
        assert [Call(f, "a", session=place).result() is one for one in given] == [True, True]


def test_so_does_what_a_slower_call_finds_there_that_was_evicted() -> None:
    announced, gate, runs = [41], Gate(), []

    @versioned_lru_cache(lambda: announced[0], session=MINE, maxsize=3, lag=Lag(retries=1, delay=0.1))
    def f(key: str) -> Versioned[list[int]]:
        runs.append(key)
        if key == "a" and runs.count(key) == 2:
            gate.stop()
        return Versioned([announced[0]], announced[0])

    with MockClock():
        Call(f, "a", session={}).result()
        announced[0] = 42
        place: dict[str, Any] = {}
        assert Call(f, "b", session=place).result() == [42]
        slow = Call(f, "a", session=place)
        gate.wait()
        announced[0] = 41
        assert Call(f, "c", session=place).result() == [41], "it was asked again"
        for key in "xyz":
            Call(f, key, session={}).result()
        given = Call(f, "a", session=place).result()
        assert given == [41]
        gate.open()
        assert slow.result() is given
        assert Call(f, "a", session=place).result() is given


def test_who_waited_for_what_lagged_takes_it_though_it_was_cleared_meanwhile() -> None:
    announced, gate, runs = [41], Gate(), []

    @versioned_lru_cache(lambda: announced[0], lag=Lag(retries=1, delay=0.1))
    def f() -> Versioned[list[int]]:
        runs.append(1)
        if len(runs) == 1:
            gate.stop()
            return Versioned([40], 40)
        return Versioned([announced[0]], announced[0])

    with MockClock():
        leader = Call(f)
        gate.wait()
        waiter = Call(f)
        until_waiting(waiter)
        f.cache_clear()
        announced[0] = 42
        gate.open()
        assert leader.result() is waiter.result()
        assert len(runs) == 2


@tasks.in_loop
async def test_who_comes_while_it_tries_waits_for_the_same() -> None:
    source = Source(MockClock(), awaited=True)
    f = source.cached(lag=Lag(retries=1, delay=0.001))
    source.version = 42
    source.gives = lambda: Versioned(["page"], 42 if source.behind["ran"] == 2 else 41)
    found = await tasks.ended(tasks.begun(5, f))
    assert all(value is found[0] for value in found)
    assert source.behind["ran"] == 2


@tasks.in_loop
async def test_a_task_that_is_cancelled_while_it_waits_ends_and_loses_nothing() -> None:
    source = Source(MockClock(), awaited=True)
    f = source.cached(lag=Lag(retries=5, delay=1000))
    source.version, source.gives = 41, Versioned("old", 41)
    await f()
    source.version = 42
    task = asyncio.ensure_future(f())
    await tasks.until(lambda: source.behind["ran"] == 2)
    await tasks.turns()
    assert not task.done()
    task.cancel()
    assert isinstance((await tasks.ended([task]))[0], asyncio.CancelledError)
    assert f.cache_peek() == ("old", 41)
    source.gives = Versioned("new", 42)
    assert await f() == "new"


@pytest.mark.child
def test_ctrl_c_ends_the_wait_and_others_run_meanwhile() -> None:
    child.run(ends_of_programs.ctrl_c_ends_the_wait_for_what_lags_and_others_run_meanwhile)


# Versions that have an order.


@of_each_kind
async def test_one_at_or_above_the_asked_counts_as_visible(source: Source) -> None:
    f = source.cached(lag=Lag(retries=2, delay=0.1, order=operator.ge))
    for seen in (42, 43):
        f.cache_clear()
        source.version, source.gives = 42, Versioned("page", seen)
        with session():
            for _ in range(2):
                assert await source.call(f) == "page"
        assert source.taken() == counts(asked=1, ran=1)
        assert f.cache_peek() == ("page", seen)


@of_each_kind
async def test_one_below_the_asked_is_tried_again(source: Source) -> None:
    f = source.cached(lag=Lag(retries=2, delay=0.1, order=operator.ge))
    source.version, source.gives = 42, appears(source, 2)
    assert await source.call(f) == "new"
    assert source.taken() == counts(asked=2, ran=2)


@of_each_kind
async def test_nodes_that_disagree_never_take_a_step_back(source: Source) -> None:
    f = source.cached(lag=Lag(order=operator.ge))
    source.version = 42
    source.gives = Versioned("page of 41", 41)
    assert await source.call(f) == "page of 41"
    source.gives = Versioned("page of 40", 40)
    assert await source.call(f) == "page of 41"
    assert f.cache_peek() == ("page of 41", 41)
    source.gives = Versioned("page of 42", 42)
    assert await source.call(f) == "page of 42"
    source.version, source.gives = 43, Versioned("page of 41", 41)
    with session():
        assert await source.call(f) == "page of 42"
        assert await source.call(f) == "page of 42"
    assert f.cache_peek() == ("page of 42", 42)


@of_each_kind
async def test_nor_does_a_refresh_or_a_reload(source: Source) -> None:
    f = source.cached(lag=Lag(order=operator.ge))
    source.version, source.gives = 42, Versioned("page of 42", 42)
    await source.call(f)
    source.gives = Versioned("page of 41", 41)
    with session(refresh=Refresh.all()):
        assert await source.call(f) == "page of 42"
    assert await source.call(f.cache_refresh) == "page of 42"
    assert f.cache_peek() == ("page of 42", 42)


@of_each_kind
async def test_an_order_needs_results_that_say_their_version(source: Source) -> None:
    f = source.cached(lag=Lag(order=operator.ge))
    error = await source.fails(TypeError, f)
    assert "Versioned" in str(error)
    assert "order" in str(error)
    assert not f.cache_contains()
    source.gives = Versioned("old", "v1")
    assert await source.call(f) == "old"
    source.version, source.gives = "v2", "plain"
    await source.fails(TypeError, f)
    assert f.cache_peek() == ("old", "v1")


@of_each_kind
async def test_an_order_that_fails_tells_and_loses_nothing(source: Source) -> None:
    f = source.cached(lag=Lag(order=operator.ge))
    source.version, source.gives = 42, Versioned("page", 42)
    await source.call(f)
    source.version, source.gives = 43, Versioned("page", "a str")
    await source.fails(TypeError, f)
    assert f.cache_peek() == ("page", 42)


# Results that can't tell their version.


@of_each_kind
async def test_the_first_result_of_a_version_settles_soon(source: Source) -> None:
    f = source.cached(ttl=100, lag=Lag(settle=2))
    await source.call(f)
    for version in ("v1", "v2"):  # at first there is none, then one of another version
        source.version = version
        await source.call(f)
        source.taken()
        source.clock.advance(1.999)
        await source.call(f)
        assert source.taken() == counts(asked=1)
        source.clock.advance(0.001)
        assert f.cache_peek() is None
        await source.call(f)
        assert source.taken() == counts(asked=1, ran=1)
        source.clock.advance(99.999)
        await source.call(f)
        assert source.taken() == counts(asked=1), "the second has all its time"
        source.clock.advance(0.001)
        await source.call(f)
        assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_without_a_ttl_the_second_stays(source: Source) -> None:
    f = source.cached(lag=Lag(settle=timedelta(seconds=2)))
    await source.call(f)
    source.clock.advance(2)
    await source.call(f)
    assert source.taken() == counts(asked=2, ran=2)
    source.clock.advance(1e6)
    await source.call(f)
    assert source.taken() == counts(asked=1)


@of_each_kind
async def test_a_shorter_ttl_counts(source: Source) -> None:
    f = source.cached(ttl=1, lag=Lag(settle=2))
    await source.call(f)
    source.clock.advance(1)
    await source.call(f)
    assert source.taken() == counts(asked=2, ran=2)


@of_each_kind
async def test_one_that_says_its_version_needs_not_settle(source: Source) -> None:
    f = source.cached(lag=Lag(settle=2))
    source.gives = Versioned("old", "v1")
    await source.call(f)
    source.clock.advance(100)
    await source.call(f)
    assert source.taken() == counts(asked=2, ran=1)


@of_each_kind
async def test_each_key_settles_for_itself(source: Source) -> None:
    f = source.cached(lag=Lag(settle=2))
    await source.call(f, 1)
    source.clock.advance(1)
    await source.call(f, 2)
    source.clock.advance(1)
    source.taken()
    await source.call(f, 1)
    assert source.taken() == counts(asked=1, ran=1)
    await source.call(f, 2)
    assert source.taken() == counts(asked=1)


def test_it_shows_what_it_was_given() -> None:
    assert "retries=2" in repr(Lag(retries=2))

    @versioned_lru_cache("v", lag=Lag())
    def f() -> int:
        return 1

    assert f() == 1
