"""The last resort: what a store has, of whatever version, where no version can be asked or none is wanted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.test_second_tier_awaited import AwaitedProcesses
from tests.stores.tiers import AwaitedTierStore, TierStore, asked
from tests.support.tasks import run
from versioned_lru_cache import NotStored, session, versioned_lru_cache
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.testing import FaultyStore, MockClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from versioned_lru_cache import CachedFunction

pytestmark = pytest.mark.thread_unsafe(reason="a clock for the whole process, and threads of its own")
KINDS = ["plain", "coroutine", "awaited"]


class Programs(AwaitedProcesses):
    """Programs of plain functions, of coroutine functions, and of those whose store is awaited."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.store = AwaitedTierStore if kind == "awaited" else TierStore
        self.error: OSError | None = None

    def version(self) -> int:
        if self.error is not None:
            raise self.error
        return self.source.version

    def begin(self, **options: Any) -> CachedFunction[..., Any]:
        options = {"version": self.version, **options}
        return self.start(**options) if self.kind == "plain" else self.start_awaited(**options)

    def call(self, function: CachedFunction[..., Any], key: str = "a") -> Any:
        """The result of a call, in a loop of its own where that is to be awaited."""

        async def main() -> Any:
            return await function(key)

        return function(key) if self.kind == "plain" else run(main)


@pytest.fixture(params=KINDS)
def programs(request: pytest.FixtureRequest) -> Programs:
    return Programs(request.param)


def test_after_a_restart_an_old_result_stands_in_while_the_source_is_away(programs: Programs) -> None:
    with MockClock() as clock:
        programs.call(programs.begin())
        clock.advance(1_000_000)
        programs.source.version, programs.error = 2, OSError("the database is away")
        started = programs.begin(stale_if_error=60, retry_after=5)
        assert programs.call(started) == ["a", 1]
        assert asked(started) == ["load"]
        assert programs.call(started) == ["a", 1]
        assert asked(started) == []
        assert started.cache_stats().stale == 2
        with pytest.raises(OSError, match="the database is away"):
            programs.call(started, "b")
        clock.advance(60)
        with pytest.raises(OSError, match="the database is away"):
            programs.call(started)
        programs.error = None
        assert programs.call(started) == ["a", 2]


def test_who_has_not_asked_for_that_hears_of_the_error(programs: Programs) -> None:
    programs.call(programs.begin())
    programs.error = OSError("the database is away")
    for options in ({}, {"stale_while_revalidate": 60}, {"stale_if_error": 60, "errors": KeyError}):
        started = programs.begin(**options)
        with pytest.raises(OSError, match="the database is away"):
            programs.call(started)
        assert asked(started) == []


def test_an_offline_session_loads_and_asks_nothing(programs: Programs) -> None:
    programs.call(programs.begin())
    programs.source.version, programs.error = 2, OSError("nothing is asked")
    started = programs.begin()
    with session(offline=True) as own:
        first = programs.call(started)
        assert first == ["a", 1]
        assert own.cache_status().endswith("; detail=loaded")
        assert programs.call(started) is first, "the session keeps to it"
        with pytest.raises(NotStored):
            programs.call(started, "b")
    assert asked(started) == ["load", "load"]
    assert programs.source.runs == ["a"]
    programs.error = None
    assert programs.call(started) == ["a", 2], "to others it is a result of version 1"


def test_what_memory_would_not_hold_is_no_answer(programs: Programs) -> None:
    programs.call(programs.begin())
    for options in ({"maxsize": 0}, {"max_weight": 1, "weigh": lambda _: 2}):
        started = programs.begin(**options)
        with session(offline=True), pytest.raises(NotStored):
            programs.call(started)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_store_that_fails_too_leaves_the_error_as_it_is(kind: str) -> None:
    programs = Programs(kind)
    programs.call(programs.begin())
    programs.error = OSError("the database is away")
    store = FaultyStore(TierStore(programs.shared), plan={"load": ["fail"]})
    started = programs.begin(stale_if_error=60, store=store)
    with pytest.raises(OSError, match="the database is away"):
        programs.call(started)
    with session(offline=True), pytest.raises(NotStored):
        programs.call(started)
    assert started.cache_stats().store_errors == 1, "and it is left alone for a while"


@pytest.mark.parametrize("invalidate", [lambda f: f.cache_invalidate("a"), lambda f: f.cache_clear()])
def test_what_is_invalidated_while_it_is_loaded_is_not_seen_again(
    invalidate: Callable[[CachedFunction[..., Any]], object],
) -> None:
    programs = Programs("plain")
    programs.call(programs.begin())
    has_loaded, goes_on = threading.Event(), threading.Event()

    class Slow(TierStore):
        def load(self, address: bytes) -> bytes | None:
            found = super().load(address)
            if found is not None:
                has_loaded.set()
                assert goes_on.wait(10)
            return found

    started = programs.begin(store=Slow(programs.shared))
    outcome: list[object] = []

    def offline() -> None:
        with session(offline=True):
            try:
                outcome.append(started("a"))
            except NotStored as error:
                outcome.append(error)

    thread = threading.Thread(target=offline)
    thread.start()
    assert has_loaded.wait(10)
    invalidate(started)
    goes_on.set()
    thread.join(10)
    assert isinstance(outcome[0], NotStored)
    with session(offline=True), pytest.raises(NotStored):
        started("a")


def test_a_local_store_stands_in(tmp_path: Path) -> None:
    is_away = False

    def version() -> int:
        if is_away:
            raise OSError("no route to host")
        return 1

    def begin() -> CachedFunction[[str], str]:
        store = LocalStore(tmp_path, namespace="test")
        return versioned_lru_cache(version, store=store, name="report", revision="1", stale_if_error=60)(str.upper)

    assert begin()("tea") == "TEA"
    is_away = True
    assert begin()("tea") == "TEA"
    with session(offline=True):
        assert begin()("tea") == "TEA"
