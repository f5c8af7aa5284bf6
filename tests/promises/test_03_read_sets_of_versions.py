"""Read sets of version functions: what they have read counts as read by each computation under their answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.nested import Site, everywhere, of_each_kind, validations


@everywhere
async def test_a_version_function_that_uses_what_was_read_before(site: Site) -> None:
    base = site.cached("base", for_versions=True)
    top = site.cached("top", base, version=site.version("top", base))
    with site.new():
        await site.call(base)
        first = await site.call(top)
        assert site.asked == {"base": 2, "top": 1}
    assert validations(top) == (1, 0)
    assert await site.fresh(top) is first


@everywhere
async def test_a_version_function_that_uses_what_has_changed(site: Site) -> None:
    """What the version function and the function had in common is equally old, and no less old for that."""
    base = site.cached("base", for_versions=True)
    top = site.cached("top", base, version=site.version("top", base))
    with site.new():
        old = await site.call(base)
        site.row = 2
        mixed = await site.call(top)
        assert mixed == ("top", 0, 2, old)
        assert await site.call(top) is mixed
        assert not top.cache_contains()
    await site.check_truth(top)


@of_each_kind
async def test_what_the_version_function_alone_has_used_counts(site: Site) -> None:
    """The function has it from there, by a way of which nothing is known."""
    base, seen = site.cached("base", for_versions=True), list[Any]()

    async def look() -> None:
        seen[:] = [await site.call(base)]

    version = site.version("top", look)
    top = site.cached("top", lambda: seen[0], version=version)
    with site.new():
        await site.call(base)
        site.row = 2
        await site.call(top)
        assert not top.cache_contains()
    await site.check_truth(top)


@of_each_kind
async def test_one_answer_of_such_a_version_function_counts_for_each_key(site: Site) -> None:
    base = site.cached("base", for_versions=True)
    top = site.cached("top", base, version=site.version("top", base))
    with site.new():
        await site.call(base)
        for key in range(3):
            await site.call(top, key)
        assert [top.cache_contains(key) for key in range(3)] == [True] * 3
        assert site.asked["top"] == 1
        assert site.asked["base"] <= 4
    with site.new():
        await site.call(base)
        await site.call(top, 0)
        site.row = 2
        for key in range(3, 6):
            await site.call(top, key)
    for key in range(6):
        await site.check_truth(top, key)


@everywhere
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
async def test_a_version_that_is_read_through_the_cache_at_two_levels(site: Site, moves: bool) -> None:
    """A validation has to see through them: answered by the session's memory it would find all as it was."""
    settings = site.cached("settings", for_versions=True)
    users = site.cached("users", for_versions=True, version=settings, version_args=())
    report = site.cached("report", for_versions=True, version=users, version_args=())
    page = site.cached("page", report)
    with site.new():
        old = await site.call(report)
        site.row += moves
        first = await site.call(page)
        assert first == ("page", 0, site.row, old)
        assert page.cache_contains() is not moves
        assert await site.call(report) is old
    assert validations(page)[moves] == 1
    assert validations(page)[not moves] == 0
    await site.check_truth(page)
    await site.check_truth(report)
    assert site.runs["page"] == 1 + moves


@of_each_kind
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
async def test_version_functions_that_use_each_others_functions(site: Site, moves: bool) -> None:
    settings = site.cached("settings", for_versions=True)
    users = site.cached("users", settings, for_versions=True, version=site.version("users", settings))
    page = site.cached("page", users, settings, version=site.version("page", users))
    with site.new():
        await site.call(settings)
        site.row += moves
        await site.call(page)
        assert page.cache_contains() is not moves
    await site.check_truth(page)
    await site.check_truth(users)


@everywhere
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
async def test_what_a_version_function_uses_may_change_before_it_answers(site: Site, moves: bool) -> None:
    """What was observed while it ran may be older than its answer, so that is asked anew too."""
    base = site.cached("base", for_versions=True)

    async def move() -> None:
        site.row += moves and site.row == 1

    top = site.cached("top", base, version=site.version("top", base, move))
    with site.new():
        assert site.rows(await site.call(top)) == [site.row, 1]
        assert top.cache_contains() is not moves
        assert site.asked["base"] <= 2
    await site.check_truth(top)
