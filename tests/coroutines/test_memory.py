"""Calls of coroutine functions keep nothing: not what they were given, not what they returned, not how they failed."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
import weakref
from types import CoroutineType
from typing import Any

import pytest

from tests.programs import tasks_memory
from tests.support.child import run as run_child
from tests.support.tasks import HeldTask, begun, ended, in_loop, run, turns
from versioned_lru_cache import session, versioned_lru_cache

WARNINGS = pytest.mark.thread_unsafe(reason="warnings are caught for the whole process")
COUNTED = pytest.mark.thread_unsafe(reason="counts references to what all threads use")


class Thing:
    """Something to keep alive."""


def watched(refs: list[weakref.ref[Any]]) -> Thing:
    """A thing of which a test will see whether it dies."""
    thing = Thing()
    refs.append(weakref.ref(thing))
    return thing


async def of_a_failure(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1)
    async def f() -> None:
        thing = watched(refs)
        await asyncio.sleep(0)
        raise ValueError(str(thing))

    await ended([f()])


async def of_a_failure_that_many_waited_for(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1)
    async def f() -> None:
        thing = watched(refs)
        await asyncio.sleep(0)
        raise ValueError(str(thing))

    await ended(begun(5, f))


async def of_a_computation_that_was_cancelled(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1)
    async def f() -> Thing:
        thing = watched(refs)
        await asyncio.Event().wait()
        return thing

    callers = begun(3, f)
    await turns()
    for caller in callers:
        caller.cancel()
    await ended(callers)


async def of_a_failure_after_its_caller_has_gone(refs: list[weakref.ref[Any]]) -> None:
    gate = asyncio.Event()

    @versioned_lru_cache(version=1)
    async def f() -> None:
        thing = watched(refs)
        await gate.wait()
        raise ValueError(str(thing))

    callers = begun(2, f)
    await turns()
    callers[0].cancel()
    gate.set()
    await ended(callers)


async def of_a_version_function_that_fails(refs: list[weakref.ref[Any]]) -> None:
    async def version() -> None:
        thing = watched(refs)
        await asyncio.sleep(0)
        raise ValueError(str(thing))

    @versioned_lru_cache(version)
    async def f() -> None: ...

    with session():
        await ended(begun(3, f))


async def of_a_value_that_was_evicted(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1, maxsize=1)
    async def f(x: int) -> Thing | int:
        await asyncio.sleep(0)
        return x or watched(refs)

    await ended(begun(3, f, 0))
    await f(1)


async def of_a_value_that_holds_its_cache(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1)
    async def f() -> Thing:
        thing: Any = watched(refs)
        thing.cache = f
        return thing  # type: ignore[no-any-return]

    await f()


async def of_an_argument_that_holds_its_call(refs: list[weakref.ref[Any]]) -> None:
    """Which has begun, and will never go on."""

    @versioned_lru_cache(version=1)
    async def f(thing: Any) -> None:
        await asyncio.sleep(0)

    thing: Any = watched(refs)
    thing.call = f(thing)
    thing.call.send(None)
    await turns()


async def of_an_argument_that_holds_its_own_new_call(refs: list[weakref.ref[Any]]) -> None:
    @versioned_lru_cache(version=1)
    async def f(thing: Any) -> None: ...

    thing: Any = watched(refs)
    thing.call = f(thing)
    f.__dict__["its_own"] = f(f)


@pytest.mark.parametrize(
    "scenario",
    [
        of_a_failure,
        of_a_failure_that_many_waited_for,
        of_a_computation_that_was_cancelled,
        of_a_failure_after_its_caller_has_gone,
        of_a_version_function_that_fails,
        of_a_value_that_was_evicted,
        of_a_value_that_holds_its_cache,
        of_an_argument_that_holds_its_call,
        of_an_argument_that_holds_its_own_new_call,
    ],
    ids=lambda scenario: scenario.__name__,
)
@WARNINGS
def test_nothing_is_left(scenario: Any) -> None:
    refs: list[weakref.ref[Any]] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*never awaited", RuntimeWarning)
        run(lambda: scenario(refs))
        gc.collect()
    assert refs
    assert [ref() for ref in refs if ref() is not None] == []


@COUNTED
def test_a_hit_keeps_no_reference() -> None:
    argument, value, name = (object(), object()), [object()], "a keyword"

    @versioned_lru_cache(version=1, maxsize=8)
    async def f(x: object, k: object = None) -> object:
        return value

    async def main() -> None:
        await f(argument)
        await f(argument, k=name)
        before = [sys.getrefcount(one) for one in (argument, value, name, f)]
        for _ in range(1000):
            await f(argument)
            await f(argument, k=name)
            f(argument, k=name).close()
        assert [sys.getrefcount(one) for one in (argument, value, name, f)] == before

    run(main)


@COUNTED
@in_loop
async def test_misses_that_many_wait_for_keep_no_reference() -> None:
    argument, value = (object(), object()), [object()]

    @versioned_lru_cache(version=1, maxsize=0)
    async def f(x: object) -> object:
        await asyncio.sleep(0)
        return value

    await ended(begun(10, f, argument))
    await turns()
    before = sys.getrefcount(argument), sys.getrefcount(value)
    for _ in range(50):
        await ended(begun(10, f, argument))
    await turns()
    gc.collect()
    assert (sys.getrefcount(argument), sys.getrefcount(value)) == before


@COUNTED
@in_loop
async def test_a_flight_forgets_waiters_that_have_gone() -> None:
    held, argument = HeldTask(), (object(), object())
    leader = await held.lead(argument)
    before = sys.getrefcount(argument)
    for _ in range(5):
        waiters = await held.waiting(10, argument)
        for waiter in waiters:
            waiter.cancel()
        await ended(waiters)
    del waiters, waiter
    await turns()  # the loop lets go of them too
    gc.collect()
    after = sys.getrefcount(argument)
    held.gate.set()
    assert (await leader)[1] == 1
    assert after == before


@pytest.mark.thread_unsafe(reason="counts what all threads hold")
@in_loop
async def test_a_computation_in_progress_takes_two_coroutines_more() -> None:
    """One for its caller and one for its task: each is visited by each collection while many computations begin."""
    gate, count = asyncio.Event(), 50

    async def plain(x: int) -> int:
        await gate.wait()
        return x

    async def coroutines_of(call: Any) -> int:
        def all_there_are() -> int:
            gc.collect()
            return sum(isinstance(each, CoroutineType) for each in gc.get_objects())

        gate.clear()
        before = all_there_are()
        tasks = [asyncio.ensure_future(call(x)) for x in range(count)]
        await turns()
        there = all_there_are() - before
        gate.set()
        assert await ended(tasks) == list(range(count))
        return there

    cached = versioned_lru_cache(version=1)(plain)
    assert await coroutines_of(cached) <= await coroutines_of(plain) + 2 * count


@pytest.mark.child
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured as Linux tells it")
@pytest.mark.parametrize(
    "call",
    tasks_memory.CALLS,
)
def test_many_calls_leave_memory_as_it_was(call: str) -> None:
    run_child(tasks_memory.many_calls_leave_memory_as_it_was, call, timeout=120)


@pytest.mark.child
def test_development_mode_has_nothing_to_say() -> None:
    """Which includes asyncio's debug mode."""
    done = run_child(tasks_memory.development_mode_has_nothing_to_say)
    assert (done.stdout, done.stderr) == ("", "")
