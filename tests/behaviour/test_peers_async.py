"""What fails elsewhere with coroutine functions must not fail here: each test is named after a library."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import time
import weakref
from typing import Any

import pytest

from tests.programs import peers
from tests.support.child import run as run_child
from tests.support.tasks import begun, ended, in_loop, run, turns
from versioned_lru_cache import versioned_lru_cache


@in_loop
async def test_moka_runs_one_cold_key_in_each_of_1000_tasks() -> None:
    runs = []

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0.01)
        return x

    assert await asyncio.gather(*[f(1) for _ in range(1000)]) == [1] * 1000
    assert runs == [1]


@in_loop
async def test_cachebox_moka_and_cashews_take_those_who_wait_along_with_a_cancelled_leader() -> None:
    gate, runs = asyncio.Event(), []

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> int:
        runs.append(x)
        await gate.wait()
        return x

    leader, *others = begun(5, f, 1)
    await turns()
    leader.cancel()
    await turns()
    assert not any(other.done() for other in others)
    gate.set()
    assert await asyncio.gather(*others) == [1] * 4
    assert runs == [1]


@pytest.mark.child
def test_cachebox_hangs_in_recursion_with_the_same_key() -> None:
    run_child(peers.cachebox_hangs_in_recursion_of_a_coroutine_function_with_the_same_key, timeout=40)


@pytest.mark.parametrize("forget", ["cache_clear", "cache_invalidate"])
@in_loop
async def test_cachebox_and_moka_lose_an_invalidation(forget: str) -> None:
    """Which came while the function waited, whose result is of before."""
    gate, rows = asyncio.Event(), ["old"]

    @versioned_lru_cache("constant")
    async def f() -> str:
        row = rows[0]
        await gate.wait()
        return row

    (leader,) = begun(1, f)
    await turns()
    rows[0] = "new"
    getattr(f, forget)()
    gate.set()
    assert await leader == "old"
    assert await f() == "new"


@in_loop
async def test_theine_and_cachier_hang_for_good_after_a_body_that_raises() -> None:
    runs = []

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        if len(runs) == 1:
            raise OSError("down")
        return x

    assert [type(error) for error in await ended(begun(3, f, 1))] == [OSError] * 3
    assert await asyncio.wait_for(f(1), 10) == 1


@in_loop
async def test_dogpile_and_cachetools_run_a_body_that_raises_again_for_each_waiter() -> None:
    runs = []

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        raise OSError("down")

    errors = await ended(begun(8, f, 1))
    assert all(error is errors[0] for error in errors)
    assert runs == [1]


@in_loop
async def test_functools_stores_the_coroutine_which_can_be_awaited_once() -> None:
    async def body() -> list[int]:
        return [1]

    theirs, ours = functools.lru_cache(body), versioned_lru_cache(version=1)(body)
    await theirs()
    with pytest.raises(RuntimeError, match="cannot reuse"):
        await theirs()
    assert await ours() is await ours()


def test_async_lru_refuses_a_second_event_loop() -> None:
    """It remembers the loop of the first call, since what it stores is a future of that loop."""

    @versioned_lru_cache(version=1)
    async def f() -> list[int]:
        return [1]

    assert run(f) is run(f)


def test_moka_and_theine_leak_cycles_of_a_value_and_its_cache() -> None:
    class Value:
        pass

    async def main() -> weakref.ref[Any]:
        @versioned_lru_cache(version=1)
        async def f() -> Value:
            value: Any = Value()
            value.cache = f
            return value  # type: ignore[no-any-return]

        return weakref.ref(await f())

    value = run(main)
    gc.collect()
    assert value() is None


@pytest.mark.thread_unsafe(reason="measures the time of the whole process")
@in_loop
async def test_cashews_polls_its_lock_in_a_storm() -> None:
    """cashews issue 333. Here 500 tasks that wait leave the processor alone."""

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> int:
        await asyncio.sleep(0.5)
        return x

    calls = begun(500, f, 1)
    await turns()
    before = time.process_time()
    await asyncio.gather(*calls)
    # Half a second of polling would take all of it.
    assert time.process_time() - before < 0.25


def test_functools_loses_that_a_function_is_a_coroutine_function() -> None:
    async def body(region: str, *, limit: int = 10) -> list[str]:
        return [region] * limit

    ours = versioned_lru_cache(lambda *a, **k: 1)(body)
    assert not inspect.iscoroutinefunction(functools.lru_cache(body))
    assert inspect.iscoroutinefunction(ours)
    assert str(inspect.signature(ours)) == "(region: 'str', *, limit: 'int' = 10) -> 'list[str]'"
