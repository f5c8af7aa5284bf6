"""The first call of a session: it asks for the version, once, and is answered with what is stored if that is of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache._core import FAST_PATHS
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable


class Source:
    """A version function, with what happens once while it runs."""

    def __init__(self) -> None:
        self.version: Any = 1
        self.asked = 0
        self.during: Callable[[], object] = lambda: None

    def __call__(self, *_: object) -> Any:
        self.asked += 1
        during, self.during = self.during, lambda: None
        during()
        if isinstance(self.version, Exception):
            raise self.version
        return self.version


def nothing(source: Source) -> Any:
    return lambda: source()


def arguments(source: Source) -> Any:
    return lambda x: source(x)


GETS = pytest.mark.parametrize("gets", [nothing, arguments])


@GETS
def test_it_asks_once_and_the_session_goes_by_the_answer(gets: Callable[[Source], Any]) -> None:
    source = Source()

    @versioned_lru_cache(gets(source))
    def f(x: int) -> object:
        return object()

    first = f(1)
    for asked in range(2, 5):
        with session() as own:
            assert [f(1) for _ in range(5)] == [first] * 5
            assert len(own[__name__]) == 1
            source.version += asked == 4
            assert f(1) is first, "the session goes by what it was told"
        assert source.asked == asked
        assert own.cache_status().count("; hit") == (1 if FAST_PATHS else 6), "hits of the hit path are not noted"
    assert f.cache_info()[:2] == (18, 1)
    with session():
        assert f(1) is not first


@GETS
@pytest.mark.parametrize("how", ["clear", "invalidate", "put"])
def test_what_is_forgotten_while_it_is_asked_does_not_answer(how: str, gets: Callable[[Source], Any]) -> None:
    source, runs = Source(), []

    @versioned_lru_cache(gets(source))
    def f(x: int) -> object:
        runs.append(x)
        return object()

    def forget() -> None:
        if how == "clear":
            f.cache_clear()
        elif how == "invalidate":
            f.cache_invalidate(1)
        else:
            f.cache_put(Versioned("put", 1), 1)

    first = f(1)
    source.during = forget
    with session():
        second = f(1)
        assert second is not first
        assert (second == "put") == (how == "put")
        assert f(1) is second
    assert runs == ([1] if how == "put" else [1, 1])
    assert source.asked == 2


@GETS
def test_a_session_that_is_renewed_while_it_asks_asks_again(gets: Callable[[Source], Any]) -> None:
    source = Source()

    @versioned_lru_cache(gets(source))
    def f(x: int) -> object:
        return object()

    first = f(1)
    with session() as own:
        source.during = own.renew
        assert f(1) is first
        source.version = 2
        assert f(1) is not first, "what was asked before it was renewed is not its own"
    assert source.asked == 3


@GETS
def test_threads_wait_for_the_one_that_asks(gets: Callable[[Source], Any]) -> None:
    source, place = Source(), dict[str, Any]()
    asking, release = threading.Event(), threading.Event()

    @versioned_lru_cache(gets(source), session=place)
    def f(x: int) -> object:
        return object()

    def wait() -> None:
        asking.set()
        release.wait(0.3)  # Ends by itself: the others may be waiting for this answer.

    first = f(1)
    place.clear()  # Another session.
    source.during = wait
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(f, 1)]
        assert asking.wait(20)
        results += [pool.submit(f, 1) for _ in range(3)]
        assert [result.result() for result in results] == [first] * 4
    release.set()
    assert source.asked == 2


@GETS
def test_a_failure_is_told_and_the_next_call_asks_again(gets: Callable[[Source], Any]) -> None:
    source = Source()

    @versioned_lru_cache(gets(source))
    def f(x: int) -> object:
        return object()

    first = f(1)
    with session():
        source.version = LookupError("down")
        for _ in range(2):
            with pytest.raises(LookupError, match="down"):
                f(1)
        source.version = 1
        assert f(1) is first
        assert f(1) is first
    assert source.asked == 4
    assert f.cache_stats().errors == 2


@GETS
def test_what_it_was_given_it_finds_again_though_that_leaves(gets: Callable[[Source], Any]) -> None:
    source = Source()

    @versioned_lru_cache(gets(source), maxsize=1)
    def f(x: int) -> object:
        return object()

    first = f(1)
    with session():
        assert f(1) is first
        threading.Thread(target=f, args=(2,)).start()
        while f.cache_contains(1):
            pass
        assert f(1) is first
    with session():
        assert f(1) is not first


def test_an_entry_that_has_expired_does_not_answer() -> None:
    source = Source()
    with MockClock() as clock:

        @versioned_lru_cache(source, ttl=10)
        def f(x: int) -> object:
            return object()

        first = f(1)
        clock.advance(9)
        with session():
            assert f(1) is first
        source.during = lambda: clock.advance(2)
        with session():
            assert f(1) is not first


def test_what_the_version_function_has_read_is_noted() -> None:
    """The version of the outer function is read through an inner one, by what its session saw before."""
    inner = Source()

    @versioned_lru_cache(inner)
    def number() -> int:
        return int(inner.version) * 10

    @versioned_lru_cache(number)
    def f(x: int) -> object:
        return (x, number())

    first = f(1)
    with session():
        assert number() == 10
        inner.version = 2
        assert f(1) == first, "its session sees what it saw"
    assert f(1) == (1, 20)


def test_a_policy_takes_its_own_way() -> None:
    source = Source()

    @versioned_lru_cache(source)
    def f(x: int) -> object:
        return object()

    first = f(1)
    with session(offline=True):
        assert f(1) is first
    assert source.asked == 1
    with session(refresh=Refresh.all()):
        assert f(1) is not first
