"""Promise 8 for tasks: a wait that would never end is not begun, and what can't be seen is bounded by `wait`."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.programs import tasks_never_hang
from tests.support.child import each_bound
from tests.support.child import run as run_child
from tests.support.tasks import HeldTask, begun, ended, in_loop, run, turns, until
from versioned_lru_cache import session, versioned_lru_cache

pytestmark = pytest.mark.thread_unsafe(reason="one loop each is all they need")


BOUND = each_bound({}, {"session": {}}, {"maxsize": 0})


@pytest.mark.child
@BOUND
def test_recursion_with_the_same_key_computes_plainly(bound: dict[str, Any]) -> None:
    run_child(tasks_never_hang.recursion_with_the_same_key_computes_plainly, bound)


@pytest.mark.child
@pytest.mark.parametrize(
    "again",
    tasks_never_hang.AGAIN,
)
def test_a_task_of_a_computation_that_wants_its_own_ancestor(again: str) -> None:
    run_child(tasks_never_hang.a_task_of_a_computation_that_wants_its_own_ancestor, again)


@pytest.mark.child
@pytest.mark.parametrize("tasks", [2, 3, 4])
@BOUND
def test_a_circle_of_keys(tasks: int, bound: dict[str, Any]) -> None:
    run_child(tasks_never_hang.a_circle_of_keys, tasks, bound)


@pytest.mark.child
@pytest.mark.parametrize("functions", [2, 3, 4])
def test_a_circle_of_functions_through_tasks_and_sessions(functions: int) -> None:
    run_child(tasks_never_hang.a_circle_of_functions_through_tasks_and_sessions, functions)


@pytest.mark.child
def test_a_computation_that_waits_for_two_others_one_of_which_waits_for_it() -> None:
    run_child(tasks_never_hang.a_computation_that_waits_for_two_others_one_of_which_waits_for_it)


@pytest.mark.child
def test_a_circle_that_closes_through_a_version_function() -> None:
    run_child(tasks_never_hang.a_circle_that_closes_through_a_version_function)


@pytest.mark.child
def test_a_version_function_that_calls_its_own_function() -> None:
    run_child(tasks_never_hang.a_version_function_that_calls_its_own_function)


@pytest.mark.child
def test_deep_recursion_is_a_recursion_error_or_ends() -> None:
    run_child(tasks_never_hang.deep_recursion_is_a_recursion_error_or_ends)


def test_threads_of_to_thread_share_a_plain_function_and_leave_the_loop_free() -> None:
    runs, gate = [], threading.Event()

    @versioned_lru_cache(version=1)
    def plain(x: int) -> list[int]:
        runs.append(x)
        assert gate.wait(20)
        return [x]

    async def main() -> None:
        calls = [asyncio.ensure_future(asyncio.to_thread(plain, 1)) for _ in range(4)]
        await until(lambda: runs)
        await turns()
        assert not any(call.done() for call in calls)
        gate.set()
        first, *others = await asyncio.gather(*calls)
        assert all(value is first for value in others)

    run(main)
    assert runs == [1]


def test_several_loops_in_threads_each_compute_and_store_one() -> None:
    runs, at_once = [], threading.Barrier(4)

    @versioned_lru_cache(version=1)
    async def f(x: int) -> list[int]:
        runs.append(threading.get_ident())
        at_once.wait(20)  # The others' computations begin though this one goes on.
        return [x]

    found: list[list[Any]] = []

    async def main() -> None:
        found.append(await asyncio.gather(*[f(1) for _ in range(20)]))

    threads = [threading.Thread(target=run, args=(main,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert sorted(runs) == sorted(set(runs)), "one in each loop"
    assert len(runs) == 4
    assert f.cache_info().currsize == 1
    assert asyncio.run(f(1)) in found[0] + found[1] + found[2] + found[3]


def test_the_cache_is_shared_by_all_loops() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f(x: int) -> list[int]:
        runs.append(x)
        return [x]

    found = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(asyncio.run(f(1))))
        thread.start()
        thread.join(20)
    assert found[0] is found[1] is found[2]
    assert runs == [1]


@pytest.mark.parametrize("wait", [0, 0.01, timedelta(milliseconds=10)])
@in_loop
async def test_after_its_wait_a_call_computes_and_its_result_is_not_stored(wait: Any) -> None:
    held = HeldTask(wait=wait)
    leader = await held.lead(1)
    assert await asyncio.wait_for(held.f(1), 10) == [1, 2]
    assert not held.f.cache_contains(1)
    with session():
        mine = await held.f(1)
        assert await held.f(1) is mine, "its own session remembers it"
    held.gate.set()
    assert await leader == [1, 1]
    assert await held.f(1) is leader.result()


@pytest.mark.parametrize("wait", [None, 30, timedelta(seconds=30)])
@in_loop
async def test_a_wait_that_is_long_enough_gets_the_value(wait: Any) -> None:
    held = HeldTask(wait=wait)
    leader = await held.lead(1)
    waiters = await held.waiting(3, 1)
    held.gate.set()
    value = await leader
    assert all(other is value for other in await asyncio.gather(*waiters))


@in_loop
async def test_wait_bounds_the_wait_for_a_version_too() -> None:
    gate, asked = asyncio.Event(), []

    async def version() -> int:
        asked.append(1)
        if len(asked) == 1:
            await gate.wait()
        return 1

    @versioned_lru_cache(version, wait=0.01)
    async def f() -> int:
        return len(asked)

    with session():
        (asker,) = begun(1, f)
        await turns()
        assert await asyncio.wait_for(f(), 10) == 2
        gate.set()
        assert await asker in (1, 2)


@in_loop
async def test_a_wait_that_was_cut_short_can_be_cancelled() -> None:
    held = HeldTask(wait=20)
    leader = await held.lead(1)
    waiters = await held.waiting(3, 1)
    for waiter in waiters:
        waiter.cancel()
    assert [type(one) for one in await ended(waiters)] == [asyncio.CancelledError] * 3
    held.gate.set()
    assert await leader == [1, 1]


@in_loop
async def test_a_lock_that_the_computation_needs_is_bounded_by_wait() -> None:
    lock, runs = asyncio.Lock(), []

    @versioned_lru_cache(version=1, wait=0.02)
    async def f() -> int:
        runs.append(1)
        if len(runs) == 1:
            async with lock:
                return 1
        return 2

    async with lock:
        leader = asyncio.ensure_future(f())
        await turns()
        assert await asyncio.wait_for(f(), 10) == 2, "it holds the lock that the leader wants"
    assert await leader == 1
