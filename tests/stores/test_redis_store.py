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
from redis.cache import CacheConfig

from tests import ROOT
from tests.support.calling import until
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import Lease, Pickle, RedisStore
from versioned_lru_cache.stores._redis_plan import Held
from versioned_lru_cache.testing import StoreContract

if TYPE_CHECKING:
    from tests.support.redis_server import RedisServer
    from versioned_lru_cache import CachedFunction

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
]

ADDRESS, VERSION = bytes(range(32)), b"digest of version"[:16]


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


@pytest.mark.parametrize("version", [VERSION, b"another version"], ids=["the same version", "another version"])
def test_a_process_that_was_stopped_past_its_lease_saves_over_nobody(server: RedisServer, version: bytes) -> None:
    code = "sys.stdin = None\ntime.sleep(1.5)\nprint(store.save(lease, b'old'), flush=True)"
    with child(server, code) as holder:
        holder.send_signal(signal.SIGSTOP)
        store = store_of(server)
        store.wait(ADDRESS, VERSION, 20.0)
        lease = store.acquire(ADDRESS, version)
        assert lease is not None
        assert store.save(lease, b"new")
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


STATE = f"vlru:test:{{{ADDRESS[:16].hex()}}}"
RECORD, LEASES = f"{STATE}:r:{ADDRESS[16:].hex()}", f"{STATE}:l:{ADDRESS[16:].hex()}"


def test_nothing_comes_back_when_the_server_loses_the_state_of_a_function(server: RedisServer) -> None:
    store, client = store_of(server), server.client()
    lease = held(store)
    store.save(lease, b"old")
    late = store.acquire(ADDRESS, b"another version")
    assert late is not None
    assert client.delete(STATE) == 1
    assert store.load(ADDRESS) is None
    assert not store.save(late, b"late")
    store.release(lease)
    again = held(store)
    assert store.load(ADDRESS) is None, "the old record has another epoch"
    assert not store.save(late, b"late"), "and so has the old lease"
    assert again.token > late.token
    assert store.save(again, b"new")
    assert store.load(ADDRESS) == b"new"


def test_nothing_is_saved_when_the_server_loses_the_leases_of_an_address(server: RedisServer) -> None:
    store, client = store_of(server), server.client()
    lease = held(store)
    store_of(server).delete(ADDRESS)
    assert client.delete(LEASES) == 1, "the fence was there"
    assert not store.save(lease, b"deleted")
    other = store_of(server)
    later = held(other)
    store.release(lease)
    assert other.save(later, b"new")


def test_what_was_cleared_while_the_server_lost_it_stays_cleared(server: RedisServer) -> None:
    store = store_of(server)
    lease = held(store)
    store.save(lease, b"cleared")
    store.clear(ADDRESS[:16])
    store.clear(ADDRESS[:16])
    assert server.client().get(RECORD) is not None, "nothing was scanned"
    store.acquire(ADDRESS, b"another version")
    assert store.load(ADDRESS) is None
    assert not store.save(lease, b"cleared")


def test_a_client_that_asks_twice_for_a_lease_gets_the_one_it_has(server: RedisServer) -> None:
    store = store_of(server)
    run = store._plan.acquire(Held(ADDRESS, VERSION))
    first, again = store._run(run), store._run(run)
    assert first == again is not None
    assert store.acquire(ADDRESS, VERSION) is None


def test_records_end_by_themselves(server: RedisServer) -> None:
    store = store_of(server, record_seconds=0.05)
    assert store.save(held(store), b"record")
    until(lambda: store.load(ADDRESS) is None)
    for_ever = store_of(server, record_seconds=None)
    assert for_ever.save(held_by_other_version(for_ever), b"record")
    assert server.client().ttl(RECORD) == server.client().ttl(STATE) == -1


def test_a_record_is_kept_for_as_long_as_it_is_of_use(server: RedisServer) -> None:
    store, client = store_of(server), server.client()
    lease = held(store)
    for seconds, least, most in ((60, 59_000, 60_000), (0.05, 0, 50), (1e7, 9_999e6, 1e10)):
        assert store.save(lease, b"record", seconds)
        assert least <= client.pttl(RECORD) <= most
        assert client.pttl(STATE) >= client.pttl(RECORD), "or the record would be of no epoch"
    assert store.save(lease, b"record", float("inf"))
    assert 29 * 86400 < client.ttl(RECORD) <= 30 * 86400, "old versions do not stay for ever"
    assert store.save(lease, b"record", 1e300)
    assert store.save(lease, b"record", 0)
    until(lambda: store.load(ADDRESS) is None)


def test_nothing_of_a_function_that_is_no_more_stays(server: RedisServer) -> None:
    store, client = store_of(server, record_seconds=5.0), server.client()
    lease = held(store)
    store.save(lease, b"record")
    assert {client.ttl(key) > 0 for key in client.keys("*")} == {True}
    assert client.ttl(STATE) > 86_000, "a lease may be held for long"


def held_by_other_version(store: RedisStore) -> Lease:
    lease = store.acquire(ADDRESS, b"another version")
    assert lease is not None
    return lease


def test_all_keys_are_the_namespaces_and_a_restricted_user_is_enough(server: RedisServer) -> None:
    admin = server.client()
    page = (ROOT / "docs/stores.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^ACL SETUSER shop (.*?)\n```", page, re.DOTALL | re.MULTILINE)
    admin.execute_command("ACL", "SETUSER", "shop", *told.replace("~vlru:shop:", "~vlru:test:").split())
    url = f"redis://shop:secret@127.0.0.1:{server.port}/0"
    store = RedisStore(url, namespace="test", record_seconds=None)
    admin.script_flush()
    lease = held(store)
    assert store.save(lease, b"record")
    assert store.save(lease, b"record", 60.0)
    assert store.load(ADDRESS) == b"record"
    assert store._renew(lease.handle)  # type: ignore[arg-type]
    store.wait(ADDRESS, VERSION, 0.01)
    keys = admin.keys("*")
    assert len(keys) == 3
    assert all(key.startswith(b"vlru:test:{") for key in keys)
    assert store.delete(ADDRESS)
    store.release(lease)
    assert store.save(held_by_other_version(RedisStore(url, namespace="test")), b"record")
    store.clear(ADDRESS[:16])
    assert store.counter("prices").bump() == store.counter("prices")()
    commands = {name.removeprefix("cmdstat_") for name in admin.info("commandstats")}
    assert set(re.findall(r"\+(\w+)", told)) <= commands, "the page allows no more than what is needed"
    assert not {"scan", "flushdb"} & commands
    with pytest.raises(redis.exceptions.NoPermissionError):
        RedisStore(url, namespace="another").load(ADDRESS)
    admin.execute_command("ACL", "DELUSER", "shop")


def test_records_of_functions_with_a_ttl_expire_in_the_server(server: RedisServer) -> None:
    client = server.client()
    for options, least, most in (
        ({"ttl": 60}, 50, 60),
        ({"ttl": 60, "stale_if_error": 60}, 110, 120),
        ({}, 86_400, 2**40),
    ):
        client.flushall()
        store = store_of(server)
        versioned_lru_cache(None, store=store, name="f", revision="1", **options)(lambda: 1)()  # type: ignore[call-overload]
        (record,) = client.keys("*:r:*")
        assert least < client.ttl(record) <= most, options


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

SENTINEL = redis.Sentinel([("127.0.0.1", 1)])
CACHING = redis.Redis(protocol=3, cache_config=CacheConfig())


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"namespace": ""}, ValueError, "must name what is stored"),
        ({"namespace": "a{b"}, ValueError, "braces decide"),
        ({"namespace": 5}, TypeError, "must be a str"),
        ({"client_or_url": 5}, TypeError, "must be a URL"),
        ({"client_or_url": redis.Redis().pipeline()}, TypeError, "must be a URL"),
        ({"client_or_url": "http://localhost"}, ValueError, "redis://host:port/db is one"),
        ({"client_or_url": "redis://localhost?decode_responses=yes"}, ValueError, "would break bytes"),
        ({"client_or_url": redis.asyncio.Redis()}, TypeError, "give it to AsyncRedisStore"),
        ({"client_or_url": redis.Redis(decode_responses=True)}, ValueError, "would break bytes; make one without"),
        ({"client_or_url": SENTINEL.slave_for("a service")}, ValueError, "use master_for"),
        ({"client_or_url": CACHING}, ValueError, "has a cache of its own"),
        ({"lease_seconds": 0}, ValueError, "lease_seconds=0: must be a number of seconds, at least 0.1"),
        ({"lease_seconds": float("inf")}, ValueError, "lease_seconds=inf: must be a number of seconds"),
        ({"record_seconds": "a"}, TypeError, "record_seconds='a': must be a number of seconds"),
        ({"timeout": True}, TypeError, "must be a number of seconds"),
    ],
)
def test_wrong_use_is_told(given: dict[str, Any], error: type[Exception], said: str) -> None:
    given = {"client_or_url": "redis://localhost", "namespace": "test", **given}
    with pytest.raises(error, match=said):
        RedisStore(given.pop("client_or_url"), **given)


def test_a_clear_takes_a_whole_group(server: RedisServer) -> None:
    store = store_of(server)
    with pytest.raises(ValueError, match="must be the 16 bytes"):
        store.clear(b"short")
    with pytest.raises(ValueError, match="must be longer than the 16 bytes"):
        store.load(bytes(16))


def test_a_store_tells_where_its_server_is_and_no_password() -> None:
    told = {
        "redis://:secret@cache:1234/2": "<RedisStore 'shop' at cache:1234/2>",
        "unix:///run/redis?password=secret": "<RedisStore 'shop' at /run/redis>",
    }
    for url, said in told.items():
        assert repr(RedisStore(url, namespace="shop")) == said
    master: Any = SENTINEL.master_for("prices", password="secret")
    assert repr(RedisStore(master, namespace="shop")) == "<RedisStore 'shop' of the service 'prices'>"
