"""Read sets of what threads and tasks read for a computation that is not known to be theirs."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.calling import Call, Gate
from tests.support.nested import Site, everywhere, in_each_place, still_or_moving, validations, with_tasks
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 20


# Threads that read for a computation. They began before it, in its session, so nothing tells that they are part of it.


@contextmanager
def pool() -> Iterator[Callable[[Any], Any]]:
    """Calls by a thread of a pool that has run already."""
    context = copy_context()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(context.run, int).result(LIMIT)
        yield lambda call: executor.submit(context.run, call).result(LIMIT)


@contextmanager
def worker() -> Iterator[Callable[[Any], Any]]:
    """Calls by a thread that takes them from a queue."""
    orders: queue.Queue[tuple[Any, Future[Any]] | None] = queue.Queue()

    def work() -> None:
        while (order := orders.get()) is not None:
            order[1].set_result(order[0]())

    def ask(call: Any) -> Any:
        answer: Future[Any] = Future()
        orders.put((call, answer))
        return answer.result(LIMIT)

    thread = threading.Thread(target=copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        yield ask
    finally:
        orders.put(None)
        thread.join(LIMIT)


@contextmanager
def new_thread() -> Iterator[Callable[[Any], Any]]:
    """Calls by a thread that is made for each, in a context from before."""
    context = copy_context()

    def ask(call: Any) -> Any:
        answers: list[Any] = []
        thread = threading.Thread(target=context.run, args=(lambda: answers.append(call()),), daemon=True)
        thread.start()
        thread.join(LIMIT)
        return answers[0]

    yield ask


@contextmanager
def context_of_before() -> Iterator[Callable[[Any], Any]]:
    """Calls by the same thread, in a context from before."""
    yield copy_context().run


WAYS = [pool, worker, new_thread, context_of_before]
each_way = pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])


@in_each_place
@each_way
@still_or_moving
async def test_what_a_thread_from_before_reads_for_a_computation(site: Site, way: Any, moves: bool) -> None:
    menu = site.cached("menu")
    ways: list[Any] = []
    report = site.cached("report", lambda: ways[0](menu))
    with site.new(), way() as ask:
        ways[:] = [ask]
        old = await site.call(menu)
        site.row += moves
        first = await site.call(report)
        assert first == ("report", 0, site.row, old)
        assert await site.call(report) is first
        assert report.cache_contains() is not moves
        assert validations(report) == (not moves, moves)
    with site.new(), way() as ask:
        ways[:] = [ask]
        again = await site.call(report)
        assert set(site.rows(again)) == {site.row}
        assert (again is first) is not moves


@in_each_place
@each_way
@still_or_moving
async def test_what_such_a_thread_reads_for_a_version_function(site: Site, way: Any, moves: bool) -> None:
    base, ways = site.cached("base"), list[Any]()

    def through() -> Any:
        return ways[0](base)

    top = site.cached("top", through, version=site.version("top", through))
    with site.new(), way() as ask:
        ways[:] = [ask]
        await site.call(base)
        site.row += moves
        await site.call(top)
        assert top.cache_contains() is not moves
    with site.new(), way() as ask:
        ways[:] = [ask]
        assert set(site.rows(await site.call(top))) == {site.row}


@each_way
def test_what_such_a_thread_reads_for_a_version_function_makes_nothing_newer(way: Any) -> None:
    """An old session finds unchanged what has changed. Another has asked before that, and been told of the change."""
    row, old, new = 1, dict[str, Any](), dict[str, Any]()
    place: dict[str, Any] = {}

    @versioned_lru_cache(lambda: row, session=lambda: place)
    def base() -> int:
        return row

    with way() as ask:

        @versioned_lru_cache(lambda: ask(base), session=lambda: place)
        def top(x: int) -> list[int]:
            return [x, row]

        top(1)
        place = old
        base()
        row, place = 2, new
        assert top(2) == [2, 2]
        place = old
        assert top(1) == [1, 1], "its version says so"
        place = new
        assert top(1) == [1, 2], "what an old session found unchanged is not newer for that"


@in_each_place
@each_way
@still_or_moving
async def test_what_such_a_thread_reads_for_a_version_function_that_is_asked_anew(
    site: Site, way: Any, moves: bool
) -> None:
    """Only this thread knows that it is for a validation: the other answers out of the session."""
    base, ways, found = site.cached("base"), list[Any](), list[Any]()

    def through() -> None:
        found[:] = [ways[0](base)]

    middle = site.cached("middle", version=site.version("middle", through, answer=lambda: found[0]))
    top = site.cached("top", middle)
    with site.new(), way() as ask:
        ways[:] = [ask]
        await site.call(middle)
        site.row += moves
        await site.call(top)
        assert top.cache_contains() is not moves
    with site.new(), way() as ask:
        ways[:] = [ask]
        assert set(site.rows(await site.call(top))) == {site.row}


@in_each_place
@each_way
@still_or_moving
async def test_what_such_a_thread_reads_for_what_is_computed_by_a_validation(site: Site, way: Any, moves: bool) -> None:
    """The version function that is asked anew uses a function, which has to be computed for that."""
    ways: list[Any] = []
    base = site.cached("base")
    middle = site.cached("middle", lambda: ways[0](base))
    part = site.cached("part", version=middle, version_args=())
    top = site.cached("top", part)
    with site.new(), way() as ask:
        ways[:] = [ask]
        await site.call(part)
        site.row += moves
        await site.call(top)
        assert top.cache_contains() is not moves
    for function in (middle, top):
        with site.new(), way() as ask:
            ways[:] = [ask]
            assert set(site.rows(await site.call(function))) == {site.row}


@in_each_place
@each_way
@still_or_moving
async def test_what_such_a_thread_computes_for_a_computation(site: Site, way: Any, moves: bool) -> None:
    """It is the inner result that rests on something older."""
    user = site.cached("user")
    menu = site.cached("menu", user)
    ways: list[Any] = []
    report = site.cached("report", lambda: ways[0](menu))
    with site.new(), way() as ask:
        ways[:] = [ask]
        await site.call(user)
        site.row += moves
        await site.call(report)
        assert report.cache_contains() is not moves
        assert menu.cache_contains() is not moves
    with site.new(), way() as ask:
        ways[:] = [ask]
        assert set(site.rows(await site.call(report))) == {site.row}


def test_what_others_do_in_the_session_meanwhile_costs_no_more_than_a_question() -> None:
    site, gate = Site(), Gate()
    menu = site.cached("menu")
    report = site.cached("report", gate.stop)
    with site.new():
        menu()
        slow = Call(report)
        gate.wait()
        Call(menu).result()
        gate.open()
        first = slow.result()
        assert report.cache_contains()
        assert site.asked["menu"] <= 2
    with site.new():
        assert report() is first


# Tasks that read for a computation.


@contextmanager
def worker_task() -> Iterator[Callable[[Any], Any]]:
    """Calls by a task that takes them from a queue, and began before."""
    orders: asyncio.Queue[tuple[Any, asyncio.Future[Any]]] = asyncio.Queue()

    async def work() -> None:
        while True:
            call, answer = await orders.get()
            answer.set_result(await call())

    async def ask(call: Any) -> Any:
        answer = asyncio.get_running_loop().create_future()
        await orders.put((call, answer))
        return await answer

    task = asyncio.ensure_future(work())
    try:
        yield ask
    finally:
        task.cancel()


@contextmanager
def gathered() -> Iterator[Callable[[Any], Any]]:
    """Calls by tasks of `gather`."""

    async def ask(call: Any) -> Any:
        return (await asyncio.gather(call(), call()))[0]

    yield ask


@contextmanager
def group() -> Iterator[Callable[[Any], Any]]:
    """Calls by a task of a group."""

    async def ask(call: Any) -> Any:
        async with asyncio.TaskGroup() as together:  # type: ignore[attr-defined]
            task = together.create_task(called(call))
        return task.result()

    yield ask


async def called(call: Any) -> Any:
    """What can be made a task of."""
    return await call()


TASKS = [worker_task, gathered, *([group] if sys.version_info >= (3, 11) else [])]


@with_tasks
@pytest.mark.parametrize("way", TASKS, ids=[way.__name__ for way in TASKS])
@still_or_moving
async def test_what_a_task_reads_for_a_computation(site: Site, way: Any, moves: bool) -> None:
    menu = site.cached("menu")
    ways: list[Any] = []
    report = site.cached("report", lambda: ways[0](menu))
    with site.new(), way() as ask:
        ways[:] = [ask]
        old = await site.call(menu)
        site.row += moves
        first = await site.call(report)
        assert first == ("report", 0, site.row, old)
        assert await site.call(report) is first
        assert report.cache_contains() is not moves
        assert validations(report) == (not moves, moves)
    with site.new(), way() as ask:
        ways[:] = [ask]
        again = await site.call(report)
        assert set(site.rows(again)) == {site.row}
        assert (again is first) is not moves


@everywhere
async def test_a_coroutine_function_of_which_many_calls_run_at_once(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        await site.call(menu)
        if site.awaited:
            await asyncio.gather(*[site.call(report, key) for key in range(10)])
        else:
            for key in range(10):
                await site.call(report, key)
        assert all(report.cache_contains(key) for key in range(10))
        assert site.asked["menu"] <= 11
    assert validations(report)[1] == 0
