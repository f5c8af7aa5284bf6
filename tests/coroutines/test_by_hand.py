"""What a call of a cached coroutine function returns, as an object: awaited, driven by hand, or forgotten."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import inspect
import types
import warnings
from contextvars import copy_context
from typing import Any

import pytest

from tests.support.tasks import in_loop, run
from versioned_lru_cache import versioned_lru_cache

WARNINGS = pytest.mark.thread_unsafe(reason="warnings are caught for the whole process")


def cached() -> Any:
    """A function that waits for a turn of the loop."""

    @versioned_lru_cache(lambda x: 1)
    async def f(x: int) -> list[int]:
        await asyncio.sleep(0)
        return [x]

    return f


def test_it_is_a_coroutine() -> None:
    f = cached()
    call = f(1)
    assert isinstance(call, collections.abc.Coroutine)
    assert isinstance(call, collections.abc.Awaitable)
    assert inspect.isawaitable(call)
    assert asyncio.iscoroutine(call)
    assert call.__await__() is call
    assert (call.__name__, call.__qualname__) == (f.__name__, f.__qualname__)
    assert call.cr_running is False
    assert call.cr_await is None
    assert repr(call) == "<coroutine of cached cached.<locals>.f>"
    call.close()
    with pytest.raises(TypeError, match="CachedCoroutine"):
        type(call)()


@in_loop
async def test_awaited_twice_is_an_error() -> None:
    f = cached()
    for _ in ["miss", "hit"]:
        call = f(1)
        await call
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await call


@in_loop
async def test_awaited_by_two_tasks_is_an_error_for_one() -> None:
    call = cached()(1)

    async def wait() -> Any:
        return await call

    found = await asyncio.gather(wait(), wait(), return_exceptions=True)
    assert [type(one) for one in found] == [list, RuntimeError]


@WARNINGS
def test_never_awaited_is_told() -> None:
    f = cached()
    with pytest.warns(RuntimeWarning, match=r"coroutine 'cached.<locals>.f' was never awaited"):
        f(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(1).close()
        asyncio.run(f(1))
        asyncio.run(f(1))
        call = f(1)
        with pytest.raises(KeyError):
            call.throw(KeyError)
        del call
        gc.collect()
    assert caught == []


@WARNINGS
def test_never_awaited_is_told_after_an_awaited_one_was_collected() -> None:
    class Node:
        call: Any

    @versioned_lru_cache("v1", maxsize=0)
    async def holds_nothing(node: Node) -> None:
        pass

    f = cached()
    for _ in range(3):
        node = Node()
        node.call = holds_nothing(node)
        asyncio.run(awaits(node.call))
        del node
        gc.collect()
        with pytest.warns(RuntimeWarning, match="never awaited"):
            f(1)


async def awaits(call: Any) -> Any:
    return await call


def test_never_awaited_is_told_where_an_exception_is_on_its_way() -> None:
    f = cached()

    def forgets() -> None:
        call = f(1)
        assert call
        raise KeyError("on its way")

    with pytest.warns(RuntimeWarning, match="never awaited"), pytest.raises(KeyError, match="on its way"):  # noqa: PT012, PT031
        try:
            forgets()
        except KeyError as error:
            error.__traceback__ = None
            raise


def steps(call: Any) -> tuple[list[object], object]:
    """Drives a coroutine to its end outside of any loop: what it yields, and what it returns."""
    yielded = []
    while True:
        try:
            yielded.append(call.send(None))
        except StopIteration as stop:  # noqa: PERF203 # the last one's
            return yielded, stop.value


@types.coroutine
def pause(value: object) -> Any:
    """Yields to whoever drives."""
    return (yield value)


def paused(log: list[object] | None = None) -> Any:
    """A function that stops once, and answers with what it was sent."""

    @versioned_lru_cache(version=1)
    async def f() -> object:
        try:
            return [await pause("stopped")]
        except ValueError as error:
            return error
        finally:
            (log if log is not None else []).append("left")

    return f


def test_a_loop_of_ones_own_drives_it() -> None:
    f = paused()
    yielded, value = steps(f())
    assert yielded == ["stopped"]
    assert value == [None]
    assert steps(f()) == ([], value), "a hit does not stop"


def test_what_is_sent_and_thrown_reaches_the_function() -> None:
    f, error = paused(), ValueError("thrown")
    call = f()
    assert call.send(None) == "stopped"
    with pytest.raises(StopIteration) as stop:
        call.send("sent")
    assert stop.value.value == ["sent"]
    f.cache_clear()
    call = f()
    assert call.send(None) == "stopped"
    with pytest.raises(StopIteration) as stop:
        call.throw(error)
    assert stop.value.value is error


def test_the_first_thing_sent_is_none() -> None:
    call = paused()()
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        call.send(1)
    assert steps(call) == (["stopped"], [None]), "it has not begun"


@pytest.mark.parametrize(
    ("thrown", "args"),
    [
        ((ValueError,), ()),
        ((ValueError, "why"), ("why",)),
        ((ValueError("why"),), ("why",)),
        ((ValueError, ValueError("why")), ("why",)),
        ((ValueError, None, None), ()),
    ],
)
@pytest.mark.filterwarnings("ignore:the .* signature of throw:DeprecationWarning")
def test_an_exception_thrown_before_the_first_send_ends_it(thrown: tuple[Any, ...], args: tuple[Any, ...]) -> None:
    f = paused()
    call = f()
    with pytest.raises(ValueError) as raised:  # noqa: PT011 # with and without a message
        call.throw(*thrown)
    assert raised.value.args == args
    with pytest.raises(RuntimeError, match="cannot reuse"):
        call.send(None)
    assert f.cache_info() == (0, 0, 128, 0)


def test_a_traceback_can_be_thrown_along() -> None:
    try:
        raise KeyError("from here")
    except KeyError as error:
        thrown = error
    call = paused()()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(KeyError) as raised:
            call.throw(KeyError, thrown, thrown.__traceback__)
    assert raised.value is thrown
    assert raised.traceback[-1].name == "test_a_traceback_can_be_thrown_along"


def test_close() -> None:
    log: list[object] = []
    f = paused(log)
    new, begun, over = f(), f(), f()
    new.close()
    new.close()
    assert begun.send(None) == "stopped"
    begun.close()
    assert log == ["left"]
    begun.close()
    steps(over)
    over.close()
    for call in (new, begun, over):
        with pytest.raises(RuntimeError, match="cannot reuse"):
            call.send(None)
    assert f.cache_info().currsize == 1


def test_calls_of_one_session_that_can_not_wait_for_each_other_return_one_object() -> None:
    ran: list[int] = []

    @versioned_lru_cache(lambda: 1, session={})
    async def f() -> list[int]:
        ran.append(len(ran))
        number = ran[-1]
        if number == 0:
            await pause("stopped")
        return [number]

    # A context each, as tasks of any loop have.
    first, mine, theirs = f(), copy_context(), copy_context()
    assert mine.run(first.send, None) == "stopped"
    _, between = theirs.run(steps, f())
    assert mine.run(steps, first) == ([], between)
    assert ran == [0, 1]


def test_a_closed_computation_leaves_no_trace() -> None:
    f = paused()
    call = f()
    assert call.send(None) == "stopped"
    call.close()
    assert f.cache_info() == (0, 1, 128, 0)
    assert steps(f()) == (["stopped"], [None])


@pytest.mark.parametrize(
    "value", [None, (), (1, 2), StopIteration(3), ValueError("value"), StopIteration], ids=lambda value: repr(value)
)
def test_any_value_comes_through(value: object) -> None:
    @versioned_lru_cache(version=1)
    async def f() -> object:
        return value

    async def main() -> None:
        assert await f() is value
        assert await f() is value

    run(main)
    for ask in (lambda call: call.send(None), next):
        with pytest.raises(StopIteration) as stop:
            ask(f())
        assert stop.value.value is value


@in_loop
async def test_a_stop_iteration_of_the_function_is_a_runtime_error() -> None:
    @versioned_lru_cache(version=1)
    async def f() -> None:
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        await f()


@in_loop
async def test_old_style_coroutines_can_yield_from_it() -> None:
    f = cached()

    @types.coroutine
    def old() -> Any:
        return (yield from f(1))

    assert await old() == [1]
    assert await old() == [1]
