"""Read sets, validated: before a result is stored, what it rests on is asked anew, and has to be as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nested import Site, everywhere, of_each_kind, validations
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable


# Read before in the session, and used again.


@everywhere
async def test_what_is_made_with_something_read_before_is_stored_if_that_is_still_so(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        await site.call(menu)
        first = await site.call(report)
        assert report.cache_contains()
        assert site.asked == {"menu": 2, "report": 1}, "the menu once for the session, and once for the store"
    assert validations(report) == (1, 0)
    assert report.cache_stats().not_stored == 0
    assert await site.fresh(report) is first
    assert site.runs == {"menu": 1, "report": 1}


@everywhere
async def test_in_the_other_order_nothing_has_to_be_asked_again(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        first = await site.call(report)
        await site.call(menu)
        assert site.asked == {"menu": 1, "report": 1}
    assert validations(report) == (0, 0)
    assert await site.fresh(report) is first


@everywhere
async def test_what_is_made_with_something_that_has_changed_is_for_its_session(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        old = await site.call(menu)
        site.row = 2
        mixed = await site.call(report)
        assert mixed == ("report", 0, 2, old)
        assert await site.call(report) is mixed
        assert await site.call(menu) is old
        assert not report.cache_contains()
        assert report.cache_stats().not_stored == 1
        assert validations(report) == (0, 1)
        await site.check_truth(report)
        assert await site.call(report) is mixed
        assert await site.call(menu) is old
    assert site.runs == {"menu": 2, "report": 2}


@everywhere
async def test_a_validation_changes_nothing_that_the_session_answers(site: Site) -> None:
    """Another function goes by the version that was asked anew; in the session it goes on by the first answer."""
    version = site.version("menu")
    menu = site.cached("menu", version=version)
    list_of_all = site.cached("list", version=version)
    report = site.cached("report", menu)
    with site.new():
        old = await site.call(menu)
        site.row = 2
        await site.call(report)
        assert site.asked["menu"] == 2
        whole = await site.call(list_of_all)
        assert await site.call(list_of_all) is whole
        assert await site.call(menu) is old
        assert site.asked["menu"] == 2, "the session has asked before"
        assert list_of_all.cache_peek().version == 1
    await site.check_truth(list_of_all)


@everywhere
async def test_three_levels(site: Site) -> None:
    user = site.cached("user")
    menu = site.cached("menu", user)
    page = site.cached("page", menu)
    with site.new():
        await site.call(user)
        first = await site.call(page)
        assert page.cache_contains()
        assert menu.cache_contains()
        assert site.asked["user"] <= 3, "at most once for each of the two that were made with it"
    assert await site.fresh(page) is first
    assert site.runs == {"user": 1, "menu": 1, "page": 1}


@everywhere
async def test_three_levels_of_which_the_lowest_has_changed(site: Site) -> None:
    user = site.cached("user")
    menu = site.cached("menu", user)
    page = site.cached("page", menu)
    with site.new():
        old = await site.call(user)
        site.row = 2
        assert await site.call(page) == ("page", 0, 2, ("menu", 0, 2, old))
        assert not page.cache_contains()
        assert not menu.cache_contains()
    await site.check_truth(page)
    await site.check_truth(menu)


@of_each_kind
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
async def test_what_is_between_them_was_read_before_too(site: Site, moves: bool) -> None:
    """The page uses a menu that is kept for the session alone, as the user that it was made with has changed."""
    user = site.cached("user")
    menu = site.cached("menu", user)
    page = site.cached("page", menu)
    with site.new():
        await site.call(user)
        site.row += moves
        await site.call(menu)
        await site.call(page)
        assert page.cache_contains() is not moves
    await site.check_truth(page)


@of_each_kind
async def test_what_is_between_them_has_a_constant_version(site: Site) -> None:
    user = site.cached("user")
    menu = site.cached("menu", user, version="constant")
    page = site.cached("page", menu)
    with site.new():
        await site.call(user)
        first = await site.call(page)
    assert await site.fresh(page) is first
    menu.cache_clear()
    with site.new():
        await site.call(user)
        site.row = 2
        await site.call(page)
        assert not page.cache_contains() or page.cache_peek().version == 1
    assert not menu.cache_contains(), "it would be served for ever"
    await site.check_truth(page)


@of_each_kind
async def test_data_that_comes_back_was_never_away(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        await site.call(menu)
        site.row = 2
        await site.fresh(menu)
        site.row = 1
        first = await site.call(report)
    assert validations(report) == (1, 0)
    assert await site.fresh(report) is first


@of_each_kind
@pytest.mark.parametrize("first", ["old", "new"])
async def test_what_is_made_with_two_versions_of_one_scope(site: Site, first: str) -> None:
    """The session has read the one before the change. The other was stored since, and is newer than what it knows."""
    version = site.version("both")
    one, other = site.cached("one", version=version), site.cached("other", version=version)
    top = site.cached("top", *([one, other] if first == "old" else [other, one]))
    with site.new():
        old = await site.call(one)
        site.row = 2
        new = await site.fresh(other)
        assert (await site.call(one), await site.call(other)) == (old, new)
        await site.call(top)
        assert not top.cache_contains()
    await site.check_truth(top)


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 2, 1), (1,), (1, 1)], ids=str)
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
@pytest.mark.parametrize("shared", [False, True], ids=["a version each", "one version"])
def test_what_is_made_in_two_sessions(order: tuple[int, ...], moves: bool, shared: bool) -> None:
    """One part is made in a session with what another has read before the change; the other part is of after it."""
    row = 1
    mine: dict[str, Any] = {}
    other: dict[str, Any] = {}

    @versioned_lru_cache(lambda: row, session=lambda: other)
    def base() -> int:
        return row

    def version() -> int:
        return row

    @versioned_lru_cache(version, session=lambda: mine)
    def part(x: int) -> tuple[int, int]:
        return x, base()

    @versioned_lru_cache(version if shared else lambda: row, session=lambda: mine)
    def whole() -> list[tuple[int, int]]:
        return [part(x) for x in order]

    base()
    old, row, other = other, row + moves, {}
    assert part(2) == (2, row)
    other = old
    first = whole()
    assert first == [(x, 1 if x == 1 else row) for x in order]
    assert whole.cache_contains() is not moves
    mine, other = {}, {}
    assert whole() == [(x, row) for x in order]
    assert (whole() is first) is not moves


# How often is asked.


@of_each_kind
async def test_once_for_each_scope_however_often_it_was_read(site: Site) -> None:
    menu, user = site.cached("menu"), site.cached("user")
    # A function for each key and its version function for all: one scope.
    parts = [site.function_with(menu, key) for key in range(5)]
    report = site.cached("report", *parts, user, *parts, menu, user)
    with site.new():
        for use in [*parts, menu, user]:
            await site.call(use)
        site.asked.clear()
        await site.call(report)
        assert site.asked == {"menu": 1, "user": 1, "report": 1}
    assert validations(report) == (2, 0)


@of_each_kind
async def test_once_for_each_of_the_things_that_a_version_function_is_given(site: Site) -> None:
    given: list[Any] = []
    rows = {"ann": 1, "bob": 1, "cid": 1}

    def answer(name: str) -> int:
        given.append(name)
        return rows[name]

    profile = site.cached("profile", version=site.version("profile", takes=True, answer=answer))
    ann, bob = site.function_with(profile, "ann"), site.function_with(profile, "bob")
    both, one = site.cached("both", ann, bob, ann, bob), site.cached("one", ann, ann)
    with site.new():
        for name in rows:
            await site.call(profile, name)
        given.clear()
        await site.call(both)
        assert sorted(given) == ["ann", "bob"], "nobody has used the third"
        rows["bob"] = 2
        given.clear()
        await site.call(one)
        assert given == ["ann"]
    assert both.cache_contains()
    assert one.cache_contains()


@of_each_kind
async def test_a_part_of_the_arguments_is_a_scope(site: Site) -> None:
    rows = {"ann": 1, "bob": 1}
    version = site.version("calendar", takes=True, answer=lambda name: rows[name])
    calendar = site.cached("calendar", version=version, version_args=lambda x=0: (x[0],))
    days = [site.function_with(calendar, ("ann", day)) for day in range(3)]
    week, others = site.cached("week", *days), site.cached("others", site.function_with(calendar, ("bob", 0)))
    with site.new():
        for use in days:
            await site.call(use)
        await site.call(calendar, ("bob", 0))
        rows["bob"] = 2
        site.asked.clear()
        await site.call(week)
        assert site.asked["calendar"] == 1
        await site.call(others)
    assert week.cache_contains()
    assert not others.cache_contains()
    assert validations(week) == (1, 0)
    assert validations(others) == (0, 1)


@of_each_kind
async def test_nothing_is_asked_for_what_has_the_same_answer_or_a_constant_version(site: Site) -> None:
    version = site.version("all")
    menu, report = site.cached("menu", version=version), site.cached("name", version="constant")
    page = site.cached("page", menu, report, version=version)
    with site.new():
        await site.call(report)
        await site.call(menu)
        await site.call(page)
    assert site.asked == {"all": 1}
    assert validations(page) == (0, 0)
    assert page.cache_contains()


@everywhere
async def test_nothing_is_asked_that_another_session_has_found_equal_meanwhile(site: Site) -> None:
    menu = site.cached("menu")

    async def in_between() -> Any:
        return await site.fresh(menu)

    report = site.cached("report", menu, in_between)
    with site.new():
        await site.call(menu)
        await site.call(report)
    assert site.asked["menu"] == 2, "for its session, and for the one in between"
    assert validations(report)[1] == 0
    assert report.cache_contains()


@everywhere
async def test_what_another_session_has_found_changed_meanwhile_is_not_equal(site: Site) -> None:
    menu = site.cached("menu")

    async def in_between() -> Any:
        site.row = 2
        return await site.fresh(menu)

    report = site.cached("report", menu, in_between)
    with site.new():
        await site.call(menu)
        await site.call(report)
        assert not report.cache_contains()
    await site.check_truth(report)


# A validation that fails.


@everywhere
async def test_a_version_function_that_fails_then_is_nobodys_error(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        await site.call(menu)
        site.fails["menu"] = OSError("down")
        mine = await site.call(report)
        assert await site.call(report) is mine
        assert not report.cache_contains()
        assert report.cache_stats().not_stored == 1
        assert report.cache_stats().errors == 0
        assert validations(report) == (0, 1)
        del site.fails["menu"]
    await site.check_truth(report)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_goes_to_the_caller(kind: type[BaseException]) -> None:
    rows = [1]
    ends: list[BaseException] = []

    def version() -> int:
        if ends:
            raise ends.pop()
        return rows[0]

    place: dict[str, Any] = {}
    menu = versioned_lru_cache(version, session=lambda: place)(lambda: rows[0])
    report = versioned_lru_cache(lambda: rows[0], session=lambda: place)(lambda: [menu()])
    menu()
    ends.append(kind())
    with pytest.raises(kind):
        report()
    assert report() == [1]
    rows[0], place = 2, {}
    assert report() == [2]
    assert report() is report()


# Methods.


class Shop:
    """Cached methods that use each other."""

    place: dict[str, Any]
    rows: dict[str, int]

    def __init__(self, name: str) -> None:
        self.name = name

    def row(self) -> int:
        return Shop.rows[self.name]

    def also_row(self) -> int:
        return Shop.rows[self.name]

    @versioned_lru_cache(lambda self: self.row(), session=lambda: Shop.place)
    def goods(self) -> int:
        return Shop.rows[self.name]

    @versioned_lru_cache(lambda self: self.also_row(), session=lambda: Shop.place)
    def window(self) -> list[int]:
        return [self.goods()]


def use(method: Callable[[], Any]) -> Any:
    """What a session gets that begins now."""
    Shop.place = {}
    return method()


@pytest.mark.thread_unsafe(reason="one class, and one place for its sessions")
def test_methods() -> None:
    Shop.rows, Shop.place = {"tea": 1, "rice": 1}, {}
    tea, rice = Shop("tea"), Shop("rice")
    assert (tea.goods(), rice.goods()) == (1, 1)
    Shop.rows["rice"] = 2
    first = tea.window()
    assert first == rice.window() == [1]
    assert tea.window.cache_contains()
    assert not rice.window.cache_contains()
    assert use(tea.window) is first
    assert use(rice.window) == [2]
    assert validations(Shop.window) == (1, 1)
