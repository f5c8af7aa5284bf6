"""What checkers know of cached properties. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

from tests.typing.asserting import assert_type
from versioned_lru_cache import CachedFunction, CachedProperty, versioned_cached_property, versioned_lru_cache


def count(order: Order) -> int:
    return len(order.prices)


class Order:
    def __init__(self, prices: list[int]) -> None:
        self.prices = prices

    @versioned_cached_property(count, maxsize=100, ttl=60, key=id)
    def total(self) -> int:
        return sum(self.prices)

    @CachedProperty
    @versioned_lru_cache(None)
    def first(self) -> list[int]:
        return self.prices[:1]

    @versioned_cached_property(None)
    async def later(self) -> str:
        return "later"


class Bulk(Order):
    pass


def a_property_is_what_its_getter_returns() -> None:
    order, bulk = Order([3, 4]), Bulk([])
    assert_type(order.total, int)
    assert_type(order.first, list[int])
    assert_type(bulk.total, int)


async def that_of_a_coroutine_function_is_awaited() -> None:
    assert_type(await Order([]).later, str)


def through_the_class_it_is_the_property() -> None:
    assert_type(Order.total, CachedProperty[Order, int])
    assert_type(Order.total.fget, CachedFunction[[Order], int])
    assert_type(Order.total.fget(Order([])), int)
    assert_type(Order.total.fget.cache_invalidate(Order([])), bool)
