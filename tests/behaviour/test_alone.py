"""Calls in no session: each asks for the version, once, and is answered with what is stored if that is of it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock
from versioned_lru_cache.versions import counter

if TYPE_CHECKING:
    from collections.abc import Callable


class Equal:
    """A version that Python code compares."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and self.number == other.number

    def __hash__(self) -> int:
        return 7


def answering(answers: list[Any]) -> Callable[[], object]:
    """A version function that answers with the last of these, or fails with it, and takes it away."""

    def version() -> object:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return version


@pytest.mark.parametrize("version", [1, 10**20, "a", ("a", 1), None, 1.5, b"b", Equal(1)], ids=repr)
@pytest.mark.parametrize("args", [(), (1,), (1, 2)], ids=["none", "one", "two"])
def test_what_is_stored_answers_while_its_version_holds(version: Any, args: tuple[int, ...]) -> None:
    versions, runs = [version], []

    @versioned_lru_cache(lambda: versions[-1])
    def f(*args: int) -> object:
        runs.append(args)
        return object()

    first = f(*args)
    assert all(f(*args) is first for _ in range(5))
    assert f.cache_info()[:2] == (5, 1)
    assert f.cache_stats().version_calls == 6
    versions.append("another")
    second = f(*args)
    assert second is not first
    assert f(*args) is second
    assert len(runs) == 2
    assert f.cache_stats().version_calls == 8


def test_a_version_that_comes_back_as_another_object_is_the_same() -> None:
    bump = counter("alone")

    @versioned_lru_cache(bump)
    def f(x: int) -> object:
        return object()

    for _ in range(1000):
        bump.bump()
    first = f(1)
    assert f(1) is first
    assert f(x=1) is first
    bump.bump()
    assert f(1) is not first


def test_the_arguments_are_given_to_the_version_function() -> None:
    asked: list[Any] = []

    def version(x: int, *, y: int = 0) -> int:
        asked.append((x, y))
        return 1

    @versioned_lru_cache(version)
    def f(x: int, *, y: int = 0) -> object:
        return object()

    assert f(1, y=2) is f(1, y=2)
    assert f(2) is f(2)
    assert asked == [(1, 2), (1, 2), (2, 0), (2, 0)]


def test_a_failure_of_the_version_function_is_told_and_loses_nothing() -> None:
    answers: list[Any] = [1, 1]

    @versioned_lru_cache(answering(answers))
    def f(x: int) -> object:
        return object()

    first = f(1)
    assert f(1) is first
    answers += [1, LookupError("down")]
    with pytest.raises(LookupError, match="down"):
        f(1)
    assert answers == [1], "it ran once"
    assert f(1) is first


def test_what_is_no_answer_is_told_there_too() -> None:
    answers: list[Any] = [1, 1]

    @versioned_lru_cache(lambda: answers.pop())
    def f(x: int) -> object:
        return object()

    f(1)
    answers += [[]]
    with pytest.raises(TypeError, match="hash"):
        f(1)
    answers += [f]
    with pytest.raises(TypeError, match="function"):
        f(1)
    assert answers == [1]


@pytest.mark.parametrize("how", ["clear", "invalidate", "put", "call"])
def test_what_changes_while_it_is_asked_is_looked_at_again(how: str) -> None:
    meddles, runs = [False], []

    def version() -> int:
        if meddles[0]:
            meddles[0] = False
            if how == "clear":
                f.cache_clear()
            elif how == "put":
                f.cache_put(Versioned("put", 1), 1)
            else:
                f.cache_invalidate(1)
            if how == "call":
                f(1)
        return 1

    @versioned_lru_cache(version)
    def f(x: int) -> object:
        runs.append(x)
        return len(runs)

    assert f(1) == 1
    meddles[0] = True
    assert f(1) == ("put" if how == "put" else 2)
    assert f(1) == ("put" if how == "put" else 2)


def test_what_has_taken_the_place_of_what_was_looked_at_does_not_answer() -> None:
    meddles = [False]

    def version() -> int:
        if meddles[0]:
            meddles[0] = False
            f.cache_invalidate(1)
            f(2)
        return 1

    @versioned_lru_cache(version)
    def f(x: int) -> int:
        return x

    assert f(1) == 1
    meddles[0] = True
    assert f(1) == 1


def test_what_expires_while_it_is_asked_is_made_anew() -> None:
    with MockClock() as clock:
        slow = [0.0]

        def version() -> int:
            clock.advance(slow[0])
            return 1

        @versioned_lru_cache(version, ttl=10)
        def f(x: int) -> object:
            return object()

        first = f(1)
        clock.advance(9)
        assert f(1) is first
        slow[0] = 2
        assert f(1) is not first


def test_a_version_function_that_reads_a_cached_function_in_no_session() -> None:
    data = [1]

    @versioned_lru_cache(lambda: data[0])
    def part(x: int) -> int:
        return data[0]

    @versioned_lru_cache(lambda: part(1))
    def f(x: int) -> int:
        return data[0]

    assert [f(1), f(1), part(1)] == [1, 1, 1]
    data[0] = 2
    assert [f(1), f(1), part(1)] == [2, 2, 2]


def test_an_answer_in_no_session_vouches_for_what_a_session_takes_later() -> None:
    data, asked = [1], []

    def version() -> int:
        asked.append(data[0])
        return data[0]

    @versioned_lru_cache(version)
    def f(x: int) -> object:
        return object()

    first = f(1)
    assert f(1) is first
    with session():
        assert f(1) is first
        data[0] = 2
        assert f(1) is first
    assert f(1) is not first
    assert asked == [1, 1, 1, 2]


def test_a_mapping_without_a_session_yet_is_not_none() -> None:
    place: dict[str, Any] = {}
    asked = []

    @versioned_lru_cache(lambda: asked.append(1), session=lambda: place)
    def f(x: int) -> object:
        return object()

    @versioned_lru_cache(lambda: asked.append(1), session=place)
    def g(x: int) -> object:
        return object()

    for function in (f, g):
        function(1)
        place.clear()
        asked.clear()
        assert [function(1) for _ in range(3)]
        assert len(asked) == 1
        place.clear()


def test_an_answer_that_rests_on_an_older_one_does_not_vouch() -> None:
    data, place, alone = [1], dict[str, Any](), Context()

    @versioned_lru_cache(lambda: data[0], session=place)
    def part() -> int:
        return data[0]

    @versioned_lru_cache(lambda: part())
    def f() -> object:
        return object()

    @versioned_lru_cache(lambda: data[0])
    def page(x: int) -> object:
        return f() if x else None

    first = alone.run(f)
    assert alone.run(f) is first
    data[0] = 2
    with session():
        page(0)
        assert alone.run(f) is first, "the session in the mapping still has what was"
        assert page(1) is first
    place.clear()
    assert page(1) is not first, "it was made of something older than its version"


def test_what_other_threads_read_meanwhile_is_no_part_of_the_answer() -> None:
    """Their contexts are copied from one in which a version was asked before, as those of a server's threads are."""
    place = dict[str, Any]()
    barrier = threading.Barrier(2, timeout=30)
    waits = [False]

    @versioned_lru_cache(lambda: 1, session=place)
    def part() -> int:
        return 1

    def version() -> int:
        if waits[0]:
            barrier.wait()
            barrier.wait()
        return 1

    @versioned_lru_cache(version)
    def f(x: int) -> object:
        return object()

    part()
    first = f(1)
    assert f(1) is first
    contexts = [copy_context() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        pool.submit(contexts[0].run, f, 1).result()
        waits[0] = True
        waiting = pool.submit(contexts[0].run, f, 1)
        barrier.wait()
        assert pool.submit(contexts[1].run, part).result() == 1
        barrier.wait()
        assert waiting.result() is first
    assert f.cache_stats().verified == 3, "the answer is as new as its question"


async def awaited(function: Callable[..., Any], *args: Any, times: int = 1) -> list[Any]:
    return [await function(*args) for _ in range(times)]


@pytest.mark.parametrize("args", [(), (1,), (1, 2)], ids=["none", "one", "two"])
def test_a_coroutine_function_is_answered_so_as_well(args: tuple[int, ...]) -> None:
    versions, runs = [1], []

    @versioned_lru_cache(lambda *args: versions[-1])
    async def f(*args: int) -> object:
        runs.append(args)
        return object()

    first, *others = asyncio.run(awaited(f, *args, times=6))
    assert all(other is first for other in others)
    assert f.cache_info()[:2] == (5, 1)
    assert f.cache_stats().version_calls == 6
    versions.append(2)
    second, third = asyncio.run(awaited(f, *args, times=2))
    assert second is third is not first
    assert len(runs) == 2
    assert f.cache_stats().version_calls == 8


def test_nothing_is_asked_before_a_coroutine_is_awaited() -> None:
    asked = []

    @versioned_lru_cache(lambda: asked.append(1))
    async def f(x: int) -> object:
        return object()

    first = asyncio.run(awaited(f, 1))
    coroutine = f(1)
    assert len(asked) == 1
    assert [asyncio.run(awaited(lambda: coroutine))] == [first]
    assert len(asked) == 2


def test_a_failure_of_the_version_function_reaches_who_awaits() -> None:
    answers: list[Any] = [1, 1]

    @versioned_lru_cache(answering(answers))
    async def f(x: int) -> object:
        return object()

    first = asyncio.run(awaited(f, 1))
    answers += [LookupError("down")]
    with pytest.raises(LookupError, match="down"):
        asyncio.run(awaited(f, 1))
    assert answers == [1], "it ran once"
    assert asyncio.run(awaited(f, 1)) == first


def test_a_coroutine_function_as_version_function_is_awaited_each_time() -> None:
    asked = []

    async def version() -> int:
        asked.append(1)
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version)
    async def f(x: int) -> object:
        return object()

    first, second = asyncio.run(awaited(f, 1, times=2))
    assert first is second
    assert len(asked) == 2


def test_while_others_compute_an_answer_in_no_session_is_the_same() -> None:
    data, asked = [1], []

    def version() -> int:
        asked.append(1)
        return data[0]

    @versioned_lru_cache(version)
    def f(x: int) -> object:
        return object()

    @versioned_lru_cache("constant")
    async def other() -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return 1

    async def main() -> None:
        first = f(1)
        computing = asyncio.ensure_future(other())
        await asyncio.sleep(0)
        assert f(1) is first
        data[0] = 2
        assert f(1) is not first
        assert len(asked) == 3
        await computing

    asyncio.run(main())


def nothing_in_a_variable() -> Any:
    return ContextVar[Any]("nothing")


def none_in_a_variable() -> Any:
    variable = ContextVar[Any]("none")
    variable.set(None)
    return variable


def outside_of_requests() -> Any:
    return pytest.importorskip("flask").g


@pytest.mark.parametrize("place", [nothing_in_a_variable, none_in_a_variable, outside_of_requests])
def test_where_a_place_for_sessions_has_none_the_version_is_asked_each_time(place: Callable[[], Any]) -> None:
    versions, asked = [1], []

    def version() -> int:
        asked.append(versions[0])
        return versions[0]

    @versioned_lru_cache(version, session=place())
    def f(x: int) -> object:
        return object()

    first = f(1)
    assert all(f(1) is first for _ in range(3))
    assert len(asked) == 4
    with session():
        assert f(1) is first
        versions[0] = 2
        assert f(1) is first
    assert len(asked) == 5, "the ambient session stands in"
    second = f(1)
    assert second is not first
    assert f(1) is second
    assert asked == [1, 1, 1, 1, 1, 2, 2]


def test_a_variable_that_is_set_has_a_session_from_then_on() -> None:
    variable, asked = ContextVar[Any]("place"), []

    @versioned_lru_cache(lambda: asked.append(1), session=variable)
    def f(x: int) -> object:
        return object()

    first = f(1)
    assert f(1) is first
    variable.set({})
    assert [f(1), f(1)] == [first, first]
    assert len(asked) == 3
