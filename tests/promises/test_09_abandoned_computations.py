"""Promise 9: computations that nobody will end, since their event loop is closed or their coroutine was dropped, leave
nothing, and hold nobody up."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Local:
    """Something that a computation holds."""


class Program:
    """Cached coroutine functions that stop where they are until `goes_on`, and what they hold meanwhile."""

    def __init__(self) -> None:
        self.held: list[weakref.ref[Local]] = []
        self.began = 0
        self.goes_on = False
        self.fails = False

        async def stop() -> None:
            local = Local()
            self.held.append(weakref.ref(local))
            self.began += 1
            if not self.goes_on:
                await asyncio.sleep(3600)
            if self.fails:
                raise OSError(str(local))

        @versioned_lru_cache(version=1)
        async def f(x: int) -> list[int]:
            await stop()
            return [x]

        async def version() -> int:
            await stop()
            return 1

        @versioned_lru_cache(version)
        async def versioned(x: int) -> list[int]:
            return [x]

        @versioned_lru_cache(version=1)
        async def around(x: int) -> list[int]:
            return await f(x)

        @versioned_lru_cache(version=1, stale_if_error=60)
        async def lasting(x: int) -> list[int]:
            await stop()
            return [x]

        self.functions: dict[str, Callable[[int], Awaitable[list[int]]]] = {
            "a function": f,
            "a version function": versioned,
            "a function in a function": around,
            "a function with old values": lasting,
        }


KINDS = list(Program().functions)


def closed_in_the_midst(program: Program, kind: str, waiters: int, *, within: bool) -> weakref.ref[Any]:
    """Run a computation, and some that wait for it, on an event loop that is closed before it ends."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    f = program.functions[kind]

    async def call() -> None:
        if within:
            async with session():
                await f(1)
        await f(1)

    async def main() -> None:
        tasks.extend(asyncio.ensure_future(call()) for _ in range(waiters + 1))
        for _ in range(9):
            await asyncio.sleep(0)
        assert program.began

    tasks: list[asyncio.Future[None]] = []
    loop.run_until_complete(main())
    tasks.clear()
    loop.close()
    return weakref.ref(loop)


@pytest.mark.parametrize("within", [False, True], ids=["alone", "in a session"])
@pytest.mark.parametrize("waiters", [0, 1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_that_is_closed_in_the_midst(kind: str, waiters: int, within: bool) -> None:
    program = Program()
    loop = closed_in_the_midst(program, kind, waiters, within=within)
    gc.collect()
    gc.collect()
    assert loop() is None, "the loop is collected"
    assert [ref() for ref in program.held] == [None] * len(program.held)
    program.goes_on = True
    assert asyncio.run(asyncio.wait_for(_await(program.functions[kind](1)), 10)) == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_waits_for_a_loop_that_is_closed(kind: str) -> None:
    """Before the collector comes, too."""
    program = Program()
    gc.disable()
    try:
        loop = closed_in_the_midst(program, kind, 1, within=False)
        program.goes_on = True
        assert asyncio.run(asyncio.wait_for(_await(program.functions[kind](1)), 10)) == [1]
        assert loop() is not None
    finally:
        gc.enable()


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def drop(coroutine: Any) -> None:
    del coroutine


def throw(coroutine: Any) -> None:
    with suppress(KeyError):
        coroutine.throw(KeyError("thrown"))


ENDS = {"dropped": drop, "closed": lambda coroutine: coroutine.close(), "thrown into": throw}


def calls() -> set[int]:
    """Return where what there is of calls lies, after a collection."""
    gc.collect()
    gc.collect()
    return {id(each) for each in gc.get_objects() if type(each).__name__ in {"Call", "Wait"}}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_coroutine_driven_by_hand(kind: str, end: str) -> None:
    """No event loop runs: the computation goes on in the caller's own coroutine."""
    program = Program()
    f = program.functions[kind]
    before = calls()

    class Stops:
        def __await__(self) -> Any:
            yield

    # What stops an awaited sleep without a loop.
    original = asyncio.sleep
    asyncio.sleep = lambda *_: _await(Stops())  # type: ignore[assignment]
    try:
        for turn in range(50):
            coroutine: Any = f(turn)
            coroutine.send(None)
            ENDS[end](coroutine)
            del coroutine
    finally:
        asyncio.sleep = original
    kept = calls() - before
    assert program.began == 50
    assert [ref() for ref in program.held if ref() is not None] == []
    assert not kept


@pytest.mark.parametrize("waiters", [0, 2])
def test_a_failure_in_a_loop_that_is_closed_then(waiters: int) -> None:
    """The exception's traceback leads to the frames that hold what waits for it."""
    program = Program()
    program.goes_on = program.fails = True
    loop = asyncio.new_event_loop()
    f = program.functions["a function"]

    async def main() -> list[Any]:
        return await asyncio.gather(*(f(1) for _ in range(waiters + 1)), return_exceptions=True)

    assert all(isinstance(error, OSError) for error in loop.run_until_complete(main()))
    ref = weakref.ref(loop)
    loop.close()
    del loop
    gc.collect()
    assert ref() is None
    assert [each() for each in program.held] == [None]


class Stopped(BaseException):
    """No failure for those who wait."""


def test_a_failure_that_its_caller_never_hears_of() -> None:
    """Its loop is closed before the caller goes on, which is the only one to be told."""
    held: list[weakref.ref[Local]] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)

    @versioned_lru_cache(version=1)
    async def f() -> None:
        local = Local()
        held.append(weakref.ref(local))
        loop.stop()
        raise Stopped

    task = loop.create_task(f())
    with suppress(RuntimeError, Stopped):
        loop.run_forever()
    assert held
    assert not task.done()
    del task
    loop.close()
    gc.collect()
    gc.collect()
    assert held[0]() is None
