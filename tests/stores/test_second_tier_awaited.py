"""Coroutine functions with a store: the same for them, in tasks, and nothing is left behind by who is cancelled."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tests.stores.memory_store import Shared
from tests.stores.tiers import AwaitedTierStore, Processes, TierStore, asked
from tests.support.tasks import run, until
from versioned_lru_cache import CachedFunction, Versioned, versioned_lru_cache
from versioned_lru_cache.testing import FaultyStore

pytestmark = pytest.mark.thread_unsafe(reason="threads of its own")


class AwaitedProcesses(Processes):
    """The same of coroutine functions."""

    seconds = 0.0
    store: type[Any] = TierStore

    def start_awaited(self, **options: Any) -> CachedFunction[..., Any]:
        async def read(key: Any) -> Any:
            await asyncio.sleep(self.seconds)
            return self.source.read(key)

        return self.start(read, **{"store": self.store(self.shared), **options})


@pytest.fixture(params=[TierStore, AwaitedTierStore])
def processes(request: pytest.FixtureRequest) -> AwaitedProcesses:
    processes = AwaitedProcesses()
    processes.store = request.param
    return processes


@pytest.fixture
def awaited() -> AwaitedProcesses:
    """Those whose store is awaited."""
    processes = AwaitedProcesses()
    processes.store = AwaitedTierStore
    return processes


def test_what_one_process_has_computed_others_load(processes: AwaitedProcesses) -> None:
    async def main() -> None:
        one, other = processes.start_awaited(), processes.start_awaited()
        assert await one("a") == await other("a") == ["a", 1]
        assert processes.source.runs == ["a"]
        assert asked(one) == ["load", "acquire", "load", "save"]
        await one("a")
        assert asked(one) == [], "memory answers alone"
        processes.source.version = 2
        assert await other("a") == await one("a") == ["a", 2]
        assert processes.source.runs == ["a", "a"]
        assert other.cache_stats()[-4:-1] == (1, 1, 0)

    run(main)


def test_plain_functions_and_coroutine_functions_share(processes: AwaitedProcesses) -> None:
    processes.start()("a")

    async def main() -> None:
        assert await processes.start_awaited()("a") == ["a", 1]

    run(main)
    assert processes.source.runs == ["a"]


def test_one_computation_for_all_tasks_of_all_processes(processes: AwaitedProcesses) -> None:
    processes.seconds = 0.1

    async def main() -> None:
        functions = [processes.start_awaited() for _ in range(3)]
        calls = [functions[number % 3]("a") for number in range(12)]
        assert await asyncio.gather(*calls) == [["a", 1]] * 12

    run(main)
    assert processes.source.runs == ["a"]
    assert processes.shared.held == {}


def test_who_is_cancelled_while_it_acquires_leaves_no_lease(processes: AwaitedProcesses) -> None:
    acquiring, go_on = threading.Event(), threading.Event()

    class Slow(TierStore):
        def acquire(self, address: bytes, version: bytes) -> Any:
            lease = super().acquire(address, version)
            acquiring.set()
            assert go_on.wait(30)
            return lease

    async def main() -> None:
        task = asyncio.ensure_future(processes.start_awaited(store=Slow(processes.shared))("a"))
        await asyncio.to_thread(acquiring.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await asyncio.wait_for(processes.start_awaited()("a"), 30) == ["a", 1]

    run(main)


def test_wait_bounds_the_wait_for_another_process(processes: AwaitedProcesses) -> None:
    async def main() -> None:
        store = TierStore(processes.shared)
        begun = asyncio.Event()
        go_on = asyncio.Event()

        @versioned_lru_cache(lambda: 1, store=store, name="read", revision="1")
        async def slow(key: str) -> list[str]:
            begun.set()
            await go_on.wait()
            return ["slow"]

        task = asyncio.ensure_future(slow("a"))
        await begun.wait()
        assert await processes.start_awaited(wait=0.05)("a") == ["a", 1]
        go_on.set()
        assert await task == ["slow"]

    run(main)


@pytest.mark.parametrize("seed", range(5))
def test_faults_of_all_kinds_change_no_answer(processes: AwaitedProcesses, seed: int) -> None:
    async def main() -> None:
        functions = [
            processes.start_awaited(store=FaultyStore(TierStore(processes.shared), seed=seed, rate=0.4, stall=0.0))
            for _ in "123"
        ]
        for number in range(60):
            if number % 7 == 0:
                processes.source.version += 1
            if number % 11 == 0:
                functions[number % 3].cache_clear()
            key = "abc"[number % 5 % 3]
            assert await functions[number % 2](key) == [key, processes.source.version]

    run(main)


def driven(coroutine: Any) -> Any:
    """Drive a coroutine by hand, as no library does that could run threads."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as ended:
        return ended.value


def test_without_a_loop_of_asyncios_the_store_is_asked_at_once(processes: AwaitedProcesses) -> None:
    one, other = processes.start_awaited(store=TierStore(Shared())), processes.start_awaited()
    for function in (one, other, one):
        assert driven(function("a")) == ["a", 1]
    assert processes.source.runs == ["a", "a"]


def test_an_invalidation_is_heard_by_a_plain_store_before_it_returns() -> None:
    processes = AwaitedProcesses()

    async def main() -> None:
        one, other = processes.start_awaited(), processes.start_awaited()
        await one("a")
        assert other.cache_invalidate("a")
        assert processes.shared.records == {}
        await one.cache_refresh("a")
        assert len(processes.shared.records) == 1
        other.cache_clear()
        assert processes.shared.records == {}

    run(main)


def test_an_invalidation_is_heard_by_any_store_when_it_is_awaited(processes: AwaitedProcesses) -> None:
    async def main() -> None:
        one, other = processes.start_awaited(), processes.start_awaited()
        for number in range(3):
            await one("a")
            assert len(processes.shared.records) == 1
            if number == 0:
                assert await other.cache_invalidate("a") is True
                assert await other.cache_invalidate("a") is False
            elif number == 1:
                assert await other.cache_clear() is None
            else:
                assert await other.cache_invalidate_where(lambda key: key == "a") == 0
            assert processes.shared.records == {}
            await one.cache_clear()

    run(main)


def test_what_memory_has_is_gone_when_an_invalidation_returns(processes: AwaitedProcesses) -> None:
    async def main() -> None:
        one = processes.start_awaited()
        await one("a")
        told = one.cache_invalidate("a")
        assert not one.cache_contains("a")
        assert told == 1
        assert repr(told) == "True"
        assert await told is True

    run(main)


def test_an_invalidation_that_nobody_awaits_is_told_before_the_next_record_is_used(awaited: AwaitedProcesses) -> None:
    async def main() -> None:
        one, other = awaited.start_awaited(), awaited.start_awaited()
        await one("a")
        assert not other.cache_invalidate("a"), "memory had nothing"
        assert len(awaited.shared.records) == 1
        assert await other("a") == ["a", 1]
        assert awaited.source.runs == ["a", "a"]

    run(main)


def test_what_is_computed_while_its_invalidation_is_not_awaited_yet_is_not_saved(awaited: AwaitedProcesses) -> None:
    awaited.seconds = 0.05

    async def main() -> None:
        one = awaited.start_awaited()
        task = asyncio.ensure_future(one("a"))
        await until(lambda: awaited.shared.held)
        told = one.cache_invalidate("a")
        await task
        assert awaited.shared.records == {}
        await told

    run(main)


def test_what_is_put_is_saved(processes: AwaitedProcesses) -> None:
    async def main() -> None:
        await processes.start_awaited().cache_put(Versioned(["a", 1], 1), "a")
        assert await processes.start_awaited()("a") == ["a", 1]
        assert processes.source.runs == []

    run(main)


def test_without_a_store_an_invalidation_can_be_awaited_too() -> None:
    @versioned_lru_cache(None)
    async def double(number: int) -> int:
        return 2 * number

    async def main() -> None:
        await double(2)
        assert await double.cache_invalidate(2) is True
        assert await double.cache_clear() is None
        await double.cache_put(Versioned(4, None), 2)
        assert await double.cache_invalidate_where(lambda number: number == 2) == 1

    run(main)


def test_a_call_that_is_cancelled_gives_its_lease_back(processes: AwaitedProcesses) -> None:
    processes.seconds = 60.0

    async def main() -> None:
        task = asyncio.ensure_future(processes.start_awaited()("a"))
        await until(lambda: processes.shared.held)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not processes.shared.held)

    run(main)


def test_a_store_that_is_awaited_and_fails_is_no_failure_of_the_function(awaited: AwaitedProcesses) -> None:
    class Away(AwaitedTierStore):
        async def load(self, address: bytes) -> bytes | None:
            raise ConnectionError("away")

    async def main() -> None:
        one = awaited.start_awaited(store=Away(awaited.shared))
        assert await one("a") == ["a", 1]
        assert one.cache_stats().store_errors == 1

    run(main)


def test_a_store_that_is_awaited_is_refused_by_a_plain_function(awaited: AwaitedProcesses) -> None:
    with pytest.raises(TypeError, match="is no coroutine function; give a store with plain ones"):
        awaited.start(store=AwaitedTierStore(awaited.shared))
