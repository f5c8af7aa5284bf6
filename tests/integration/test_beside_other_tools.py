"""Cached functions work beside what Python programmers use: functools, dataclasses, named tuples, enum, abc."""

from __future__ import annotations

import enum
import functools
import gc
import inspect
import operator
import types
import weakref
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from versioned_lru_cache import CachedFunction, CachedMethod, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

cached = versioned_lru_cache(lambda: 1)


@cached
def listed(a: int, b: str = "x") -> list[Any]:
    """List them."""
    return [a, b]


class Shop:
    def __init__(self, name: str = "shop") -> None:
        self.name = name

    @cached
    def price(self, item: str, day: int = 0) -> list[Any]:
        """Tell what an item costs."""
        return [self.name, item, day]

    tea = functools.partialmethod(price, "tea")


@pytest.fixture(autouse=True)
def _empty() -> None:
    listed.cache_clear()
    Shop.price.cache_clear()


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator as most are written."""

    @functools.wraps(function)
    def around(*args: Any, **kwargs: Any) -> Any:
        around.calls += 1  # type: ignore[attr-defined]
        return function(*args, **kwargs)

    around.calls = 0  # type: ignore[attr-defined]
    return around


# functools


def test_partial() -> None:
    one = functools.partial(listed, 1)
    assert one() is one() is listed(1)
    assert one(b="y") == [1, "y"]
    assert str(inspect.signature(one)) == "(b: 'str' = 'x') -> 'list[Any]'"
    of_method = functools.partial(Shop().price, "tea")
    assert of_method() is of_method()
    assert of_method(day=1) == ["shop", "tea", 1]


def test_partialmethod() -> None:
    shop = Shop()
    assert shop.tea() is shop.price("tea")
    assert shop.tea(1) == ["shop", "tea", 1]
    assert Shop.tea(shop) is shop.price("tea")


def test_a_cached_partial() -> None:
    one = cached(functools.partial(listed.__wrapped__, 1, b="y"))
    assert one() is one()
    assert one() == [1, "y"]


def test_methodcaller_and_map() -> None:
    shop = Shop()
    assert operator.methodcaller("price", "tea")(shop) is shop.price("tea")
    assert list(map(shop.price, ["tea"])) == [shop.price("tea")]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(shop.price, ["tea", "rice"])) == [["shop", "tea", 0], ["shop", "rice", 0]]


@pytest.mark.parametrize("above", [functools.lru_cache, logged, cached])
def test_a_decorator_above(above: Callable[..., Any]) -> None:
    both = above(listed)
    assert both(1) is both(1) is listed(1)
    assert both.__name__ == "listed"
    assert both.__wrapped__ is listed
    assert inspect.unwrap(both) is listed.__wrapped__
    assert inspect.signature(both) == inspect.signature(listed)


@pytest.mark.parametrize("below", [functools.lru_cache, logged, cached])
def test_a_decorator_below(below: Callable[..., Any]) -> None:
    def f(a: int) -> list[int]:
        """List it."""
        return [a]

    middle = below(f)
    both = cached(middle)
    assert both(1) is both(1)
    assert both.__name__ == "f"
    assert both.__doc__ == "List it."
    assert both.__wrapped__ is middle
    assert inspect.unwrap(both) is f
    assert isinstance(both, CachedFunction)
    assert both.cache_info()[:2] == (1, 1), "the outer one answers"


@pytest.mark.parametrize("other", [functools.lru_cache, logged, cached])
def test_methods_with_another_decorator(other: Callable[..., Any]) -> None:
    class Pair:
        @other
        @cached
        def above(self, a: int) -> list[int]:
            return [a]

        @cached
        @other
        def below(self, a: int) -> list[int]:
            return [a]

    one, two = Pair(), Pair()
    for name in ("above", "below"):
        method, foreign = getattr(one, name), getattr(two, name)
        assert method(1) is method(1)
        assert method(1) is not foreign(1)
        assert inspect.unwrap(method).__qualname__.endswith(f"Pair.{name}")
    assert str(inspect.signature(one.below)) == "(a: 'int') -> 'list[int]'"


def test_two_of_ours_on_a_method_let_the_instance_go() -> None:
    class Twice:
        @cached
        @cached
        def m(self) -> list[int]:
            return [1]

    one = Twice()
    assert one.m() is one.m()
    seen = weakref.ref(one)
    del one
    gc.collect()
    assert seen() is None


def test_two_versions_are_both_asked() -> None:
    outer, inner = [1], [1]

    @versioned_lru_cache(lambda: outer[0])
    @versioned_lru_cache(lambda: inner[0])
    def f() -> list[int]:
        return []

    first = f()
    outer[0] = 2
    assert f() is first, "the inner one still has it"
    inner[0] = 2
    assert f() is first, "the outer one has not noticed"
    outer[0] = 3
    assert f() is not first


def test_singledispatch() -> None:
    @functools.singledispatch
    @cached
    def shown(value: object) -> list[str]:
        return ["object"]

    @shown.register
    @cached
    def _(value: int) -> list[str]:
        return ["int"]

    assert shown("a") == ["object"]
    assert shown(1) == ["int"]
    assert shown(1) is shown(1)
    assert shown.__name__ == "shown"
    over = cached(shown)
    assert over(1) is over(1) is shown(1)


def test_singledispatchmethod() -> None:
    class Shown:
        @functools.singledispatchmethod
        @cached
        def of(self, value: object) -> list[str]:
            return ["object"]

        @of.register
        @cached
        def _(self, value: int) -> list[str]:
            return ["int"]

    shown = Shown()
    assert shown.of("a") == ["object"]
    assert shown.of(1) == ["int"]
    assert shown.of(1) is shown.of(1)
    assert shown.of(1) is not Shown().of(1)


def test_cached_property() -> None:
    class Lazy:
        @functools.cached_property
        @cached
        def label(self) -> list[int]:
            return [1]

    one, other = Lazy(), Lazy()
    assert one.label is one.label
    assert one.label is not other.label


# Classes of other kinds


def test_data_classes() -> None:
    @dataclass
    class Row:
        number: int

        @cached
        def times(self, factor: int) -> list[int]:
            return [self.number * factor]

    row = Row(2)
    assert row.times(3) == [6]
    assert row.times(3) is row.times(3)
    row.number = 3
    assert row == Row(3)
    assert Row(3).times(3) == [9], "equal, but another"


def test_data_classes_with_slots() -> None:
    @dataclass(frozen=True, slots=True)
    class Row:
        number: int

        @cached
        def times(self, factor: int) -> list[int]:
            return [self.number * factor]

    row = Row(2)
    assert row.times(3) is row.times(3)
    assert row.times.cache_contains(3)
    assert Row(2).times(3) is not row.times(3)


def test_named_tuples() -> None:
    class Point(NamedTuple):
        x: int

        @cached
        def times(self, factor: int) -> list[int]:
            return [self.x * factor]

    point = Point(2)
    assert point.times(3) == [6]
    assert point.times(3) is point.times(3)
    assert Point(3).times(3) == [9]
    assert Point._fields == ("x",)


def test_enumerations() -> None:
    class Color(enum.Enum):
        RED = 1
        BLUE = 2

        @cached
        def shade(self, depth: int) -> list[Any]:
            return [self.name, depth]

        @classmethod
        @cached
        def all_of(cls) -> list[str]:
            return [each.name for each in cls]

    assert [each.name for each in Color] == ["RED", "BLUE"]
    assert Color.RED.shade(1) is Color.RED.shade(1)
    assert Color.BLUE.shade(1) == ["BLUE", 1]
    assert Color.RED.shade.cache_contains(1)
    assert Color.all_of() is Color.all_of()
    assert Color.all_of() == ["RED", "BLUE"]


def test_a_dead_class_takes_nothing_along() -> None:
    class Short:
        @cached
        def m(self) -> list[int]:
            return [1]

    Short().m()
    seen = weakref.ref(Short)
    del Short
    gc.collect()
    assert seen() is None


def test_abstract_methods() -> None:
    class Source(ABC):
        @abstractmethod
        @cached
        def above(self) -> list[int]:
            return [0]

        @cached
        @abstractmethod
        def below(self) -> list[int]:
            return [0]

    class Rows(Source):
        @cached
        def above(self) -> list[int]:
            return [*super().above(), 1]

        @cached
        def below(self) -> list[int]:
            return [*super().below(), 1]

    assert Source.__abstractmethods__ == {"above", "below"}
    with pytest.raises(TypeError, match="abstract"):
        Source()  # type: ignore[abstract]
    rows = Rows()
    for method in (rows.above, rows.below):
        assert method() == [0, 1]
        assert method() is method()


def test_abstract_properties() -> None:
    class Source(ABC):
        @property
        @abstractmethod
        @cached
        def size(self) -> list[int]: ...

    assert Source.__abstractmethods__ == {"size"}


def test_a_method_type_made_by_hand() -> None:
    shop = Shop()
    bound = types.MethodType(Shop.price, shop)
    assert bound("tea") is shop.price("tea")
    assert bound.__func__ is Shop.price


def test_descriptors_by_hand() -> None:
    shop = Shop()
    function: Any = Shop.__dict__["price"]
    assert isinstance(function, CachedFunction)
    assert function.__get__(shop) == shop.price
    assert function.__get__(shop, Shop) == shop.price
    assert function.__get__(None, Shop) is function
    assert shop.price.__get__(Shop("other"), Shop) == shop.price, "as a bound method of Python"
    assert isinstance(getattr(shop, "price"), CachedMethod)  # noqa: B009
