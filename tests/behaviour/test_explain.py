"""What a call would do and why, and what the calls of a session did, in the words of RFC 9211."""

from __future__ import annotations

import asyncio
import contextvars
import math
from contextlib import nullcontext
from typing import Any

import pytest

from tests.support import calling
from versioned_lru_cache import (
    IMMUTABLE,
    Explanation,
    Lag,
    NotStored,
    Refresh,
    Versioned,
    current_session,
    session,
    versioned_lru_cache,
)
from versioned_lru_cache._core import FAST_PATHS
from versioned_lru_cache.testing import MockClock

ALONE = pytest.mark.thread_unsafe(reason="one clock for the whole process")


class Explained:
    """What a cached function reads, and how often it was asked and run."""

    def __init__(self, **options: Any) -> None:
        self.version: Any = 1
        self.asked = self.ran = 0

        def version() -> Any:
            self.asked += 1
            if isinstance(self.version, Exception):
                raise self.version
            return self.version

        @versioned_lru_cache(version, **options)
        def f(x: int) -> Any:
            self.ran += 1
            return x

        self.f = f

    def explains_what_it_does(self, hit: bool, fwd: str | None, detail: str) -> None:
        """The explanation is this one, costs nothing, and the call does so."""
        asked, ran = self.asked, self.ran
        told = self.f.cache_explain(1)
        assert (self.asked, self.ran) == (asked, ran)
        assert (told.hit, told.fwd, told.detail) == (hit, fwd, detail)
        try:
            self.f(1)
        except NotStored:
            assert fwd == "miss"
        if detail != "stale-while-revalidate":  # where it runs behind, sooner or later
            assert self.ran == ran + (fwd is not None and detail != "offline")


@ALONE
@pytest.mark.parametrize(
    ("options", "age", "version", "policy", "expected"),
    [
        ({}, 0, 1, {}, (True, None, "known")),
        ({}, 0, 2, {}, (False, "stale", "changed")),
        ({"ttl": 10}, 9, 1, {}, (True, None, "known")),
        ({"ttl": 10}, 10, 1, {}, (False, "stale", "expired")),
        ({"ttl": 10, "on_expiry": "verify"}, 10, 1, {}, (True, None, "verified")),
        ({"ttl": 99, "on_expiry": "verify", "lag": Lag(settle=10)}, 10, 1, {}, (False, "stale", "expired")),
        ({"stale_while_revalidate": 9}, 0, 2, {}, (True, None, "stale-while-revalidate")),
        ({}, 0, 1, {"refresh": Refresh.all()}, (False, "request", "refresh")),
        ({"ttl": 10}, 99, 2, {"offline": True}, (True, None, "offline")),
    ],
)
def test_a_call_does_what_was_explained(
    options: dict[str, Any], age: float, version: int, policy: dict[str, Any], expected: tuple[bool, str | None, str]
) -> None:
    with MockClock() as clock:
        data = Explained(**options)
        data.f(1)
        clock.advance(age)
        data.version = version
        with session(**policy):
            if "offline" not in policy:
                data.f(2)  # the session knows the version now
            data.explains_what_it_does(*expected)
            assert data.f.cache_explain(1).hit, "now it is known"


def test_where_the_version_has_to_be_asked_it_can_only_say_so() -> None:
    data = Explained()
    data.f(1)
    for there in (nullcontext(), session()):
        with there:
            told = data.f.cache_explain(1)
            assert (told.hit, told.fwd, told.detail) == (False, None, "asks")


def test_where_nothing_is_stored() -> None:
    Explained().explains_what_it_does(False, "miss", "")
    Explained(maxsize=0).explains_what_it_does(False, "bypass", "")
    with session(offline=True):
        Explained().explains_what_it_does(False, "miss", "offline")


def test_what_never_changes_and_what_stands_in_for_a_failure() -> None:
    data = Explained(stale_if_error=math.inf, retry_after=1000)
    data.f(1)
    data.version = OSError("down")
    data.f(1)
    data.explains_what_it_does(True, None, "stale-if-error")
    data = Explained()
    data.version = IMMUTABLE
    data.f(1)
    data.explains_what_it_does(True, None, "immutable")


def test_a_call_that_would_wait_for_another_is_collapsed() -> None:
    gate = calling.Gate()

    @versioned_lru_cache("v1")
    def f(x: int) -> int:
        gate.stop()
        return x

    leader = calling.Call(f, 1)
    gate.wait()
    assert f.cache_explain(1).collapsed
    gate.open()
    leader.result()
    assert not f.cache_explain(1).collapsed


class HeldRun:
    """A computation that a thread has begun, and that goes on until it is let go."""

    def __init__(self, **options: Any) -> None:
        self.gate = gate = calling.Gate()
        self.here: dict[str, Any] = {}

        @versioned_lru_cache("v1", **options)
        def f(x: int) -> int:
            gate.stop()
            return x

        self.f = f

    def begin(self, session: dict[str, Any] | None = None) -> None:
        """Returns when it goes on."""
        self.leader = calling.Call(self.f, 1, session=session)
        self.gate.wait()

    def end(self) -> None:
        """Lets it come to its end."""
        self.gate.open()
        self.leader.result()


@ALONE
def test_a_call_does_not_wait_for_what_will_be_too_old() -> None:
    with MockClock() as clock:
        run = HeldRun(ttl=10)
        run.begin()
        clock.advance(9)
        assert run.f.cache_explain(1).collapsed
        clock.advance(1)
        assert not run.f.cache_explain(1).collapsed
        run.end()


def test_what_a_session_renews_may_be_another_s_computation() -> None:
    run = HeldRun()
    run.gate.open()
    run.f(1)
    run.gate.opened.clear()
    run.gate.reached.clear()
    with session(refresh=Refresh.all()):
        begun = calling.Call(run.f.cache_refresh, 1)
        run.gate.wait()
        told = run.f.cache_explain(1)
        assert (told.fwd, told.detail, told.collapsed) == ("request", "refresh", True)
        joined = calling.Call(contextvars.copy_context().run, run.f, 1)
        calling.until(lambda: run.f.cache_stats().hits == 0)
        run.gate.open()
        assert (begun.result(), joined.result()) == (1, 1)
    assert run.f.cache_stats().misses == 2, "one at first, and one for both"


def test_who_waits_for_nobody_computes_and_stores_nothing() -> None:
    run = HeldRun(wait=0)
    run.begin()
    told = run.f.cache_explain(1)
    assert (told.fwd, told.collapsed, told.stored) == ("miss", False, False)
    other = calling.Call(run.f, 1)
    calling.until(lambda: run.f.cache_stats().misses == 2)
    run.gate.open()
    assert (run.leader.result(), other.result(), run.f.cache_stats().not_stored) == (1, 1, 1)


def test_a_coroutine_function_is_explained_as_a_task_would_call_it() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        @versioned_lru_cache("v1")
        async def f(x: int) -> int:
            await go_on.wait()
            return x

        leader = asyncio.ensure_future(f(1))
        await asyncio.sleep(0)
        assert f.cache_explain(1).collapsed
        joined = asyncio.ensure_future(f(1))
        await asyncio.sleep(0)
        go_on.set()
        assert (await leader, await joined, f.cache_stats().misses) == (1, 1, 1)

    asyncio.run(main())


@ALONE
def test_where_no_refresh_can_run_behind_the_call_computes() -> None:
    version = 1

    async def renewed_behind(x: int) -> int:
        return x

    f = versioned_lru_cache(lambda: version, stale_while_revalidate=60)(renewed_behind)
    with MockClock():
        asyncio.run(f(1))
        version = 2
        with session():
            asyncio.run(f(2))  # the session knows the version now

            async def within() -> None:
                assert f.cache_explain(1).detail == "stale-while-revalidate"

            asyncio.run(within())
            told = f.cache_explain(1)
            assert (told.hit, told.fwd) == (False, "stale"), "no event loop runs here"
            with pytest.raises(StopIteration):
                f(1).send(None)
            assert f.cache_stats().misses == 3, "it computed"


def test_what_another_function_has_asked_in_the_session_is_not_asked_again() -> None:
    asked = 0

    def version() -> int:
        nonlocal asked
        asked += 1
        return 1

    first, second = (versioned_lru_cache(version)(lambda x: x) for _ in range(2))
    second(1)
    with session():
        first(1)
        before = asked
        assert second.cache_explain(1).detail == "known"
        assert (second(1), asked) == (1, before)


@ALONE
def test_it_reads_as_a_cache_status() -> None:
    with MockClock() as clock:
        data = Explained(ttl=30)
        data.f(1)
        clock.advance(0.5)
        told = data.f.cache_explain(1, show_args=True)
        assert str(told) == f'"{told.name}"; ttl=29; key="1"; detail=asks'
        assert data.f.cache_explain(1).key not in ("1", data.f.cache_explain(2).key)
        clock.advance(40)
        assert data.f.cache_explain(1).ttl == -10.5
    plain = Explanation("m.f", False, "miss", None, True, False, 'a"b\\c\u00e9', "")
    assert str(plain) == 'm.f; fwd=miss; stored; key="a\\"b\\\\c?"'


def test_a_session_tells_what_its_calls_did() -> None:
    data = Explained()
    data.f(1)
    data.version = 2
    with session() as own:
        data.f(1)
        data.f(1)
        data.f(2)
        told = own.cache_status().split(", ")
        # What the hit path answers is not noted.
        expected = ["; fwd=stale; stored", *([] if FAST_PATHS else ["; hit"]), "; fwd=miss; stored"]
        assert [word in each for word, each in zip(expected, told, strict=True)] == [True] * len(told)
        assert current_session() is own
    with session() as next_one:
        assert next_one.cache_status() == ""


def test_a_session_remembers_a_bounded_number_of_calls() -> None:
    data = Explained(maxsize=None)
    with session() as own:
        for x in range(300):
            data.f(x)
        assert own.cache_status().count("fwd=miss") == 100


def test_a_method_gives_its_instance_along() -> None:
    class Shop:
        @versioned_lru_cache("v1")
        def total(self, x: int) -> int:
            return x

    shop = Shop()
    shop.total(1)
    assert shop.total.cache_explain(1).hit
    assert not Shop().total.cache_explain(1).hit


def test_arguments_that_are_no_call() -> None:
    with pytest.raises(TypeError, match="cache_explain"):
        Explained().f.cache_explain()


def test_a_result_that_lags_is_stale_in_the_next_session() -> None:
    @versioned_lru_cache(lambda: 2)
    def page() -> Versioned[str]:
        return Versioned("old", 1)

    with session():
        page()
        assert page.cache_explain().detail == "known"
    with session() as own:
        page()
        assert "fwd=stale; stored" in own.cache_status()


def test_what_is_found_equal_though_it_was_stored_since_the_session_began() -> None:
    data = Explained()
    with session():
        data.f(2)
        with session():
            data.f(1)
        data.explains_what_it_does(True, None, "equal")


def test_a_result_that_is_its_sessions_only_says_what_it_rests_on() -> None:
    row = 1

    @versioned_lru_cache(lambda: row, name="menu")
    def menu() -> int:
        return row

    @versioned_lru_cache(lambda: -row, name="page")
    def page(x: int) -> int:
        return menu()

    with session():
        menu()
        row = 2
        assert page.cache_explain(1).rests_on is None, "nothing is made yet"
        page(1)
        known = page.cache_explain(1)
        assert (known.hit, known.detail, known.rests_on) == (True, "session-only", f"{__name__}.menu")
        assert page.cache_explain(2).rests_on is None
    missing = page.cache_explain(1)
    assert (missing.hit, missing.fwd, missing.rests_on) == (False, "miss", f"{__name__}.menu")
    with session():
        page(1)
        assert page.cache_explain(1).rests_on is None, "now it is stored"


def test_what_is_told_of_results_that_were_not_stored_is_bounded() -> None:
    row = 1

    @versioned_lru_cache(lambda: row)
    def menu() -> int:
        return row

    @versioned_lru_cache(lambda: -row)
    def page(x: int) -> int:
        return menu()

    with session():
        menu()
        row = 2
        for x in range(100):
            page(x)
    told = [x for x in range(100) if page.cache_explain(x).rests_on]
    assert told == list(range(84, 100))


def test_a_session_logs_that_a_result_is_its_own_only() -> None:
    row = 1

    @versioned_lru_cache(lambda: row)
    def menu() -> int:
        return row

    @versioned_lru_cache(lambda: -row)
    def page() -> int:
        return menu()

    with session() as active:
        menu()
        row = 2
        page()
        assert active.cache_status().endswith("detail=session-only")
