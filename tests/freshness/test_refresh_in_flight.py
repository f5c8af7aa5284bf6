"""Refreshes while the same is computed: in threads and tasks of the session, and in the function itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tasks
from tests.support.calling import MINE, Call, Gate, results, until_waiting
from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import Refresh, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


@of_each_kind
async def test_a_function_that_refreshes_its_own_result_returns_what_it_made_itself(source: Source) -> None:
    @versioned_lru_cache(source.ask)
    def plain(x: int) -> list[Any]:
        source.read(x)
        return [plain.cache_refresh(x)] if source.front["ran"] == 1 else []

    @versioned_lru_cache(source.ask)
    async def awaited(x: int) -> list[Any]:
        source.read(x)
        return [await awaited.cache_refresh(x)] if source.front["ran"] == 1 else []

    f: Any = awaited if source.awaited else plain
    with session():
        (inner,) = await source.call(f, 1)
        assert inner == []
        assert await source.call(f, 1) is inner, "the session goes by what was made last"


def gated(session: Any, gates: list[Gate]) -> Any:
    """A function whose first runs stop at a gate each. A result is the number of the run."""
    runs: list[int] = []

    @versioned_lru_cache(lambda: "v1", session=session)
    def f(x: int) -> list[int]:
        number = len(runs)
        runs.append(x)
        if number < len(gates):
            gates[number].stop()
        return [number]

    return f


@pytest.mark.parametrize("provider", [False, True], ids=["by the hit path", "by a provider"])
def test_a_refresh_is_what_counts_though_a_call_that_began_before_it_was_stored_meanwhile(provider: bool) -> None:
    gates = [Gate(), Gate()]
    place: dict[str, Any] = {}
    f = gated((lambda: place) if provider else place, gates)
    slow = Call(f, 1)
    gates[0].wait()
    refresh = Call(f.cache_refresh, 1)
    gates[1].wait()
    gates[0].open()
    assert slow.result() == [0]
    gates[1].open()
    new = refresh.result()
    assert f(1) is new
    assert f.cache_peek(1) == Versioned([1], "v1")


def held(gate: Gate, **options: Any) -> tuple[Any, list[int]]:
    """A function whose second run stops at the gate."""
    runs: list[int] = []

    @versioned_lru_cache(lambda: "v1", session=MINE, **options)
    def f(x: int) -> int:
        runs.append(len(runs) + 1)
        number = runs[-1]
        if number == 2:
            gate.stop()
        return number

    return f, runs


def test_threads_of_the_session_wait_for_the_one_refresh() -> None:
    gate = Gate()
    f, runs = held(gate)
    assert Call(f, 1, session={}).result() == 1
    place: dict[str, Any] = {}
    with session(place, refresh=Refresh.all()):
        leader = Call(f, 1, session=place)
        gate.wait()
        others = [Call(f, 1, session=place) for _ in range(3)]
        until_waiting(*others)
        assert Call(f, 1, session={}).result() == 1  # who wants no refresh reads on
        gate.open()
        assert results([leader, *others]) == [2] * 4
    assert runs == [1, 2]


def test_a_computation_that_began_before_the_session_does_not_count() -> None:
    gate = Gate()
    f, runs = held(gate)
    assert Call(f, 1, session={}).result() == 1
    earlier: dict[str, Any] = {}
    later: dict[str, Any] = {}
    with session(earlier, refresh=Refresh.all()):
        first = Call(f, 1, session=earlier)
        gate.wait()
        with session(later, refresh=Refresh.all()):
            assert Call(f, 1, session=later).result() == 3
            gate.open()
            assert first.result() == 2
            assert Call(f, 1, session=later).result() == 3
    assert runs == [1, 2, 3]


@tasks.in_loop
async def test_tasks_of_the_session_wait_for_the_one_refresh() -> None:
    source = Source(MockClock(), awaited=True)
    f = source.cached()
    assert await f(1) == "old"
    source.gives = lambda: ["new"]
    with session(refresh=Refresh.all()):
        found = await tasks.ended(tasks.begun(5, f, 1))
        assert all(value is found[0] for value in found)
    assert source.behind == counts(asked=2, ran=2)


@pytest.mark.parametrize("waits", [False, True], ids=["it computes", "it waits for another"])
def test_a_call_that_began_before_a_refresh_does_not_take_its_session_back(waits: bool) -> None:
    version, gate, runs = [1], Gate(), []

    @versioned_lru_cache(lambda: version[0], session=MINE)
    def f(x: int) -> list[int]:
        runs.append(x)
        if x == 1:
            gate.stop()
        return [version[0]]

    place: dict[str, Any] = {}
    others = [Call(f, x, session={}).result() for x in (3, 4)]
    assert Call(f, 3, session=place).result() is others[0]
    leader = Call(f, 1, session={} if waits else place)
    gate.wait()
    slow = Call(f, 1, session=place) if waits else leader
    if waits:
        until_waiting(slow)
    version[0] = 2
    assert Call(f.cache_refresh, 2, session=place).result() == [2]
    gate.open()
    slow.result()
    assert [Call(f, 4, session=place).result() for _ in range(2)] == [[2], [2]]
    assert Call(f, 3, session={}).result() == [2]


def test_a_session_that_renews_is_what_counts_though_a_call_that_began_before_it_was_stored_meanwhile() -> None:
    gates = [Gate(), Gate()]
    f = gated(MINE, gates)
    slow = Call(f, 1, session={})
    gates[0].wait()
    place: dict[str, Any] = {}
    with session(place, refresh=Refresh.all()):
        renewed = Call(f, 1, session=place)
        gates[1].wait()
        gates[0].open()
        assert slow.result() == [0]
        gates[1].open()
        assert renewed.result() == [1]
    assert f.cache_peek(1) == Versioned([1], "v1")
