"""RedisStore on a real server: the contract, leases of the dead, what the server forgets, and servers that fail."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests import ROOT
from tests.support.calling import until
from tests.support.redis_server import RedisServer
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import Lease, Pickle, RedisStore
from versioned_lru_cache.testing import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versioned_lru_cache import CachedFunction

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
]

ADDRESS, VERSION = bytes(range(32)), b"digest of version"[:16]


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.end()


@pytest.fixture
def server(shared_server: RedisServer) -> RedisServer:
    """One that lives longer than a test, and has nothing in it."""
    client = shared_server.client()
    client.flushall()
    client.config_resetstat()
    client.close()
    return shared_server


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """One of the test's own, which it may kill."""
    server = RedisServer()
    yield server
    server.end()


class TestRedisStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _with_server(self, server: RedisServer) -> None:
        self.server = server

    def open_store(self) -> RedisStore:
        return RedisStore(self.server.url, namespace="test")


class TestWithTheUsersClient(TestRedisStore):
    def open_store(self) -> RedisStore:
        return RedisStore(self.server.client(), namespace="test")


def store_of(server: RedisServer, **options: Any) -> RedisStore:
    return RedisStore(server.url, namespace="test", **options)


def held(store: RedisStore) -> Lease:
    lease = store.acquire(ADDRESS, VERSION)
    assert lease is not None
    return lease


# --- what the contract says, by itself


def test_a_lease_that_a_delete_has_fenced_saves_nothing(server: RedisServer) -> None:
    store = store_of(server)
    lease = held(store)
    store_of(server).delete(ADDRESS)
    assert not store.save(lease, b"deleted")
    assert store.load(ADDRESS) is None


def test_an_earlier_lease_replaces_nothing_of_a_later_one(server: RedisServer) -> None:
    store = store_of(server)
    earlier = held(store)
    later = store.acquire(ADDRESS, b"another version")
    assert later is not None
    assert store.save(later, b"new")
    assert not store.save(earlier, b"old")
    assert store.load(ADDRESS) == b"new"


# --- leases


def test_a_lease_is_renewed_as_long_as_its_holder_lives(server: RedisServer) -> None:
    store, other = store_of(server, lease_seconds=0.3), store_of(server, lease_seconds=0.3)
    lease = held(store)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert other.acquire(ADDRESS, VERSION) is None
        time.sleep(0.02)
    assert store.save(lease, b"record")
    store.release(lease)
    until(lambda: not any(each.name == "versioned_lru_cache leases" for each in threading.enumerate()))


def child(server: RedisServer, code: str) -> subprocess.Popen[str]:
    program = (
        "import sys, time\n"
        "from versioned_lru_cache.stores import RedisStore\n"
        f"store = RedisStore({server.url!r}, namespace='test', lease_seconds=0.5)\n"
        f"lease = store.acquire({ADDRESS!r}, {VERSION!r})\n"
        "print('held', flush=True)\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program + code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


def test_the_lease_of_a_process_that_was_killed_ends(server: RedisServer) -> None:
    with child(server, "time.sleep(60)") as holder:
        store = store_of(server)
        assert store.acquire(ADDRESS, VERSION) is None
        holder.kill()
    began = time.monotonic()
    store.wait(ADDRESS, VERSION, 30.0)
    assert time.monotonic() - began < 5
    held(store)


def test_a_process_that_was_stopped_past_its_lease_saves_over_nobody(server: RedisServer) -> None:
    code = "sys.stdin = None\ntime.sleep(1.5)\nprint(store.save(lease, b'old'), flush=True)"
    with child(server, code) as holder:
        holder.send_signal(signal.SIGSTOP)
        store = store_of(server)
        until(lambda: store.acquire(ADDRESS, VERSION) is not None)
        other = store_of(server)
        lease = other.acquire(ADDRESS, b"another version")
        assert lease is not None
        assert other.save(lease, b"new")
        holder.send_signal(signal.SIGCONT)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "False\n"
    assert store.load(ADDRESS) == b"new"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_child_does_not_hold_what_its_parent_holds(server: RedisServer) -> None:
    store = store_of(server, lease_seconds=0.3)
    lease = held(store)
    pid = os.fork()
    if pid == 0:
        found = store.load(ADDRESS) is None and store.acquire(ADDRESS, VERSION) is None
        os._exit(0 if found else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert store.save(lease, b"record")
    store.release(lease)


def test_a_waiter_asks_seldom(server: RedisServer) -> None:
    store, other = store_of(server), store_of(server)
    held(store)
    client = server.client()
    client.config_resetstat()
    other.wait(ADDRESS, VERSION, 3.0)
    asked = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    # After 5 ms each up to 50 ms, then 10 % later each time: some 10 + ln(3 / .05) / ln 1.1.
    assert 20 <= asked <= 70


# --- what the server forgets


@pytest.mark.parametrize("key", ["e", "n"])
def test_what_was_cleared_does_not_come_back_when_the_server_loses_a_key(server: RedisServer, key: str) -> None:
    store, client = store_of(server), server.client()
    lease = held(store)
    store.save(lease, b"cleared")
    late = store.acquire(ADDRESS, b"another version")
    assert late is not None
    store.clear(ADDRESS[:16])
    assert client.delete(f"vlru:test:{{{ADDRESS[:16].hex()}}}:{key}") == 1
    assert store.load(ADDRESS) is None
    assert not store.save(late, b"cleared")
    store.release(lease)
    again = held(store)
    assert again.token > late.token
    assert store.save(again, b"new")
    assert store.load(ADDRESS) == b"new"


def test_records_end_by_themselves(server: RedisServer) -> None:
    store = store_of(server, record_seconds=0.05)
    assert store.save(held(store), b"record")
    until(lambda: store.load(ADDRESS) is None)
    for_ever = store_of(server, record_seconds=None)
    assert for_ever.save(held_by_other_version(for_ever), b"record")
    assert server.client().ttl(f"vlru:test:{{{ADDRESS[:16].hex()}}}:r:{ADDRESS[16:].hex()}") == -1


def held_by_other_version(store: RedisStore) -> Lease:
    lease = store.acquire(ADDRESS, b"another version")
    assert lease is not None
    return lease


def test_all_keys_are_the_namespaces_and_a_restricted_user_is_enough(server: RedisServer) -> None:
    admin = server.client()
    page = (ROOT / "docs/stores.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^ACL SETUSER shop (.*?)\n```", page, re.DOTALL | re.MULTILINE)
    admin.execute_command("ACL", "SETUSER", "shop", *told.replace("vlru:shop:", "vlru:test:").split())
    store = RedisStore(f"redis://shop:secret@127.0.0.1:{server.port}/0", namespace="test")
    lease = held(store)
    assert store.save(lease, b"record")
    assert store.load(ADDRESS) == b"record"
    store.wait(ADDRESS, VERSION, 0.01)
    store.release(lease)
    assert store.delete(ADDRESS)
    store.clear(ADDRESS[:16])
    keys = admin.keys("*")
    assert keys
    assert all(key.startswith(b"vlru:test:{") for key in keys)
    commands = {name.removeprefix("cmdstat_") for name in admin.info("commandstats")}
    assert not {"scan", "flushdb"} & commands
    admin.execute_command("ACL", "DELUSER", "shop")


# --- functions


class Process:
    """A function as a process has it."""

    def __init__(self, server: RedisServer, **options: Any) -> None:
        self.runs: list[str] = []
        self.version = 1
        self.seconds = 0.0
        store = RedisStore(server.url, namespace="test", **{"timeout": 0.2, **options})

        @versioned_lru_cache(lambda: self.version, store=store, name="read", revision="1")
        def read(key: str) -> list[Any]:
            self.runs.append(key)
            time.sleep(self.seconds)
            return [key, self.version]

        self.read: CachedFunction[[str], list[Any]] = read


def test_functions_share_what_one_has_computed(server: RedisServer) -> None:
    one, other = Process(server), Process(server)
    assert one.read("a") == other.read("a") == ["a", 1]
    assert (one.runs, other.runs) == (["a"], [])
    one.version = other.version = 2
    assert other.read("a") == one.read("a") == ["a", 2]
    assert (one.runs, other.runs) == (["a"], ["a"])
    assert one.read.cache_invalidate("a")
    assert Process(server).read("a") == ["a", 1]


def test_many_that_miss_at_once_compute_once(server: RedisServer) -> None:
    processes = [Process(server) for _ in range(6)]
    for process in processes:
        process.seconds = 0.2
    with ThreadPoolExecutor(len(processes)) as pool:
        found = list(pool.map(lambda process: process.read("a"), processes))
    assert found == [["a", 1]] * 6
    assert sum(len(process.runs) for process in processes) == 1


def test_a_server_that_is_away_costs_no_answer_and_comes_back(
    own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(own_server)
    process.read("a")
    own_server.kill()
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            assert process.read(f"while away {number}") == [f"while away {number}", 1]
    assert len(caplog.records) == 1, "one line an outage"
    assert 1 <= process.read.cache_stats().store_errors <= 10, "it is left alone for a while"
    process.read.cache_invalidate("a")
    own_server.start()
    until(lambda: shares(process, own_server) or process.read.cache_clear())


def shares(process: Process, server: RedisServer) -> bool:
    process.read("when it is back")
    other = Process(server)
    other.read("when it is back")
    return not other.runs


def test_a_server_that_is_slow_costs_its_time_out_and_no_answer(own_server: RedisServer) -> None:
    process = Process(own_server)
    process.read("a")
    own_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for number in range(20):
        assert process.read(str(number)) == [str(number), 1]
    assert time.monotonic() - began < 5
    own_server.process.send_signal(signal.SIGCONT)
    until(lambda: shares(process, own_server) or process.read.cache_clear())


@pytest.mark.parametrize(
    ("command", "undo"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "requirepass", "secret"), None),
    ],
    ids=["full", "read-only", "password"],
)
def test_a_server_that_refuses_costs_no_answer(
    own_server: RedisServer, command: tuple[str, ...], undo: tuple[str, ...] | None
) -> None:
    admin = own_server.client()
    process = Process(own_server)
    admin.execute_command(*command)
    assert process.read("a") == ["a", 1]
    assert process.read.cache_stats().store_errors >= 1
    if undo is not None:
        admin.execute_command(*undo)
        until(lambda: shares(process, own_server) or process.read.cache_clear())


def test_a_restarted_server_that_knows_no_script_is_used(own_server: RedisServer) -> None:
    store = store_of(own_server)
    store.release(held(store))
    own_server.kill()
    own_server.start()
    assert store.save(held(store), b"record")
    assert store.load(ADDRESS) == b"record"


def test_a_planted_pickle_is_never_loaded(server: RedisServer, tmp_path: Any) -> None:
    codec = Pickle("a key that nobody else has, of this test")
    store = store_of(server, codec=codec)

    @versioned_lru_cache("1", store=store, name="pickled", revision="1")
    def pickled(key: str) -> set[str]:
        return {key}

    pickled("a")
    client = server.client()
    (key,) = [key for key in client.keys("*") if b":r:" in key]
    record = client.get(key)
    assert isinstance(record, bytes)
    planted = f"cposix\nsystem\n(S'touch {tmp_path}/ran'\ntR.".encode()
    client.set(key, record[:32] + planted)
    pickled.cache_clear()
    client.set(key, record[:32] + planted)
    again = versioned_lru_cache("1", store=store, name="pickled", revision="1")(pickled.__wrapped__)
    assert again("a") == {"a"}
    assert not (tmp_path / "ran").exists()


# --- wrong use


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"namespace": ""}, ValueError, "must name what is stored"),
        ({"namespace": "a{b"}, ValueError, "without braces"),
        ({"namespace": 5}, TypeError, "must be a str"),
        ({"client_or_url": 5}, TypeError, "must be a URL"),
        ({"client_or_url": redis.asyncio.Redis()}, TypeError, r"those of redis\.asyncio are none"),
        ({"client_or_url": redis.Redis(decode_responses=True)}, ValueError, "records are bytes; leave that out"),
        ({"lease_seconds": 0}, ValueError, "lease_seconds=0: must be 0.001 seconds or more"),
        ({"record_seconds": "a"}, TypeError, "record_seconds='a': must be a number of seconds"),
        ({"timeout": True}, TypeError, "must be a number of seconds"),
    ],
)
def test_wrong_use_is_told(given: dict[str, Any], error: type[Exception], said: str) -> None:
    given = {"client_or_url": "redis://localhost", "namespace": "test", **given}
    with pytest.raises(error, match=said):
        RedisStore(given.pop("client_or_url"), **given)


def test_a_clear_takes_a_whole_group(server: RedisServer) -> None:
    with pytest.raises(ValueError, match="must have 16 bytes"):
        store_of(server).clear(b"short")
