"""What checkers know of cached methods. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

import functools
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tests.typing.asserting import assert_type
from versioned_lru_cache import CachedFunction, CachedMethod, CacheInfo, CacheKey, Versioned, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

T = TypeVar("T")


class Shop:
    def __init__(self, name: str = "shop") -> None:
        self.name = name

    @versioned_lru_cache(lambda: 1)
    def price(self, item: str, /) -> list[str]:
        return [self.name, item]

    @versioned_lru_cache(lambda: 1)
    def stock(self, item: str, *shelves: int, exact: bool, **more: float) -> dict[str, int]:
        return {item: 1}

    @classmethod
    @versioned_lru_cache(lambda: 1)
    def named(cls, name: str) -> list[str]:
        return [cls.__name__, name]

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def total(prices: tuple[int, ...], tax: float = 0) -> float:
        return float(sum(prices) + tax)

    @versioned_lru_cache(lambda: 1)
    @staticmethod
    def count(prices: tuple[int, ...]) -> int:
        return len(prices)

    @property
    @versioned_lru_cache(lambda: 1)
    def label(self) -> list[str]:
        return [self.name]

    @versioned_lru_cache(lambda: 1)
    def __getitem__(self, item: str) -> list[str]:
        return [self.name, item]

    tea = functools.partialmethod(price, "tea")


shop = Shop()


def a_method_is_bound_without_self() -> None:
    assert_type(Shop.price, CachedFunction[[Shop, str], list[str]])
    function: CachedFunction[[Shop, str], Sequence[str]] = Shop.price
    method: CachedMethod[[str], Sequence[str]] = shop.price
    assert function is method.__func__
    assert_type(shop.price, CachedMethod[[str], list[str]])
    assert_type(shop.price("tea"), list[str])
    assert_type(Shop.price(shop, "tea"), list[str])
    assert_type(shop.stock("tea", 1, 2, exact=True, width=0.5), dict[str, int])
    assert_type(shop.price.__func__(shop, "tea"), list[str])
    assert_type(shop.price.__wrapped__(shop, "tea"), list[str])
    assert_type(shop.price.__name__, str)
    assert_type(CachedMethod(Shop.price, shop), CachedMethod[[str], list[str]])
    assert_type(shop["tea"], list[str])
    assert_type(shop.tea(), list[str])
    assert_type(functools.partial(shop.price, "tea")(), list[str])
    assert_type(list(map(shop.price, ["tea"])), list[list[str]])
    bound = weakref.WeakMethod(shop.price)()
    assert bound is not None
    assert_type(bound("tea"), list[str])


def methods_of_the_cache_take_the_instance_along() -> None:
    assert_type(shop.price.cache_key("tea"), CacheKey)
    assert_type(Shop.price.cache_key(shop, "tea"), CacheKey)
    assert_type(shop.stock.cache_contains("tea", exact=True), bool)
    assert_type(Shop.stock.cache_contains(shop, "tea", 1, exact=True), bool)
    assert_type(shop.price.cache_peek("tea"), Versioned[list[str]] | None)
    assert_type(Shop.price.cache_peek(shop, "tea"), Versioned[list[str]] | None)
    assert_type(shop.price.cache_invalidate("tea"), bool)
    shop.price.cache_put(Versioned(["one"], "v1"), "tea")
    Shop.price.cache_put(Versioned(["one"], "v1"), shop, "tea")
    assert_type(shop.price.cache_info(), CacheInfo)
    shop.price.cache_clear()


def a_class_method_is_bound_to_its_class() -> None:
    assert_type(Shop.named("a"), list[str])
    assert_type(shop.named(name="a"), list[str])
    assert_type(Shop.named.cache_contains(Shop, "a"), bool)
    assert_type(shop.named.cache_peek(Shop, name="a"), Versioned[list[str]] | None)
    assert_type(Shop.named.cache_key(Shop, "a"), CacheKey)
    assert_type(Shop.named.cache_invalidate(Shop, "a"), bool)
    Shop.named.cache_put(Versioned(["a"], 1), Shop, "a")
    assert_type(Shop.named.cache_info(), CacheInfo)
    assert_type(Shop.named.__name__, str)
    assert_type(functools.partial(Shop.named, "a")(), list[str])


def a_static_method_is_the_function() -> None:
    assert_type(Shop.total((1, 2)), float)
    assert_type(shop.total((1, 2), tax=0.5), float)
    assert_type(shop.count((1, 2)), int)
    assert_type(Shop.count(prices=(1, 2)), int)
    assert_type(Shop.total.cache_contains((1, 2)), bool)
    assert_type(shop.total.cache_peek((1, 2), 0.5), Versioned[float] | None)


class Made:
    """Static methods whose first argument could be taken for a class, or for anything."""

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def of(kind: type[T], text: str) -> list[T]:
        return [kind()]

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def name(kind: type[object]) -> str:
        return kind.__name__

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def shown(anything: object, width: int = 0) -> str:
        return str(anything)

    @staticmethod
    @versioned_lru_cache(lambda: 1)
    def untold(anything: Any, width: int = 0) -> str:
        return str(anything)

    @versioned_lru_cache(lambda: 1)
    def built(self, kind: type[object]) -> str:
        return kind.__name__


def a_static_method_may_take_classes_or_anything() -> None:
    made = Made()
    assert_type(Made.of(int, ""), list[int])
    assert_type(made.of(str, ""), list[str])
    assert_type(Made.name(int), str)
    assert_type(made.name(Made), str)
    assert_type(Made.shown(1), str)
    assert_type(made.shown(1, 2), str)
    assert_type(Made.untold(1), str)
    assert_type(made.untold(1, width=2), str)
    assert_type(made.built(int), str)


def a_property_is_its_value() -> None:
    assert_type(shop.label, list[str])


class Stall(Shop):
    # Pyright compares the two functions as they are, self and all. Mypy compares them bound, as plain methods are.
    @versioned_lru_cache(lambda: 1)
    def price(self, item: str, /) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return assert_type(super().price(item), list[str])

    @classmethod
    @versioned_lru_cache(lambda: 1)
    def named(cls, name: str) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return assert_type(super().named(name), list[str])


def methods_are_inherited_and_overridden() -> None:
    stall = Stall()
    assert_type(stall.price("tea"), list[str])
    assert_type(stall.stock("tea", exact=True), dict[str, int])
    assert_type(Shop.price(stall, "tea"), list[str])
    assert_type(Stall.named("a"), list[str])


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    @versioned_lru_cache(lambda: 1)
    def content(self, times: int) -> list[T]:
        return [self.value] * times

    @versioned_lru_cache(lambda: 1)
    def beside(self, other: T, /) -> tuple[T, T]:
        return self.value, other


def methods_of_generic_classes() -> None:
    assert_type(Box(1).content(2), list[int])
    assert_type(Box("a").beside, CachedMethod[[str], tuple[str, str]])
    assert_type(Box("a").beside("b"), tuple[str, str])
    assert_type(Box("a").content.cache_peek(1), Versioned[list[str]] | None)


class Chain:
    @versioned_lru_cache(lambda: 1)
    def itself(self) -> Self:
        return self

    @versioned_lru_cache(lambda: 1)
    def last(self, items: Sequence[T]) -> T:
        return items[-1]

    @classmethod
    @versioned_lru_cache(lambda: 1)
    def new(cls, number: int) -> Self:
        return cls()


def pyright_binds_methods_with_type_variables_of_their_own() -> None:
    # Mypy does not. It keeps them in the function, where the instance can be given by hand.
    chain = Chain()
    assert_type(Chain.itself(chain), Chain)
    assert_type(Chain.last(chain, range(2)), int)
    assert_type(chain.itself(), Chain)  # type: ignore[assert-type, call-arg]
    assert_type(chain.last(range(2)), int)  # type: ignore[arg-type, assert-type]
    assert_type(chain.new(1), Chain)  # type: ignore[arg-type, assert-type, call-arg]


class Source(ABC):
    @abstractmethod
    @versioned_lru_cache(lambda: 1)
    def read(self, row: int) -> str: ...

    @versioned_lru_cache(lambda: 1)
    @abstractmethod
    def size(self) -> int: ...


class Rows(Source):
    @versioned_lru_cache(lambda: 1)
    def read(self, row: int) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return str(row)

    @versioned_lru_cache(lambda: 1)
    def size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return 1


def methods_may_be_abstract() -> None:
    source: Source = Rows()
    assert_type(source.read(1), str)
    assert_type(source.size(), int)


@dataclass(eq=False)
class Row:
    number: int

    @versioned_lru_cache(lambda: 1)
    def times(self, factor: int) -> int:
        return self.number * factor


class Color(Enum):
    RED = 1

    @versioned_lru_cache(lambda: 1)
    def shade(self, depth: int) -> list[str]:
        return [self.name] * depth


def data_classes_and_enumerations_have_cached_methods() -> None:
    assert_type(Row(2).times(3), int)
    assert_type(Color.RED.shade(2), list[str])
    assert_type(Color.shade(Color.RED, 2), list[str])


class Plain(Protocol):
    def price(self, item: str, /) -> Sequence[str]: ...


def mypy_lets_a_cached_method_stand_for_a_plain_one() -> None:
    # Pyright compares the function itself with the interface's method, self and all.
    plain: Plain = shop  # pyright: ignore[reportAssignmentType]
    assert isinstance(plain.price("tea"), list)
