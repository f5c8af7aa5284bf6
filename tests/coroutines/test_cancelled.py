"""Who is cancelled takes nobody along; what nobody waits for any more is cancelled; and what ends a program ends it."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import ends_of_programs
from tests.support.child import run as run_child
from tests.support.tasks import TASKS_OF_ALL, HeldTask, begun, ended, in_loop, run, turns
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Iterator


def kinds(found: list[Any]) -> list[str]:
    """Of what each is."""
    return [type(one).__name__ for one in found]


@in_loop
async def test_a_cancelled_leader_takes_nobody_along() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    waiters = await held.waiting(5, 1)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    held.gate.set()
    assert await asyncio.gather(*waiters) == [[1, 1]] * 5
    assert (held.runs, held.log) == (1, [])
    assert await held.f(1) is waiters[0].result()


@in_loop
async def test_some_of_those_who_wait_are_cancelled() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    waiters = await held.waiting(6, 1)
    for waiter in waiters[::2]:
        waiter.cancel()
    await turns()
    assert all(waiter.done() for waiter in waiters[::2]), "they do not wait for the computation"
    held.gate.set()
    assert kinds(await ended([leader, *waiters])) == ["list", *["CancelledError", "list"] * 3]
    assert (held.runs, held.log) == (1, [])


@pytest.mark.parametrize("count", [1, 2, 10])
@in_loop
async def test_what_nobody_waits_for_is_cancelled_once_the_last_has_gone(count: int) -> None:
    held = HeldTask()
    callers = [await held.lead(1), *await held.waiting(count - 1, 1)]
    for caller in callers:
        assert held.log == []
        caller.cancel()
        await turns()
    assert held.log == ["cancelled"]
    assert kinds(await ended(callers)) == ["CancelledError"] * count
    assert held.f.cache_info() == (0, 1, 128, 0), "it leaves no trace"
    assert await held.f(1) == [1, 2]


@in_loop
async def test_all_are_cancelled_at_once() -> None:
    held = HeldTask()
    callers = [await held.lead(1), *await held.waiting(9, 1)]
    for caller in callers:
        caller.cancel()
    await turns()
    assert held.log == ["cancelled"]
    assert kinds(await ended(callers)) == ["CancelledError"] * 10


@in_loop
async def test_cancelled_before_it_has_begun() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f() -> list[int]:
        runs.append(1)
        await asyncio.sleep(0)
        return [len(runs)]

    for first in range(4):
        f.cache_clear()
        runs.clear()
        call = asyncio.ensure_future(f())
        await turns(first)
        call.cancel()
        assert await f() == [len(runs)]
        assert 1 <= len(runs) <= 2
        await ended([call])


@in_loop
async def test_a_caller_that_comes_while_it_is_being_cancelled_computes_when_that_is_over() -> None:
    log, gate = [], asyncio.Event()

    @versioned_lru_cache(version=1)
    async def f() -> int:
        log.append("begins")
        if log.count("begins") == 1:
            try:
                await asyncio.Event().wait()
            finally:
                await gate.wait()
                log.append("has cleaned up")
        return log.count("begins")

    first = begun(3, f)
    await turns()
    for call in first:
        call.cancel()
    await turns()
    late = begun(5, f)
    await turns()
    assert log == ["begins"], "two computations at a time would be one too many"
    gate.set()
    assert await asyncio.gather(*late) == [2] * 5
    assert log == ["begins", "has cleaned up", "begins"]
    assert kinds(await ended(first)) == ["CancelledError"] * 3


@in_loop
async def test_those_who_wait_for_its_end_are_cancelled_too() -> None:
    gate, runs = asyncio.Event(), []

    @versioned_lru_cache(version=1)
    async def f() -> int:
        runs.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            await gate.wait()
        return 0

    for _ in range(3):
        calls = begun(3, f)
        await turns()
        for call in calls:
            call.cancel()
        assert kinds(await ended(calls)) == ["CancelledError"] * 3
    assert runs == [1]
    gate.set()
    await turns()


@in_loop
async def test_a_function_that_swallows_its_cancellation_has_a_result_after_all() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f() -> list[str]:
        runs.append(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return ["after all"]

    calls = begun(3, f)
    await turns()
    for call in calls:
        call.cancel()
    assert kinds(await ended(calls)) == ["CancelledError"] * 3
    assert await asyncio.gather(f(), f()) == [["after all"]] * 2
    assert runs == [1]


@contextmanager
def heard() -> Iterator[list[dict[str, Any]]]:
    """What the loop's exception handler hears of."""
    loop, told = asyncio.get_running_loop(), list[dict[str, Any]]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        yield told
    finally:
        loop.set_exception_handler(before)


@in_loop
async def test_a_function_that_fails_while_it_is_cancelled() -> None:
    """The event loop hears of it where nobody else does. Who comes meanwhile gets the failure."""
    runs = []

    @versioned_lru_cache(version=1)
    async def f() -> None:
        runs.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            raise OSError("while it was cleaning up")

    for late in (0, 2):
        calls = begun(2, f)
        await turns()
        for call in calls:
            call.cancel()
        await turns(1)
        calls += begun(late, f)
        with heard() as told:
            found = await ended(calls)
            await turns()
        assert kinds(found) == ["CancelledError"] * 2 + ["OSError"] * late
        assert [str(context["exception"]) for context in told] == ["while it was cleaning up"] * (not late)
        for context in told:
            assert "f raised an exception while it was being cancelled" in context["message"]
            assert context["task"].get_name() == f"versioned_lru_cache {f.__qualname__}"
            del context["exception"]
    assert len(runs) == 2


@in_loop
async def test_what_else_fails_after_a_cancellation_is_heard_of() -> None:
    def picky(value: object) -> bool:
        raise OSError(f"can't tell of {value}")

    @versioned_lru_cache(version=1, cache_if=picky)
    async def f() -> int:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return 5

    with heard() as told:
        (call,) = begun(1, f)
        await turns()
        call.cancel()
        await ended([call])
        await turns()
        assert [str(context.pop("exception")) for context in told] == ["can't tell of 5"]


@in_loop
async def test_nobody_has_to_hear_of_a_cancellation() -> None:
    @versioned_lru_cache(version=1)
    async def f() -> None:
        await asyncio.Event().wait()

    with heard() as told:
        calls = begun(2, f)
        await turns()
        for call in calls:
            call.cancel()
        await ended(calls)
        await turns()
    assert told == []


@in_loop
async def test_a_function_that_raises_cancelled_error_is_its_callers_affair() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f() -> int:
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) == 1:
            raise asyncio.CancelledError("by itself")
        return len(runs)

    assert kinds(await ended(begun(5, f))) == ["CancelledError", "int", "int", "int", "int"]
    assert len(runs) == 2


@in_loop
async def test_a_caller_that_is_cancelled_twice() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    (waiter,) = await held.waiting(1, 1)
    for call in (leader, waiter):
        call.cancel()
        call.cancel()
    assert kinds(await ended([leader, waiter])) == ["CancelledError"] * 2
    await turns()
    assert held.log == ["cancelled"]


@in_loop
async def test_a_caller_that_swallows_its_cancellation_may_call_again() -> None:
    held = HeldTask()

    async def stubborn() -> Any:
        try:
            return await held.f(1)
        except asyncio.CancelledError:
            return await held.f(1)

    call = asyncio.ensure_future(stubborn())
    await turns()
    call.cancel()
    assert await call == [1, 2]
    assert held.log == ["cancelled"]


@in_loop
async def test_a_caller_that_is_cancelled_in_the_very_turn_in_which_the_value_comes() -> None:
    held = HeldTask()
    calls = [await held.lead(1), *await held.waiting(3, 1)]
    held.gate.set()
    await turns(1)
    for call in calls[:2]:
        call.cancel()
    found = await ended(calls)
    assert found[2] == found[3] == [1, 1]
    assert held.log == []
    assert await held.f(1) == [1, 1]


@in_loop
async def test_timeouts_of_callers_end_only_their_own_wait() -> None:
    held = HeldTask()
    leader = asyncio.ensure_future(asyncio.wait_for(held.f(1), 0.02))
    await turns()
    (patient,) = await held.waiting(1, 1)
    with pytest.raises(asyncio.TimeoutError):
        await leader
    held.gate.set()
    assert await patient == [1, 1]
    assert held.runs == 1


@in_loop
async def test_a_cancelled_gather_takes_the_nested_computations_along_that_nobody_else_waits_for() -> None:
    log, gate = [], asyncio.Event()

    @versioned_lru_cache(version=1)
    async def part(x: int) -> int:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            log.append(x)
            raise
        return x

    @versioned_lru_cache(version=1)
    async def whole() -> list[int]:
        return list(await asyncio.gather(part(1), part(2), part(3)))

    caller, other = asyncio.ensure_future(whole()), asyncio.ensure_future(part(2))
    await turns()
    caller.cancel()
    await turns()
    assert sorted(log) == [1, 3]
    gate.set()
    assert await other == 2
    with pytest.raises(asyncio.CancelledError):
        await caller


ENDING = pytest.mark.parametrize("error", ends_of_programs.ENDS)


@pytest.mark.child
@ENDING
def test_what_ends_a_program_ends_it(error: str) -> None:
    """Where a program goes on nevertheless, one of those who wait takes over."""
    run_child(ends_of_programs.what_ends_a_program_ends_it, error)


@pytest.mark.child
@ENDING
def test_what_ends_a_program_ends_it_once(error: str) -> None:
    """Else it interrupts what the program does at its end as well. And nothing is logged of a task it has not made."""
    done = run_child(ends_of_programs.what_ends_a_program_ends_it_once, error)
    assert done.stderr == ""


@in_loop
async def test_a_generator_exit_of_the_function_is_its_callers() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f() -> int:
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) == 1:
            raise GeneratorExit
        return len(runs)

    assert kinds(await ended(begun(3, f))) == ["GeneratorExit", "int", "int"]


@TASKS_OF_ALL
@pytest.mark.parametrize("ends", ["run", "stopped", "collected"])
def test_after_a_loop_that_ended_in_mid_flight_another_works(ends: str) -> None:
    held: list[HeldTask] = []
    complaints: list[str] = []

    async def first() -> None:
        held.append(HeldTask())
        begun(3, held[0].f, 1)
        await turns()

    async def second() -> None:
        assert await asyncio.gather(*begun(3, held[0].f, 1)) == [[1, 2]] * 3

    if ends == "run":
        asyncio.run(first())
        assert held[0].log == ["cancelled"]
    else:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _loop, context: complaints.append(context["message"]))
        loop.run_until_complete(first())
        tasks = asyncio.all_tasks(loop)
        assert len(tasks) == 4
        loop.close()
        if ends == "collected":
            del loop, tasks
            held[0].gate = asyncio.Event()
            gc.collect()
    for _ in range(5):  # Loops of which one may lie where the first lay.
        held[0].f.cache_clear() if held[0].f.cache_info().currsize else None
        held[0].runs = 1
        run(second)
    assert set(complaints) <= {"Task was destroyed but it is pending!"}, "as without a cache"
    if ends == "stopped":
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        del tasks, task
        gc.collect()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="since Python 3.11")
@in_loop
async def test_a_failing_task_group_cancels_only_its_own() -> None:
    held = HeldTask()
    outside = await held.lead(1)

    async def fail() -> None:
        await turns()
        raise OSError("down")

    with pytest.raises(BaseException) as raised:  # noqa: PT011, PT012 # an ExceptionGroup, where there are any
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
            inside = group.create_task(held.f(1))
            group.create_task(fail())
    assert kinds(list(raised.value.exceptions)) == ["OSError"]  # type: ignore[attr-defined]
    assert inside.cancelled()
    held.gate.set()
    assert await outside == [1, 1]
    assert held.runs == 1
