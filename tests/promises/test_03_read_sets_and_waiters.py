"""Read sets of computations for which others wait: who waits is served by what is decided, and nobody for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.programs import validations
from tests.support import tasks
from tests.support.calling import MINE, Call, Gate, results, until_waiting, waiting
from tests.support.child import run
from tests.support.nested import Site, still_or_moving
from versioned_lru_cache import versioned_lru_cache


class MenuAndReport:
    """A report that is made with a menu, and stops at a gate. Both are of one row, each has its version function."""

    def __init__(self) -> None:
        self.row, self.gate, self.asking = 1, Gate(), Gate()
        self.runs: list[int] = []
        self.holds_validation = False
        self.asked = 0
        self.ends: BaseException | None = None

        def version() -> int:
            self.asked += 1
            if self.holds_validation:
                self.holds_validation = False
                self.asking.stop()
                if self.ends is not None:
                    raise self.ends
            return self.row

        @versioned_lru_cache(version, session=MINE)
        def menu() -> int:
            return self.row

        @versioned_lru_cache(lambda: self.row, session=MINE)
        def report(key: int = 0) -> list[int]:
            self.runs.append(key)
            found = [self.row, menu()]
            if len(self.runs) == 1:
                self.gate.stop()
            return found

        self.menu: Any = menu
        self.report: Any = report
        self.place: dict[str, Any] = {}

    def lead(self, moves: bool) -> Call:
        """Begins the report in a session that has read the menu before."""
        Call(self.menu, session=self.place).result()
        self.row += moves
        leader = Call(self.report, session=self.place)
        self.gate.wait()
        return leader

    def lead_to_validation(self) -> Call:
        """Begins it, and lets it come to where the menu is asked for its version anew."""
        leader = self.lead(False)
        self.holds_validation = True
        self.gate.open()
        self.asking.wait()
        return leader


def test_who_waited_in_another_session_gets_what_is_stored() -> None:
    slow = MenuAndReport()
    leader = slow.lead(False)
    others = [*waiting(2, slow.report, session={}), *waiting(2, slow.report), *waiting(1, slow.report, session={})]
    slow.gate.open()
    first = leader.result()
    assert all(found is first for found in results(others))
    assert slow.runs == [0]
    assert Call(slow.report, session={}).result() is first


def test_who_waited_in_another_session_gets_nothing_that_is_for_one_alone() -> None:
    slow = MenuAndReport()
    leader = slow.lead(True)
    others = [*waiting(2, slow.report, session={}), *waiting(2, slow.report)]
    slow.gate.open()
    assert leader.result() == [2, 1]
    assert results(others) == [[2, 2]] * 4
    assert slow.runs == [0, 0], "one of the others computes for all of them"
    assert Call(slow.report, session=slow.place).result() is leader.result()
    assert Call(slow.report, session={}).result() is others[0].result()


@still_or_moving
def test_who_waited_in_the_same_session_gets_the_same(moves: bool) -> None:
    slow = MenuAndReport()
    leader = slow.lead(moves)
    others = waiting(3, slow.report, session=slow.place)
    slow.gate.open()
    first = leader.result()
    assert first == [slow.row, 1]
    assert all(found is first for found in results(others))
    assert slow.runs == [0]
    assert slow.report.cache_contains() is not moves


def test_who_comes_while_it_is_validated_waits_for_what_is_decided() -> None:
    slow = MenuAndReport()
    leader = slow.lead_to_validation()
    assert not slow.report.cache_contains(), "nothing is stored before"
    (other,) = waiting(1, slow.report, session={})
    same = Call(slow.report, session=slow.place)  # it need not wait: that is what its session gets in any case
    slow.asking.open()
    assert same.result() is other.result() is leader.result()
    assert slow.runs == [0]


@pytest.mark.parametrize("forget", ["cache_clear", "cache_invalidate"])
def test_what_is_forgotten_while_it_is_validated_is_not_stored(forget: str) -> None:
    slow = MenuAndReport()
    leader = slow.lead_to_validation()
    (waiter,) = waiting(1, slow.report, session={})
    getattr(slow.report, forget)()
    slow.asking.open()
    assert leader.result() == waiter.result() == [1, 1]
    assert Call(slow.report, session={}).result() is not leader.result()
    assert Call(slow.report, session=slow.place).result() is not leader.result()


def test_a_leader_that_ends_while_it_is_validated_hands_over() -> None:
    slow = MenuAndReport()
    slow.ends = SystemExit()
    leader = slow.lead_to_validation()
    waiter = Call(slow.report, session={})
    until_waiting(waiter)
    slow.asking.open()
    with pytest.raises(SystemExit):
        leader.result()
    assert waiter.result() == [1, 1]
    assert Call(slow.report, session={}).result() is waiter.result()


def test_the_session_asks_for_others_while_one_is_validated() -> None:
    """What is asked anew is for the store: who wants the session's answer does not wait for that."""
    slow = MenuAndReport()
    leader = slow.lead_to_validation()
    assert Call(slow.menu, session=slow.place).result() == 1
    assert Call(slow.menu, session={}).result() == 1
    slow.asking.open()
    assert leader.result() == [1, 1]


@tasks.in_loop
@still_or_moving
async def test_tasks_that_wait(moves: bool) -> None:
    site, gate = Site("variable", awaited=True, asks_awaited=True), asyncio.Event()
    menu = site.cached("menu")
    report = site.cached("report", menu, gate.wait)
    with site.new():
        await menu()
        site.row += moves
        leader, mine = tasks.begun(2, report)
        await tasks.turns()
    with site.new():
        others = tasks.begun(2, report)
        await tasks.turns()
    gate.set()
    first, same, *found = await tasks.ended([leader, mine, *others])
    assert same is first
    assert found[0] is found[1]
    assert (found[0] is first) is not moves
    assert site.rows(found[0][:4]) == [site.row] * 2
    assert site.runs["report"] == 1 + moves
    assert await site.fresh(report) is found[0]


@tasks.in_loop
async def test_a_task_that_is_cancelled_while_its_result_is_validated_hands_over() -> None:
    site, asking, go = Site("variable", awaited=True, asks_awaited=True), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        if site.asked["menu"] == 2:
            asking.set()
            await go.wait()

    menu = site.cached("menu", version=site.version("menu", hold))
    report = site.cached("report", menu)
    with site.new():
        await menu()
        leader = asyncio.ensure_future(report())
        await asking.wait()
    with site.new():
        (other,) = tasks.begun(1, report)
        await tasks.turns()
        assert not other.done()
    leader.cancel()
    await tasks.turns()
    go.set()
    assert set(site.rows(await other)) == {1}
    assert leader.cancelled()
    assert await site.fresh(report) is await other


@pytest.mark.child
def test_a_validation_waits_for_nobody_who_waits_for_what_is_validated() -> None:
    """A page was read by another thread of the session. Its version function uses the part, by a thread that serves."""
    run(validations.a_validation_waits_for_nobody_who_waits_for_what_is_validated, timeout=20)


@tasks.in_loop
async def test_a_validation_awaits_nobody_who_awaits_what_is_validated() -> None:
    """The same with a task that serves."""
    site, reached, go = Site("ambient", awaited=True, asks_awaited=True), asyncio.Event(), asyncio.Event()
    orders: asyncio.Queue[asyncio.Future[Any]] = asyncio.Queue()
    armed: list[bool] = []

    async def serve() -> None:
        while True:
            answer = await orders.get()
            answer.set_result(await part())

    async def served() -> Any:
        if armed:
            answer = asyncio.get_running_loop().create_future()
            await orders.put(answer)
            await answer

    async def hold() -> None:
        if armed:
            reached.set()
            await go.wait()

    page = site.cached("page", version=site.version("page", served))
    part = site.cached("part", hold)
    with site.new():
        serving = asyncio.ensure_future(serve())
        await page()
        armed.append(True)
        leader = asyncio.ensure_future(part())
        await reached.wait()
        await page()
        go.set()
        first = await leader
        assert await part() is first
        serving.cancel()
    assert site.runs["part"] == 1
