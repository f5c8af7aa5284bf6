"""Promises 6 and 7 for tasks: per key, version and event loop one computation, whose result or failure all get."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.calling import Call
from tests.support.tasks import HeldTask, begun, ended, in_loop, run, turns, until
from versioned_lru_cache import Versioned, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

FORGET = pytest.mark.parametrize(
    "forget", [lambda f: f.cache_clear(), lambda f: f.cache_invalidate(1)], ids=["clear", "invalidate"]
)


@in_loop
async def test_a_thousand_tasks_share_one_computation() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    waiters = await held.waiting(999, 1)
    held.gate.set()
    value = await leader
    assert value == [1, 1]
    assert all(other is value for other in await asyncio.gather(*waiters))
    assert held.f.cache_info() == (999, 1, 128, 1), "who joins is a hit"
    assert await held.f(1) is value


@in_loop
async def test_other_keys_and_other_versions_do_not_wait() -> None:
    held = HeldTask()
    leader = await held.lead(-1)
    assert await held.f(-2) == [-2, 2]
    held.version = 2
    assert await held.f(-1) == [-1, 3]
    held.gate.set()
    assert await leader == [-1, 1]
    assert await held.f(-1) == [-1, 3], "the result of the older version has not replaced that of the newer"


@in_loop
async def test_sessions_of_one_version_share_a_computation() -> None:
    mine: ContextVar[dict[str, Any]] = ContextVar("mine")
    held = HeldTask(session=mine)

    async def call() -> Any:
        mine.set({})
        return await held.f(1), await held.f(1)

    calls = begun(10, call)
    await turns()
    held.gate.set()
    first, again = await calls[0]
    assert first is again
    assert all(value == (first, first) for value in await asyncio.gather(*calls))
    assert (held.runs, held.asked) == (1, 10)


@FORGET
@in_loop
async def test_what_is_forgotten_goes_to_those_who_waited_and_to_nobody_else(forget: Callable[[Any], object]) -> None:
    held = HeldTask()
    leader = await held.lead(1)
    waiters = await held.waiting(5, 1)
    forget(held.f)
    held.gate.set()
    value = await leader
    assert all(other is value for other in await asyncio.gather(*waiters))
    assert not held.f.cache_contains(1)
    assert await held.f(1) == [1, 2]


@FORGET
@in_loop
async def test_who_calls_after_what_runs_was_forgotten_computes_at_once(forget: Callable[[Any], object]) -> None:
    held = HeldTask()
    leader = await held.lead(1)
    waiters = await held.waiting(2, 1)
    forget(held.f)
    later = await held.f(1)
    assert later == [1, 2]
    held.gate.set()
    assert await leader == [1, 1]
    assert all(value is leader.result() or value is later for value in await asyncio.gather(*waiters))
    assert await held.f(1) is later


@in_loop
async def test_a_moved_version_supersedes() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    early = await held.waiting(2, 1)
    held.version = 2
    late = await asyncio.gather(*[held.f(1) for _ in range(5)])
    assert late == [[1, 2]] * 5
    held.gate.set()
    assert await leader == [1, 1]
    assert all(value is leader.result() or value is late[0] for value in await asyncio.gather(*early))
    assert await held.f(1) is late[0]


@in_loop
async def test_a_put_during_a_flight() -> None:
    held = HeldTask()
    leader = await held.lead(1)
    held.f.cache_put(Versioned("put", 1), 1)
    assert await held.f(1) == "put"
    held.gate.set()
    assert await leader == [1, 1]
    assert await held.f(1) == "put"


@in_loop
async def test_an_exception_is_theirs_too_after_one_run() -> None:
    held = HeldTask()
    held.raises = OSError("no answer")
    leader = await held.lead(1)
    waiters = await held.waiting(50, 1)
    held.gate.set()
    assert all(error is held.raises for error in await ended([leader, *waiters]))
    assert held.runs == 1
    assert held.f.cache_info() == (0, 1, 128, 0)
    assert await held.f(1) == [1, 2], "an exception is not remembered"


@in_loop
async def test_the_traceback_of_an_exception_does_not_grow_with_those_who_get_it() -> None:
    held = HeldTask()
    held.raises = OSError("no answer")
    leader = await held.lead(1)
    waiters = await held.waiting(100, 1)
    held.gate.set()
    await ended([leader, *waiters])
    length, traceback = 0, held.raises.__traceback__
    while traceback:
        length, traceback = length + 1, traceback.tb_next
    assert length < 20


@in_loop
async def test_a_failure_leaves_the_old_entry() -> None:
    held = HeldTask()
    held.f.cache_put(Versioned("old", 1), 1)
    held.version = 2
    held.raises = OSError()
    leader = await held.lead(1)
    waiters = await held.waiting(2, 1)
    held.gate.set()
    assert all(error is held.raises for error in await ended([leader, *waiters]))
    assert held.f.cache_peek(1) == ("old", 1)


@in_loop
async def test_a_failing_cache_if_fails_for_all() -> None:
    def cache_if(value: object) -> bool:
        raise OSError("can't tell")

    held = HeldTask(cache_if=cache_if)
    leader = await held.lead(1)
    waiters = await held.waiting(3, 1)
    held.gate.set()
    errors = await ended([leader, *waiters])
    assert [type(error) for error in errors] == [OSError] * 4
    assert held.runs == 1


@pytest.mark.parametrize("options", [{"maxsize": 0}, {"cache_if": lambda value: False}], ids=["maxsize", "cache_if"])
@in_loop
async def test_what_is_not_stored_is_shared_all_the_same(options: dict[str, Any]) -> None:
    held = HeldTask(**options)
    leader = await held.lead(1)
    waiters = await held.waiting(3, 1)
    held.gate.set()
    value = await leader
    assert all(other is value for other in await asyncio.gather(*waiters))
    assert await held.f(1) == [1, 2]


@in_loop
async def test_methods_share_a_computation_per_instance() -> None:
    gate, runs = asyncio.Event(), []

    class Shop:
        __hash__ = None  # type: ignore[assignment]

        @versioned_lru_cache(version=1)
        async def price(self, x: int) -> list[int]:
            runs.append(self)
            await gate.wait()
            return [x]

    shop, other = Shop(), Shop()
    calls = [*begun(5, shop.price, 1), *begun(5, other.price, 1)]
    await turns()
    gate.set()
    values = await asyncio.gather(*calls)
    assert len({id(value) for value in values}) == 2
    assert [run is shop for run in runs] == [True, False]


# The version function.

ASKS = pytest.mark.parametrize("kind", ["plain", "awaited"])


class AskedInTasks:
    """A version function, awaited or not, that is counted and fails as often as it is told to."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.gate = asyncio.Event()
        self.asked = 0
        self.failures: list[BaseException] = []

        def plain() -> int:
            self.asked += 1
            if self.failures:
                raise self.failures.pop()
            return 1

        async def awaited() -> int:
            self.asked += 1
            number = self.asked
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop()
            return number

        @versioned_lru_cache(plain if kind == "plain" else awaited, **options)
        async def f(x: int) -> list[int]:
            await asyncio.sleep(0)
            return [x]

        self.f: Any = f


@ASKS
@in_loop
async def test_a_thousand_tasks_of_a_session_ask_once(kind: str) -> None:
    asked = AskedInTasks(kind)
    with session():
        calls = begun(1000, asked.f, 1)
        await turns(3)
        calls += begun(10, asked.f, 2)
        asked.gate.set()
        values = await asyncio.gather(*calls)
    assert asked.asked == 1
    assert len({id(value) for value in values}) == 2


@in_loop
async def test_sessions_do_not_wait_for_each_others_version() -> None:
    asked = AskedInTasks("awaited")
    with session():
        one = begun(2, asked.f, 1)
        await turns()
    with session():
        other = begun(2, asked.f, 1)
        await turns()
    assert asked.asked == 2
    asked.gate.set()
    await asyncio.gather(*one, *other)


@in_loop
async def test_an_asker_that_is_cancelled_hands_over() -> None:
    asked = AskedInTasks("awaited")
    with session():
        calls = begun(5, asked.f, 1)
        await turns()
        for call in calls[:3]:
            call.cancel()
            await turns()
        assert asked.asked == 4
        asked.gate.set()
        found = await ended(calls)
    assert [type(one) for one in found] == [asyncio.CancelledError] * 3 + [list] * 2
    assert found[3] is found[4]


@in_loop
async def test_a_waiter_for_a_version_that_is_cancelled_leaves_the_others_alone() -> None:
    asked = AskedInTasks("awaited")
    with session():
        calls = begun(5, asked.f, 1)
        await turns()
        for call in calls[1:4]:
            call.cancel()
        await turns()
        asked.gate.set()
        found = await ended(calls)
    assert asked.asked == 1
    assert [type(one) for one in found] == [list, *[asyncio.CancelledError] * 3, list]


@in_loop
async def test_a_version_function_that_fails_fails_for_all_who_wait() -> None:
    asked, error = AskedInTasks("awaited"), OSError("down")
    asked.failures.append(error)
    with session():
        calls = begun(5, asked.f, 1)
        await turns()
        asked.gate.set()
        assert await ended(calls) == [error] * 5
        assert asked.asked == 1
        assert await asked.f(1) == [1], "the next call asks again"
    assert asked.asked == 2


@ASKS
@in_loop
async def test_a_version_function_that_raises_cancelled_error_hands_over(kind: str) -> None:
    asked = AskedInTasks(kind)
    asked.failures.append(asyncio.CancelledError())
    asked.gate.set()
    with session():
        found = await ended(begun(4, asked.f, 1))
    assert [type(one) for one in found] == [asyncio.CancelledError, list, list, list]
    assert asked.asked == 2


@pytest.mark.parametrize("leads", ["thread", "task"])
def test_a_task_and_a_thread_of_one_session_ask_once(leads: str) -> None:
    """A plain version function that both share. While the thread asks, the event loop goes on."""
    asking, go_on, asked, place = threading.Event(), threading.Event(), [], dict[str, Any]()

    def version() -> int:
        asked.append(1)
        asking.set()
        assert go_on.wait(20)
        return 1

    @versioned_lru_cache(version, session=place)
    async def awaited() -> str:
        return "awaited"

    @versioned_lru_cache(version, session=place)
    def plain() -> str:
        return "plain"

    async def main() -> None:
        thread = Call(plain)
        await until(asking.is_set)
        calls = begun(3, awaited)
        await turns()
        assert not any(call.done() for call in calls)
        go_on.set()
        assert await asyncio.gather(*calls) == ["awaited"] * 3
        await asyncio.to_thread(thread.result)

    async def other_way_round() -> None:
        loop_asks = begun(1, awaited)
        threading.Timer(0.05, go_on.set).start()
        await loop_asks[0]
        assert await asyncio.to_thread(plain) == "plain"

    run(main if leads == "thread" else other_way_round)
    assert asked == [1]


# The context.


@in_loop
async def test_the_function_runs_in_a_copy_of_the_leading_callers_context() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    gate, seen = asyncio.Event(), []

    @versioned_lru_cache(version=1)
    async def f() -> list[str]:
        seen.append(variable.get())
        await gate.wait()
        variable.set("the function's")
        return [variable.get()]

    async def call(name: str) -> str:
        variable.set(name)
        await f()
        return variable.get()

    calls = [asyncio.ensure_future(call(name)) for name in ("first", "second")]
    await turns()
    gate.set()
    assert await asyncio.gather(*calls) == ["first", "second"], "what it sets stays with it"
    assert seen == ["first"]


@in_loop
async def test_a_version_function_runs_in_its_askers_task_and_context() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    seen: list[object] = []

    async def version() -> int:
        await asyncio.sleep(0)
        seen.extend([variable.get(), asyncio.current_task()])
        return 1

    @versioned_lru_cache(version)
    async def f() -> None:
        seen.append(asyncio.current_task())

    variable.set("the caller's")
    await f()
    here = asyncio.current_task()
    assert seen[:2] == ["the caller's", here]
    assert seen[2] is not here, "the function has a task of its own"


@in_loop
async def test_nested_calls_are_in_the_session_of_the_leading_caller() -> None:
    mine: ContextVar[dict[str, Any]] = ContextVar("mine")
    versions, gate = {"part": 1}, asyncio.Event()

    @versioned_lru_cache(lambda: versions["part"], session=mine)
    async def part() -> int:
        return versions["part"]

    @versioned_lru_cache(version=1, session=mine)
    async def whole() -> int:
        await gate.wait()
        return await part()

    async def call(begins_with_part: bool) -> list[int]:
        mine.set({})
        return [*([await part()] if begins_with_part else []), await whole()]

    leader = asyncio.ensure_future(call(True))
    await turns()
    versions["part"] = 2
    other = asyncio.ensure_future(call(False))
    await turns()
    gate.set()
    assert await leader == [1, 1]
    assert await other == [2], "what rests on an older session's reads is not for a newer session"
    assert await call(False) == [2]


@in_loop
async def test_what_is_never_stored_is_shared_by_tasks_unless_they_never_wait() -> None:
    held = HeldTask(maxsize=0)
    calls = [await held.lead(1), *await held.waiting(3, 1)]
    held.gate.set()
    assert await ended(calls) == [[1, 1]] * 4
    assert await held.f(1) == [1, 2]

    apart = HeldTask(maxsize=0, wait=0)
    leader = await apart.lead(1)
    assert sorted(await ended(begun(3, apart.f, 1))) == [[1, 2], [1, 3], [1, 4]]
    apart.gate.set()
    assert await leader == [1, 1]
