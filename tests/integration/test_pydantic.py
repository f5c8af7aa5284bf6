"""Cached properties and methods of Pydantic models, which are unhashable unless frozen."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from versioned_lru_cache import CachedFunction, versioned_cached_property, versioned_lru_cache


class Order(BaseModel):
    # By which Pydantic knows that a cached method is no field.
    model_config = ConfigDict(ignored_types=(CachedFunction,))

    prices: list[int]

    @versioned_cached_property(lambda self: tuple(self.prices))
    def total(self) -> list[int]:
        return [sum(self.prices)]

    @computed_field(return_type=int)
    @versioned_cached_property(None)
    def count(self) -> int:
        return len(self.prices)

    @versioned_lru_cache(None)
    def above(self, price: int) -> list[int]:
        return [each for each in self.prices if each > price]


class Frozen(BaseModel, frozen=True):
    number: int

    @versioned_cached_property(None)
    def double(self) -> list[int]:
        return [self.number * 2]


def test_a_property_of_a_model() -> None:
    order = Order(prices=[1, 2])
    assert order.total == [3]
    assert order.total is order.total
    order.prices.append(3)
    assert order.total == [6]
    assert order.total is not order.model_copy(deep=True).total


def test_a_computed_field() -> None:
    order = Order(prices=[1, 2])
    assert order.model_dump() == {"prices": [1, 2], "count": 2}
    assert order.model_dump_json() == '{"prices":[1,2],"count":2}'


def test_a_method_of_a_model() -> None:
    order, other = Order(prices=[1, 2]), Order(prices=[1, 2])
    assert order.above(1) is order.above(price=1)
    assert order.above(1) is not other.above(1)


@pytest.mark.parametrize("make", [lambda: Order(prices=[1]), lambda: Frozen(number=1)])
def test_a_model_is_not_kept_alive(make: Any) -> None:
    model = make()
    name = "total" if isinstance(model, Order) else "double"
    result, instance = getattr(model, name), weakref.ref(model)
    assert getattr(model, name) is result
    del model
    gc.collect()
    assert instance() is None


def test_a_frozen_model_stays_frozen() -> None:
    model = Frozen(number=2)
    assert model.double == [4]
    with pytest.raises((ValidationError, AttributeError)):
        model.double = [5]  # type: ignore[misc, assignment]
