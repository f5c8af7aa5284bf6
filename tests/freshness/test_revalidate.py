"""Conditional revalidation: what is there may still be good, and who can tell is asked before all is made anew."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.support import tasks
from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    Refresh,
    Versioned,
    session,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)
from versioned_lru_cache.testing import MockClock


@of_each_kind
async def test_revalidate_is_given_what_was_there_and_the_arguments(source: Source) -> None:
    f = source.cached(revalidate=True)
    source.gives = old = ["old"]
    await source.call(f, 7)
    source.version, source.gives = "v2", ["new"]
    assert await source.call(f, 7) == ["new"]
    previous = source.previous[0]
    assert isinstance(previous, Versioned)
    assert previous.value is old
    assert previous.version == "v1"
    assert source.given_args == [(7,), (7,)]
    assert source.taken() == counts(asked=2, ran=1, revalidated=1)


@of_each_kind
async def test_not_modified_keeps_the_very_value_under_the_version_asked(source: Source) -> None:
    f = source.cached(revalidate=True, ttl=10)
    source.gives = old = ["old"]
    await source.call(f)
    source.clock.advance(4)
    source.version, source.gives = "v2", NOT_MODIFIED
    assert await source.call(f) is old
    assert f.cache_peek() == (["old"], "v2")
    source.taken()
    source.clock.advance(9.999)
    assert await source.call(f) is old
    assert source.taken() == counts(asked=1)
    source.clock.advance(0.001)
    assert await source.call(f) is old
    assert source.taken() == counts(asked=1, revalidated=1)


@of_each_kind
async def test_still_the_old_page_stays_under_its_old_version(source: Source) -> None:
    f = source.cached(revalidate=True, ttl=10)
    source.gives = old = ["old"]
    await source.call(f)
    source.clock.advance(4)
    source.version, source.gives = "v2", lambda previous: previous
    with session():
        for _ in range(3):
            assert await source.call(f) is old
        assert source.taken() == counts(asked=2, ran=1, revalidated=1)
    assert f.cache_peek() == (["old"], "v1")
    with session():
        source.gives = "new"
        assert await source.call(f) == "new"
    assert source.taken() == counts(asked=1, revalidated=1)
    assert f.cache_peek() == ("new", "v2")


@of_each_kind
async def test_still_the_old_page_restarts_the_ttl(source: Source) -> None:
    f = source.cached(revalidate=True, ttl=10)
    await source.call(f)
    source.clock.advance(10)
    source.gives = lambda previous: previous
    assert await source.call(f) == "old"
    source.taken()
    source.clock.advance(9.999)
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1)
    source.clock.advance(0.001)
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, revalidated=1)


@of_each_kind
async def test_where_nothing_is_there_the_function_runs(source: Source) -> None:
    f = source.cached(revalidate=True)
    for forget in (lambda: None, f.cache_clear, lambda: f.cache_invalidate(1)):
        forget()
        await source.call(f, 1)
        assert source.taken() == counts(asked=1, ran=1)
    await source.call(f, 2)
    assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_what_revalidate_raises_leaves_the_entry(source: Source) -> None:
    f = source.cached(revalidate=True)
    await source.call(f)
    source.version, source.gives = "v2", ValueError("no opinion")
    assert await source.fails(ValueError, f) is source.gives
    assert f.cache_peek() == ("old", "v1")
    source.gives = NOT_MODIFIED
    assert await source.call(f) == "old"
    assert f.cache_peek() == ("old", "v2")


@of_each_kind
async def test_the_four_things_that_happen_to_an_entry_are_counted(source: Source) -> None:
    f = source.cached(revalidate=True)

    def counted() -> tuple[int, ...]:
        stats = f.cache_stats()
        return stats.hits, stats.version_calls, stats.revalidated, stats.misses

    await source.call(f)
    assert counted() == (0, 1, 0, 1)
    await source.call(f)
    assert counted() == (1, 2, 0, 1)
    source.version, source.gives = "v2", NOT_MODIFIED
    await source.call(f)
    assert counted() == (1, 3, 1, 1)
    source.version, source.gives = "v3", lambda previous: previous
    await source.call(f)
    assert counted() == (1, 4, 2, 1)
    source.gives = "new"
    await source.call(f)
    assert counted() == (1, 5, 2, 2)


@of_each_kind
async def test_what_cache_if_refuses_is_not_stored_by_revalidate(source: Source) -> None:
    f = source.cached(revalidate=True, cache_if=lambda value: value != "new")
    await source.call(f)
    source.version, source.gives = "v2", "new"
    assert await source.call(f) == "new"
    assert f.cache_peek() == ("old", "v1")


@of_each_kind
async def test_other_sessions_read_on_what_they_read(source: Source) -> None:
    f = source.cached(revalidate=True)
    source.gives = old = ["old"]
    await source.call(f)
    with session():
        assert await source.call(f) is old
        source.version, source.gives = "v2", ["new"]
        with session():
            assert await source.call(f) == ["new"]
        assert await source.call(f) is old


@tasks.in_loop
async def test_who_comes_meanwhile_shares_one_revalidation() -> None:
    source = Source(MockClock(), awaited=True)
    f = source.cached(revalidate=True)
    await f()
    source.version, source.gives = "v2", lambda previous: ["new"]
    found = await tasks.ended(tasks.begun(4, f))
    assert all(value is found[0] for value in found)
    assert source.behind["revalidated"] == 1


# on_expiry="verify"


@of_each_kind
async def test_an_unchanged_version_restarts_the_ttl(source: Source) -> None:
    f = source.cached(ttl=10, on_expiry="verify")
    source.gives = old = ["old"]
    await source.call(f)
    for _ in range(3):
        source.clock.advance(10)
        assert f.cache_peek() is None
        assert await source.call(f) is old
        assert f.cache_peek() == (["old"], "v1")
    assert source.taken() == counts(asked=4, ran=1)
    assert f.cache_stats().hits == 3
    assert f.cache_stats().verified == 3
    source.clock.advance(10)
    source.version, source.gives = "v2", "new"
    assert await source.call(f) == "new"


@of_each_kind
async def test_the_age_counts_from_when_the_version_that_vouches_was_asked(source: Source) -> None:
    f = source.cached(ttl=10, on_expiry="verify")
    await source.call(f, 1)
    source.clock.advance(4)
    with session():
        await source.call(f, 2)
        source.taken()
        source.clock.advance(6)
        assert await source.call(f, 1) == "old"
        assert source.taken() == counts(), "it was asked 6 seconds ago, and vouches"
    source.clock.advance(3.999)
    assert f.cache_contains(1)
    source.clock.advance(0.001)
    assert not f.cache_contains(1)


@of_each_kind
async def test_an_observation_older_than_the_ttl_does_not_vouch(source: Source) -> None:
    f = source.cached(ttl=10, on_expiry="verify")
    with session():
        await source.call(f)
        source.taken()
        source.clock.advance(10)
        assert await source.call(f) == "old"
        assert source.taken() == counts(asked=1)
        source.clock.advance(9.999)
        assert await source.call(f) == "old"
        assert source.taken() == counts()


@of_each_kind
async def test_verify_comes_before_revalidate(source: Source) -> None:
    f = source.cached(ttl=10, on_expiry="verify", revalidate=True)
    await source.call(f)
    source.clock.advance(10)
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=2, ran=1)
    source.clock.advance(10)
    source.version, source.gives = "v2", NOT_MODIFIED
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1, revalidated=1)


# Versioned


@of_each_kind
async def test_a_result_is_stored_under_the_version_that_it_says(source: Source) -> None:
    f = source.cached()
    source.gives = Versioned("page", "v1")
    assert await source.call(f) == "page"
    assert f.cache_peek() == ("page", "v1")
    assert await source.call(f) == "page"
    assert source.taken() == counts(asked=2, ran=1)


@of_each_kind
async def test_a_result_of_another_version_is_for_this_session_and_asked_about_in_the_next(source: Source) -> None:
    f = source.cached()
    source.version, source.gives = "v42", Versioned("page of 41", "v41")
    with session():
        for _ in range(3):
            assert await source.call(f) == "page of 41"
        assert source.taken() == counts(asked=1, ran=1)
    assert f.cache_peek() == ("page of 41", "v41")
    source.gives = Versioned("page of 42", "v42")
    with session():
        for _ in range(3):
            assert await source.call(f) == "page of 42"
        assert source.taken() == counts(asked=1, ran=1)
    with session():
        assert await source.call(f) == "page of 42"
    assert source.taken() == counts(asked=1)


@of_each_kind
async def test_cache_if_is_given_the_value_without_its_version(source: Source) -> None:
    judged: list[Any] = []
    f = source.cached(cache_if=lambda value: judged.append(value) or True)
    source.gives = Versioned("page", "v1")
    await source.call(f)
    assert judged == ["page"]


@of_each_kind
async def test_a_constant_version_takes_no_result_of_another(source: Source) -> None:
    f = source.cached(constant="release 2", ttl=10)
    source.gives = Versioned("page", "release 2")
    assert await source.call(f) == "page"
    source.gives = Versioned("old page", "release 1")
    source.clock.advance(10)
    error = await source.fails(ValueError, f)
    assert "'release 1'" in str(error)
    assert "'release 2'" in str(error)
    source.gives = Versioned("new page", "release 2")
    assert await source.call(f) == "new page"


# IMMUTABLE


@of_each_kind
async def test_what_can_not_change_is_served_for_ever_and_nothing_is_asked(source: Source) -> None:
    by_version, by_result, by_constant = (source.cached(ttl=10, **o) for o in [{}, {}, {"constant": IMMUTABLE}])
    source.version = IMMUTABLE
    await source.call(by_version)
    await source.call(by_constant)
    source.version, source.gives = "v1", Versioned("old", IMMUTABLE)
    await source.call(by_result)
    source.taken()
    source.version, source.gives = OSError("never asked"), OSError("never run")
    for _ in range(3):
        source.clock.advance(1e6)
        for f in (by_version, by_result, by_constant):
            assert await source.call(f) == "old"
            assert f.cache_peek() == ("old", IMMUTABLE)
            assert f.cache_contains()
            with session():
                assert await source.call(f) == "old"
    assert source.taken() == counts()


@of_each_kind
async def test_an_answer_that_becomes_immutable_is_another_version(source: Source) -> None:
    f = source.cached()
    await source.call(f)
    source.version, source.gives = IMMUTABLE, "final"
    assert await source.call(f) == "final"
    source.version, source.gives = "v3", "never"
    assert await source.call(f) == "final"


@of_each_kind
async def test_immutable_can_be_cleared_invalidated_reloaded_and_pushed_out(source: Source) -> None:
    f = source.cached(maxsize=1)
    source.version = IMMUTABLE
    evict = source.call
    for number, away in enumerate([f.cache_clear, lambda: f.cache_invalidate(1), None]):
        source.gives = number
        assert await source.call(f, 1) == number
        if away is not None:
            away()
        else:
            await evict(f, 2)
        source.gives = "again"
        assert await source.call(f, 1) == "again"
        f.cache_clear()
    source.gives = "old"
    await source.call(f, 1)
    source.gives = "new"
    assert await source.call(f.cache_refresh, 1) == "new"


@of_each_kind
async def test_immutable_can_be_put(source: Source) -> None:
    f = source.cached(ttl=10)
    f.cache_put(Versioned("put", IMMUTABLE), 1)
    source.clock.advance(100)
    assert await source.call(f, 1) == "put"
    assert source.taken() == counts()


@pytest.mark.parametrize("word", [IMMUTABLE, NOT_MODIFIED], ids=["IMMUTABLE", "NOT_MODIFIED"])
def test_the_words_are_one_of_their_kind(word: Any) -> None:
    assert copy.copy(word) is word
    assert copy.deepcopy(word) is word
    assert pickle.loads(pickle.dumps(word)) is word
    assert repr(word) in ("IMMUTABLE", "NOT_MODIFIED")
    assert word == word
    assert word != "IMMUTABLE"
    assert isinstance(hash(word), int)


def test_the_original_decorator_takes_them_all() -> None:
    place: dict[str, Any] = {}
    version = ["v1"]
    previous: list[Any] = []

    def revalidate(before: Versioned[str]) -> Any:
        previous.append(before)
        return NOT_MODIFIED

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=place,
        generate_version_func=lambda: version[0],
        module_name="reports",
        on_expiry="verify",
        revalidate=revalidate,
        stale_if_error=20,
        retry_after=2,
        errors=(OSError, LookupError),
        stale_while_revalidate=None,
        lag=None,
    )
    def f() -> str:
        return "made"

    assert f() == "made"
    version[0] = "v2"
    place.clear()
    assert f() == "made"
    assert previous == [("made", "v1")]


def test_a_method_gives_its_instance_along() -> None:
    seen: list[Any] = []

    def again(previous: Versioned[str], page: Page, x: int) -> Any:
        seen.append((previous, page, x))
        return NOT_MODIFIED

    class Page:
        @versioned_lru_cache("constant", revalidate=again)
        def m(self, x: int) -> str:
            return f"made {x}"

    page = Page()
    page.m(3)
    with session(refresh=Refresh.only(page.m)):
        assert page.m(3) == "made 3"
    assert seen == [(("made 3", "constant"), page, 3)]
