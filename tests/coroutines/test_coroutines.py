"""Cached coroutine functions: what a call returns is a coroutine, and awaiting it is a call of the cache."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import weakref
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from tests.support.tasks import TASKS_OF_ALL, in_loop, run, turns
from versioned_lru_cache import Versioned, session, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.testing import MockClock

SINCE_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="since Python 3.11")
SINCE_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="since Python 3.12")


class CountedRuns:
    """A version, plain or awaited, and functions that are counted. A result tells which run it is of."""

    def __init__(self, asks: str = "plain") -> None:
        self.version: object = 1
        self.asked = 0
        self.runs = 0
        self.asks = asks

    def ask(self, *_args: object, **_named: object) -> object:
        self.asked += 1
        return self.version

    async def ask_awaited(self, *_args: object, **_named: object) -> object:
        await asyncio.sleep(0)
        return self.ask()

    def cached(self, **options: Any) -> Any:
        version = self.ask if self.asks == "plain" else self.ask_awaited

        @versioned_lru_cache(version, **options)
        async def f(x: Any = None, *, y: Any = None) -> list[Any]:
            self.runs += 1
            await asyncio.sleep(0)
            return [x, y, self.runs]

        return f


ASKS = pytest.mark.parametrize("asks", ["plain", "awaited"])


@ASKS
@in_loop
async def test_a_hit_gives_the_same_object_without_a_run(asks: str) -> None:
    world = CountedRuns(asks)
    f = world.cached()
    value = await f(1)
    assert await f(1) is value
    assert await f(x=1) is value, "by name it is the same call"
    assert await f(2) == [2, None, 2]
    assert f.cache_info() == (2, 2, 128, 2)
    assert world.asked == 4


@ASKS
@in_loop
async def test_a_changed_version_computes_anew(asks: str) -> None:
    world = CountedRuns(asks)
    f = world.cached()
    assert await f(1) == [1, None, 1]
    world.version = 2
    assert await f(1) == [1, None, 2]
    assert f.cache_peek(1) == Versioned([1, None, 2], 2)
    assert f.cache_info() == (0, 2, 128, 1)


@ASKS
@in_loop
async def test_a_session_asks_once(asks: str) -> None:
    world = CountedRuns(asks)
    f = world.cached()
    async with session():
        value = await f(1)
        world.version = 2
        assert await f(1) is value
        await f(2)
    assert world.asked == 2, "once per argument, since it takes them"
    assert f.cache_stats().version_calls == 2
    async with session() as entered:
        assert await f(1) is not value
        entered.renew()
        await f(1)
    assert world.asked == 4


@in_loop
async def test_a_version_function_without_parameters_is_asked_once_for_all_arguments() -> None:
    asked = []

    async def version() -> int:
        asked.append(1)
        return 1

    @versioned_lru_cache(version)
    async def f(x: int) -> int:
        return x

    @versioned_lru_cache(version)
    async def g(x: int) -> int:
        return x

    with session():
        assert [await f(1), await f(2), await g(1)] == [1, 2, 1]
    assert asked == [1], "both functions share the answer"


@pytest.mark.parametrize("kind", ["dict", "variable", "callable", "ambient"])
@in_loop
async def test_wherever_the_session_lies(kind: str) -> None:
    world, place = CountedRuns(), dict[str, Any]()
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    variable.set(place)
    bound = {"dict": place, "variable": variable, "callable": lambda: place, "ambient": None}[kind]
    f = world.cached(session=bound, version_args=())
    with session() if kind == "ambient" else session(place):
        assert await f(1) is await f(1)
        await f(2)
        assert world.asked == 1
    assert world.runs == 2


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
@in_loop
async def test_the_age_counts_from_the_start_of_the_computation() -> None:
    with MockClock() as clock:

        @versioned_lru_cache(version=1, ttl=10)
        async def f() -> object:
            clock.advance(4)
            await asyncio.sleep(0)
            return object()

        value = await f()
        clock.advance(5.9)
        assert await f() is value
        clock.advance(0.1)
        assert await f() is not value


@in_loop
async def test_typed_and_key() -> None:
    typed, keyed = CountedRuns().cached(typed=True), CountedRuns().cached(key=lambda x=None, y=None: x % 2)
    assert await typed(1) is not await typed(1.0)
    assert await typed(1) is await typed(1)
    assert await keyed(1) is await keyed(3)
    assert await keyed(1) is not await keyed(2)


@in_loop
async def test_cache_if_decides_what_is_stored() -> None:
    f = CountedRuns().cached(cache_if=lambda value: value[2] > 1)
    assert [(await f(1))[2], (await f(1))[2], (await f(1))[2]] == [1, 2, 2]
    assert f.cache_info() == (1, 2, 128, 1)


@in_loop
async def test_maxsize() -> None:
    nothing, one, all_ = (CountedRuns().cached(maxsize=size) for size in (0, 1, None))
    for f in (nothing, one, all_):
        for x in (1, 2, 1, 1):
            await f(x)
    assert nothing.cache_info() == (0, 4, 0, 0)
    assert one.cache_info() == (1, 3, 1, 1)
    assert all_.cache_info() == (2, 2, None, 2)


@in_loop
async def test_clear_invalidate_put_and_contains_are_plain() -> None:
    f = CountedRuns().cached()
    value = await f(1)
    assert f.cache_contains(1)
    assert f.cache_invalidate(1)
    assert not f.cache_contains(1)
    f.cache_put(Versioned("put", 1), 1)
    assert await f(1) == "put"
    f.cache_clear()
    assert f.cache_info() == (0, 0, 128, 0)
    assert await f(1) != value


@in_loop
async def test_the_original_decorator_takes_coroutine_functions() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g, generate_version_func=lambda: 0, module_name="reports"
    )
    async def report(x: int) -> list[int]:
        return [x]

    assert await report(1) is await report(1)
    assert g["lru_cache_versions"]["reports"]["report"] == "-1"


class Shop:
    """Every kind of method."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.runs: list[int] = []

    @versioned_lru_cache(version=1)
    async def price(self, x: int) -> list[int]:
        self.runs.append(x)
        await asyncio.sleep(0)
        return [x]

    @classmethod
    @versioned_lru_cache(version=1)
    async def of_class(cls, x: int) -> list[object]:
        await asyncio.sleep(0)
        return [cls, x]

    @staticmethod
    @versioned_lru_cache(version=1)
    async def static(x: int) -> list[int]:
        return [x]


@pytest.mark.thread_unsafe(reason="the class is shared")
@in_loop
async def test_methods() -> None:
    shop, other = Shop(), Shop()
    value = await shop.price(1)
    assert await shop.price(1) is value
    assert await other.price(1) is not value
    assert (shop.runs, other.runs) == ([1], [1])
    assert shop.price.cache_contains(1)
    assert shop.price.cache_invalidate(1)
    assert await shop.price(1) is not value
    assert await Shop.of_class(1) is await shop.of_class(1)
    assert await Shop.static(1) is await shop.static(1)
    assert inspect.iscoroutinefunction(shop.price) == inspect.iscoroutinefunction(Shop.price) is True
    gone = weakref.ref(shop)
    del shop
    gc.collect()
    assert gone() is None, "a result does not keep its instance"


@pytest.mark.thread_unsafe(reason="the class is shared")
@in_loop
async def test_an_instance_lives_as_long_as_a_call_of_it() -> None:
    call = Shop().price(1)
    gc.collect()
    assert await call == [1]


@in_loop
async def test_hit_or_miss_is_decided_when_it_is_awaited() -> None:
    world = CountedRuns()
    f = world.cached()
    early = f(1)
    assert (world.asked, world.runs) == (0, 0)
    assert f.cache_info() == (0, 0, 128, 0)
    value = await f(1)
    world.version = 2
    late = f(1)
    assert await early is not value, "it asks now, and the version has changed since"
    assert await late == [1, None, 2]
    assert f.cache_info() == (1, 2, 128, 1)


def test_the_function_stays_a_coroutine_function() -> None:
    f = CountedRuns().cached()
    assert inspect.iscoroutinefunction(f)
    assert inspect.iscoroutinefunction(f.__wrapped__)
    assert inspect.iscoroutinefunction(partial(f, 1))
    assert not inspect.isasyncgenfunction(f)
    assert str(inspect.signature(f)) == "(x: 'Any' = None, *, y: 'Any' = None) -> 'list[Any]'"
    plain: Any = versioned_lru_cache(version=1)(lambda: 1)
    assert not inspect.iscoroutinefunction(plain)


def test_a_partial_and_an_object_whose_call_is_a_coroutine_function() -> None:
    class Callable:
        async def __call__(self, x: int) -> list[int]:
            return [x]

    async def two(x: int, y: int) -> list[int]:
        return [x, y]

    async def main() -> None:
        called: Any = versioned_lru_cache(version=1)(Callable())
        part: Any = versioned_lru_cache(version=1)(partial(two, 1))
        assert await called(1) is await called(1)
        assert await part(2) is await part(2)
        assert await part(2) == [1, 2]

    run(main)


def test_a_plain_function_does_not_take_a_version_function_that_is_awaited() -> None:
    async def version() -> int:
        return 1

    with pytest.raises(TypeError, match="can't await its version"):

        @versioned_lru_cache(version)
        def f() -> int:
            return 1


async def agen() -> Any:
    yield 1


def gen() -> Any:
    yield 1


@pytest.mark.parametrize("function", [gen, agen], ids=["generator", "async generator"])
def test_generators_are_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="generator"):
        versioned_lru_cache(version=1)(function)

    async def f() -> int:
        return 1

    with pytest.raises(TypeError, match="generator"):
        versioned_lru_cache(function)(f)


@TASKS_OF_ALL
def test_asyncio_run_takes_it() -> None:
    f = CountedRuns().cached()
    value = asyncio.run(f(1))
    assert asyncio.run(f(1)) is value, "from one loop to the next, too"


@in_loop
async def test_gather_create_task_wait_for_wait_and_shield_take_it() -> None:
    f = CountedRuns().cached()
    value = await asyncio.create_task(f(1))
    assert await asyncio.gather(f(1), f(1)) == [value, value]
    assert await asyncio.wait_for(f(1), 5) is value
    assert await asyncio.wait_for(f(2), 5) == [2, None, 2]
    assert await asyncio.shield(f(1)) is value
    done, _ = await asyncio.wait([asyncio.ensure_future(f(1)), asyncio.ensure_future(f(3))])
    assert len(done) == 2
    assert await asyncio.ensure_future(f(1)) is value
    assert {(await next_)[0] for next_ in asyncio.as_completed([f(1), f(4)])} == {1, 4}


@in_loop
async def test_run_coroutine_threadsafe_takes_it() -> None:
    f = CountedRuns().cached()
    loop = asyncio.get_running_loop()
    values = [
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(f(1), loop).result(20)) for _ in range(2)
    ]
    assert values[0] is values[1]


@SINCE_3_11
@in_loop
async def test_task_groups_and_timeouts_take_it() -> None:
    f = CountedRuns().cached()
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
        tasks = [group.create_task(f(1)) for _ in range(5)]
    assert all(task.result() is tasks[0].result() for task in tasks)
    async with asyncio.timeout(5):  # type: ignore[attr-defined]
        assert await f(1) is tasks[0].result()


@SINCE_3_11
@in_loop
async def test_a_timeout_ends_a_computation_that_nobody_else_waits_for() -> None:
    log = []

    @versioned_lru_cache(version=1)
    async def f() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):  # type: ignore[attr-defined]
            await f()
    await turns()
    assert log in ([], ["ended"]), "it may not have begun"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):  # type: ignore[attr-defined]
            await f()
    await turns()
    assert log[-1:] == ["ended"]
    assert f.cache_info().currsize == 0


@SINCE_3_12
@in_loop
async def test_eager_tasks() -> None:
    runs = []

    @versioned_lru_cache(version=1)
    async def f(x: int) -> list[int]:
        runs.append(x)
        if x:
            await asyncio.sleep(0)
        return [x]

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    at_once = asyncio.create_task(f(0))
    assert at_once.done(), "a computation that waits for nothing is done at once, as it is without a cache"
    assert asyncio.create_task(f(0)).result() is at_once.result()
    first, *others = await asyncio.gather(*[f(1) for _ in range(10)])
    assert all(value is first for value in others)
    assert runs == [0, 1]
    leader, waiter = asyncio.create_task(f(2)), asyncio.create_task(f(2))
    leader.cancel()
    assert await waiter == [2]
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert runs == [0, 1, 2]


@in_loop
async def test_a_wrong_call_is_told_when_it_is_awaited() -> None:
    f = CountedRuns().cached()
    with pytest.raises(TypeError, match="positional argument"):
        await f(1, 2, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        await f(z=1)
    with pytest.raises(TypeError, match="unhashable"):
        await f([])
    assert f.cache_info().currsize == 0


@in_loop
async def test_a_version_that_is_no_version() -> None:
    async def version() -> Any:
        return []

    @versioned_lru_cache(version)
    async def f() -> int:
        return 1

    with pytest.raises(TypeError, match="unhashable"):
        await f()


@in_loop
async def test_a_plain_version_function_that_returns_a_coroutine_is_told() -> None:
    """As `lambda: client.get("version")` does, where it can't be seen at decoration."""
    made = []

    async def version() -> int:
        return 1

    def returns_a_coroutine() -> Any:
        made.append(version())
        return made[-1]

    @versioned_lru_cache(returns_a_coroutine)
    async def f() -> int:
        return 1

    try:
        with pytest.raises(TypeError, match="coroutine"):
            await f()
    finally:
        for one in made:
            one.close()
