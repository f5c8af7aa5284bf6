"""Cached coroutine functions: an awaited hit, beside a coroutine that does nothing, and many tasks at once.

functools and cachetools keep no results of coroutines, so they are not here. In the timed part of a hit there are only
the calls and their awaits.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from asking import KINDS
from libraries import PEERS, if_installed
from measuring import Sample, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from asking import Asked
    from libraries import Variant

    Awaited = Callable[[int], Coroutine[Any, Any, int]]

TRIVIAL = "trivial coroutine"
BODY = 0.05
TASKS = 1000
TURNS = 5
TIME_LIMIT = 60
KEY = 1
SIZE = 128


def peers() -> list[Variant]:
    """Those that are installed and know coroutine functions."""
    tried = [if_installed(PEERS[name]) for name in ("cachebox", "moka-py")]
    return [variant for variant in tried if variant]


def in_a_loop(context: Context, main: Callable[[], Coroutine[Any, Any, float]]) -> float:
    """Runs it in a new event loop, whose tasks have a copy of the context."""
    return context.run(asyncio.run, asyncio.wait_for(main(), TIME_LIMIT))


async def nanoseconds(function: Awaited, calls: int) -> float:
    """Awaits so many calls; gives how long one takes."""
    await function(KEY)
    began = time.perf_counter_ns()
    for _ in repeat(None, calls):
        await function(KEY)
    return (time.perf_counter_ns() - began) / calls


def hit(variant: Variant, calls: int) -> Sample:
    """Fills a cache and gives the sample that finds all in it."""
    runs: list[int] = []

    async def body(key: int) -> int:
        runs.append(key)
        return key

    function: Awaited = variant.cached(body, SIZE)

    def check() -> None:
        if len(runs) != 1:
            raise RuntimeError(f"{variant.name}: {len(runs)} runs for one key")

    return Sample(variant.name, lambda: in_a_loop(variant.context, partial(nanoseconds, function, calls)), check)


def trivial(calls: int) -> Sample:
    """What an await costs at least."""

    async def nothing(key: int) -> int:
        return key

    return Sample(TRIVIAL, lambda: in_a_loop(Context(), partial(nanoseconds, nothing, calls)))


def awaiting(own: Sequence[Variant], calls: int) -> Section:
    """The row of hits."""
    return Section(
        name="awaited hit",
        unit="ns",
        method="the call of a coroutine function and its await; ours without a session asks for the version each time",
        rows={"one key": lambda: [trivial(calls), *(hit(variant, calls) for variant in [*peers(), *own])]},
        base=TRIVIAL,
    )


def awaiting_asked(calls: int) -> Section:
    """The rows of hits in no session that ask for the version each time."""
    few = max(1, calls // 8)  # they take long
    return Section(
        name="awaited hit, asked version, no session",
        unit="ns",
        method="the call of a coroutine function and its await, which asks a plain version function; of ours, one bare "
        "call of that, or of os.stat for a file, is taken off within each round",
        rows={kind.name: partial(row_of_asked, kind, few) for kind in KINDS},
        base=TRIVIAL,
    )


def row_of_asked(kind: Asked, calls: int) -> list[Sample]:
    """Ours, beside the coroutine that does nothing."""
    return [trivial(calls), *kind.above_it(hit(kind.variant("ours"), calls), calls)]


class Stampede:
    """So many tasks on one cold key of a function that sleeps."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.executions: list[int] = []

    async def once(self) -> float:
        """Makes the tasks; gives the seconds from the first call to the last result."""
        runs: list[int] = []

        async def body(key: int) -> int:
            runs.append(key)
            await asyncio.sleep(BODY)
            return key

        function: Awaited = self.variant.cached(body, SIZE)
        began = time.perf_counter()
        found = await asyncio.gather(*[function(KEY) for _ in range(TASKS)])
        took = time.perf_counter() - began
        if found != [KEY] * TASKS:
            raise RuntimeError(f"{self.variant.name}: a task got something else")
        self.executions.append(len(runs))
        return took

    def best(self) -> float:
        """The best of some turns, as a multiple of the body's own time."""
        return min(in_a_loop(self.variant.context, self.once) for _ in range(TURNS)) / BODY

    def executed(self) -> float:
        """The executions of one turn: 1 is single-flight."""
        in_a_loop(self.variant.context, self.once)
        return max(self.executions)


def stampede_of_tasks(own: Sequence[Variant]) -> Section:
    """The rows of tasks."""
    variants = [*own[:2], *peers()]
    return Section(
        name="stampede of tasks",
        unit="multiples of the body's own time",
        method=f"from the first call to the last result, best of {TURNS}, on one cold key whose body sleeps "
        f"{BODY * 1000:.0f} ms; and how often the body ran",
        rows={
            f"{TASKS:,} tasks": lambda: [Sample(variant.name, Stampede(variant).best) for variant in variants],
            f"{TASKS:,} tasks, executions": lambda: [
                Sample(variant.name, Stampede(variant).executed) for variant in variants
            ],
        },
        base=None,
        most_rounds=1,
        warm_up=False,
        loops=1,
    )
