"""Processes that use one Redis store, and die in the middle of it."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
import warnings
from typing import TYPE_CHECKING

import redis

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import AsyncRedisStore, RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from versioned_lru_cache.stores import Lease

VERSION = b"version"
LEASE_SECONDS = 0.5


def address(number: int) -> bytes:
    return bytes(16) + number.to_bytes(16, "big")


def record(number: int) -> bytes:
    """What belongs to an address and nowhere else, of a length of its own."""
    return b"%d " % number * (number % 700 + 1)


def computes_one_for_all(url: str, number: int, at: float) -> None:
    """Calls a slow function at the same moment as the others; each computation counts itself in the server."""
    store = RedisStore(url, namespace="test")
    counts = redis.Redis.from_url(url)

    @versioned_lru_cache("1", store=store, name="slow", revision="1")
    def slow(key: str) -> list[str]:
        counts.incr("runs")
        time.sleep(0.3)
        return [key, "computed"]

    time.sleep(max(0.0, at - time.time()))
    assert slow("a") == ["a", "computed"], number


def writes_until_killed(url: str, seed: int) -> None:
    """Saves, loads and deletes at random; prints a line when it has begun, and what was wrong. Ends after a while."""
    drawn = random.Random(seed)
    end = time.monotonic() + 60
    store = RedisStore(url, namespace="test", lease_seconds=LEASE_SECONDS, timeout=0.5)
    print("begun", flush=True)
    while time.monotonic() < end:
        number = drawn.randrange(60)
        try:
            found = store.load(address(number))
            if found not in (None, record(number)):
                print(f"a wrong record at {number}", flush=True)
            lease = store.acquire(address(number), VERSION)
            if lease is None:
                store.wait(address(number), VERSION, 0.1)
                continue
            store.save(lease, record(number))
            store.release(lease)
            if drawn.random() < 0.1:
                store.delete(address(drawn.randrange(60)))
        except (redis.RedisError, OSError):
            time.sleep(0.01)


def forks_while_threads_use_it(url: str) -> None:
    """Parent and child go on, each with connections of its own; the child holds none of the leases."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Newer Pythons warn of forks beside threads.
    store = RedisStore(url, namespace="test", lease_seconds=LEASE_SECONDS)
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    ends, wrong = threading.Event(), list[object]()

    def use(number: int) -> None:
        while not ends.is_set():
            mine = store.acquire(address(number), VERSION)
            assert mine is not None
            store.save(mine, record(number))
            store.release(mine)
            if store.load(address(number)) != record(number):
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,), daemon=True) for number in range(10, 14)]
    for each in threads:
        each.start()
    children = [_forked(store, lease, number) for number in range(20, 25)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
    ends.set()
    for each in threads:
        each.join()
    assert not wrong
    assert store.save(lease, b"the parent's")
    store.release(lease)


def _forked(store: RedisStore, lease: Lease, number: int) -> int:
    time.sleep(0.05)
    child = os.fork()
    if not child:
        _exit_after(lambda: _child_uses_it(store, lease, number))
    return child


def _child_uses_it(store: RedisStore, lease: Lease, number: int) -> None:
    store.release(lease)
    mine = store.acquire(address(number), VERSION)
    assert mine is not None
    time.sleep(2 * LEASE_SECONDS)  # It is renewed in the child too.
    assert store.save(mine, record(number))
    store.release(mine)
    assert not store.save(lease, b"the child's")
    assert store.load(address(number)) == record(number)


def forks_beside_an_event_loop(url: str) -> None:
    """One child has a loop of its own, the other goes on in its parent's; both have none of the leases."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Newer Pythons warn of forks beside threads.
    store = AsyncRedisStore(url, namespace="test", lease_seconds=LEASE_SECONDS)
    loop = asyncio.new_event_loop()
    lease = loop.run_until_complete(store.acquire(address(1), VERSION))
    assert lease is not None

    async def is_not_mine() -> None:
        assert not await store.save(lease, b"the child's")
        await store.release(lease)
        assert await store.acquire(address(1), VERSION) is None
        mine = await store.acquire(address(2), VERSION)
        assert mine is not None
        await asyncio.sleep(2 * LEASE_SECONDS)
        assert await store.save(mine, record(2))
        await store.aclose()

    child = os.fork()
    if not child:
        _exit_after(lambda: asyncio.run(is_not_mine()))
    assert loop.run_until_complete(asyncio.to_thread(os.waitpid, child, 0))[1] == 0
    assert loop.run_until_complete(store.save(lease, b"the parent's"))
    child = os.fork()
    if not child:
        _exit_after(lambda: loop.run_until_complete(asyncio.sleep(3 * LEASE_SECONDS)))
    assert os.waitpid(child, 0)[1] == 0  # Meanwhile nothing of this loop runs.
    assert not loop.run_until_complete(store.save(lease, b"too late")), "the child has renewed it"
    loop.run_until_complete(store.aclose())
    loop.close()


def _exit_after(body: Callable[[], object]) -> NoReturn:
    status = 1
    try:
        body()
        status = 0
    finally:
        os._exit(status)
