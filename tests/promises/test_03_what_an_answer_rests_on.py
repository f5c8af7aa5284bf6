"""Old results reach a computation in roundabout ways: through a version function, or through an exception."""

from __future__ import annotations

from contextvars import Context, copy_context
from threading import Thread
from typing import Any

import pytest

from tests.support.row import Row
from versioned_lru_cache import Versioned, versioned_lru_cache


@pytest.fixture
def data() -> Row:
    return Row({})


def test_a_version_that_is_read_through_the_cache_is_no_newer_than_what_it_read(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def configuration() -> int:
        return data.row

    @versioned_lru_cache(configuration, version_args=(), session=lambda: data.current)
    def report(x: int) -> tuple[int, int]:
        return x, data.row

    report(1)
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    data.current = old
    configuration()  # this session has seen the first row, and goes on to
    data.row = 2
    data.current = new
    assert report(2) == (2, 2)
    data.current = old
    assert report(1) == (1, 1), "its version says so"
    data.current = new
    assert report(1) == (1, 2), "what an old session found unchanged is not newer for that"


def test_a_fallback_for_a_failure_that_rests_on_an_old_result_is_not_stored(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def flag() -> int:
        return data.row

    @versioned_lru_cache(lambda: data.row, session=lambda: data.current)
    def check() -> int:
        if flag() == 1:
            raise ValueError("not yet")
        return 0

    @versioned_lru_cache(lambda: -data.row, session=lambda: data.current)
    def page() -> str:
        try:
            check()
        except ValueError:
            return "fallback"
        return "full"

    flag()
    data.row = 2
    assert page() == "fallback", "this session goes on to see the old flag"
    data.current = {}
    assert page() == "full"


def test_a_context_copied_in_a_computation_that_is_over_is_part_of_what_runs_around_that(data: Row) -> None:
    contexts: list[Context] = []
    # Another session than the others': what is read in theirs counts, whoever reads it.
    apart: dict[str, Any] = {}

    @versioned_lru_cache(data.version, session=apart)
    def flag() -> int:
        return data.row

    @versioned_lru_cache(lambda: 0, session=lambda: data.current)
    def innermost(x: int) -> int:
        contexts.append(copy_context())
        return x

    @versioned_lru_cache(lambda: 0, session=lambda: data.current)
    def inner(x: int) -> int:
        contexts.append(copy_context())
        return innermost(x)

    @versioned_lru_cache(lambda: -data.row, session=lambda: data.current)
    def page(x: int) -> int:
        inner(x)
        return contexts[x - 2].run(flag)

    flag()
    data.row = 2
    assert (page(0), page(1)) == (1, 1), "this session goes on to see the old flag"
    assert len(contexts) == 4
    assert not page.cache_contains(0)
    assert not page.cache_contains(1)


def test_a_context_copied_in_one_computation_is_no_part_of_the_next(data: Row) -> None:
    contexts: list[Context] = []
    # Another session than the page's: what is read in that one counts, whoever reads it.
    apart: dict[str, Any] = {}

    @versioned_lru_cache(data.version, session=apart)
    def flag() -> int:
        return data.row

    @versioned_lru_cache(lambda: -data.row, session=lambda: data.current)
    def page(x: int) -> int:
        contexts.append(copy_context())
        # What the first has left behind goes on for long.
        thread = Thread(target=contexts[0].run, args=(flag,))
        if x > 0:
            thread.start()
            thread.join(20)
        return x

    flag()
    data.row = 2
    for x in range(4):
        page(x)
    assert [page.cache_contains(x) for x in range(4)] == [True] * 4


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside another session"])
def test_what_is_built_on_what_others_stored_since_the_session_began_is_stored(others: bool) -> None:
    current: dict[str, Any] = {}

    def version() -> int:
        return 1

    @versioned_lru_cache(version, session=lambda: current)
    def part() -> list[str]:
        return ["part"]

    @versioned_lru_cache(version, session=lambda: current)
    def whole(x: int) -> list[Any]:
        return [x, part()]

    mine: dict[str, Any] = {}
    current = mine
    versioned_lru_cache(lambda: 0, session=lambda: current)(lambda: None)()
    theirs: dict[str, Any] = {}
    current = theirs if others else {}
    part()
    current = mine
    for x in range(5):
        whole(x)
    assert whole.cache_info().currsize == 5


def test_a_constant_version_takes_no_other(data: Row) -> None:
    @versioned_lru_cache("v1")
    def f() -> int:
        return 1

    with pytest.raises(ValueError, match=r"'v2'.*'v1'"):
        f.cache_put(Versioned(5, "v2"))
    f.cache_put(Versioned(5, "v1"))
    assert f() == 5


def test_a_function_that_calls_itself_does_not_take_what_is_older_for_its_own(data: Row) -> None:
    @versioned_lru_cache(data.version, session=lambda: data.current)
    def part() -> int:
        return data.row

    def version_of_whole(again: int) -> int:
        if data.row == 1:
            # This session goes on to see the first row: the part is observed while this runs, and before the change.
            part()
            data.row = 2
        return data.row

    depth: list[int] = []

    @versioned_lru_cache(version_of_whole, session=lambda: data.current)
    def whole(again: int) -> tuple[int, ...]:
        if not depth:
            depth.append(again)
            return whole(again)
        return (part(),)

    assert whole(1) == (1,), "repeatable reads"
    data.current = {}
    assert whole(1) == (2,)


def test_what_is_built_on_a_lagging_result_is_not_of_the_version_that_was_announced(data: Row) -> None:
    announced, shown = "serial 42", Versioned("old page", "serial 41")
    place: list[Versioned[str]] = [shown]

    @versioned_lru_cache(lambda: announced, session=lambda: data.current)
    def page() -> Versioned[str]:
        return place[0]

    @versioned_lru_cache(lambda: announced, session=lambda: data.current)
    def menu() -> str:
        return f"menu of {page()}"

    assert menu() == "menu of old page"
    assert menu.cache_peek() is None, "it is no newer than the page"
    place[0] = Versioned("new page", announced)
    data.current = {}
    assert menu() == "menu of new page"
    assert menu.cache_peek() == ("menu of new page", announced)
