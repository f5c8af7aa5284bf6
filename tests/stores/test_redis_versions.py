"""Counters and tags of a Redis server: what is bumped anywhere is seen by all, in one round trip a session."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests import ROOT
from versioned_lru_cache import current_session, session, versioned_lru_cache
from versioned_lru_cache.stores import AsyncRedisStore, RedisStore, _redis_versions
from versioned_lru_cache.versions import all_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.child, pytest.mark.slow]


@pytest.fixture
def namespace() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def store(server: RedisServer, namespace: str) -> RedisStore:
    """One whose scripts the server knows."""
    RedisStore(server.url, namespace="other").counter("other").bump()
    RedisStore(server.url, namespace="other").counter("other")()
    asked(server)
    return RedisStore(server.url, namespace=namespace)


def asked(server: RedisServer) -> int:
    """How many scripts the server has run since it was looked at last."""
    client = server.client()
    found = client.info("commandstats")
    client.config_resetstat()
    client.close()
    return sum(found.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))


def test_what_one_machine_bumps_another_sees_in_its_next_session(server: RedisServer, namespace: str) -> None:
    here, there = (RedisStore(server.url, namespace=namespace) for _ in range(2))
    runs = []

    @versioned_lru_cache(here.counter("prices"))
    def report() -> int:
        runs.append(1)
        return len(runs)

    with session():
        assert report() == 1
        there.counter("prices").bump()
        assert report() == 1, "a session goes by one answer"
    with session():
        assert report() == 2
    there.bump("rates")
    assert report() == 2


def test_a_bump_counts_for_all_names_below(store: RedisStore) -> None:
    about = {name: store.counter(name) for name in ("user", "user:7", "user:7:orders", "user:8", "users")}

    def moved(bumped: str) -> set[str]:
        before = {name: each() for name, each in about.items()}
        store.bump(bumped)
        return {name for name, each in about.items() if each() != before[name]}

    assert moved("user:7") == {"user:7", "user:7:orders"}
    assert moved("user:7:orders") == {"user:7:orders"}
    assert moved("user") == {"user", "user:7", "user:7:orders", "user:8"}
    assert moved("other") == set()


def test_names_made_of_the_arguments(store: RedisStore) -> None:
    runs = []

    @versioned_lru_cache(store.tags(lambda user: (f"user:{user}", "fees")))
    def invoice(user: str) -> str:
        runs.append(user)
        return user

    invoice("ann"), invoice("bob")
    store.bump("user:ann")
    invoice("ann"), invoice("bob")
    assert runs == ["ann", "bob", "ann"]
    store.counter("fees").bump()
    invoice("ann"), invoice("bob")
    assert runs[3:] == ["ann", "bob"]
    of = store.counter(lambda user: f"user:{user}")
    names, version = of("ann")
    assert names == ("user:ann",)
    assert of.bump("ann") == of("ann") != (names, version)


@pytest.mark.parametrize("several", [False, True])
def test_names_made_of_no_arguments(store: RedisStore, several: bool) -> None:
    tenant = "one"
    version = store.tags(lambda: [f"tenant:{tenant}", "fees"]) if several else store.counter(lambda: f"tenant:{tenant}")
    runs = []

    @versioned_lru_cache(version)
    def report() -> int:
        runs.append(1)
        return len(runs)

    for expected in (1, 2, 3):
        for _ in range(2):
            with session():
                assert report() == expected
        store.bump(f"tenant:{tenant}")
    with session():
        assert report() == 4
    tenant = "two"
    with session():
        assert report() == 5


def test_names_with_empty_segments(store: RedisStore) -> None:
    versions = {name: store.counter(name) for name in (":a", ":", "a::b", "a:", "::", "plain")}
    for name, version in versions.items():
        before = {other: each() for other, each in versions.items()}
        version.bump()
        moved = {other for other, each in versions.items() if each() != before[other]}
        assert name in moved
        assert moved <= {name, "a::b", "::"}
    with session():
        assert versioned_lru_cache(versions["plain"])(lambda: 1)() == 1


def test_counters_may_be_made_while_others_are_asked(store: RedisStore) -> None:
    kept = [store.counter(f"kept:{number}") for number in range(300)]
    function = versioned_lru_cache(kept[0])(lambda: 1)
    ends, before = time.monotonic() + 1.0, sys.getswitchinterval()

    def make() -> None:
        number = 0
        while time.monotonic() < ends:
            store.counter(f"made:{number}")
            number += 1

    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as pool:
            made = [pool.submit(make) for _ in range(2)]
            while time.monotonic() < ends:
                with session():
                    assert function() == 1
            for each in made:
                each.result(10)
    finally:
        sys.setswitchinterval(before)


def test_twenty_functions_over_twenty_counters_ask_once_a_session(server: RedisServer, store: RedisStore) -> None:
    counters = [store.counter(f"table:{number}") for number in range(20)]
    functions = [
        versioned_lru_cache(version, name=f"f{number}")(lambda number=number: [number])
        for number, version in enumerate(counters)
    ]
    asked(server)
    with session():
        first = [function() for function in functions]
    assert asked(server) == 1
    with session():
        assert all(function() is result for function, result in zip(functions, first, strict=True))
    assert asked(server) == 1
    counters[13].bump()
    assert asked(server) == 1
    with session():
        again = [function() for function in functions]
    assert [number for number in range(20) if again[number] is not first[number]] == [13]
    assert asked(server) == 1


def test_a_combination_of_counters_asks_once(server: RedisServer, store: RedisStore) -> None:
    one, other = store.counter("one"), store.counter("other")
    function = versioned_lru_cache(all_of(one, other, "revision 2"))(lambda: [1])
    alone = versioned_lru_cache(one)(lambda: [2])
    with session():
        first = function(), alone()
    assert asked(server) == 1
    with session():
        assert (function(), alone()) == first
    assert asked(server) == 1
    other.bump()
    asked(server)
    with session():
        assert function() is not first[0]
        assert alone() is first[1]
    assert asked(server) == 1


def test_an_answer_that_came_with_another_is_as_old_as_that(server: RedisServer, store: RedisStore) -> None:
    """What another session has made meanwhile under a newer answer is newer, and is kept."""
    mine, other = store.counter("mine"), store.counter("other")
    runs = []

    @versioned_lru_cache(mine)
    def function() -> int:
        runs.append(1)
        return len(runs)

    first = versioned_lru_cache(other)(lambda: None)
    with session():
        first()  # and so what `mine` is
        mine.bump()
        with session():
            assert function() == 1
        assert function() == 1, "made under an answer newer than this session's"
    with session():
        assert function() == 1
    assert runs == [1]


def test_a_session_that_asks_anew_hears_of_new_bumps(store: RedisStore) -> None:
    version = store.counter("prices")
    function = versioned_lru_cache(version)(lambda: object())
    with session():
        first = function()
        version.bump()
        assert function() is first
        assert function.cache_refresh() is not first
        own = current_session()
        assert own is not None
    assert function() is not first


def test_outside_of_sessions_each_call_asks(server: RedisServer, store: RedisStore) -> None:
    version = store.counter("prices")
    function = versioned_lru_cache(version)(lambda: object())
    store.counter("another").bump()
    asked(server)
    first = function()
    assert function() is first
    assert asked(server) == 2
    version.bump()
    assert function() is not first


def test_in_a_transaction_data_and_version_change_together(server: RedisServer, store: RedisStore) -> None:
    client = server.client()
    price = store.counter("price")
    before = price()
    pipe = client.pipeline(transaction=True)
    pipe.set("data", "4")
    assert price.bump(pipe) is pipe
    store.bump("rates", pipe=pipe)
    assert (price(), client.get("data")) == (before, None), "nothing is sent yet"
    pipe.execute()
    assert client.get("data") == b"4"
    assert price() != before
    before = price()
    pipe = client.pipeline()
    assert price.bump(pipe=pipe) is pipe
    pipe.execute()
    assert price() != before
    with pytest.raises(TypeError, match=r"bump\(pipe=7\): must be a pipeline of redis-py"):
        price.bump(7)
    with pytest.raises(TypeError, match=r"bump\(\) takes a pipeline or nothing"):
        price.bump("tea", 7)


def test_a_pipeline_that_watches_is_to_begin_its_transaction_first(server: RedisServer, store: RedisStore) -> None:
    price = store.counter("price")
    before = price()
    with server.client().pipeline() as pipe:
        pipe.watch("data")
        with pytest.raises(ValueError, match=r"call pipe.multi\(\) before"):
            price.bump(pipe)
        pipe.multi()
        price.bump(pipe)
        assert price() == before
        pipe.execute()
    assert price() != before


def test_whatever_the_server_loses_no_version_comes_again(
    server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_redis_versions, "MOST_NAMES", 3)
    client, drawn = server.client(), random.Random(7)
    store = RedisStore(server.url, namespace=namespace)
    names = [f"n:{number}" for number in range(8)]
    # By name, the versions that were there before its last change.
    old: dict[str, set[str]] = {name: set() for name in names}
    now = {name: store.counter(name)() for name in names}
    for _ in range(300):
        act = drawn.random()
        changed: list[str] = []
        if act < 0.8:
            changed = drawn.sample(names, drawn.randint(1, 2))
            store.bump(*changed)
        elif act < 0.85:
            store.bump("n")
            changed = names
        elif act < 0.95:
            for key in client.keys(f"vlru:{namespace}:*"):
                if drawn.random() < 0.5:
                    client.delete(key)
        else:
            client.flushall()
        for name in names:
            version = store.counter(name)()
            if name in changed:
                old[name].add(now[name])
            elif version != now[name]:
                old[name].add(now[name])  # It may change when nothing has, but never back.
            assert version not in old[name]
            now[name] = version


def test_if_any_part_is_lost_no_version_comes_again(
    server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_redis_versions, "MOST_NAMES", 2)
    client, store, drawn = server.client(), RedisStore(server.url, namespace=namespace), random.Random(3)
    names = ["a", "b", "c", "d"]
    seen: dict[str, list[str]] = {name: [store.counter(name)()] for name in names}
    for _ in range(60):
        name = drawn.choice(names)
        store.bump(name)
        for each, versions in seen.items():
            version = store.counter(each)()
            assert version not in versions[:-1]
            versions += [version] if version != versions[-1] else []
        keys = client.keys(f"vlru:{namespace}:*")
        copies = {key: client.dump(key) for key in keys}
        for key in keys:
            client.delete(key)
            for each, versions in seen.items():
                assert store.counter(each)() not in versions[:-1], f"{each} without {key!r}"
            client.delete(*client.keys(f"vlru:{namespace}:*"))
            for other, copy in copies.items():
                client.restore(other, 0, copy)


def test_names_are_forgotten_above_a_floor(
    server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_redis_versions, "MOST_NAMES", 100)
    store, client = RedisStore(server.url, namespace=namespace), server.client()
    kept, forgotten = store.counter("kept"), store.counter("forgotten")
    forgotten.bump()
    seen = {forgotten()}
    for number in range(1000):
        store.bump(f"user:{number}")
        kept.bump()
    assert sum(client.hlen(key) for key in client.keys(f"vlru:{namespace}:*:?")) < 210
    before = kept()
    store.bump("user:0")
    assert kept() == before
    assert forgotten() not in seen


def test_a_bump_that_is_lost_in_a_failover_is_no_other_bump(server: RedisServer, namespace: str) -> None:
    """A replica that takes over may lack the last bumps. The next ones must not be taken for those."""
    store, client = RedisStore(server.url, namespace=namespace), server.client()
    version = store.counter("prices")
    version.bump()
    copies = {key: client.dump(key) for key in client.keys(f"vlru:{namespace}:*")}
    lost_version = version.bump()
    for key, copy in copies.items():
        client.restore(key, 0, copy, replace=True)
    assert version.bump() != lost_version


def test_other_processes_and_plain_and_awaited_stores_share(server: RedisServer, namespace: str) -> None:
    store = RedisStore(server.url, namespace=namespace)
    before = store.counter("prices")()
    code = (
        "from versioned_lru_cache.stores import RedisStore\n"
        f"print(RedisStore({server.url!r}, namespace={namespace!r}).counter('prices').bump())"
    )
    run = [sys.executable, "-c", code]
    told = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == store.counter("prices")() != before

    async def main() -> None:
        async with AsyncRedisStore(server.url, namespace=namespace) as awaited:
            assert await awaited.counter("prices")() == store.counter("prices")()
            assert await awaited.counter("prices").bump() == store.counter("prices")()
            of = awaited.tags(lambda user: (f"user:{user}", "fees"))
            assert await of.bump("ann") == await of("ann") == store.tags(lambda user: (f"user:{user}", "fees"))("ann")
            client = redis.asyncio.Redis(port=server.port)
            pipe = client.pipeline()
            awaited.counter("prices").bump(pipe)
            version = store.counter("prices")()
            await pipe.execute()
            assert store.counter("prices")() != version
            await client.aclose()

    asyncio.run(main())


def test_coroutine_functions_ask_once_a_session(server: RedisServer, store: RedisStore, namespace: str) -> None:
    async def main() -> None:
        assert store.counter("table")()
        async with AsyncRedisStore(server.url, namespace=namespace) as awaited:
            counters = [awaited.counter(f"table:{number}") for number in range(20)]

            def function_of(version: Any) -> Any:
                @versioned_lru_cache(version)
                async def function() -> object:
                    await asyncio.sleep(0)
                    return object()

                return function

            functions = [function_of(version) for version in counters]
            asked(server)
            with session():
                first = [await function() for function in functions]
            assert asked(server) == 1
            with session():
                assert [await function() for function in functions] == first
            assert asked(server) == 1
            await counters[3].bump()
            with session():
                again = await asyncio.gather(*(function() for function in functions))
            assert [number for number in range(20) if again[number] is not first[number]] == [3]

    asyncio.run(main())


def test_a_store_takes_its_own_versions(server: RedisServer, namespace: str) -> None:
    def begin() -> Any:
        store = RedisStore(server.url, namespace=namespace)
        return versioned_lru_cache(store.counter("prices"), store=store, name="report", revision="1")(
            lambda item: runs.append(item) or [item]
        )

    runs: list[str] = []
    one, other = begin(), begin()
    with session():
        one("tea")
    with session():
        other("tea")
    assert runs == ["tea"]
    RedisStore(server.url, namespace=namespace).bump("prices")
    with session():
        assert one("tea") == other("tea") == ["tea"]
    assert runs == ["tea", "tea"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda store: store.counter(7), TypeError, r"counter\(name\)=7 is an int; it must be a str"),
        (lambda store: store.counter(""), ValueError, r"counter\(name\)='' is empty"),
        (lambda store: store.counter("user:*"), ValueError, "a name is no pattern"),
        (lambda store: store.tags(), TypeError, r"tags\(\) is not allowed; it must have names"),
        (lambda store: store.tags("a", lambda: "b"), TypeError, "or one callable"),
        (lambda store: store.bump(), TypeError, "it must be told what has changed"),
        (lambda store: store.counter("a")(1), TypeError, "takes no arguments"),
        (lambda store: store.counter(lambda: 7)(), TypeError, r"names\(\)=7 is an int"),
    ],
)
def test_misuse_is_told(store: RedisStore, make: Callable[[RedisStore], object], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make(store)


def test_one_name_is_one_version_function(store: RedisStore, namespace: str) -> None:
    assert store.counter("a") is store.tags("a") is store.counter("a")
    assert store.tags("b", "a") is store.tags("a", "b", "a")
    assert repr(store.tags("b", "a")) == f"<tags('a', 'b') of {store!r}>"
