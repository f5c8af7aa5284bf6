"""Blocks of `session()` that are left in another order, in another context, or in several at a time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.asking import CountedVersion
from tests.support.handle import HANDLE
from versioned_lru_cache import Session, current_session, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    assert current_session() is None
    yield
    assert current_session() is None


def block(*place: Any) -> Iterator[Session]:
    with session(*place) as own:
        yield own


def asks_each_time() -> bool:
    """Whether calls are sessions of their own, as where none is active."""
    world = CountedVersion()
    f = world.cached()
    return [world.asks(f), world.asks(f)] == [True, True]


def asks_once() -> bool:
    world = CountedVersion()
    f = world.cached()
    return [world.asks(f), world.asks(f), world.asks(f)] == [True, False, False]


# --- generators


def test_two_generators_that_end_in_the_order_in_which_they_began() -> None:
    first, second = block(), block()
    next(first)
    inner = next(second)
    first.close()
    assert current_session() is inner, "that is not the first one's to end"
    second.close()
    assert current_session() is None, "the first one's session is over"
    assert asks_each_time()


def test_the_same_within_a_session() -> None:
    with session() as outer:
        first, second, third = block(), block(), block()
        for each in (first, second, third):
            next(each)
        second.close()
        first.close()
        third.close()
        assert current_session() is outer
        assert asks_once()


def test_a_generator_that_outlives_the_session_around_it() -> None:
    with session():
        left = block()
        inner = next(left)
    assert current_session() is inner
    left.close()
    assert current_session() is None


def test_a_generator_abandoned_in_a_session() -> None:
    with session() as outer:
        left = block()
        next(left)
        del left
        gc.collect()
        assert current_session() is outer


def test_a_generator_that_another_context_closes() -> None:
    left = block()
    own = contextvars.copy_context()
    ended = own.run(next, left)
    with session() as foreign:
        left.close()
        assert current_session() is foreign, "that context's own session goes on"
    assert own.run(current_session) is None, "the other finds none that has ended"
    assert own.run(asks_each_time)
    assert [held for variable, held in own.items() if variable.name == "versioned_lru_cache session"] == [ended]


def test_a_generator_that_another_thread_closes() -> None:
    left = block()
    own = contextvars.copy_context()
    own.run(next, left)
    thread = threading.Thread(target=left.close)
    thread.start()
    thread.join()
    assert own.run(current_session) is None
    with own.run(session) as new:
        assert current_session() is new


def test_a_session_that_has_ended_is_not_begun_again_by_a_block_within_it() -> None:
    left = block()
    own = contextvars.copy_context()
    own.run(next, left)
    left.close()

    def within() -> None:
        with session():
            assert asks_once()
        assert current_session() is None
        assert asks_each_time()

    own.run(within)


def test_a_task_that_outlives_the_block() -> None:
    world = CountedVersion()
    f = world.cached()

    async def main() -> None:
        over = asyncio.Event()

        async def outliving() -> None:
            assert not world.asks(f)
            await over.wait()
            assert current_session() is None
            assert world.asks(f)
            world.version = 2
            assert f(1) == [1, 2], "never stale"
            with session():
                assert asks_once()
            assert current_session() is None

        async with session():
            f()
            task = asyncio.create_task(outliving())
            await asyncio.sleep(0)
        over.set()
        await task

    asyncio.run(main())


def test_a_task_of_a_block_that_has_ended_within_another_that_has_not() -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def outliving() -> None:
            await over.wait()
            assert current_session() is outer
            assert asks_once()

        async with session() as outer:
            async with session():
                task = asyncio.create_task(outliving())
                await asyncio.sleep(0)
            over.set()
            await task

    asyncio.run(main())


def test_what_an_ended_session_saw_can_still_be_looked_at() -> None:
    world = CountedVersion()
    f = world.cached(maxsize=2)
    with session() as ended:
        f(1)
    assert len(ended) == 1
    assert "over" in repr(ended)
    assert "miss" in ended.cache_status()
    ended.renew()
    assert (len(ended), "over" in repr(ended)) == (0, True)
    gone = weakref.ref(ended)
    del ended
    gc.collect()
    assert gone() is None


# --- one mapping


@pytest.mark.parametrize("before", [None, Session()])
def test_blocks_over_one_mapping_that_overlap(before: Session | None) -> None:
    place: dict[str, Any] = {} if before is None else {HANDLE: before}
    world = CountedVersion()
    f = world.cached(session=place)
    first, second, third = block(place), block(place), block(place)
    sessions = [next(each) for each in (first, second, third)]
    assert place[HANDLE] is sessions[2]
    second.close()
    first.close()
    assert place[HANDLE] is current_session(place) is sessions[2]
    third.close()
    assert place.get(HANDLE) is before, "what was there comes back, and nothing that has ended"
    if before is None:
        assert world.asks(f)
        assert not world.asks(f), "the first call began a session"


def test_a_session_that_a_block_hides_is_kept_for_those_above() -> None:
    place: dict[str, Any] = {HANDLE: Session()}
    before = weakref.ref(place[HANDLE])
    first, second = block(place), block(place)
    next(first)
    next(second)
    first.close()
    gc.collect()
    second.close()
    assert place[HANDLE] is before()


def test_an_ended_session_in_a_copy_of_the_mapping_is_none() -> None:
    place: dict[str, Any] = {}
    with session(place):
        copied = dict(place)
    world = CountedVersion()
    f = world.cached(session=copied)
    assert current_session(copied) is None
    assert [world.asks(f), world.asks(f)] == [True, True]


# --- one object


@pytest.mark.parametrize("place", [None, {}])
def test_tasks_in_one_session_object(place: dict[str, Any] | None) -> None:
    shared = session(place)

    async def main() -> None:
        inside = [asyncio.Event(), asyncio.Event()]
        found: list[Session] = []

        async def enter(number: int) -> None:
            async with shared as own:
                found.append(own)
                inside[number].set()
                await inside[1 - number].wait()
                assert current_session() is own
            assert current_session() is None

        await asyncio.gather(enter(0), enter(1))
        assert len(set(found)) == 2

    asyncio.run(main())
    assert place in (None, {})


@pytest.mark.parametrize("last_first", [False, True])
def test_threads_in_one_session_object(last_first: bool) -> None:
    place: dict[str, Any] = {}
    shared = session(place)
    entered, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]
    wrong: list[object] = []

    def enter(number: int) -> None:
        with shared as own:
            entered[number].set()
            leave[number].wait(60)
            if current_session() is not own:
                wrong.append((number, "inside"))
        if current_session() is not None:
            wrong.append((number, "after"))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(2)]
    for number in range(2):
        threads[number].start()
        assert entered[number].wait(60)
    for number in (1, 0) if last_first else (0, 1):
        leave[number].set()
        threads[number].join()
        assert (HANDLE in place) == any(each.is_alive() for each in threads), "the other's is there, once it is alone"
    assert wrong == []
    assert place == {}


def test_one_object_in_several_contexts() -> None:
    shared = session()
    contexts = [contextvars.copy_context() for _ in range(3)]
    sessions = [each.run(shared.__enter__) for each in contexts]
    assert len(set(sessions)) == 3
    for ending in (1, 2, 0):
        contexts[ending].run(shared.__exit__)
        active = [each.run(current_session) for each in contexts]
        sessions[ending] = None  # type: ignore[call-overload]
        assert active == sessions


def test_one_object_left_below_a_block_of_another() -> None:
    shared, context = session(), contextvars.copy_context()
    foreign = context.run(shared.__enter__)
    shared.__enter__()
    other = block()
    inner = next(other)
    shared.__exit__()
    assert current_session() is inner
    assert context.run(current_session) is foreign, "the one around the active session was meant"
    other.close()
    assert current_session() is None
    shared.__exit__()
    assert context.run(current_session) is None, "only that was left"


@pytest.mark.parametrize("place", [None, {}])
def test_blocks_that_each_end_within_the_next_leave_nothing_behind(place: dict[str, Any] | None) -> None:
    opened = [block(place)]
    gone = [weakref.ref(next(opened[0]))]
    for _ in range(100):
        opened.append(block(place))
        gone.append(weakref.ref(next(opened[-1])))
        opened.pop(0).close()
    gc.collect()
    assert sum(each() is not None for each in gone) <= 2
    opened.pop().close()
    assert place in (None, {})


def test_nested_in_itself() -> None:
    shared = session()
    with shared as outer:
        with shared as inner:
            assert current_session() is inner is not outer
        assert current_session() is outer


def test_left_without_having_been_entered() -> None:
    leave: Callable[[], None] = session().__exit__
    with pytest.raises(RuntimeError, match="not entered"):
        leave()
