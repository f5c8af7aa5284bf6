"""Refresh: a session that wants some results made anew, each once, without losing what is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from tests.support.sources import Source, counts, of_each_kind
from versioned_lru_cache import IMMUTABLE, Refresh, Versioned, current_session, session, versioned_lru_cache


async def made(source: Source, f: Any, *keys: object) -> None:
    """Results of before, in no session."""
    for key in keys:
        assert await source.call(f, key) == "old"
    source.gives = "new"
    source.taken()


async def read(source: Source, f: Any, *keys: object) -> list[Any]:
    """Results of some keys."""
    return [await source.call(f, key) for key in keys]


@of_each_kind
async def test_each_entry_is_made_anew_once_in_the_session(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1, 2)
    source.gives = lambda: ["new"]
    with session(refresh=Refresh.all()):
        first = await read(source, f, 1, 2)
        assert first == [["new"], ["new"]]
        assert source.taken() == counts(asked=1, ran=2)
        again = await read(source, f, 1, 2)
        assert [one is other for one, other in zip(first, again, strict=True)] == [True, True]
        assert source.taken() == counts()
    with session(refresh=Refresh.all()):
        await read(source, f, 1, 1)
        assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_what_is_not_there_yet_is_made_once_too(source: Source) -> None:
    f = source.cached()
    with session(refresh=Refresh.all()):
        assert await read(source, f, 1, 1) == ["old", "old"]
    assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_none_and_no_refresh_are_the_same(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    with session(refresh=Refresh.none()):
        assert await source.call(f, 1) == "old"
    with session(refresh=Refresh.none() | Refresh.none()):
        assert await source.call(f, 1) == "old"
    assert source.taken() == counts(asked=2)


@of_each_kind
async def test_a_function_is_a_target_with_all_its_keys(source: Source) -> None:
    f, other = source.cached(), source.cached()
    for function in (f, other):
        source.gives = "old"
        await made(source, function, 1, 2)
    with session(refresh=Refresh.only(f)):
        assert await read(source, f, 1, 2) == ["new", "new"]
        assert await read(source, other, 1, 2) == ["old", "old"]


@of_each_kind
async def test_a_key_is_a_target(source: Source) -> None:
    f, other = source.cached(), source.cached()
    for function in (f, other):
        source.gives = "old"
        await made(source, function, 1, 2, 3)
    with session(refresh=Refresh.only(f.cache_key(1), f.cache_key(3))):
        assert await read(source, f, 1, 2, 3) == ["new", "old", "new"]
        assert await read(source, other, 1, 2, 3) == ["old", "old", "old"]


@of_each_kind
async def test_a_predicate_over_the_arguments_is_a_target(source: Source) -> None:
    f, other = source.cached(), source.cached()
    for function in (f, other):
        source.gives = "old"
        await made(source, function, 1, 2, 3)
    asked_about: list[object] = []

    def odd(x: int) -> int:
        asked_about.append(x)
        return x % 2

    with session(refresh=Refresh.only(f.where(odd))):
        assert await read(source, f, 1, 2) == ["new", "old"]
        assert await source.call(f, x=3) == "new"
        assert await read(source, other, 1) == ["old"]
    assert set(asked_about) == {1, 2, 3}


@of_each_kind
async def test_an_error_of_the_predicate_propagates_and_loses_nothing(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)

    def no_opinion(x: object) -> bool:
        raise LookupError("no opinion")

    with session(refresh=Refresh.only(f.where(no_opinion))):
        error = await source.fails(LookupError, f, 1)
        assert str(error) == "no opinion"
    assert f.cache_peek(1) == ("old", "v1")


def test_a_bound_method_is_a_target_with_the_results_of_its_instance() -> None:
    class Reader:
        runs = 0

        @versioned_lru_cache("constant")
        def m(self, x: int) -> int:
            Reader.runs += 1
            return Reader.runs

    one, other = Reader(), Reader()
    before = [one.m(1), other.m(1)]
    with session(refresh=Refresh.only(one.m)):
        assert one.m(1) == 3
        assert other.m(1) == before[1]
        assert one.m(1) == 3
    with session(refresh=Refresh.only(Reader.m)):
        assert [one.m(1), other.m(1)] == [4, 5]
    with session(refresh=Refresh.only(other.m.cache_key(1))):
        assert [one.m(1), other.m(1)] == [4, 6]
    with session(refresh=Refresh.only(Reader.m.where(lambda self, x: self is one))):
        assert [one.m(1), other.m(1)] == [7, 6]


@of_each_kind
async def test_policies_are_joined(source: Source) -> None:
    f, other, third = source.cached(), source.cached(), source.cached()
    for function in (f, other, third):
        source.gives = "old"
        await made(source, function, 1, 2)
    with session(refresh=Refresh.only(f.cache_key(1)) | Refresh.only(other)):
        assert await read(source, f, 1, 2) == ["new", "old"]
        assert await read(source, other, 1, 2) == ["new", "new"]
        assert await read(source, third, 1, 2) == ["old", "old"]
    with session(refresh=Refresh.none() | Refresh.only(f.cache_key(2))):
        assert await read(source, f, 2) == ["new"]
    with session(refresh=Refresh.only(third.cache_key(1)) | Refresh.all()):
        assert await read(source, third, 1, 2) == ["new", "new"]


@of_each_kind
async def test_soft_asks_revalidate_and_hard_runs_the_function(source: Source) -> None:
    f = source.cached(revalidate=True)
    await made(source, f, 1)
    with session(refresh=Refresh.all()):
        await source.call(f, 1)
    assert source.taken() == counts(asked=1, revalidated=1)
    for hard in (Refresh.all(hard=True), Refresh.only(f, hard=True), Refresh.only(f.cache_key(1), hard=True)):
        with session(refresh=hard):
            await source.call(f, 1)
        assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_hard_is_what_a_hard_policy_chooses(source: Source) -> None:
    f, other = source.cached(revalidate=True), source.cached(revalidate=True)
    await made(source, f, 1)
    source.gives = "old"
    await made(source, other, 1)
    both = [Refresh.only(f, hard=True) | Refresh.all(), Refresh.all() | Refresh.only(f, hard=True)]
    for joined in both:
        with session(refresh=joined):
            await source.call(f, 1)
            assert source.taken() == counts(asked=1, ran=1)
            await source.call(other, 1)
            assert source.taken() == counts(revalidated=1)


@of_each_kind
async def test_what_anyone_made_since_the_session_began_counts(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    with session(refresh=Refresh.all()):
        with session():
            source.version = "v2"
            assert await source.call(f, 1) == "new"
        source.taken()
        source.gives = "newer"
        assert await source.call(f, 1) == "new"
        assert source.taken() == counts(asked=1)


@of_each_kind
async def test_what_was_only_verified_since_does_not_count(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    with session(refresh=Refresh.all()):
        with session():
            assert await source.call(f, 1) == "old"
        assert await source.call(f, 1) == "new"


@of_each_kind
async def test_what_was_revalidated_since_counts(source: Source) -> None:
    f = source.cached(revalidate=True)
    await made(source, f, 1)
    source.gives = lambda previous: previous
    with session(refresh=Refresh.all()):
        with session(refresh=Refresh.all()):
            await source.call(f, 1)
        source.taken()
        await source.call(f, 1)
        assert source.taken()["revalidated"] == 0


@of_each_kind
async def test_a_refresh_that_fails_leaves_the_entry_and_the_next_call_tries_again(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    source.gives = OSError("down")
    with session(refresh=Refresh.all()):
        for _ in range(2):
            assert await source.fails(OSError, f, 1) is source.gives
            assert f.cache_peek(1) == ("old", "v1")
        assert source.taken() == counts(asked=1, ran=2)
        source.gives = "new"
        assert await source.call(f, 1) == "new"
        assert await source.call(f, 1) == "new"
        assert source.taken() == counts(ran=1)


@of_each_kind
async def test_a_refresh_that_fails_is_answered_by_the_old_value_where_that_is_allowed(source: Source) -> None:
    f = source.cached(stale_if_error=20, retry_after=2)
    await made(source, f, 1)
    source.gives = OSError("down")
    with session(refresh=Refresh.all()) as handle:
        assert await source.call(f, 1) == "old"
        assert source.taken() == counts(asked=1, ran=1)
        source.clock.advance(1.999)
        assert await source.call(f, 1) == "old"
        assert source.taken() == counts(ran=1), "a refresh that failed does not count, and comes before retry_after"
        assert handle.stale == 2
        source.gives = "new"
        assert await source.call(f, 1) == "new"
        assert source.taken() == counts(ran=1)


@of_each_kind
async def test_the_old_entry_stays_until_the_new_one_is_stored(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    seen: list[Any] = []

    def look() -> str:
        seen.append(f.cache_peek(1))
        return "new"

    source.gives = look
    with session(refresh=Refresh.all()):
        assert await source.call(f, 1) == "new"
    assert seen == [("old", "v1")]
    assert f.cache_peek(1) == ("new", "v1")


@of_each_kind
async def test_another_session_reads_on_what_it_read(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    with session():
        assert await source.call(f, 1) == "old"
        with session(refresh=Refresh.all()):
            assert await source.call(f, 1) == "new"
        assert await source.call(f, 1) == "old"
    assert await source.call(f, 1) == "new"


@of_each_kind
async def test_a_session_inside_has_a_policy_of_its_own(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    with session(refresh=Refresh.all()):
        with session():
            assert await source.call(f, 1) == "old"
        assert await source.call(f, 1) == "new"


@of_each_kind
async def test_a_session_in_a_mapping(source: Source) -> None:
    place: dict[str, Any] = {}
    bound, unbound = source.cached(session=place), source.cached()
    await made(source, bound, 1)
    place.clear()
    source.gives = "old"
    await made(source, unbound, 1)
    with session(place, refresh=Refresh.only(bound)) as handle:
        assert current_session(place) is handle
        assert await source.call(bound, 1) == "new"
        assert await source.call(unbound, 1) == "old"


@of_each_kind
async def test_a_clear_or_an_invalidation_is_not_undone_by_a_refresh(source: Source) -> None:
    f = source.cached()
    strikes: list[Any] = [f.cache_clear, lambda: f.cache_invalidate(1)]
    for strike in strikes:
        source.gives = "old"
        await made(source, f, 1)
        source.gives = lambda strike=strike: strike() and None
        with session(refresh=Refresh.all()):
            await source.call(f, 1)
        assert not f.cache_contains(1)


@of_each_kind
async def test_immutable_is_chosen_only_by_name(source: Source) -> None:
    f = source.cached()
    source.version = IMMUTABLE
    named = [
        Refresh.only(f),
        Refresh.only(f.cache_key(1)),
        Refresh.only(f.where(lambda x: True)),
        Refresh.only(f, hard=True),
    ]
    for policy in named:
        source.gives = "old"
        f.cache_clear()
        await made(source, f, 1)
        for passed_over in (Refresh.all(), Refresh.all(hard=True), Refresh.only(f.cache_key(2)) | Refresh.all()):
            with session(refresh=passed_over):
                assert await source.call(f, 1) == "old"
        assert source.taken() == counts()
        with session(refresh=policy | Refresh.all()):
            assert await source.call(f, 1) == "new"
        assert source.taken() == counts(asked=1, ran=1)


@of_each_kind
async def test_reload_now_in_any_state(source: Source) -> None:
    f = source.cached(ttl=10)
    assert await source.call(f.cache_refresh, 1) == "old"  # nothing there
    assert source.taken() == counts(asked=1, ran=1)
    for seconds, version in [(0, "v1"), (3, "v2"), (10, "v2"), (0, IMMUTABLE), (0, "v3")]:
        source.clock.advance(seconds)
        source.version, source.gives = version, ["new"]
        before = f.cache_stats()
        assert await source.call(f.cache_refresh, 1) is source.gives
        assert source.taken() == counts(asked=1, ran=1)
        assert f.cache_peek(1) == (["new"], version)
        assert f.cache_stats().misses == before.misses + 1
        assert f.cache_stats().hits == before.hits


@of_each_kind
async def test_reload_asks_revalidate_where_something_is_there(source: Source) -> None:
    f = source.cached(revalidate=True)
    assert await source.call(f.cache_refresh, 1) == "old"
    assert source.taken() == counts(asked=1, ran=1)
    before = f.cache_stats()
    source.gives = lambda previous: previous
    assert await source.call(f.cache_refresh, 1) == "old"
    assert source.taken() == counts(asked=1, revalidated=1)
    assert source.previous == [Versioned("old", "v1")]
    assert f.cache_stats().revalidated == before.revalidated + 1


@of_each_kind
async def test_the_session_goes_by_what_a_reload_saw(source: Source) -> None:
    f = source.cached()
    with session():
        assert await read(source, f, 1, 2) == ["old", "old"]
        source.version, source.gives = "v2", "new"
        source.taken()
        assert await source.call(f.cache_refresh, 1) == "new"
        assert source.taken() == counts(asked=1, ran=1)
        assert await source.call(f, 1) == "new"
        assert await source.call(f, 3) == "new"
        assert source.taken() == counts(ran=1)
        assert f.cache_peek(3) == ("new", "v2")


@of_each_kind
async def test_a_reload_that_fails_leaves_the_entry(source: Source) -> None:
    f = source.cached()
    await made(source, f, 1)
    source.gives = OSError("down")
    assert await source.fails(OSError, f.cache_refresh, 1) is source.gives
    source.gives, source.version = "new", OSError("no version")
    assert await source.fails(OSError, f.cache_refresh, 1) is source.version
    assert f.cache_peek(1) == ("old", "v1")


def test_the_policy_goes_where_the_context_goes() -> None:
    runs: list[int] = []

    @versioned_lru_cache("constant")
    def f() -> int:
        runs.append(1)
        return len(runs)

    f()
    with session(refresh=Refresh.all()), ThreadPoolExecutor(1) as pool:
        assert pool.submit(copy_context().run, f).result(20) == 2
        assert f() == 2


@pytest.mark.parametrize(("policy", "anew"), [(Refresh.none(), 0), (Refresh.all(), 3), (Refresh.all(hard=True), 3)])
def test_a_policy_can_be_used_again_and_again(policy: Refresh, anew: int) -> None:
    runs: list[int] = []

    @versioned_lru_cache("constant")
    def f() -> int:
        runs.append(1)
        return len(runs)

    f()
    for _ in range(3):
        with session(refresh=policy):
            f()
            f()
    assert len(runs) == 1 + anew
