"""The version function that a program moves on itself."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import all_of, counter

NUMBERS = itertools.count()


def fresh(name: str) -> Any:
    """A counter that no other test has: names are the whole process's."""
    return counter(f"{name} {next(NUMBERS)}")


def test_what_was_made_before_a_bump_is_made_anew_in_the_next_session() -> None:
    prices = fresh("prices")
    made: list[int] = []

    @versioned_lru_cache(prices)
    def report() -> int:
        made.append(len(made))
        return len(made)

    with session():
        assert (report(), report()) == (1, 1)
        assert prices.bump() == prices() == 1
        assert report() == 1, "this session goes on to see what it saw"
    assert report() == 2
    assert report.cache_info().misses == 2


def test_one_name_is_one_counter_and_one_scope() -> None:
    name = repr(fresh("shared"))
    first, second = counter(name), counter(name)
    assert first is second is not counter(f"another {name}")
    place: dict[str, Any] = {}

    @versioned_lru_cache(first, session=place)
    def f() -> int:
        return 1

    @versioned_lru_cache(second, session=place)
    def g() -> int:
        return 2

    f()
    g()
    assert f.cache_stats().version_calls + g.cache_stats().version_calls == 1


def test_it_takes_nothing_whatever_the_function_takes() -> None:
    rows = fresh("rows")

    @versioned_lru_cache(rows, session={})
    def f(x: int, *, y: int = 0) -> int:
        return x + y

    assert (f(1), f(2, y=3)) == (1, 5)
    assert f.cache_stats().version_calls == 1

    @versioned_lru_cache(all_of(rows, fresh("columns")), session={})
    def g(x: int) -> int:
        return x

    assert (g(1), g(2)) == (1, 2)
    assert g.cache_stats().version_calls == 1


def test_no_bump_is_lost() -> None:
    hits = fresh("hits")
    before = hits()

    def work() -> None:
        for _ in range(1000):
            hits.bump()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hits() == before + 4000


def test_it_is_read_without_a_python_call() -> None:
    import sys

    quiet = fresh("quiet")
    calls: list[object] = []

    @versioned_lru_cache(quiet)
    def f() -> int:
        return 1

    f()
    sys.setprofile(lambda _frame, event, what: calls.append((event, what)))
    try:
        f()
    finally:
        sys.setprofile(None)
    assert not [event for event, what in calls if event == "call" or what is quiet]


def test_it_says_what_it_is() -> None:
    assert repr(counter("it's")) == """<versions.counter("it's")>"""


@pytest.mark.parametrize(("name", "error"), [(5, TypeError), (None, TypeError), ("", ValueError)])
def test_a_name_is_a_text(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"counter\(name\)="):
        counter(name)
