"""Offline: a session that takes what is there, and goes to no source."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import IMMUTABLE, NotStored, Refresh, Versioned, current_session, session, versioned_lru_cache


@of_each_kind
async def test_whatever_is_there_is_served_in_any_state(source: Source) -> None:
    f = source.cached(ttl=10, stale_if_error=20, stale_while_revalidate=5)
    source.gives = old = ["old"]
    await source.call(f)
    source.taken()
    source.version, source.gives = OSError("no net"), OSError("no net")
    for seconds in (0, 9.999, 0.001, 5, 15, 1e6):
        source.clock.advance(seconds)
        with session(offline=True):
            assert await source.call(f) is old
            assert await source.call(f) is old
    await source.settled()
    assert source.taken() == counts()
    assert source.behind == counts()


@of_each_kind
async def test_what_is_not_there_is_an_error_that_names_the_call(source: Source) -> None:
    f = source.cached(name="the_report")
    with session(offline=True):
        error = await source.fails(NotStored, f, 1)
    assert isinstance(error, LookupError)
    assert "the_report" in str(error)
    assert source.taken() == counts()
    assert not f.cache_contains(1)
    assert await source.call(f, 1) == "old"


@of_each_kind
async def test_it_is_not_an_error_of_the_source(source: Source) -> None:
    f = source.cached(stale_if_error=20, errors=LookupError)
    with session(offline=True):
        await source.fails(NotStored, f, 1)
    assert await source.call(f, 1) == "old"
    assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_other_keys_do_not_answer(source: Source) -> None:
    f = source.cached()
    await source.call(f, 1)
    with session(offline=True):
        assert await source.call(f, 1) == "old"
        await source.fails(NotStored, f, 2)


@of_each_kind
async def test_what_was_cleared_or_invalidated_is_not_there(source: Source) -> None:
    f = source.cached()
    for forget in (f.cache_clear, lambda: f.cache_invalidate(1)):
        await source.call(f, 1)
        with session(offline=True):
            assert await source.call(f, 1) == "old"
            forget()
            await source.fails(NotStored, f, 1)


@of_each_kind
async def test_a_refresh_has_no_say_offline(source: Source) -> None:
    f = source.cached()
    await source.call(f)
    source.version, source.gives = "v2", "new"
    source.taken()
    with session(refresh=Refresh.only(f, hard=True)), session(offline=True):
        assert await source.call(f) == "old"
    assert source.taken() == counts()


@of_each_kind
async def test_an_entry_that_lags_and_one_that_can_not_change(source: Source) -> None:
    lagging, fixed = source.cached(), source.cached()
    source.version, source.gives = "v42", Versioned("page of 41", "v41")
    await source.call(lagging)
    source.gives = Versioned("fixed", IMMUTABLE)
    await source.call(fixed)
    source.taken()
    with session(offline=True):
        assert await source.call(lagging) == "page of 41"
        assert await source.call(fixed) == "fixed"
    assert source.taken() == counts()


@of_each_kind
async def test_reads_are_repeatable_offline_too(source: Source) -> None:
    f = source.cached(maxsize=1)
    source.gives = old = ["old"]
    await source.call(f, 1)
    with session(offline=True):
        assert await source.call(f, 1) is old
        with session():
            source.version, source.gives = "v2", ["new"]
            await source.call(f, 1)
            assert f.cache_peek(1) == (["new"], "v2")
            await source.call(f, 2)
        assert await source.call(f, 1) is old


@of_each_kind
async def test_a_session_inside_is_online_again(source: Source) -> None:
    f = source.cached()
    with session(offline=True):
        with session():
            assert await source.call(f) == "old"
        assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_in_a_mapping(source: Source) -> None:
    place: dict[str, Any] = {}
    f = source.cached(session=place)
    with session(place, offline=True) as handle:
        assert current_session(place) is handle
        await source.fails(NotStored, f)
    assert await source.call(f) == "old"


@of_each_kind
async def test_it_counts_as_a_hit_and_as_nothing_stale(source: Source) -> None:
    f = source.cached(ttl=10)
    await source.call(f)
    source.clock.advance(10)
    before = f.cache_stats()
    with session(offline=True) as handle:
        await source.call(f)
        assert handle.stale == 0
    assert f.cache_stats() == before._replace(hits=before.hits + 1)


@of_each_kind
async def test_with_a_constant_version(source: Source) -> None:
    f = source.cached(constant="v1", ttl=10)
    with session(offline=True):
        await source.fails(NotStored, f)
    await source.call(f)
    source.clock.advance(10)
    with session(offline=True):
        assert await source.call(f) == "old"
    assert source.taken() == counts(ran=1)


def test_a_function_that_stores_nothing_has_nothing() -> None:
    @versioned_lru_cache("constant", maxsize=0)
    def f() -> int:
        return 1

    f()
    with session(offline=True), pytest.raises(NotStored, match="f"):
        f()


def test_one_that_is_called_inside_is_offline_too() -> None:
    @versioned_lru_cache("constant")
    def inner() -> int:
        return 1

    def outer() -> int:
        return inner() + 1

    with session(offline=True), pytest.raises(NotStored, match="inner"):
        outer()
