"""AsyncRedisStore on a real server: the contract, event loops, tasks that are cancelled, leases of a loop."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.programs import redis_stores
from tests.stores.cutting_proxy import CuttingProxy
from tests.support.child import run
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import AsyncRedisStore, RedisStore
from versioned_lru_cache.testing import AsyncStoreContract

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.redis_server import RedisServer
    from versioned_lru_cache.stores import Lease

pytestmark = [pytest.mark.child, pytest.mark.slow]

ADDRESS, VERSION = bytes(range(32)), b"digest of version"[:16]


class TestAsyncRedisStore(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _with_server(self, server: RedisServer) -> None:
        self.server, self.namespace = server, uuid.uuid4().hex

    async def open_async_store(self) -> AsyncRedisStore:
        return AsyncRedisStore(self.server.url, namespace=self.namespace)


class Closing(AsyncRedisStore):
    """One that closes the client that it was given, as who made that would."""

    async def aclose(self) -> None:
        await super().aclose()
        await self._given.aclose()  # type: ignore[union-attr]


class TestWithTheUsersClient(TestAsyncRedisStore):
    async def open_async_store(self) -> AsyncRedisStore:
        return Closing(redis.asyncio.Redis(port=self.server.port), namespace=self.namespace)


async def held(store: AsyncRedisStore, version: bytes = VERSION) -> Lease:
    lease = await store.acquire(ADDRESS, version)
    assert lease is not None
    return lease


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    limit = time.monotonic() + 30
    while not await condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.01)


def test_it_shares_records_and_leases_with_the_plain_one(server: RedisServer) -> None:
    plain = RedisStore(server.url, namespace="test")

    async def main() -> None:
        async with AsyncRedisStore(server.url, namespace="test") as store:
            lease = await held(store)
            assert plain.acquire(ADDRESS, VERSION) is None
            assert await store.save(lease, b"awaited")
            await store.release(lease)
            other = plain.acquire(ADDRESS, VERSION)
            assert other is not None
            assert plain.load(ADDRESS) == b"awaited"
            assert plain.save(other, b"plain")
            assert await store.load(ADDRESS) == b"plain"

    asyncio.run(main())
    plain.close()


def test_one_store_serves_one_loop_after_another(server: RedisServer) -> None:
    store = AsyncRedisStore(server.url, namespace="test")

    async def main(number: int) -> None:
        async with store:
            lease = await held(store)
            assert await store.save(lease, b"%d" % number)
            await store.release(lease)
            assert await store.load(ADDRESS) == b"%d" % number

    for number in range(3):
        asyncio.run(main(number))
    assert not store._clients


def test_a_lease_is_renewed_by_a_task_that_ends_with_the_last(server: RedisServer) -> None:
    async def main() -> None:
        async with AsyncRedisStore(server.url, namespace="test", lease_seconds=0.3) as store:
            other = AsyncRedisStore(server.url, namespace="test")
            lease = await held(store)
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                assert await other.acquire(ADDRESS, VERSION) is None
                await asyncio.sleep(0.02)
            assert "versioned_lru_cache leases" in names()
            assert await store.save(lease, b"record")
            await store.release(lease)
            await until(lambda: asyncio.sleep(0, "versioned_lru_cache leases" not in names()))
            await other.aclose()

    asyncio.run(main())


def names() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


def test_a_loop_that_is_blocked_past_its_lease_saves_over_nobody(server: RedisServer) -> None:
    plain = RedisStore(server.url, namespace="test")

    async def main() -> None:
        async with AsyncRedisStore(server.url, namespace="test", lease_seconds=0.2) as store:
            lease = await held(store)
            limit = time.monotonic() + 30
            while (later := plain.acquire(ADDRESS, VERSION)) is None:
                assert time.monotonic() < limit
                time.sleep(0.01)  # noqa: ASYNC251 - to block is what is tried
            assert plain.save(later, b"new")
            assert not await store.save(lease, b"old")
            await store.release(lease)
            plain.release(later)
            assert await store.load(ADDRESS) == b"new"

    asyncio.run(main())
    plain.close()


def test_a_task_that_is_cancelled_as_it_acquires_leaves_no_lease_behind(server: RedisServer) -> None:
    """At whatever moment: on its way there, while the server works, and on the way back."""

    async def main() -> None:
        store, other = (AsyncRedisStore(server.url, namespace="test") for _ in range(2))
        async with store, other:
            await store.load(ADDRESS)
            for turn in range(40):
                task = asyncio.ensure_future(store.acquire(ADDRESS, VERSION))
                for _ in range(turn % 20):
                    await asyncio.sleep(0)
                task.cancel()
                (done,) = (await asyncio.wait([task]))[0]
                if not done.cancelled():
                    lease = done.result()
                    assert lease is not None
                    await store.release(lease)
                began = time.monotonic()
                await other.wait(ADDRESS, VERSION, 30.0)
                lease = await other.acquire(ADDRESS, VERSION)
                assert lease is not None
                await other.release(lease)
                assert time.monotonic() - began < 5, "it ended by itself only"

    asyncio.run(main())


@pytest.mark.parametrize("kept", ["questions", "answers"])
def test_nor_does_one_that_is_cancelled_while_the_network_keeps_what_it_asked(server: RedisServer, kept: str) -> None:
    """Its question may come to the server later than what another connection gives back."""
    proxy = CuttingProxy(server.port)
    go = proxy.questions_go if kept == "questions" else proxy.answers_go

    async def main() -> None:
        other = AsyncRedisStore(server.url, namespace="test")
        async with AsyncRedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace="test", timeout=20) as store, other:
            await store.release(await held(store))
            go.clear()
            task = asyncio.ensure_future(store.acquire(ADDRESS, VERSION))
            await until(lambda: asyncio.sleep(0, proxy.keeps))
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            await asyncio.sleep(0.1)
            go.set()
        # Whoever closes the store waits until the lease is given back.
        async with other:
            await other.release(await held(other))

    asyncio.run(main())
    proxy.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_child_neither_renews_nor_saves_by_its_parents_lease(server: RedisServer) -> None:
    run(redis_stores.forks_beside_an_event_loop, server.url)


def test_one_of_many_tasks_and_processes_computes(server: RedisServer) -> None:
    runs: list[str] = []

    async def main() -> None:
        stores = [AsyncRedisStore(server.url, namespace="test") for _ in range(4)]

        def process(store: AsyncRedisStore) -> Any:
            @versioned_lru_cache("1", store=store, name="read", revision="1")
            async def read(key: str) -> list[str]:
                runs.append(key)
                await asyncio.sleep(0.2)
                return [key]

            return read

        functions = [process(store) for store in stores]
        found = await asyncio.gather(*(function("a") for function in functions for _ in range(3)))
        assert found == [["a"]] * 12
        await functions[0].cache_invalidate("a")
        assert await process(stores[1])("a") == ["a"]
        for store in stores:
            await store.aclose()

    asyncio.run(main())
    assert runs == ["a", "a"]


def test_a_server_that_is_away_costs_no_answer_and_comes_back(own_server: RedisServer) -> None:
    async def main() -> None:
        async with AsyncRedisStore(own_server.url, namespace="test", timeout=0.2) as store:

            @versioned_lru_cache("1", store=store, name="read", revision="1")
            async def read(key: str) -> list[str]:
                return [key]

            await read("a")
            own_server.kill()
            for number in range(20):
                assert await read(str(number)) == [str(number)]
            assert 1 <= read.cache_stats().store_errors <= 10
            own_server.start()
            await until(lambda: stored(store, read))

    asyncio.run(main())


async def stored(store: AsyncRedisStore, read: Any) -> bool:
    await read.cache_clear()
    await read("back")
    other: Any = versioned_lru_cache("1", store=store, name="read", revision="1")(read.__wrapped__)
    await other("back")
    return bool(other.cache_stats().store_hits)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (redis.Redis(), TypeError, "its methods are not awaited; give it to RedisStore"),
        (5, TypeError, r"must be a URL, a redis\.asyncio\.Redis"),
        (redis.asyncio.Redis().pipeline(), TypeError, "must be a URL"),
        (redis.asyncio.Redis(decode_responses=True), ValueError, "would break bytes"),
        ("http://localhost", ValueError, "redis://host:port/db is one"),
    ],
    ids=["plain", "int", "pipeline", "decodes", "url"],
)
def test_wrong_use_is_told(given: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        AsyncRedisStore(given, namespace="test")


def test_it_tells_where_its_server_is_and_no_password() -> None:
    store = AsyncRedisStore("redis://:secret@cache:1234/2", namespace="shop")
    assert repr(store) == "<AsyncRedisStore 'shop' at cache:1234/2>"
