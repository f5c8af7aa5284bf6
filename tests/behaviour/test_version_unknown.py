"""VersionUnknown: a call whose version nobody can tell is answered, for its session only, and costs others nothing."""

from __future__ import annotations

import asyncio
import operator
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.memory_store import Shared
from tests.stores.tiers import TierStore, asked
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    CachedFunction,
    Lag,
    NotStored,
    Refresh,
    Versioned,
    VersionUnknown,
    session,
    versioned_lru_cache,
)
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.thread_unsafe(reason="one source for all")
KINDS = ["plain", "coroutine", "both"]


class Source:
    """A function, and a version function whose server may be away."""

    def __init__(self, kind: str = "plain") -> None:
        self.kind, self.version, self.away = kind, 1, False
        self.asked, self.runs = 0, 0

    def answer(self) -> int:
        self.asked += 1
        if self.away:
            raise VersionUnknown("the server of versions is away")
        return self.version

    def read(self, key: object) -> list[object]:
        self.runs += 1
        return [key, self.version, self.runs]

    def cached(self, **options: Any) -> CachedFunction[..., Any]:
        async def awaited_answer() -> int:
            await asyncio.sleep(0)
            return self.answer()

        async def awaited_read(key: object) -> object:
            await asyncio.sleep(0)
            return self.read(key)

        version = awaited_answer if self.kind == "both" else self.answer
        return versioned_lru_cache(version, **options)(self.read if self.kind == "plain" else awaited_read)

    def call(self, function: CachedFunction[..., Any], key: object = "a") -> Any:
        async def main() -> Any:
            return await function(key)

        return function(key) if self.kind == "plain" else asyncio.run(main())


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest) -> Source:
    return Source(request.param)


def test_it_computes_and_leaves_what_is_stored(source: Source) -> None:
    function = source.cached()
    first = source.call(function)
    source.away = True
    assert source.call(function) == ["a", 1, 2]
    assert source.call(function) == ["a", 1, 3], "there is no session that could know it"
    assert source.call(function, "b") == ["b", 1, 4]
    assert function.cache_info().currsize == 1
    assert function.cache_stats()[-4:] == (0, 0, 0, 0.0)
    assert (function.cache_stats().misses, function.cache_stats().not_stored) == (4, 3)
    source.away = False
    assert source.call(function) is first
    assert source.call(function, "b") == ["b", 1, 5]


def test_a_session_goes_by_what_it_was_given(source: Source) -> None:
    function = source.cached()
    source.call(function)
    source.away = True
    with session():
        own = source.call(function)
        assert own == ["a", 1, 2]
        assert source.call(function) is own
        source.away = False
        assert source.call(function) is own, "also when the version can be told again"
        assert source.call(function, "b") == ["b", 1, 3]
    with session():
        assert source.call(function) == ["a", 1, 1]


def test_what_needs_no_version_is_served(source: Source) -> None:
    function = source.cached()
    with session():
        known = source.call(function)
        source.away = True
        assert source.call(function) is known
    with session(offline=True):
        assert source.call(function) is known
        with pytest.raises(NotStored):
            source.call(function, "b")
    never = versioned_lru_cache(lambda: IMMUTABLE)(lambda: object())
    assert never() is never()


def test_what_may_stand_in_does(source: Source) -> None:
    with MockClock() as clock:
        function = source.cached(stale_if_error=60, retry_after=5)
        first = source.call(function)
        source.away = True
        assert source.call(function) is first
        assert source.call(function, "b") == ["b", 1, 2]
        clock.advance(60)
        assert source.call(function) == ["a", 1, 3]
        source.away = False
        assert source.call(function) is first


def test_what_is_told_to_come_back_is_not_stale_since_then(source: Source) -> None:
    """That nobody can tell the version is no observation of another one."""
    with MockClock() as clock:
        function = source.cached(stale_while_revalidate=10)
        first = source.call(function)
        source.away = True
        assert source.call(function) is not first, "nothing says that it is stale for so short a time only"
        clock.advance(100)
        source.away = False
        assert source.call(function) is first


def test_a_session_that_renews_gets_a_new_one(source: Source) -> None:
    function = source.cached()
    first = source.call(function)
    source.away = True
    with session(refresh=Refresh.all()):
        own = source.call(function)
        assert own == ["a", 1, 2]
        assert source.call(function) is own
    source.away = False
    assert source.call(function) is first


def test_a_refresh_by_name_is_told(source: Source) -> None:
    function = source.cached()
    source.call(function)
    source.away = True

    async def refresh() -> None:
        await function.cache_refresh("a")

    with pytest.raises(VersionUnknown, match="the server of versions is away"):
        function.cache_refresh("a") if source.kind == "plain" else asyncio.run(refresh())
    assert source.runs == 1


def test_other_errors_are_those_of_the_call() -> None:
    def version() -> int:
        raise OSError("away")

    function = versioned_lru_cache(version)(lambda: 1)
    with pytest.raises(OSError, match="away"):
        function()


def test_one_of_the_function_is_an_error_of_the_call() -> None:
    @versioned_lru_cache(lambda: 1)
    def function() -> int:
        raise VersionUnknown("of something else")

    with pytest.raises(VersionUnknown):
        function()


def test_nothing_is_compared_with_a_version_that_equals_all() -> None:
    class Any_:
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    away = False

    def version() -> Any_:
        if away:
            raise VersionUnknown
        return Any_()

    function = versioned_lru_cache(version)(lambda: object())
    first = function()
    away = True
    assert function() is not first


def test_versions_that_are_ordered_are_not_compared_with_it() -> None:
    source = Source()
    function = versioned_lru_cache(source.answer, lag=Lag(retries=2, order=operator.ge))(
        lambda: Versioned(source.runs, source.version)
    )
    assert function() == 0
    source.away, source.runs = True, 7
    assert function() == 7
    assert source.asked == 2, "what was made is of no announced version, so it can't lag behind one"
    source.away = False
    assert function() == 0


def test_what_lags_is_the_answer_if_the_version_can_not_be_asked_again() -> None:
    answers: list[int | None] = [42, None, 42]

    def version() -> int:
        answer = answers.pop(0)
        if answer is None:
            raise VersionUnknown
        return answer

    source = [41]
    function = versioned_lru_cache(version, lag=Lag(retries=2, delay=0.001))(lambda: Versioned([*source], source[0]))
    with session():
        own = function()
        assert own == [41]
        assert function() is own
    assert answers == [42]
    source[0] = 42
    with session():
        assert function() == [42], "what is stored is of 41"


def test_what_revalidates_gets_the_old_result() -> None:
    given: list[object] = []
    source = Source()

    def check(old: Versioned[Any], key: object) -> object:
        given.append(old.value)
        return NOT_MODIFIED

    function = source.cached(revalidate=check)
    first = source.call(function)
    source.away = True
    assert source.call(function) is first
    assert given == [first]


def test_no_store_hears_of_it(source: Source) -> None:
    shared = Shared()
    source.away = True
    function = source.cached(store=TierStore(shared), name="read", revision="1")
    assert source.call(function) == ["a", 1, 1]
    assert asked(function) == []
    assert shared.records == {}


def test_what_is_made_of_it_is_stored_under_a_version_of_its_own() -> None:
    source, outer = Source(), Source()
    inner = source.cached()

    @versioned_lru_cache(outer.answer)
    def whole() -> list[object]:
        outer.runs += 1
        return [*inner("a")]

    source.away = True
    for _ in range(2):
        with session():
            assert whole() == ["a", 1, 1]
    assert (outer.runs, source.runs) == (1, 1)
    source.version, outer.version, source.away = 2, 2, False
    with session():
        assert whole() == ["a", 2, 2]


def test_threads_of_a_session_that_ask_at_once_are_all_answered() -> None:
    begun, goes_on = threading.Event(), threading.Event()
    asked: list[int] = []

    def version() -> int:
        asked.append(1)
        begun.set()
        assert goes_on.wait(10)
        raise VersionUnknown

    function = versioned_lru_cache(version, session=lambda: memory)(lambda: [1])
    memory: dict[str, object] = {}
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(function)]
        assert begun.wait(10)
        calls += [pool.submit(function) for _ in range(3)]
        goes_on.set()
        assert [call.result(10) for call in calls] == [[1]] * 4


@pytest.mark.parametrize("make", [VersionUnknown, lambda: type("Own", (VersionUnknown,), {})("a text")])
def test_one_of_a_class_of_your_own_says_the_same(make: Callable[[], Exception]) -> None:
    def version() -> int:
        raise make()

    assert versioned_lru_cache(version)(lambda: 5)() == 5
