"""Servers and connections of Redis stores that fail: each answer is right, the failure is counted, and it ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.stores.cutting_proxy import CuttingProxy
from tests.support.calling import until
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.redis_server import RedisServer
    from versioned_lru_cache import CachedFunction
    from versioned_lru_cache.stores import Lease

pytestmark = [pytest.mark.child, pytest.mark.slow]

ADDRESS, VERSION = bytes(range(32)), b"digest of version"[:16]


def reader(url: str, **options: Any) -> CachedFunction[[str], list[str]]:
    """A function as a process has it."""
    store = RedisStore(url, namespace="test", **{"timeout": 0.2, **options})

    @versioned_lru_cache("1", store=store, name="read", revision="1")
    def read(key: str) -> list[str]:
        return [key] * 100

    return read


def is_shared(one: CachedFunction[[str], list[str]], url: str) -> bool:
    """Whether what one computes now another loads."""
    key = str(time.monotonic())
    assert one(key) == [key] * 100
    other = reader(url)
    assert other(key) == [key] * 100
    return other.cache_stats().store_hits == 1


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(server.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("answered", [0, 1, 5, 40, 300])
def test_a_connection_that_is_cut_in_the_middle_of_an_answer(
    server: RedisServer, proxy: CuttingProxy, answered: int
) -> None:
    url = f"redis://127.0.0.1:{proxy.port}/0"
    reader(url)("a")
    loads = reader(url)
    loads("another")
    proxy.cut_after(answered)
    assert loads("a") == ["a"] * 100
    for number in range(20):
        assert loads(str(number)) == [str(number)] * 100
    assert proxy.cuts
    assert loads.cache_stats().store_errors >= 1
    proxy.cut_after(None)
    until(lambda: is_shared(loads, url))


def test_no_answer_is_taken_for_that_of_another_question(server: RedisServer, proxy: CuttingProxy) -> None:
    """Threads and cuts at random: a connection that was left in the middle of an answer is never used again."""
    url = f"redis://127.0.0.1:{proxy.port}/0"
    store = RedisStore(url, namespace="test", timeout=0.5)
    direct = RedisStore(server.url, namespace="test")
    for number in range(50):
        lease = direct.acquire(address(number), VERSION)
        assert lease is not None
        direct.save(lease, b"%d " % number * 50)
    wrong: list[object] = []

    def load(first: int) -> None:
        for turn in range(150):
            number = (first + turn) % 50
            try:
                found = store.load(address(number))
            except redis.RedisError:
                continue
            if found != b"%d " % number * 50:
                wrong.append((number, found))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for cut in range(30):
        proxy.cut_after(cut * 37 % 400)
        until(lambda before=proxy.cuts: proxy.cuts > before or not any(each.is_alive() for each in threads))
        proxy.cut_after(None)
    for each in threads:
        each.join()
    assert not wrong
    assert proxy.cuts >= 10


def address(number: int) -> bytes:
    return ADDRESS[:16] + number.to_bytes(16, "big")


def test_a_lease_whose_answer_was_lost_ends_by_itself(server: RedisServer, proxy: CuttingProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace="test", lease_seconds=0.3, timeout=0.5)
    store.load(ADDRESS)
    proxy.cut_after(0)
    with pytest.raises(redis.RedisError):
        store.acquire(ADDRESS, VERSION)
    proxy.cut_after(None)
    began = time.monotonic()
    store.wait(ADDRESS, VERSION, 30.0)
    assert time.monotonic() - began < 5
    assert store.acquire(ADDRESS, VERSION) is not None


def test_a_load_whose_answer_was_lost_is_asked_for_once_more(server: RedisServer, proxy: CuttingProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace="test")
    assert store.save(acquired(store), b"record")
    for answered in (0, 1, 20):
        proxy.cut_after(answered, once=True)
        assert store.load(ADDRESS) == b"record"
    assert proxy.cuts == 3


def test_a_lease_whose_answer_was_lost_is_found_again_as_the_own(server: RedisServer, proxy: CuttingProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace="test")
    store.load(ADDRESS)
    store.release(acquired(store))
    proxy.cut_after(0, once=True)
    lease = acquired(store)
    assert proxy.cuts == 1
    assert RedisStore(server.url, namespace="test").acquire(ADDRESS, VERSION) is None
    assert store.save(lease, b"record")
    store.release(lease)
    acquired(store)


def test_a_delete_whose_answer_was_lost_has_removed_the_record_and_fenced(
    server: RedisServer, proxy: CuttingProxy
) -> None:
    """It answers that there was none, as the question that was asked again has found none."""
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace="test")
    lease = acquired(store)
    assert store.save(lease, b"record")
    assert not RedisStore(server.url, namespace="test").delete(bytes(32))
    proxy.cut_after(0, once=True)
    assert not store.delete(ADDRESS)
    assert proxy.cuts == 1
    assert store.load(ADDRESS) is None
    assert not store.save(lease, b"late")


def acquired(store: RedisStore) -> Lease:
    lease = store.acquire(ADDRESS, VERSION)
    assert lease is not None
    return lease


def test_a_server_that_is_slow_for_a_while(server: RedisServer) -> None:
    admin, loads = server.client(), reader(server.url)
    admin.execute_command("CLIENT", "PAUSE", 700, "ALL")
    began = time.monotonic()
    for number in range(10):
        assert loads(str(number)) == [str(number)] * 100
    assert time.monotonic() - began < 5
    assert loads.cache_stats().store_errors >= 1
    until(lambda: is_shared(loads, server.url))


def test_a_full_server_can_still_be_cleared(own_server: RedisServer) -> None:
    store, admin = RedisStore(own_server.url, namespace="test"), own_server.client()
    lease = store.acquire(ADDRESS, VERSION)
    assert lease is not None
    assert store.save(lease, b"record")
    admin.config_set("maxmemory", 1)
    with pytest.raises(redis.RedisError):
        store.acquire(ADDRESS, b"another version")
    with pytest.raises(redis.RedisError):
        store.save(lease, b"more")
    assert store.delete(ADDRESS), "and what is invalidated is removed"
    admin.config_set("maxmemory", 0)
    assert not store.save(lease, b"deleted")
    store.release(lease)
    lease = store.acquire(ADDRESS, VERSION)
    assert lease is not None
    assert store.save(lease, b"record")
    admin.config_set("maxmemory", 1)
    store.clear(ADDRESS[:16])
    admin.config_set("maxmemory", 0)
    assert store.load(ADDRESS) is None
    assert not store.save(lease, b"cleared")
    store.release(lease)


def test_a_full_server_that_evicts_brings_nothing_back(own_server: RedisServer) -> None:
    admin = own_server.client()
    used: Any = admin.info("memory")["used_memory"]
    admin.config_set("maxmemory", used + 2_000_000)
    admin.config_set("maxmemory-policy", "allkeys-random")
    store = RedisStore(own_server.url, namespace="test")
    for number in range(300):
        group = number % 5
        where = bytes([group]) * 16 + number.to_bytes(16, "big")
        if number % 50 == 49:
            store.clear(where[:16])
            assert store.load(where) is None
        lease = store.acquire(where, VERSION)
        assert lease is not None
        record = b"%d" % number * 10_000
        if store.save(lease, record):
            assert store.load(where) in (record, None)
        store.release(lease)
    assert admin.info("stats")["evicted_keys"] > 100


def test_a_wrong_password_is_told_once_and_right_answers_given(
    own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.client().config_set("requirepass", "right")
    loads = reader(own_server.url.replace("redis://", "redis://:wrong@"))
    for number in range(5):
        assert loads(str(number)) == [str(number)] * 100
    assert loads.cache_stats().store_errors >= 1
    assert len(caplog.records) == 1
    assert "AuthenticationError" in caplog.text
    assert "wrong@" not in caplog.text
    own_server.client(password="right").config_set("requirepass", "")
    own_server.client(password="right").execute_command("ACL", "SETUSER", "default", ">wrong")
    until(lambda: is_shared(loads, own_server.url.replace("redis://", "redis://:wrong@")))


def test_a_server_that_is_killed_and_started_again_and_again(own_server: RedisServer) -> None:
    loads = reader(own_server.url)
    for _ in range(3):
        until(lambda: is_shared(loads, own_server.url))
        errors = loads.cache_stats().store_errors
        own_server.kill()
        for number in range(10):
            assert loads(f"{time.monotonic()} {number}")
        assert loads.cache_stats().store_errors > errors
        own_server.start()
    until(lambda: is_shared(loads, own_server.url))
