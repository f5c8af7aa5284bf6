"""Promise 2 for what a session made anew, put or called inside of itself, and could not store for others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.nested import Site, everywhere, of_each_kind
from versioned_lru_cache import Versioned

by_arguments = pytest.mark.parametrize("takes", [False, True], ids=["one version", "a version for each"])


def pages(site: Site, takes: bool) -> tuple[Any, Any]:
    """A base that has a version, and pages that use it and have another, which does not change."""
    base = site.cached("base")
    return base, site.cached("page", base, version=site.version("page", takes=takes, answer=lambda *args: "v1"))


@everywhere
@by_arguments
@pytest.mark.parametrize("read_before", [False, True], ids=["first", "read before"])
async def test_what_was_refreshed_stays(site: Site, takes: bool, read_before: bool) -> None:
    base, page = pages(site, takes)
    stored = [await site.fresh(page, key) for key in "ab"]
    with site.new():
        await site.call(base)
        if read_before:
            assert await site.call(page, "a") is stored[0]
        site.row = 2
        new = await site.call(page.cache_refresh, "a")
        assert new is not stored[0]
        assert await site.call(page, "a") is new
        assert await site.call(page, "b") is stored[1]
        assert await site.call(page, "a") is new
        await site.call(page, "c")
        assert await site.call(page, "b") is stored[1]
        assert await site.call(page, "a") is new
        with site.new():
            assert await site.call(page, "a") is stored[0], "what was made with an old base is not for others"
        assert await site.call(page, "a") is new


@everywhere
@by_arguments
async def test_what_was_refreshed_twice_is_what_came_last(site: Site, takes: bool) -> None:
    base, page = pages(site, takes)
    stored = [await site.fresh(page, key) for key in "ab"]
    with site.new():
        await site.call(base)
        site.row = 2
        await site.call(page.cache_refresh, "a")
        new = await site.call(page.cache_refresh, "a")
        for _ in range(2):
            assert await site.call(page, "b") is stored[1]
            assert await site.call(page, "a") is new


@everywhere
@by_arguments
async def test_what_was_refreshed_and_is_still_so_is_for_everybody(site: Site, takes: bool) -> None:
    base, page = pages(site, takes)
    stored = [await site.fresh(page, key) for key in "ab"]
    with site.new():
        await site.call(base)
        new = await site.call(page.cache_refresh, "a")
        for _ in range(2):
            assert await site.call(page, "a") is new
            assert await site.call(page, "b") is stored[1]
    assert await site.fresh(page, "a") is new


@everywhere
@by_arguments
async def test_what_another_session_stores_meanwhile_is_not_what_was_refreshed(site: Site, takes: bool) -> None:
    base, page = pages(site, takes)
    stored = [await site.fresh(page, key) for key in "ab"]
    with site.new():
        await site.call(base)
        site.row = 2
        new = await site.call(page.cache_refresh, "a")
        with site.new():
            others = await site.call(page.cache_refresh, "a")
            assert set(site.rows(others)) == {2}
        assert await site.call(page, "b") is stored[1]
        assert await site.call(page, "a") is new
    assert await site.fresh(page, "a") is others


@everywhere
@pytest.mark.parametrize("how", ["call", "refresh", "put"])
@by_arguments
async def test_the_session_goes_by_what_came_last_from_inside(site: Site, how: str, takes: bool) -> None:
    """The inner result is for its session alone, as is the outer."""
    made: list[Any] = []

    async def inside() -> Any:
        found = await site.call(base)
        if made:
            return found
        made.append(None)
        if how == "put":
            made[0] = ("put", "a", 1)
            page.cache_put(Versioned(made[0], "v1"), "a")
        else:
            made[0] = await site.call(page if how == "call" else page.cache_refresh, "a")
        return found

    base = site.cached("base")
    version = site.version("page", takes=takes, answer=lambda *args: "v1")
    page = site.cached("page", inside, version=version)
    with site.new():
        await site.call(base)
        site.row = 2
        outer = await site.call(page, "a")
        assert outer is not made[0]
        assert await site.call(page, "a") is made[0]
        b = await site.call(page, "b")
        assert await site.call(page, "a") is made[0]
        assert await site.call(page, "b") is b
    if how != "put":
        assert site.runs["page"] == 3


@of_each_kind
async def test_the_session_goes_by_what_came_last_from_inside_though_an_old_one_is_stored(site: Site) -> None:
    made: list[Any] = []

    async def inside() -> Any:
        found = await site.call(base)
        if armed and not made:
            made.append(None)
            made[0] = await site.call(page.cache_refresh, "a")
        return found

    armed: list[bool] = []
    base = site.cached("base")
    page = site.cached("page", inside, version=site.version("page", answer=lambda: "v1"))
    stored = [await site.fresh(page, key) for key in "ab"]
    armed.append(True)
    with site.new():
        await site.call(base)
        site.row = 2
        outer = await site.call(page.cache_refresh, "a")
        assert outer is not made[0]
        for _ in range(2):
            assert await site.call(page, "a") is made[0]
            assert await site.call(page, "b") is stored[1]
    assert await site.fresh(page, "a") is stored[0]
