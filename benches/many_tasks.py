"""Many computations of a coroutine function at once, beside as many plain tasks."""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any

from awaiting import TIME_LIMIT, in_a_loop
from measuring import Sample, Section
from places import version
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Function = Callable[[int], Coroutine[Any, Any, int]]

KEYS = 16_000
PLAIN = "plain tasks"


class AtOnce:
    """So many tasks, each of which waits until all have begun."""

    def __init__(self, cached: Callable[[Function], Function]) -> None:
        self.cached = cached

    async def once(self) -> float:
        """Lets them go; gives the ms until the last is done."""
        begun, all_begun = 0, asyncio.Event()

        async def body(key: int) -> int:
            nonlocal begun
            begun += 1
            if begun == KEYS:
                all_begun.set()
            await all_begun.wait()
            return key

        function = self.cached(body)
        began = time.perf_counter_ns()
        found = await asyncio.gather(*map(function, range(KEYS)))
        took = time.perf_counter_ns() - began
        if begun != KEYS or found != list(range(KEYS)):
            raise RuntimeError(f"{begun:,} runs for {KEYS:,} keys")
        return took / 1e6


def many_tasks() -> Section:
    """The row of all of them."""
    variants: dict[str, Callable[[Function], Function]] = {
        PLAIN: lambda body: body,
        "ours, constant version": versioned_lru_cache("v1", maxsize=KEYS),
        "ours, version function": versioned_lru_cache(version, maxsize=KEYS),
    }

    def row() -> list[Sample]:
        return [Sample(name, partial(in_a_loop, Context(), AtOnce(cached).once)) for name, cached in variants.items()]

    return Section(
        name="many tasks",
        unit="ms",
        method=f"asyncio.gather() of {KEYS:,} calls of a coroutine function with different keys, each of which waits "
        f"until all have begun; at most {TIME_LIMIT} s",
        rows={f"{KEYS:,} computations at once": row},
        base=PLAIN,
        most_rounds=6,
        warm_up=False,
        loops=1,
    )
