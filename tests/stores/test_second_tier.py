"""Functions with a store: processes share results, and keep their promises whatever the store holds or does."""

from __future__ import annotations

import gc
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from sqlite3 import connect
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from tests.stores.memory_store import Shared
from tests.stores.tiers import Processes, TierStore, asked
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    Refresh,
    Versioned,
    _tier,
    session,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)
from versioned_lru_cache.stores import Msgpack
from versioned_lru_cache.testing import FaultyStore, MockClock
from versioned_lru_cache.versions import all_of, counter, file, sql, sqlite, tags

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.thread_unsafe(reason="a clock for the whole process, and threads of its own")


@pytest.fixture
def processes() -> Processes:
    return Processes()


def test_what_one_process_has_computed_others_load(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    assert one("a") == other("a") == ["a", 1]
    assert processes.source.runs == ["a"]
    assert processes.start()("a") == ["a", 1], "after a restart"
    assert processes.source.runs == ["a"]
    assert other.cache_stats()[-4:-1] == (1, 0, 0)
    assert one.cache_stats()[-4:-1] == (0, 1, 0)
    assert (one.cache_info().misses, other.cache_info().misses, other.cache_info().hits) == (1, 0, 1)


def test_the_status_of_a_call_tells_what_was_loaded(processes: Processes) -> None:
    one, other = processes.start(), processes.start()

    def status(function: Any) -> str:
        with session() as own:
            function("a")
            return own.cache_status()

    assert "; fwd=miss; stored" in status(one)
    loaded = status(other)
    assert "; hit; " in loaded
    assert loaded.endswith("; detail=loaded")
    for function in (one, other):  # out of memory then
        again = status(function)
        assert "; hit" in again
        assert "loaded" not in again


def test_what_memory_can_answer_touches_nothing_else(processes: Processes) -> None:
    one = processes.start()
    one("a")
    assert asked(one) == ["load", "acquire", "load", "save"]
    with session():
        one("a"), one("a")
    one(key="a")
    assert asked(one) == []


def test_a_change_is_seen_by_all_at_once(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    one("a"), other("a")
    processes.source.version = 2
    assert other("a") == one("a") == ["a", 2]
    assert processes.source.runs == ["a", "a"]


def test_within_a_session_the_same_object_comes_back(processes: Processes) -> None:
    processes.start()("a")
    other = processes.start(maxsize=1)
    with session():
        loaded = other("a")
        processes.source.version = 2
        other("b")
        assert other("a") is loaded


def test_equal_keys_are_one_call_and_types_count_where_asked(processes: Processes) -> None:
    one, other, typed = processes.start(), processes.start(), processes.start(typed=True)
    one(1)
    assert other(1.0) == [1, 1]
    assert typed(1.0) == [1.0, 1]
    assert processes.source.runs == [1, 1.0]


def test_two_revisions_of_one_function_share_nothing(processes: Processes) -> None:
    old, new = processes.start(), processes.start(lambda key: ["new", key], revision="2")
    assert old("a") == ["a", 1]
    assert new("a") == ["new", "a"]
    old.cache_clear()
    assert processes.start(lambda key: ["newer"], revision="2")("a") == ["newer"], "cleared with the older ones"


def test_the_revision_is_a_digest_of_the_code() -> None:
    from versioned_lru_cache._revision import revision_of

    def one(a: int) -> Any:
        return {a, "x"} & {"x", "y"} or a in {1, 2, "three"}

    moved = compile("\n\n\n\ndef one(a): return a + 1", "elsewhere", "exec")
    here = compile("def one(a): return a + 1", "here", "exec")
    other = compile("def one(a): return a + 2", "here", "exec")
    found = []
    for code in (moved, here, other):
        names: dict[str, Any] = {}
        exec(code, names)
        found.append(revision_of(names["one"]))
    assert found[0] == found[1] != found[2]
    assert revision_of(one) == revision_of(versioned_lru_cache(None)(one))
    assert revision_of(len) is None


# Freshness


def test_a_record_ends_when_it_would_have_ended(processes: Processes) -> None:
    with MockClock() as clock:
        one = processes.start(ttl=10)
        one("a")
        clock.advance(6)
        other = processes.start(ttl=10)
        other("a")
        assert processes.source.runs == ["a"]
        clock.advance(4)
        other("a")
        assert processes.source.runs == ["a", "a"]
        clock.advance(10)
        processes.start(ttl=10)("a")
        assert processes.source.runs == ["a"] * 3


def test_a_result_that_says_how_long_it_lives_says_so_in_the_store(processes: Processes) -> None:
    with MockClock() as clock:
        runs = []

        def token(user: str) -> Any:
            runs.append(user)
            return Versioned({"of": user}, 1, ttl=timedelta(seconds=5))

        processes.start(token)("ann")
        clock.advance(3)
        other = processes.start(token)
        assert other("ann") == {"of": "ann"}
        found = other.cache_peek("ann")
        assert found is not None
        assert found.ttl == 5
        clock.advance(2)
        other("ann")
        assert runs == ["ann", "ann"]


def test_what_never_changes_is_loaded_under_any_version(processes: Processes) -> None:
    body = lambda key: Versioned([key], IMMUTABLE)  # noqa: E731
    processes.start(body)("a")
    processes.source.version = 2
    other = processes.start(body)
    assert other("a") == ["a"]
    assert other.cache_info().misses == 0
    processes.source.version = 3
    asked(other)
    other("a")
    assert asked(other) == [], "nor is it asked for again"


def test_revalidate_gets_what_the_store_has(processes: Processes) -> None:
    seen = []

    def revalidate(previous: Versioned[Any], key: str) -> Any:
        seen.append(previous[:2])
        return NOT_MODIFIED

    processes.start()("a")
    processes.source.version = 2
    other = processes.start(revalidate=revalidate)
    assert other("a") == ["a", 1]
    assert seen == [(["a", 1], 1)]
    assert processes.start()("a") == ["a", 1], "saved under the new version"
    assert processes.source.runs == ["a"]


def test_what_is_good_still_says_in_the_store_how_long_it_lives(processes: Processes) -> None:
    with MockClock() as clock:

        def token(key: str) -> Any:
            return Versioned([key], 1, ttl=5)

        one = processes.start(token, revalidate=lambda previous, key: NOT_MODIFIED)
        one("a")
        clock.advance(5)
        one("a")
        assert one.cache_stats().revalidated == 1
        found = one.cache_peek("a")
        other = processes.start(token)
        other("a")
        loaded = other.cache_peek("a")
        assert found is not None
        assert loaded is not None
        assert found.ttl == loaded.ttl == 5


def test_an_old_record_answers_for_a_source_that_fails_after_a_restart(processes: Processes) -> None:
    def fails(key: str) -> Any:
        raise OSError("down")

    processes.start()("a")
    processes.source.version = 2
    other = processes.start(fails, stale_if_error=60)
    assert other("a") == ["a", 1]
    with pytest.raises(OSError, match="down"):
        other("b")


def test_a_refreshing_session_and_cache_refresh_compute(processes: Processes) -> None:
    processes.start()("a")
    other = processes.start()
    with session(refresh=Refresh.only(other)):
        other("a")
    other.cache_refresh("a")
    assert len(processes.source.runs) in (2, 3)
    asked(other)
    other.cache_refresh("a")
    assert asked(other) == ["acquire", "save"]


def test_what_is_not_to_be_stored_is_not_saved(processes: Processes) -> None:
    one = processes.start(cache_if=lambda value: value[0] != "a", maxsize=5)
    one("a"), one("b")
    none = processes.start(maxsize=0, name="none")
    none("c")
    assert len(processes.shared.records) == 1


# Invalidation


def test_what_is_invalidated_is_gone_from_the_store(processes: Processes) -> None:
    one, other = processes.start(), processes.start()
    one("a"), one("b")
    assert other.cache_invalidate("a"), "it was there"
    assert not other.cache_invalidate("a")
    processes.start()("a")
    assert processes.source.runs == ["a", "b", "a"]
    other.cache_clear()
    assert processes.shared.records == {}
    processes.start()("b")
    other("b")
    other.cache_invalidate_where(lambda key: False)
    assert processes.shared.records == {}, "nobody can tell which of its calls are meant"


@pytest.mark.parametrize("how", ["invalidate", "clear"])
def test_what_is_invalidated_while_another_process_computes_is_not_saved(processes: Processes, how: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(key: str) -> list[str]:
        begun.set()
        assert go_on.wait(30)
        return [key]

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(processes.start(slow), "a")
        assert begun.wait(30)
        other = processes.start()
        if how == "clear":
            other.cache_clear()
        else:
            other.cache_invalidate("a")
        go_on.set()
        assert result.result(30) == ["a"], "who waited gets it"
    assert processes.shared.records == {}


def test_what_was_invalidated_while_it_was_loaded_is_not_kept(processes: Processes) -> None:
    processes.start()("a")
    other = processes.start()
    store = other.cache_parameters()["store"]
    load = store.load

    def load_slowly(address: bytes) -> bytes | None:
        found: bytes | None = load(address)
        store.load = load
        other.cache_invalidate("a")
        return found

    store.load = load_slowly
    assert other("a") == ["a", 1]
    assert not other.cache_contains("a")
    other("a")
    assert processes.source.runs == ["a", "a"]


def test_a_result_that_is_put_is_there_for_all(processes: Processes) -> None:
    processes.start().cache_put(Versioned(["put"], 1), "a")
    assert processes.start()("a") == ["put"]
    assert processes.source.runs == []


# One computation


def test_one_computation_for_all_who_ask_at_once(processes: Processes) -> None:
    runs = []

    def slow(key: str) -> list[str]:
        runs.append(key)
        time.sleep(0.2)
        return [key]

    functions = [processes.start(slow) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda number: functions[number % 4]("a"), range(16)))
    assert results == [["a"]] * 16
    assert runs == ["a"]
    assert processes.shared.held == {}, "the lease was given back"


def test_wait_bounds_the_wait_for_another_process(processes: Processes) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(key: str) -> list[str]:
        begun.set()
        assert go_on.wait(30)
        return ["slow"]

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(processes.start(slow), "a")
        assert begun.wait(30)
        for wait in (0, 0.05):
            assert processes.start(wait=wait)("a") == ["a", 1]
        assert processes.shared.records == {}, "who has no lease saves nothing"
        go_on.set()
        assert result.result(30) == ["slow"]


def test_a_failure_gives_the_lease_back(processes: Processes) -> None:
    def fails(key: str) -> Any:
        raise ValueError(key)

    with pytest.raises(ValueError, match="a"):
        processes.start(fails)("a")
    assert processes.shared.held == {}
    assert processes.start()("a") == ["a", 1]


def test_processes_whose_functions_call_each_other_do_not_wait_in_a_circle(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, inside = threading.Barrier(2), threading.local()

    def process() -> tuple[Any, Any]:
        first: Any
        second: Any

        def computed(name: str, other: Callable[[str], Any], key: str) -> list[Any]:
            if getattr(inside, "nested", False):
                return [name]
            both.wait(30)  # Each holds the lease of what the other is about to call.
            inside.nested = True
            return [name, other(key)]

        first = processes.start(lambda key: computed("one", second, key), name="one")
        second = processes.start(lambda key: computed("other", first, key), name="other")
        return first, second

    (first, _), (_, second) = process(), process()
    monkeypatch.setattr(_tier, "LEASE_SECONDS", 12.0)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(first, "a"), pool.submit(second, "a")]
        assert [result.result(100)[0] for result in results] == ["one", "other"]
    assert time.monotonic() - began < 6


# Stores that fail


def test_a_store_that_fails_is_no_failure_of_the_call(processes: Processes, caplog: pytest.LogCaptureFixture) -> None:
    class Away(TierStore):
        def load(self, address: bytes) -> bytes | None:
            raise OSError("away")

        acquire = save = release = delete = load  # type: ignore[assignment]

    one = processes.start(store=Away(Shared()))
    with caplog.at_level(logging.WARNING, "versioned_lru_cache"):
        assert [one(key) for key in "abcabc"] == [["a", 1], ["b", 1], ["c", 1]] * 2
    assert one.cache_stats().store_errors >= 1
    assert one.cache_stats().store_seconds >= 0
    assert len(caplog.records) == 1, "once an outage"
    assert "OSError: away" in caplog.text


def test_a_record_that_can_not_be_read_is_told_and_made_anew(
    processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    processes.start()("a")
    (address,) = processes.shared.records
    token, record = processes.shared.records[address]
    processes.shared.records[address] = token, record[:-1] + bytes([record[-1] ^ 1])
    other = processes.start()
    with caplog.at_level(logging.INFO, "versioned_lru_cache"):
        assert other("a") == ["a", 1]
    assert processes.source.runs == ["a", "a"]
    assert other.cache_stats().store_errors == 2, "before the lease, and under it"
    assert "a record is not used, since its checksum is wrong" in caplog.text
    assert processes.start()("a") == ["a", 1]
    assert processes.source.runs == ["a", "a"], "it was made anew"


def test_what_a_store_was_not_told_of_an_invalidation_it_is_told_later(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(_tier, "monotonic", lambda: now[0])
    processes.start()("a")
    store = TierStore(processes.shared)
    faulty = FaultyStore(store, plan={"delete": ["fail"]})
    other = processes.start(store=faulty)
    other.cache_invalidate("a")
    assert len(processes.shared.records) == 1, "the store has not heard of it"
    assert other("a") == ["a", 1]
    assert processes.source.runs == ["a", "a"], "its record is not used"
    now[0] += 0.2  # The store is left alone for a while.
    other("b")
    assert processes.start()("a") == ["a", 1]
    assert processes.source.runs == ["a", "a", "b", "a"], "by now it has"


@pytest.mark.parametrize("seed", range(20))
def test_faults_of_all_kinds_change_no_answer(processes: Processes, seed: int) -> None:
    functions = [
        processes.start(store=FaultyStore(TierStore(processes.shared), seed=seed, rate=0.4, stall=0.0)) for _ in "123"
    ]
    from random import Random

    chance = Random(seed)
    for _ in range(150):
        function, key = chance.choice(functions), chance.choice("abcd")
        match chance.randrange(12):
            case 0:
                processes.source.version += 1
            case 1:
                function.cache_clear()
            case 2:
                function.cache_invalidate(key)
        assert function(key) == [key, processes.source.version]


def test_a_result_that_no_codec_takes_stays_in_memory(processes: Processes, caplog: pytest.LogCaptureFixture) -> None:
    one = processes.start(lambda key: {"rows": [object()]})
    with caplog.at_level(logging.WARNING, "versioned_lru_cache"):
        assert one("a") is one("a")
    assert processes.shared.records == {}
    assert 'result["rows"][0]' in caplog.text
    assert processes.shared.held == {}


# What is told


def test_an_argument_without_a_canonical_key_is_told_with_the_remedy(processes: Processes) -> None:
    one = processes.start()
    with pytest.raises(TypeError, match=r"key=") as caught:
        one(object())
    assert 'argument "key"' in str(caught.value)
    assert processes.source.runs == []
    assert one.cache_stats().errors == 1


def test_a_method_needs_key(processes: Processes) -> None:
    class Shop:
        @versioned_lru_cache(None, store=TierStore(processes.shared), name="price")
        def price(self, item: str) -> list[str]:
            return [item]

        @versioned_lru_cache(None, store=TierStore(processes.shared), name="keyed", key=lambda self, item: item)
        def keyed(self, item: str) -> list[str]:
            return [item]

    with pytest.raises(TypeError, match="key="):
        Shop().price("tea")
    assert Shop().keyed("tea") == ["tea"]
    gc.collect()
    assert len(processes.shared.records) == 1


@pytest.mark.parametrize("store", [5, "redis://", object(), TierStore])
def test_what_is_no_store_is_refused(store: Any) -> None:
    with pytest.raises(TypeError, match=r"store=.*must be a store, such as"):
        versioned_lru_cache(None, store=store)


@pytest.mark.parametrize(
    ("options", "value", "seconds"),
    [
        ({}, 1, None),
        ({"ttl": 60}, 1, 60),
        ({"ttl": 60, "stale_if_error": 30, "stale_while_revalidate": 90}, 1, 150),
        ({"ttl": 60, "stale_if_error": float("inf")}, 1, None),
        ({"stale_if_error": 30}, 1, None),
        ({"ttl": 60, "on_expiry": "verify"}, 1, 120),
        ({"ttl": 60, "revalidate": lambda old, key: old.value}, 1, 120),
        ({}, Versioned(1, 1, ttl=5), 5),
        ({"ttl": 60}, Versioned(1, 1, ttl=5), 5),
        ({"ttl": 60}, Versioned(1, IMMUTABLE), None),
    ],
)
def test_a_store_is_told_for_how_long_a_record_is_of_use(
    processes: Processes, options: dict[str, Any], value: object, seconds: float | None
) -> None:
    function = processes.start(lambda key: value, **options)
    function("a")
    store: Any = function.cache_parameters()["store"]
    (told,) = store.useful
    assert told == seconds or (told is not None and seconds is not None and seconds - 10 < told <= seconds)


def test_a_store_is_told_that_of_what_is_put_too(processes: Processes) -> None:
    function = processes.start(ttl=60)
    function.cache_put(Versioned(["put"], 1), "a")
    store: Any = function.cache_parameters()["store"]
    assert store.useful == [60]


@pytest.mark.parametrize("codec", [None, "msgpack", Msgpack, type("Nameless", (Msgpack,), {"name": None})()])
def test_a_store_whose_codec_is_none_is_refused(codec: Any) -> None:
    store = TierStore(Shared())
    store.codec = codec
    with pytest.raises(TypeError, match=r"store=.* has codec=.*; it must be a codec, such as stores.Msgpack\(\)"):
        versioned_lru_cache(None, store=store)


def test_a_store_of_which_some_methods_are_awaited_is_refused() -> None:
    class Mixed(TierStore):
        async def save(self, lease: Any, record: bytes) -> bool:  # type: ignore[override]
            return True

    with pytest.raises(TypeError, match="save is a coroutine function; let all be plain"):
        versioned_lru_cache(None, store=Mixed(Shared()))


def of_a_connection() -> Any:
    with closing(connect(":memory:")) as connection:
        return sqlite(connection)


@pytest.mark.parametrize(
    "make",
    [
        lambda: counter("of a store's test"),
        lambda: tags("a", "b"),
        lambda: counter(lambda key: f"k:{key}"),
        lambda: all_of("revision 2", counter("of a store's test")),
        lambda: all_of(file("prices"), all_of(tags("a", "b"), file("rates"))),
        lambda: sqlite("prices.db"),
        of_a_connection,
        lambda: sql(create_engine("sqlite://"), "SELECT 1"),
        lambda: sql(lambda: create_engine("sqlite:///prices.db"), "SELECT 1"),
    ],
)
def test_a_version_of_this_process_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="in this process only"):
        versioned_lru_cache(make(), store=TierStore(Shared()))


def test_a_version_that_all_processes_see_is_taken() -> None:
    engine = create_engine("sqlite:///prices.db")
    for version in [file("prices"), all_of(file("prices"), "revision 2"), sql(engine, "SELECT 1"), "revision 2"]:
        versioned_lru_cache(version, store=TierStore(Shared()))


def test_a_function_that_no_other_process_could_name_needs_a_name() -> None:
    decorate = versioned_lru_cache(None, store=TierStore(Shared()))
    with pytest.raises(ValueError, match="give name="):
        decorate(lambda key: key)
    with pytest.raises(ValueError, match="give revision="):
        versioned_lru_cache(None, store=TierStore(Shared()), name="length")(len)
    with pytest.raises(ValueError, match="only a store"):
        versioned_lru_cache(None, revision="1")
    assert versioned_lru_cache(None, store=TierStore(Shared()), name="length", revision="1")(len)("abc") == 3


def test_the_original_projects_decorator_takes_a_store(processes: Processes) -> None:
    def start() -> Any:
        @versioned_lru_cache_with_ttl(
            proxy_to_session_context_object={},
            generate_version_func=lambda *args, **kwargs: str(processes.source.version),
            module_name="reports",
            store=TierStore(processes.shared),
            name="report",
        )
        def report(region: str) -> list[Any]:
            return processes.source.read(region)

        return report

    assert start()("north") == start()("north") == ["north", 1]
    assert processes.source.runs == ["north"]
