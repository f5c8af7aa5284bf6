"""Redis stores where there is more than one server: a cluster, a pair with a Sentinel, and Valkey in place of Redis."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.support.redis_server import RedisServer, free_port
from versioned_lru_cache import VersionUnknown, versioned_lru_cache
from versioned_lru_cache.stores import AsyncRedisStore, RedisStore
from versioned_lru_cache.testing import AsyncStoreContract, StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.child, pytest.mark.slow]

SLOTS, NODES = 16384, 3
ADDRESS, VERSION = bytes(range(32)), b"digest of version"[:16]


def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 30
    while True:
        with contextlib.suppress(redis.RedisError):
            if condition():
                return
        assert time.monotonic() < limit
        time.sleep(0.02)


# --- a cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[RedisServer]]:
    """Three nodes, each with a third of the slots."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    bounds = [number * SLOTS // NODES for number in range(NODES + 1)]
    with contextlib.ExitStack() as stack:
        nodes = [started(stack, RedisServer(*options)) for _ in range(NODES)]
        for number, node in enumerate(nodes):
            admin = node.client()
            admin.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            admin.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
            admin.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        until(lambda: all(knows_all(node) for node in nodes))
        yield nodes


def started(stack: contextlib.ExitStack, server: RedisServer) -> RedisServer:
    """End a server with the block, whatever happens in it."""
    stack.callback(server.end)
    return server


def knows_all(node: RedisServer) -> bool:
    told: Any = node.client().execute_command("CLUSTER INFO")
    return bool(told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(NODES))


class TestRedisStoreInACluster(StoreContract):
    @pytest.fixture(autouse=True)
    def _with_cluster(self, cluster: list[RedisServer]) -> Iterator[None]:
        self.namespace = uuid.uuid4().hex
        self.client = redis.RedisCluster(host="127.0.0.1", port=cluster[0].port)
        yield
        self.client.close()

    def open_store(self) -> RedisStore:
        return RedisStore(self.client, namespace=self.namespace)


class ClosingStore(AsyncRedisStore):
    async def aclose(self) -> None:
        await super().aclose()
        await self._given.aclose()  # type: ignore[union-attr]


class TestAsyncRedisStoreInACluster(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _with_cluster(self, cluster: list[RedisServer]) -> None:
        self.port, self.namespace = cluster[0].port, uuid.uuid4().hex

    async def open_async_store(self) -> ClosingStore:
        client = redis.asyncio.RedisCluster(host="127.0.0.1", port=self.port)
        return ClosingStore(client, namespace=self.namespace)


def test_functions_are_spread_over_the_nodes_and_each_lies_on_one(cluster: list[RedisServer]) -> None:
    client = redis.RedisCluster(host="127.0.0.1", port=cluster[0].port)
    store = RedisStore(client, namespace="spread")
    for number in range(30):

        @versioned_lru_cache("1", store=store, name=f"function {number}", revision="1")
        def function(key: int) -> int:
            return key

        for key in range(3):
            assert function(key) == key
        assert function.cache_stats().store_errors == 0
    client.close()
    found: list[set[bytes]] = []
    for node in cluster:
        keys: Any = node.client().keys("vlru:spread:*")
        found.append({key[: key.index(b"}")] for key in keys})
    assert sum(len(each) for each in found) == 30, "no function lies on two nodes"
    assert all(found), "and no node has none"


def test_counters_of_a_cluster(cluster: list[RedisServer]) -> None:
    client = redis.RedisCluster(host="127.0.0.1", port=cluster[0].port)
    store = RedisStore(client, namespace=uuid.uuid4().hex)
    of_user = store.tags("user:7", "prices")
    before = of_user()
    assert store.bump("user") == of_user() != before
    pipe = client.pipeline()
    store.counter("prices").bump(pipe)
    pipe.execute()
    assert of_user() == store.counter("prices")()
    client.close()


@pytest.mark.parametrize("option", [{"read_from_replicas": True}, {"load_balancing_strategy": "random_replica"}])
def test_a_client_that_reads_from_replicas_is_refused(cluster: list[RedisServer], option: dict[str, Any]) -> None:
    if "load_balancing_strategy" in option:
        option = {"load_balancing_strategy": redis.cluster.LoadBalancingStrategy.RANDOM_REPLICA}
    with pytest.warns() if "read_from_replicas" in option else contextlib.nullcontext():
        client = redis.RedisCluster(host="127.0.0.1", port=cluster[0].port, **option)
    with pytest.raises(ValueError, match="reads from replicas, which may have what was deleted"):
        RedisStore(client, namespace="test")
    client.close()


# --- a pair with a Sentinel


class Pair:
    """A primary, a replica, and a Sentinel that watches them."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.primary = started(stack, RedisServer("--repl-diskless-sync-delay", "0"))
        self.replica = started(stack, RedisServer("--replicaof", "127.0.0.1", str(self.primary.port)))
        self.port = free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor prices 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds prices 300\nsentinel failover-timeout prices 2000\n"
        )
        self.process = subprocess.Popen(["redis-server", str(config), "--sentinel"], stdout=subprocess.DEVNULL)
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)
        self.sentinel = redis.Sentinel([("127.0.0.1", self.port)], socket_timeout=1.0)
        until(lambda: self.sentinel.discover_slaves("prices"))
        until(lambda: self.replica.client().info("replication")["master_link_status"] == "up")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        yield Pair(tmp_path, stack)


def test_a_store_of_a_sentinel_goes_on_with_the_replica(pair: Pair) -> None:
    client: Any = pair.sentinel.master_for("prices", socket_timeout=0.5, retry=None)
    store = RedisStore(client, namespace="test")
    lease = store.acquire(ADDRESS, VERSION)
    assert lease is not None
    assert store.save(lease, b"before")
    store.release(lease)
    until(lambda: in_step(pair))
    runs: list[str] = []

    @versioned_lru_cache("1", store=store, name="read", revision="1")
    def read(key: str) -> str:
        runs.append(key)
        return key

    version = store.counter("prices")
    before = [version(), version.bump()]
    until(lambda: in_step(pair))
    pair.primary.kill()
    until(lambda: read(f"meanwhile {time.monotonic()}") and pair.replica.client().role()[0] == b"master")
    until(lambda: store.load(ADDRESS) == b"before")
    until(lambda: tells(version))
    assert version() == before[1]
    assert version.bump() not in before
    later = store.acquire(ADDRESS, VERSION)
    assert later is not None
    assert later.token > lease.token
    assert store.save(later, b"after")
    assert store.load(ADDRESS) == b"after"
    store.release(later)
    store.close()
    client.close()


def tells(version: Callable[[], str]) -> bool:
    try:
        return bool(version())
    except VersionUnknown:
        return False


def in_step(pair: Pair) -> bool:
    """Whether the replica has all that the primary has written."""
    one, other = pair.primary.client().info("replication"), pair.replica.client().info("replication")
    return bool(one["master_repl_offset"] == other["slave_repl_offset"])


def test_a_store_of_a_sentinel_for_coroutine_functions(pair: Pair) -> None:
    async def main() -> None:
        sentinel = redis.asyncio.Sentinel([("127.0.0.1", pair.port)], socket_timeout=1.0)
        client: Any = sentinel.master_for("prices")
        store = AsyncRedisStore(client, namespace="test")
        lease = await store.acquire(ADDRESS, VERSION)
        assert lease is not None
        assert await store.save(lease, b"record")
        await store.release(lease)
        assert await store.load(ADDRESS) == b"record"
        with pytest.raises(ValueError, match="use master_for"):
            AsyncRedisStore(sentinel.slave_for("prices"), namespace="test")
        await store.aclose()
        await client.aclose()
        for each in sentinel.sentinels:
            await each.aclose()

    asyncio.run(main())


# --- Valkey


class TestRedisStoreOnValkey(StoreContract):
    __test__ = shutil.which("valkey-server") is not None

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _with_valkey(cls) -> Iterator[None]:
        cls.server = RedisServer(program="valkey-server")
        yield
        cls.server.end()

    server: RedisServer

    def setup_method(self) -> None:
        self.namespace = uuid.uuid4().hex

    def open_store(self) -> RedisStore:
        return RedisStore(self.server.url, namespace=self.namespace)
