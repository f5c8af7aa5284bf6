"""`versioned_lru_cache_with_ttl` keeps what the original project promised for it, and mends where it was wrong."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.handle import HANDLE
from versioned_lru_cache import Session, versioned_lru_cache_with_ttl
from versioned_lru_cache.testing import MockClock


class RequestLike(dict[str, Any]):
    """A mapping that is emptied when a new session begins, as a framework's per-request object would be."""

    def new_session(self) -> None:
        self.clear()


@pytest.fixture
def g() -> RequestLike:
    return RequestLike()


def anything(*args: Any, **kwargs: Any) -> str:
    """Answer with the same version for every call."""
    return "1"


def decorated(g: RequestLike, function: Any = None, **options: Any) -> Any:
    """Decorate a function, a doubling one if none is given, with the least that has to be said."""

    def double(number: int = 0, **more: Any) -> int:
        return number * 2

    options = {"generate_version_func": anything, "module_name": "shop", **options}
    return versioned_lru_cache_with_ttl(proxy_to_session_context_object=g, **options)(function or double)


def named_mock(name: str = "work") -> Mock:
    """Return a Mock that has a __name__ and no other attribute of a function."""
    mock = Mock(return_value="result")
    mock.__name__ = name
    return mock


# --- what the original's own tests look at


def test_three_levels_down_the_mapping_is_the_version(g: RequestLike) -> None:
    cached = decorated(g, generate_version_func=lambda *args, **kwargs: "version 7")
    cached(1)
    found: Any = g
    for _ in range(3):
        found = next(iter(found.values()))
    assert found == "version 7"


def test_a_mock_with_nothing_but_a_name_is_called_once_for_two_calls(g: RequestLike) -> None:
    work = named_mock()
    cached = decorated(g, work)
    assert [cached(), cached()] == ["result", "result"]
    work.assert_called_once_with()


def test_a_new_session_with_the_same_version_calls_nothing_again(g: RequestLike) -> None:
    work, version = named_mock(), Mock(return_value="1")
    cached = decorated(g, work, generate_version_func=version)
    cached()
    g.new_session()
    assert cached() == "result"
    assert (work.call_count, version.call_count) == (1, 2)


def test_a_new_session_with_another_version_calls_again(g: RequestLike) -> None:
    work, version = named_mock(), Mock(side_effect=["1", "2"])
    cached = decorated(g, work, generate_version_func=version)
    cached()
    g.new_session()
    cached()
    cached()
    assert (work.call_count, version.call_count) == (2, 2)


# --- what is found in the mapping


def test_module_name_and_function_name_are_the_keys(g: RequestLike) -> None:
    functions = [
        decorated(g, named_mock("prices"), generate_version_func=lambda: "p1"),
        decorated(g, named_mock("stock"), generate_version_func=lambda: "s1"),
        decorated(g, named_mock("visits"), generate_version_func=lambda: "v1", module_name="site"),
    ]
    for cached in functions:
        cached()
    assert list(g) == [HANDLE]
    assert g[HANDLE]["shop"]["prices"] == "p1"
    assert {module: dict(functions) for module, functions in g[HANDLE].items()} == {
        "shop": {"prices": "p1", "stock": "s1"},
        "site": {"visits": "v1"},
    }


def test_a_function_inside_another_goes_by_its_short_name(g: RequestLike) -> None:
    cached = decorated(g)
    cached(1)
    assert list(g[HANDLE]["shop"]) == ["double"]


def test_what_is_kept_in_the_mapping_is_a_session_whatever_the_mapping_held(g: RequestLike) -> None:
    g["user"] = "someone else's"
    decorated(g)(1)
    assert isinstance(g[HANDLE], Session)
    assert g["user"] == "someone else's"


def test_popping_the_versions_ends_the_session(g: RequestLike) -> None:
    version = Mock(return_value="1")
    cached = decorated(g, generate_version_func=version)
    cached(1)
    cached(1)
    g.pop(HANDLE)
    cached(1)
    assert version.call_count == 2


# --- which version is used


@pytest.mark.parametrize("falsy", [None, "", 0, False, (), [], {}])
def test_a_falsy_version_becomes_the_default_version(g: RequestLike, falsy: object) -> None:
    cached = decorated(g, generate_version_func=lambda: falsy)
    cached(1)
    assert g[HANDLE]["shop"]["double"] == "-1"


def test_the_default_version_can_be_chosen(g: RequestLike) -> None:
    cached = decorated(g, generate_version_func=lambda: None, no_history_events_default_version="no history")
    cached(1)
    assert g[HANDLE]["shop"]["double"] == "no history"


def test_the_default_version_is_a_version_like_any_other(g: RequestLike) -> None:
    work = named_mock()
    cached = decorated(g, work, generate_version_func=Mock(side_effect=["", "1", None]))
    for _ in range(3):
        cached()
        g.new_session()
    assert work.call_count == 3, "none, 1 and none again: each differs from the one before"


def test_a_version_that_moves_within_a_session_is_seen_by_the_next_one(g: RequestLike) -> None:
    state = {"version": "1"}
    work = named_mock()
    cached = decorated(g, work, generate_version_func=lambda: state["version"])
    cached()
    state["version"] = "2"
    cached()
    assert work.call_count == 1
    g.new_session()
    cached()
    assert work.call_count == 2


# --- size and age


def test_the_cache_holds_one_result_unless_told_otherwise(g: RequestLike) -> None:
    cached = decorated(g)
    assert cached.cache_parameters()["maxsize"] == 1
    cached(1)
    cached(2)
    g.new_session()
    cached(2)
    assert cached.cache_info().misses == 2
    cached(1)
    assert cached.cache_info().misses == 3


def test_cache_max_size_results_are_held(g: RequestLike) -> None:
    cached = decorated(g, cache_max_size=2)
    for number in (1, 2, 3):
        cached(number)
    g.new_session()
    assert [cached(3), cached(2)] == [6, 4]
    assert cached.cache_info() == (2, 3, 2, 2)


def test_without_a_bound_all_results_are_held(g: RequestLike) -> None:
    cached = decorated(g, cache_max_size=None)
    for number in range(300):
        cached(number)
    g.new_session()
    for number in range(300):
        cached(number)
    assert cached.cache_info() == (300, 300, None, 300)


@pytest.mark.parametrize("new_session", [False, True], ids=["same session", "new session"])
@pytest.mark.parametrize(("options", "served", "over"), [({}, 3599.9, 3600), ({"time_to_live_seconds": 7}, 6.9, 7)])
@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_a_result_lives_exactly_as_long_as_told(
    g: RequestLike, options: dict[str, int], served: float, over: float, new_session: bool
) -> None:
    for age, runs in ((served, 1), (over, 2)):
        g.new_session()
        work = named_mock()
        cached = decorated(g, work, **options)
        with MockClock() as clock:
            cached()
            clock.advance(age)
            if new_session:
                g.new_session()
            cached()
        assert work.call_count == runs, f"after {age} seconds"


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_the_age_does_not_depend_on_when_the_clock_was_started(g: RequestLike) -> None:
    # The original rounded the time of day to whole lifetimes: a result could end moments after it was made.
    for started in (0, 1799.9, 1800, 3599.9):
        work = named_mock()
        cached = decorated(g, work)
        with MockClock() as clock:
            clock.advance(started)
            cached()
            clock.advance(3599)
            g.new_session()
            cached()
        assert work.call_count == 1, f"made at second {started}"


# --- what the version function is given


def test_a_version_function_that_takes_anything_is_asked_once_per_session_with_the_first_calls_arguments(
    g: RequestLike,
) -> None:
    asked = []

    def version(*args: Any, **kwargs: Any) -> str:
        asked.append((args, kwargs))
        return "1"

    cached = decorated(g, generate_version_func=version, cache_max_size=10)
    assert [cached(1, k=2), cached(3), cached(number=4), cached(1, k=2)] == [2, 6, 8, 2]
    assert asked == [((1,), {"k": 2})]
    g.new_session()
    cached(3)
    cached(1, k=2)
    assert asked[1:] == [((3,), {})]


def test_each_cached_function_asks_for_itself(g: RequestLike) -> None:
    version = Mock(return_value="1")
    prices = decorated(g, named_mock("prices"), generate_version_func=version)
    stock = decorated(g, named_mock("stock"), generate_version_func=version)
    for cached in (prices, stock, prices, stock):
        cached("bread")
    assert version.call_count == 2


def test_a_version_function_without_parameters_is_asked_once_per_session_with_nothing(g: RequestLike) -> None:
    asked = []

    def version() -> str:
        asked.append("asked")
        return "1"

    cached = decorated(g, generate_version_func=version, cache_max_size=10)
    for number in (1, 2, 1):
        cached(number)
    assert asked == ["asked"]
    g.new_session()
    cached(2)
    assert asked == ["asked", "asked"]


def test_a_version_function_that_names_parameters_is_asked_per_arguments(g: RequestLike) -> None:
    asked = []

    def version(number: int = 0) -> str:
        asked.append(number)
        return f"version of {number}"

    cached = decorated(g, generate_version_func=version, cache_max_size=10)
    for number in (1, 2, 1, 2):
        cached(number)
    assert asked == [1, 2]
    assert sorted(g[HANDLE]["shop"]["double"].values()) == ["version of 1", "version of 2"]


def test_a_version_function_that_names_one_parameter_and_takes_more_is_asked_per_arguments(g: RequestLike) -> None:
    asked = []

    def version(number: int = 0, **more: Any) -> str:
        asked.append((number, more))
        return "1"

    cached = decorated(g, generate_version_func=version, cache_max_size=10)
    cached(1)
    cached(1, k=2)
    cached(1)
    assert asked == [(1, {}), (1, {"k": 2})]


def test_the_version_of_one_call_never_vouches_for_another(g: RequestLike) -> None:
    # In the original the first answer of a session stood for all arguments.
    versions = {"bread": "1", "wine": "1"}
    work = named_mock()

    def version(product: str) -> str:
        return versions[product]

    cached = decorated(g, work, generate_version_func=version, cache_max_size=10)
    cached("bread")
    cached("wine")
    versions["wine"] = "2"
    g.new_session()
    cached("bread")
    cached("wine")
    assert [call.args for call in work.call_args_list] == [("bread",), ("wine",), ("wine",)]


def test_version_args_say_what_the_version_function_gets(g: RequestLike) -> None:
    version = Mock(return_value="1")
    cached = decorated(g, generate_version_func=version, version_args=lambda number=0, **more: (number % 2,))
    for number in (1, 3, 2):
        cached(number)
    assert [call.args for call in version.call_args_list] == [(1,), (0,)]


def test_empty_version_args_ask_a_function_that_names_parameters_once_with_nothing(g: RequestLike) -> None:
    asked = []

    def version(number: int = -1) -> str:
        asked.append(number)
        return "1"

    cached = decorated(g, generate_version_func=version, version_args=())
    cached(1)
    cached(2)
    assert asked == [-1]


# --- the keywords


@pytest.mark.parametrize(
    ("keyword", "name_here"),
    [
        ("maxsize", "cache_max_size"),
        ("ttl", "time_to_live_seconds"),
        ("version", "generate_version_func"),
        ("session", "proxy_to_session_context_object"),
    ],
)
def test_a_keyword_of_the_other_decorator_is_refused_with_the_name_it_has_here(
    g: RequestLike, keyword: str, name_here: str
) -> None:
    with pytest.raises(TypeError) as refusal:
        decorated(g, **{keyword: 1})
    assert keyword in str(refusal.value).replace(name_here, "")
    assert name_here in str(refusal.value)


@pytest.mark.parametrize("missing", ["proxy_to_session_context_object", "generate_version_func", "module_name"])
def test_the_three_that_the_original_needs_are_needed(g: RequestLike, missing: str) -> None:
    needed: dict[str, Any] = {
        "proxy_to_session_context_object": g,
        "generate_version_func": anything,
        "module_name": "shop",
    }
    del needed[missing]
    with pytest.raises(TypeError, match=missing):
        versioned_lru_cache_with_ttl(**needed)


def test_an_unknown_keyword_is_refused_by_name(g: RequestLike) -> None:
    with pytest.raises(TypeError, match="cache_min_size"):
        decorated(g, cache_min_size=1)


def test_arguments_by_position_are_refused(g: RequestLike) -> None:
    decorator: Any = versioned_lru_cache_with_ttl
    with pytest.raises(TypeError, match="positional"):
        decorator(g, anything, "shop")


def test_the_further_keywords_of_the_other_decorator_work(g: RequestLike) -> None:
    work = Mock(side_effect=lambda number: number)
    work.__name__ = "work"
    typed = decorated(g, work, typed=True, cache_max_size=10)
    assert [typed(1), typed(1.0), typed(1)] == [1, 1.0, 1]
    assert work.call_count == 2

    by_parity = decorated(g, key=lambda number=0: number % 2)
    assert [by_parity(1), by_parity(3)] == [2, 2]

    only_positive = decorated(g, cache_if=lambda value: value > 0)
    for _ in range(2):
        only_positive(-1)
    assert only_positive.cache_info().currsize == 0


# --- what the decorated function is


def test_the_decorated_function_keeps_its_name_and_the_function(g: RequestLike) -> None:
    def prices(region: str) -> str:
        """Return all prices of a region."""
        return region

    cached = decorated(g, prices)
    assert (cached.__name__, cached.__doc__) == ("prices", "Return all prices of a region.")
    assert cached.__wrapped__ is prices


def test_an_exception_is_not_cached(g: RequestLike) -> None:
    work = Mock(side_effect=[ValueError("no rows yet"), "rows"])
    work.__name__ = "work"
    cached = decorated(g, work)
    with pytest.raises(ValueError, match="no rows yet"):
        cached()
    assert [cached(), cached()] == ["rows", "rows"]
    assert work.call_count == 2


def test_its_parameters_tell_what_only_this_decorator_has() -> None:
    decorate = versioned_lru_cache_with_ttl(
        proxy_to_session_context_object={},
        generate_version_func=lambda: "",
        module_name="reports",
        no_history_events_default_version="none yet",
    )
    parameters = decorate(lambda: 1).cache_parameters()
    assert parameters["module_name"] == "reports"
    assert parameters["no_history_events_default_version"] == "none yet"
