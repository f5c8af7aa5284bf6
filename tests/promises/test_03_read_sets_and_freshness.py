"""Read sets where something else than a plain computation makes a result: revalidation, lag, old values, puts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import calling, tasks
from tests.support.nested import Site, everywhere, flat, of_each_kind, still_or_moving, validations
from versioned_lru_cache import NOT_MODIFIED, Lag, Versioned
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

alone = pytest.mark.thread_unsafe(reason="one clock for the whole process")


async def until(site: Site, condition: Callable[[], object]) -> None:
    """Returns as soon as what runs behind has brought something about."""
    if site.awaited:
        await tasks.until(condition)
    else:
        calling.until(condition)


async def until_seen(site: Site, look: Callable[[], Awaitable[bool]]) -> None:
    """Looks until it is there."""
    end = time.monotonic() + calling.WITHIN
    while not await look():
        assert time.monotonic() < end, "did not come in time"
        if site.awaited:
            await tasks.turns()


# Revalidation.


class Checked:
    """A report of the row and the dishes of a menu, whose version is of both. It is good still if the dishes are."""

    def __init__(self, site: Site) -> None:
        self.site, self.dishes, self.checks = site, "tea", 0
        version_of_menu = site.version("menu", answer=lambda: self.dishes)
        self.menu = site.cached("menu", lambda: self.dishes_as_part(), version=version_of_menu)

        async def check(previous: Versioned[Any], x: Any = 0) -> Any:
            self.checks += 1
            found = await self.made()
            return NOT_MODIFIED if previous.value == found else found

        self.report = site.cached(
            "report",
            self.menu,
            version=site.version("report", answer=lambda: (site.row, self.dishes)),
            revalidate=check if site.awaited else flat(check),
        )

    def dishes_as_part(self) -> tuple[Any, ...]:
        """The dishes, as what a function has from another."""
        return ("dishes", self.dishes, 0)

    async def made(self) -> tuple[Any, ...]:
        """A report as the function makes it, but of the row of before."""
        return ("report", 0, 1, await self.site.call(self.menu))


@everywhere
async def test_what_is_found_good_still_by_something_read_before_is_stored(site: Site) -> None:
    checked = Checked(site)
    first = await site.fresh(checked.report)
    with site.new():
        await site.call(checked.menu)
        site.row = 2
        assert await site.call(checked.report) is first
    assert checked.report.cache_peek() == Versioned(first, (2, "tea"))
    assert validations(checked.report) == (1, 0)
    assert await site.fresh(checked.report) is first
    assert checked.checks == 1
    assert site.runs["report"] == 1


@everywhere
async def test_what_is_found_good_still_by_something_that_has_changed_is_not(site: Site) -> None:
    checked = Checked(site)
    first = await site.fresh(checked.report)
    with site.new():
        old = await site.call(checked.menu)
        site.row, checked.dishes = 2, "rice"
        assert await site.call(checked.report) is first
        assert await site.call(checked.report) is first
        assert checked.report.cache_peek() == Versioned(first, (1, "tea"))
        assert validations(checked.report) == (0, 1)
        assert await site.call(checked.menu) is old
    new = await site.fresh(checked.report)
    assert new[3][3] == ("dishes", "rice", 0)
    assert await site.fresh(checked.report) is new
    assert checked.checks == 2


# Lag.


@everywhere
async def test_what_is_made_with_something_that_lags_is_for_its_session(site: Site) -> None:
    """The version that was asked for what lags is still the one to be asked; it is not the one of the result."""
    shown = [1]

    async def body(x: Any = 0) -> Versioned[Any]:
        return Versioned(("page", x, shown[0]), shown[0])

    page = site.cached("page", body=body, lag=Lag())
    menu = site.cached("menu", page)
    site.row = 2
    with site.new():
        await site.call(page)
        assert await site.call(menu) == ("menu", 0, 2, ("page", 0, 1))
        assert not menu.cache_contains()
        assert menu.cache_stats().not_stored == 1
    with site.new():
        await site.call(menu)
        assert not menu.cache_contains(), "read for the first time, it lags as well"
    shown[0] = 2
    await site.check_truth(menu)


@alone
@of_each_kind
@still_or_moving
async def test_what_lags_itself_and_is_tried_again(site: Site, moves: bool) -> None:
    tries: list[int] = []
    menu = site.cached("menu")

    async def body(x: Any = 0) -> Versioned[Any]:
        tries.append(x)
        part = await site.call(menu)
        return Versioned(("page", x, site.row, part), site.row if len(tries) > 1 else "not yet")

    page = site.cached("page", body=body, lag=Lag(retries=1, delay=1))
    with MockClock():
        with site.new():
            await site.call(menu)
            site.row += moves
            await site.call(page)
            assert page.cache_contains() is not moves
            assert site.asked["menu"] <= 3
        assert tries == [0, 0]
        await site.check_truth(page)
        assert tries == [0] * (2 + moves)


# Old values that stand in.


@everywhere
async def test_what_is_made_with_an_old_value_that_answers_at_once_is_for_its_session(site: Site) -> None:
    inner = site.cached("inner", stale_while_revalidate=60)
    outer = site.cached("outer", inner)
    old = await site.fresh(inner)
    site.row = 2
    with site.new():
        mixed = await site.call(outer)
        assert mixed == ("outer", 0, 2, old)
        assert await site.call(outer) is mixed
        assert not outer.cache_contains()
        assert outer.cache_stats().not_stored == 1
        await until(site, lambda: inner.cache_peek().version == 2)
        assert (await site.call(outer, 1))[3] is old
        assert not outer.cache_contains(1), "the session keeps to the old value"
    await site.check_truth(outer)
    await site.check_truth(outer, 1)


@everywhere
@pytest.mark.parametrize("what", ["version function", "function"])
async def test_what_is_made_with_an_old_value_for_a_failure_is_for_its_session(site: Site, what: str) -> None:
    down: list[OSError] = []

    def source() -> tuple[str, int, int]:
        if down:
            raise down[0]
        return ("source", 0, site.row)

    inner = site.cached("inner", source, stale_if_error=60, retry_after=0)
    outer = site.cached("outer", inner)
    old = await site.fresh(inner)
    site.row = 2
    if what == "function":
        down.append(OSError("down"))
    else:
        site.fails["inner"] = OSError("down")
    with site.new():
        mixed = await site.call(outer)
        assert mixed == ("outer", 0, 2, old)
        assert await site.call(outer) is mixed
        assert not outer.cache_contains()
        assert outer.cache_stats().not_stored == 1
        down.clear()
        site.fails.clear()
        assert (await site.call(outer, 1))[3] is old
        assert not outer.cache_contains(1), "the session keeps to the old value"
    await site.check_truth(outer)
    await site.check_truth(outer, 1)


@of_each_kind
async def test_what_is_made_with_an_old_value_of_the_same_version_function(site: Site) -> None:
    version = site.version("both")
    inner = site.cached("inner", version=version, stale_while_revalidate=60)
    outer = site.cached("outer", inner, version=version)
    old = await site.fresh(inner)
    site.row = 2
    with site.new():
        assert await site.call(outer) == ("outer", 0, 2, old)
        assert not outer.cache_contains()
        await until(site, lambda: inner.cache_peek().version == 2)
    await site.check_truth(outer)


@of_each_kind
async def test_what_runs_behind_and_reads_what_the_session_has_read_before(site: Site) -> None:
    inner = site.cached("inner")
    outer = site.cached("outer", inner, stale_while_revalidate=60)
    old = await site.fresh(outer)
    with site.new():
        await site.call(inner)
        site.row = 2
        assert await site.call(outer) is old
        await until(site, lambda: site.runs["outer"] == 2)
        await until(site, lambda: outer.cache_peek().version == 2 or outer.cache_stats().not_stored == 1)

    async def refreshed() -> bool:
        await site.fresh(outer)
        return bool(outer.cache_peek().version == 2)

    await until_seen(site, refreshed)
    assert set(site.rows(outer.cache_peek().value)) == {2}


# Puts from inside.


@everywhere
@pytest.mark.parametrize("target", ["another", "its own"])
async def test_what_is_put_by_a_computation_that_has_read_something_that_has_changed(site: Site, target: str) -> None:
    base, other = site.cached("base"), site.cached("other")

    async def put() -> Any:
        found = await site.call(base)
        function = other if target == "another" else outer
        function.cache_put(Versioned(("put", 0, *site.rows(found)), site.row), 0)
        return found

    outer = site.cached("outer", put)
    with site.new():
        await site.call(base)
        site.row = 2
        await site.call(outer, 0)
    for function in (other, outer) * 2:
        assert set(site.rows(await site.fresh(function, 0))) == {2}


@everywhere
async def test_what_is_put_by_a_computation_under_a_part_of_it_that_has_changed(site: Site) -> None:
    """What was put is read by another, in the session that put it."""
    base, other = site.cached("base"), site.cached("other")

    async def put() -> Any:
        found = await site.call(base)
        other.cache_put(Versioned(("put", 0, *site.rows(found)), site.row), 0)
        return await site.call(outermost)

    outermost = site.cached("outermost", site.function_with(other, 0))
    outer = site.cached("outer", put)
    with site.new():
        await site.call(base)
        site.row = 2
        await site.call(outer)
    for function in (other, outermost, outer):
        await site.check_truth(function, 0)


@everywhere
async def test_what_is_put_by_a_computation_that_has_read_something_that_is_still_so(site: Site) -> None:
    base, other, puts = site.cached("base"), site.cached("other"), list[Any]()

    async def put() -> Any:
        found = await site.call(base)
        puts.append(("put", 0, *site.rows(found)))
        other.cache_put(Versioned(puts[0], site.row), 0)
        return found

    outer = site.cached("outer", put)
    with site.new():
        await site.call(base)
        await site.call(outer)
        assert await site.call(other, 0) is puts[0]
        assert outer.cache_contains()
    if not site.asks_awaited:  # a put awaits nothing, so what has to be asked by a coroutine can't be validated
        assert await site.fresh(other, 0) is puts[0]
    assert set(site.rows(await site.fresh(other, 0))) == {1}
