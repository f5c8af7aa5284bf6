"""What a cached function tells about itself, and how it behaves as a function and as a method."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from typing import Any

import pytest

from versioned_lru_cache import CacheInfo, CacheStats, Versioned, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.testing import MockClock


@versioned_lru_cache(lambda: 1)
def documented(a: int, b: str = "x", *, c: float = 0.5) -> tuple[int, str, float]:
    """What it does."""
    return (a, b, c)


@pytest.fixture(autouse=True)
def _empty() -> None:
    documented.cache_clear()


def test_it_looks_like_the_function() -> None:
    wrapped = documented.__wrapped__
    assert documented.__name__ == "documented"
    assert documented.__qualname__ == "documented"
    assert documented.__module__ == __name__
    assert documented.__doc__ == "What it does."
    assert inspect.get_annotations(documented) == inspect.get_annotations(wrapped) != {}
    assert inspect.signature(documented) == inspect.signature(wrapped)
    assert inspect.unwrap(documented) is wrapped
    assert callable(documented)


def test_attributes_of_the_function_are_there_and_more_can_be_set() -> None:
    def f() -> None: ...

    f.mark = 1  # type: ignore[attr-defined]
    g: Any = versioned_lru_cache(version=1)(f)
    assert g.mark == 1
    g.other = 2
    assert g.other == 2


def test_the_uncached_function_is_at_hand() -> None:
    assert documented.__wrapped__(1) == (1, "x", 0.5)
    assert documented.cache_info().misses == 0


def test_cache_info_has_the_fields_of_functools() -> None:
    theirs: Any = functools.lru_cache(maxsize=128)(lambda a: a)
    for each in [1, 2, 1]:
        documented(each)
        theirs(each)
    info: Any = documented.cache_info()
    assert isinstance(info, CacheInfo)
    assert info == theirs.cache_info()
    assert info._fields == theirs.cache_info()._fields
    assert repr(info) == repr(theirs.cache_info()) == "CacheInfo(hits=1, misses=2, maxsize=128, currsize=2)"


@pytest.mark.parametrize(("maxsize", "shown"), [(None, None), (0, 0), (-3, 0), (1, 1), (128, 128)])
@pytest.mark.parametrize("typed", [True, False])
def test_cache_parameters_are_those_of_functools(maxsize: int | None, shown: int | None, typed: bool) -> None:
    ours = versioned_lru_cache(version=1, maxsize=maxsize, typed=typed)(lambda: 1)
    theirs = functools.lru_cache(maxsize=maxsize, typed=typed)(lambda: 1)
    assert list(ours.cache_parameters().items())[:2] == list(theirs.cache_parameters().items())
    assert theirs.cache_parameters() == {"maxsize": shown, "typed": typed}
    assert ours.cache_info().maxsize == shown
    ours.cache_parameters()["maxsize"] = 5
    assert ours.cache_parameters()["maxsize"] == shown


def test_cache_stats_begins_with_cache_info() -> None:
    documented(1)
    documented(1)
    stats = documented.cache_stats()
    assert isinstance(stats, CacheStats)
    assert stats[:4] == documented.cache_info()
    assert (stats.version_calls, stats.evictions, stats.not_stored, stats.errors) == (2, 0, 0, 0)


def test_what_is_counted() -> None:
    version: object = 1
    failing = False

    def ask() -> object:
        if failing:
            raise OSError
        return version

    @versioned_lru_cache(ask, maxsize=2)
    def f(x: int) -> int:
        if x < 0:
            raise ValueError
        if x == 9:
            f.cache_invalidate(9)
        return x

    for x in [1, 2, 3, 3]:
        f(x)
    assert (f.cache_stats().evictions, f.cache_stats().verified) == (1, 1)
    f(9)
    assert f.cache_stats().not_stored == 1
    with pytest.raises(ValueError):  # noqa: PT011 - raised without words
        f(-1)
    failing = True
    with pytest.raises(OSError):  # noqa: PT011 - raised without words
        f(1)
    stats = f.cache_stats()
    assert (stats.hits, stats.misses, stats.errors, stats.version_calls) == (1, 5, 2, 6)


def test_peek_and_contains_ask_nothing_and_move_nothing() -> None:
    asked = 0

    def version() -> int:
        nonlocal asked
        asked += 1
        return asked

    @versioned_lru_cache(version, maxsize=2)
    def f(x: int) -> int:
        return x

    assert f.cache_peek(1) is None
    assert not f.cache_contains(1)
    f(1)
    f(2)
    before = f.cache_stats()
    assert f.cache_peek(1) == Versioned(1, 1)
    assert f.cache_contains(1)
    assert isinstance(f.cache_peek(1), Versioned)
    assert f.cache_stats() == before
    f(3)
    assert not f.cache_contains(1), "it was the least recently used one all the same"


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_peek_and_contains_see_only_what_is_fresh() -> None:
    with MockClock() as clock:
        f = versioned_lru_cache(version=1, ttl=5)(lambda: [1])
        f()
        clock.advance(5)
        assert f.cache_peek() is None
        assert not f.cache_contains()
        assert f.cache_info().currsize == 1


def test_put_stores_and_asks_nothing() -> None:
    asked = 0

    def version() -> str:
        nonlocal asked
        asked += 1
        return "v1"

    @versioned_lru_cache(version, maxsize=2)
    def f(x: int) -> str:
        return "computed"

    f.cache_put(Versioned("put", "v1"), 1)
    assert asked == 0
    assert f.cache_peek(1) == ("put", "v1")
    assert f(1) == "put"
    assert f.cache_info() == (1, 0, 2, 1)
    f.cache_put(Versioned("of another version", "v2"), 2)
    assert f(2) == "computed"
    f.cache_put(Versioned("put", "v1"), 3)
    f.cache_put(Versioned("put", "v1"), 4)
    assert f.cache_info().currsize == 2


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_put_restarts_the_ttl() -> None:
    with MockClock() as clock:
        f = versioned_lru_cache(version=1, ttl=5)(lambda: "computed")
        f()
        clock.advance(4)
        f.cache_put(Versioned("put", 1))
        clock.advance(4)
        assert f() == "put"
        clock.advance(1)
        assert f() == "computed"


def test_put_takes_keywords_of_any_name() -> None:
    f = versioned_lru_cache(version=1)(lambda versioned, value=0, version=0: "computed")
    f.cache_put(Versioned("put", 1), versioned=1, value=2, version=3)
    assert f(versioned=1, value=2, version=3) == "put"
    assert f.cache_contains(versioned=1, value=2, version=3)


def test_put_into_a_cache_that_stores_nothing() -> None:
    f = versioned_lru_cache(version=1, maxsize=0)(lambda: "computed")
    f.cache_put(Versioned("put", 1))
    assert f() == "computed"


def test_invalidate_tells_whether_there_was_anything() -> None:
    documented(1)
    assert documented.cache_invalidate(1) is True
    assert documented.cache_invalidate(1) is False
    assert documented.cache_info() == (0, 1, 128, 0)


def test_repr_names_the_function() -> None:
    assert "documented" in repr(documented)


def test_copies_are_the_function_itself() -> None:
    assert copy.copy(documented) is documented
    assert copy.deepcopy(documented) is documented
    assert pickle.loads(pickle.dumps(documented)) is documented


def test_it_can_be_wrapped_again_like_any_function() -> None:
    twice = functools.lru_cache(documented)
    assert twice(1) == documented(1)
    outer = versioned_lru_cache(version=1)(documented)
    assert outer(1) is outer(1)
    assert functools.partial(documented, 1)() == (1, "x", 0.5)


class Shop:
    """Methods of every kind."""

    def __init__(self, name: str) -> None:
        self.name = name

    @versioned_lru_cache(lambda: 1)
    def price(self, item: str) -> list[str]:
        """What it costs."""
        return [self.name, item]

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def static(item: str) -> list[str]:
        return [item]

    @classmethod
    @versioned_lru_cache(lambda: 1)
    def made_by(cls, item: str) -> list[str]:
        return [cls.__name__, item]

    @property
    @versioned_lru_cache(lambda: 1)
    def label(self) -> list[str]:
        return [self.name]


def test_methods() -> None:
    a, b = Shop("a"), Shop("b")
    assert a.price("tea") == ["a", "tea"]
    assert a.price("tea") is a.price("tea")
    assert a.price("tea") is Shop.price(a, "tea")
    assert b.price("tea") == ["b", "tea"]
    assert a.price.__name__ == "price"
    assert a.price.__doc__ == "What it costs."
    assert Shop.price.cache_info().currsize == 2
    assert Shop.price.cache_contains(a, "tea")


def test_static_and_class_methods_and_properties() -> None:
    shop = Shop("a")
    assert shop.static("tea") is Shop.static("tea")
    made_by: Any = shop.made_by
    assert made_by("tea") is made_by("tea")
    assert made_by("tea") == ["Shop", "tea"]
    assert shop.label is shop.label


def test_a_function_without_a_name() -> None:
    class Adder:
        def __call__(self, a: int) -> list[int]:
            return [a + 1]

    f: Any = versioned_lru_cache(version=1)(Adder())
    assert f(1) is f(1)
    assert "Adder" in repr(f)
    p: Any = versioned_lru_cache(version=1)(functools.partial(max, 3))
    assert p(5) == 5
    b: Any = versioned_lru_cache(version=1)(len)
    assert b("abc") == 3
    c: Any = versioned_lru_cache(version=1)(dict)
    assert c(a=1) is c(a=1)


def test_the_original_decorators_function_has_the_same_methods() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g, generate_version_func=lambda *args, **kwargs: "", module_name="shop"
    )
    def f(x: int = 0) -> list[int]:
        return [x]

    assert f(1) is f(1)
    assert f.cache_info() == (1, 1, 1, 1)
    assert list(f.cache_parameters().items())[:2] == [("maxsize", 1), ("typed", False)]
    assert f.cache_peek(1) == ([1], "-1")
    assert f.__name__ == "f"
