"""Calls that must import nothing. It imports as little as may be: that would not be noticed."""

from __future__ import annotations

import asyncio
import sys
import threading

from versioned_lru_cache import Versioned, session, versioned_lru_cache

versions = [1]


@versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9, stale_if_error=60)
def plain(x):
    return Versioned([x], versions[0])


@versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
async def awaited(x):
    await asyncio.sleep(0)
    return [x]


@versioned_lru_cache(lambda: versions[0])
def part(x):
    return [x]


@versioned_lru_cache(lambda: versions[0])
def whole(x):
    return [part(x)]


async def main():
    async with session():
        await asyncio.gather(awaited(1), awaited(1))
    versions[0] += 1
    await awaited(1)
    for _ in range(9):
        await asyncio.sleep(0)


def calls_import_nothing() -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    imported = []
    sys.addaudithook(lambda event, args: imported.append(args[0]) if event == "import" else None)
    with session():
        part(1)
        part(2)
        whole(1)
        plain(1)
    threads = [threading.Thread(target=plain, args=(2,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions[0] += 1
    plain(1)
    loop.run_until_complete(main())
    part.cache_put(Versioned([3], versions[0]), 3)
    assert part.cache_peek(4) is None
    assert not part.cache_contains(x=4)
    assert not part.cache_invalidate(4)
    part.cache_key(4)
    part.cache_info()
    part.cache_clear()
    with session(offline=True):
        try:
            part(5)
        except LookupError:
            versions.clear()
    assert not versions
    assert not imported, imported
