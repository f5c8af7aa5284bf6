"""Many calls of coroutine functions, and what development mode says of them."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from contextlib import suppress

from versioned_lru_cache import session, versioned_lru_cache


@versioned_lru_cache(version=1, maxsize=64)
async def f(x):
    return [x]


@versioned_lru_cache(version=1, maxsize=3)
async def slow(x):
    await asyncio.sleep(0)
    return [x]


@versioned_lru_cache(version=1)
async def fails(x):
    raise ValueError(x)


async def hit(_):
    await f(1)


async def miss(n):
    await f(n)


async def slow_miss(n):
    await slow(n % 7)


async def shared(n):
    await asyncio.gather(slow(n), slow(n))


async def closed(n):
    f(n).close()


async def failing(n):
    with suppress(ValueError):
        await fails(n)


async def cancelled(n):
    task = asyncio.ensure_future(slow(n))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# What is called, and how many times.
CALLS = {
    "await f(1)": (hit, 100_000),
    "await f(n)": (miss, 100_000),
    "await slow(n % 7)": (slow_miss, 20_000),
    "await asyncio.gather(slow(n), slow(n))": (shared, 20_000),
    "f(n).close()": (closed, 20_000),
    "await failing(n)": (failing, 20_000),
    "await cancelled(n)": (cancelled, 20_000),
}


def memory() -> int:
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def many_calls_leave_memory_as_it_was(kind: str) -> None:
    call, count = CALLS[kind]

    async def main():
        for n in range(20_000):
            await call(n)
        before, objects = memory(), len(gc.get_objects())
        for n in range(count):
            await call(n)
        grown = memory() - before
        assert len(gc.get_objects()) < objects + 1000, len(gc.get_objects()) - objects
        assert grown < 2**20, grown

    asyncio.run(main())


def development_mode_has_nothing_to_say() -> None:
    if not sys.flags.dev_mode:
        done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", sys.orig_argv[-1]], timeout=60)
        sys.exit(done.returncode)

    @versioned_lru_cache(lambda x: 1)
    async def f(x):
        await asyncio.sleep(0)
        if x < 0:
            raise ValueError(x)
        return await f(x // 2) if x else [x]

    async def main():
        assert asyncio.get_running_loop().get_debug()
        with session():
            assert await asyncio.gather(*[f(20) for _ in range(50)]) == [[0]] * 50
        for error in await asyncio.gather(f(-1), f(-1), return_exceptions=True):
            assert isinstance(error, ValueError)
        tasks = [asyncio.create_task(f(21)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.wait_for(f(21), 5)

    asyncio.run(main())
