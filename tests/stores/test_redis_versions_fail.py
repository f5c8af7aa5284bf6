"""Servers of counters that fail: calls are answered and never staler, the outage is logged once, and it ends."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.stores.cutting_proxy import CuttingProxy
from tests.support.calling import until
from versioned_lru_cache import VersionUnknown, session, versioned_lru_cache
from versioned_lru_cache.stores import AsyncRedisStore, RedisStore

if TYPE_CHECKING:
    from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.child, pytest.mark.slow]


class Data:
    """What is read, by a process of its own each."""

    def __init__(self) -> None:
        self.price = 1
        self.runs = 0

    def read(self, item: str) -> list[object]:
        self.runs += 1
        return [item, self.price]


def test_a_server_that_is_killed_and_started_again(own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    data = Data()
    store = RedisStore(own_server.url, namespace="test", timeout=0.2)
    version = store.counter("prices")
    read = versioned_lru_cache(version, store=store, name="read", revision="1")(data.read)
    for turn in range(3):
        data.price += 1
        until(lambda: version.bump() is not None)
        with session():
            assert read("tea") == ["tea", data.price]
            runs = data.runs
            assert read("tea") == ["tea", data.price]
            assert data.runs == runs
        own_server.kill()
        caplog.clear()
        data.price += 1
        for _ in range(20):
            with session():
                assert read("tea") == ["tea", data.price]
        assert sum("can't tell the versions" in record.message for record in caplog.records) == 1, turn
        with pytest.raises(redis.ConnectionError):
            version.bump()
        own_server.start()

        def is_back(version: Any = version) -> bool:
            try:
                return bool(version())
            except VersionUnknown:
                return False

        until(is_back)
        with session():
            assert read("tea") == ["tea", data.price], "all versions are others after the server has lost them"
        runs = data.runs
        with session():
            assert read("tea") == ["tea", data.price]
        assert data.runs == runs


def test_a_dead_server_costs_no_time_out_at_each_call(own_server: RedisServer) -> None:
    store = RedisStore(own_server.url, namespace="test", timeout=0.2)
    read = versioned_lru_cache(store.counter("prices"))(lambda: 1)
    read()
    own_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(50):
        assert read() == 1
    assert time.monotonic() - began < 2, "and not 50 times 0.2 seconds"
    own_server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("answered", [0, 1, 5, 20, 60])
def test_a_connection_that_is_cut_in_the_middle_of_an_answer(server: RedisServer, answered: int) -> None:
    proxy, namespace = CuttingProxy(server.port), uuid.uuid4().hex
    here = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace=namespace, timeout=1.0)
    there, data = RedisStore(server.url, namespace=namespace), Data()
    read = versioned_lru_cache(here.counter("prices"))(data.read)
    for _ in range(5):
        with session():
            assert read("tea") == ["tea", data.price]
        data.price += 1
        there.counter("prices").bump()
        proxy.cut_after(answered)
        with session():
            assert read("tea") == ["tea", data.price]
        proxy.cut_after(None)
    time.sleep(0.2)
    until(lambda: (read("tea"), data.runs)[1] == (read("tea"), data.runs)[1])
    proxy.close()


def test_a_full_server_tells_versions_and_takes_no_bumps(own_server: RedisServer) -> None:
    data, admin = Data(), own_server.client()
    store = RedisStore(own_server.url, namespace="test")
    version = store.counter("prices")
    read = versioned_lru_cache(version)(data.read)
    read("tea")
    admin.config_set("maxmemory", 1)
    runs = data.runs
    assert read("tea") == ["tea", 1]
    assert data.runs == runs
    with pytest.raises(redis.ResponseError):
        version.bump()
    admin.flushall()
    data.price = 2
    assert read("tea") == ["tea", 2], "it can't begin a new life"
    admin.config_set("maxmemory", 0)
    time.sleep(0.15)
    assert read("tea") == read("tea") == ["tea", 2]


def test_a_wrong_password_is_told(own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    own_server.client().config_set("requirepass", "right")
    store = RedisStore(own_server.url.replace("redis://", "redis://:wrong@"), namespace="test")
    read = versioned_lru_cache(store.counter("prices"))(lambda: 7)
    for _ in range(5):
        assert read() == 7
    assert len(caplog.records) == 1
    assert "AuthenticationError" in caplog.text
    assert "wrong" not in caplog.text


def test_what_may_be_stale_for_a_while_answers_meanwhile(own_server: RedisServer) -> None:
    data = Data()
    store = RedisStore(own_server.url, namespace="test", timeout=0.2)
    read = versioned_lru_cache(store.counter("prices"), stale_if_error=60)(data.read)
    first = read("tea")
    own_server.kill()
    for _ in range(5):
        assert read("tea") is first
    assert read("coffee") == ["coffee", 1]
    assert data.runs == 2


def test_coroutine_functions_are_answered_too(own_server: RedisServer) -> None:
    async def main() -> None:
        data = Data()
        async with AsyncRedisStore(own_server.url, namespace="test", timeout=0.2) as store:
            version = store.counter("prices")

            @versioned_lru_cache(version)
            async def read(item: str) -> list[object]:
                await asyncio.sleep(0)
                return data.read(item)

            first = await read("tea")
            assert await read("tea") is first
            own_server.kill()
            data.price = 2
            answers = await asyncio.gather(*(read("tea") for _ in range(5)))
            assert answers == [["tea", 2]] * 5
            own_server.start()
            await asyncio.sleep(0.3)
            assert await read("tea") is await read("tea")
            assert await read("tea") == ["tea", 2]

    asyncio.run(main())


def test_whatever_a_client_raises_calls_are_answered(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of clusters are no RedisError, and a client may be used in a loop that is not its own."""

    class Down(redis.Redis):
        def execute_command(self, *_: object, **__: object) -> Any:
            raise redis.exceptions.RedisClusterException("Redis Cluster cannot be connected")

    class Elsewhere(redis.asyncio.Redis):
        async def execute_command(self, *_: object, **__: object) -> Any:
            raise RuntimeError("Event loop is closed")

    store = RedisStore(Down(port=server.port), namespace="test")
    read = versioned_lru_cache(store.counter("prices"))(lambda: 7)
    assert [read(), read()] == [7, 7]
    assert len(caplog.records) == 1
    assert "Redis Cluster cannot be connected" in caplog.text
    awaited = AsyncRedisStore(Elsewhere(port=server.port), namespace="test")

    @versioned_lru_cache(awaited.counter("prices"))
    async def read_awaited() -> int:
        return 7

    assert [asyncio.run(read_awaited()) for _ in range(2)] == [7, 7]
    assert "Event loop is closed" in caplog.text
