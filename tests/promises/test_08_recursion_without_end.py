"""Promise 8: a function that calls itself with the same arguments ends soon, with a `RecursionError`."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

pytestmark = pytest.mark.thread_unsafe(reason="measures time")

# Ten times what functools takes on a machine of today.
LIMIT = 0.02
TIME_LIMIT = 60


def itself() -> Function:
    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> Any:
        return f(x)

    return f


def each_other() -> Function:
    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> Any:
        return g(x)

    @versioned_lru_cache(lambda: 1)
    def g(x: int) -> Any:
        return f(x)

    return f


def its_version() -> Function:
    @versioned_lru_cache(lambda: f(1))
    def f(x: int) -> int:
        return x

    return f


def its_version_of_the_arguments() -> Function:
    @versioned_lru_cache(lambda x: f(x))
    def f(x: int) -> int:
        return x

    return f


FUNCTIONS = [itself, each_other, its_version, its_version_of_the_arguments]
EACH = pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
INSIDE = pytest.mark.parametrize("inside", [False, True], ids=["outside", "in a session"])


def seconds(call: Callable[[], object]) -> float:
    """The best of some times, since a machine may be busy."""
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        with pytest.raises(RecursionError):
            call()
        best = min(best, time.perf_counter() - began)
        if best <= LIMIT:
            break
    return best


@EACH
@INSIDE
def test_it_takes_ten_times_the_time_of_functools_at_most(make: Callable[[], Function], inside: bool) -> None:
    function = make()
    with session() if inside else session(offline=False):
        assert seconds(lambda: function(1)) <= LIMIT


@EACH
def test_a_level_takes_as_long_however_many_there_are(make: Callable[[], Function]) -> None:
    function, limit, pairs = make(), sys.getrecursionlimit(), []
    try:
        with session():
            # Several times, since a machine may be busy.
            for _ in range(5):
                sys.setrecursionlimit(limit)
                shallow = seconds(lambda: function(1))
                sys.setrecursionlimit(4 * limit)
                deep = seconds(lambda: function(1))
                pairs.append((shallow, deep))
                if deep <= max(LIMIT, 12 * shallow):
                    return
    finally:
        sys.setrecursionlimit(limit)
    raise AssertionError(pairs)


def test_who_waits_for_the_outermost_gets_what_that_returns() -> None:
    """Of a function that catches the error at its outermost level only."""
    began, goes_on = threading.Event(), threading.Event()
    depth = 0

    @versioned_lru_cache(version=1)
    def f(x: int) -> str:
        nonlocal depth
        depth += 1
        if depth == 1:
            try:
                return f(x)
            except RecursionError:
                return "caught"
        if depth == 100:
            began.set()
            goes_on.wait(TIME_LIMIT)
        return f(x)

    found: list[str] = []
    leader = threading.Thread(target=lambda: found.append(f(1)))
    leader.start()
    assert began.wait(TIME_LIMIT)
    waiter = threading.Thread(target=lambda: found.append(f(1)))
    waiter.start()
    goes_on.set()
    leader.join(TIME_LIMIT)
    waiter.join(TIME_LIMIT)
    assert found == ["caught", "caught"]
    assert f.cache_info().currsize == 1


def test_coroutine_functions_end_at_the_interpreters_limit() -> None:
    levels = 0

    @versioned_lru_cache(lambda: 1)
    async def f(x: int) -> Any:
        nonlocal levels
        levels += 1
        return await f(x)

    async def in_a_session() -> None:
        async with session():
            await f(1)

    for call in (lambda: f(1), in_a_session):
        levels = 0
        with pytest.raises(RecursionError, match="in a cached coroutine function"):
            asyncio.run(asyncio.wait_for(call(), TIME_LIMIT))
        assert 0 < levels - sys.getrecursionlimit() <= 2


def test_what_follows_on_another_is_no_recursion() -> None:
    """Each begins the next, and ends while that goes on."""
    count, ended = 3 * sys.getrecursionlimit(), []

    async def main() -> None:
        done = asyncio.get_running_loop().create_future()
        tasks: set[asyncio.Task[None]] = set()

        async def begin(number: int) -> None:
            await f(number)

        @versioned_lru_cache(version=1)
        async def f(number: int) -> None:
            ended.append(number)
            if number == count:
                done.set_result(None)
                return
            task = asyncio.ensure_future(begin(number + 1))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            # The next has begun when this ends.
            for _ in range(4):
                await asyncio.sleep(0)

        await f(0)
        await asyncio.wait_for(done, TIME_LIMIT)

    asyncio.run(main())
    assert len(ended) == count + 1


def test_deep_recursion_of_coroutine_functions_keeps_no_chains() -> None:
    """Of different arguments: each level once stored the whole chain of those around it."""

    @versioned_lru_cache(version=1, maxsize=None)
    async def f(number: int) -> int:
        return 1 + await f(number - 1) if number else 0

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        began = time.perf_counter()
        assert asyncio.run(f(8_000)) == 8_000
        assert time.perf_counter() - began < 8
    finally:
        sys.setrecursionlimit(limit)
