"""Tasks that wait for each other's computations, or for their own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.support.constant import cached
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a coroutine function in a loop of its own, for no longer than half the time that the process has."""
    asyncio.run(asyncio.wait_for(main(), 30))


def recursion_with_the_same_key_computes_plainly(bound: dict[str, Any]) -> None:
    depth = 0

    @cached(**bound)
    async def f(x):
        nonlocal depth
        depth += 1
        await asyncio.sleep(0)
        return await f(x) if depth < 4 else depth

    async def main():
        assert await asyncio.gather(f(1), f(1), f(1)) == [4, 4, 4]
        assert depth == 4

    run(main)


# How a computation may call for itself: `f` directly, or through `g`.
AGAIN: dict[str, Callable[[Any, Any, int], Any]] = {
    "await asyncio.gather(f(x), f(x))": lambda f, g, x: asyncio.gather(f(x), f(x)),
    "await asyncio.create_task(f(x))": lambda f, g, x: asyncio.create_task(f(x)),
    "await asyncio.wait_for(f(x), 20)": lambda f, g, x: asyncio.wait_for(f(x), 20),
    "await asyncio.shield(f(x))": lambda f, g, x: asyncio.shield(f(x)),
    "await asyncio.gather(g(x), g(x))": lambda f, g, x: asyncio.gather(g(x), g(x)),
    "await asyncio.to_thread(asyncio.run, f(x))": lambda f, g, x: asyncio.to_thread(asyncio.run, f(x)),
}


def a_task_of_a_computation_that_wants_its_own_ancestor(again: str) -> None:
    runs = []

    @cached()
    async def f(x):
        runs.append(x)
        await asyncio.sleep(0)
        if len(runs) == 1:
            return await AGAIN[again](f, g, x)
        return x

    @cached()
    async def g(x):
        return await f(x)

    async def main():
        for value in await asyncio.gather(f(1), f(1)):
            assert value in (1, [1, 1]), "of the outer or of an inner computation"
        assert 2 <= len(runs) <= 3, runs

    run(main)


def a_circle_of_keys(tasks: int, bound: dict[str, Any]) -> None:
    runs = []

    async def main():
        all_run = asyncio.Event()

        @cached(**bound)
        async def f(x):
            runs.append(x)
            if runs.count(x) == 1:
                if len(runs) == tasks:
                    all_run.set()
                await all_run.wait()
                await asyncio.sleep(0)
                await f((x + 1) % tasks)
            return x

        assert await asyncio.gather(*[f(x) for x in range(tasks)]) == list(range(tasks))
        assert len(runs) == tasks + 1, "only one wait would have closed the circle"

    run(main)


def a_circle_of_functions_through_tasks_and_sessions(count: int) -> None:
    runs = []

    async def main():
        all_run = asyncio.Event()

        def function(number):
            @versioned_lru_cache(version=1)
            async def f():
                runs.append(number)
                if runs.count(number) == 1:
                    if len(runs) == count:
                        all_run.set()
                    await all_run.wait()
                    await asyncio.create_task(functions[(number + 1) % count]())
                return number

            return f

        async def call(number):
            with session():
                return await functions[number]()

        functions = [function(number) for number in range(count)]
        assert await asyncio.gather(*[call(number) for number in range(count)]) == list(range(count))
        assert len(runs) == count + 1, runs

    run(main)


def a_computation_that_waits_for_two_others_one_of_which_waits_for_it() -> None:
    runs = []

    async def main():
        begun = asyncio.Event()

        @cached()
        async def f(x):
            runs.append(x)
            if x == "top" and runs.count("top") == 1:
                await begun.wait()
                return await asyncio.gather(f("left"), f("right"))
            if x == "left" and runs.count("left") == 1:
                begun.set()
                await asyncio.sleep(0.01)
                return ["left with", await f("top")]
            return x

        top, left = asyncio.create_task(f("top")), asyncio.create_task(f("left"))
        found = await asyncio.gather(top, left)
        assert "right" in found[0], found
        assert len(runs) <= 5, runs

    run(main)


def a_circle_that_closes_through_a_version_function() -> None:
    runs = []

    async def version(x):
        return await f(x) if x else 1

    @versioned_lru_cache(version)
    async def g(x):
        return x

    @versioned_lru_cache(version=1)
    async def f(x):
        runs.append(x)
        await asyncio.sleep(0)
        if runs.count(x) == 1:
            await g(x)
        return x

    async def main():
        with session():
            assert await asyncio.gather(f(1), g(1), f(1), g(1)) == [1, 1, 1, 1]
        assert await asyncio.gather(f(2), g(2), f(2), g(2)) == [2, 2, 2, 2]

    run(main)


def a_version_function_that_calls_its_own_function() -> None:
    depth = 0

    async def version():
        nonlocal depth
        depth += 1
        return await f() if depth < 3 else 1

    @versioned_lru_cache(version)
    async def f():
        return 7

    async def main():
        with session():
            assert await f() == 7
            assert await asyncio.gather(f(), f()) == [7, 7]

    run(main)


def deep_recursion_is_a_recursion_error_or_ends() -> None:
    @cached(maxsize=None)
    async def f(n):
        return n and 1 + await f(n - 1)

    async def main():
        with suppress(RecursionError):
            assert await f(3000) == 3000  # each in a task of its own, so no stack grows
        assert await f(5) == 5

    run(main)
