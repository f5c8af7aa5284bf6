"""Cached properties keep the rules of methods: identity, held weakly, the result goes with the instance (promise 9)."""

from __future__ import annotations

import gc
import inspect
import weakref
from abc import ABC
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from versioned_lru_cache import (
    CachedProperty,
    session,
    versioned_cached_property,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)


class Value:
    """Something that can be watched."""


class Unhashable:
    """Equal to any other, and without a hash."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("no property needs to compare instances")

    __hash__ = None  # type: ignore[assignment]

    @versioned_cached_property(None)
    def total(self) -> Value:
        """Add it all up."""
        return Value()


@dataclass(frozen=True)
class Frozen:
    items: list[int]

    @versioned_cached_property(None)
    def total(self) -> Value:
        return Value()


class Slotted:
    __slots__ = ("__weakref__",)

    @versioned_cached_property(None)
    def total(self) -> Value:
        return Value()


class Inheriting(Unhashable):
    __slots__ = ()


def frozen() -> Frozen:
    return Frozen([1])


@pytest.mark.parametrize("make", [Unhashable, frozen, Slotted, Inheriting])
def test_each_instance_has_a_result_that_goes_with_it(make: Any) -> None:
    one, other = make(), make()
    getter = type(one).total.fget
    before = getter.cache_info().currsize
    assert one.total is one.total
    assert one.total is not other.total
    assert getter.cache_info().currsize == before + 2
    value, instance = weakref.ref(one.total), weakref.ref(one)
    del one
    gc.collect()
    assert (instance(), value()) == (None, None)
    assert getter.cache_info().currsize == before + 1


def test_an_instance_that_allows_no_weak_reference_is_held_until_its_result_leaves() -> None:
    class Held:
        __slots__ = ("name",)

        def __init__(self, name: str) -> None:
            self.name = name

        @versioned_cached_property(None, maxsize=1)
        def total(self) -> list[str]:
            return [self.name]

    one, other = Held("one"), Held("other")
    assert one.total is one.total
    assert other.total == ["other"]
    assert one.total == ["one"]


def test_a_tuple_is_its_values() -> None:
    class Point(NamedTuple):
        x: int

        @versioned_cached_property(None)
        def double(self) -> list[int]:
            return [self.x * 2]

    assert Point(1).double is Point(1).double
    assert Point(2).double == [4]


def test_the_version_function_gets_the_instance_once_in_a_session() -> None:
    asked = []

    class Order:
        serial = 1

        @versioned_cached_property(lambda self: asked.append(self) or self.serial)
        def total(self) -> Value:
            return Value()

    one, other = Order(), Order()
    with session():
        first = one.total
        one.serial = 2
        assert one.total is first
        assert other.total is not first
    assert asked == [one, other]
    with session():
        assert one.total is not first


def test_the_original_projects_decorator_below_it() -> None:
    request: dict[str, Any] = {}

    class Order:
        __hash__ = None  # type: ignore[assignment]

        @CachedProperty
        @versioned_lru_cache_with_ttl(
            proxy_to_session_context_object=request, generate_version_func=lambda: "1", module_name="orders"
        )
        def total(self) -> Value:
            return Value()

    order: Any = Order()
    assert order.total is order.total
    assert dict(request["lru_cache_versions"]) == {"orders": {"total": "1"}}


def test_it_is_a_property() -> None:
    found: Any = Unhashable.total
    assert isinstance(found, property)
    assert inspect.isdatadescriptor(found)
    assert found.__doc__ == "Add it all up."
    assert found.fget.cache_parameters()["maxsize"] == 128
    with pytest.raises(AttributeError):
        Unhashable().total = 3  # type: ignore[misc, assignment]


def test_it_may_have_a_setter_that_forgets_the_result() -> None:
    class Order:
        def __init__(self) -> None:
            self.prices = [1]

        @versioned_cached_property(None)
        def total(self) -> int:
            return sum(self.prices)

        @total.setter
        def total(self, value: int) -> None:
            self.prices = [value]
            Order.total.fget.cache_invalidate(self)

    order: Any = Order()
    assert (order.total, type(Order.total)) == (1, CachedProperty)
    order.total = 5
    assert order.total == 5


def test_it_may_be_abstract() -> None:
    from abc import abstractmethod

    class Base(ABC):
        @versioned_cached_property(None)
        @abstractmethod
        def total(self) -> int: ...

    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]


def test_a_coroutine_function_below_it_is_awaited() -> None:
    import asyncio

    class Order:
        @versioned_cached_property(None)
        async def total(self) -> Value:
            return Value()

    async def twice() -> tuple[Value, Value]:
        order = Order()
        return await order.total, await order.total

    first, second = asyncio.run(twice())
    assert first is second


# What shares a result by key=


def test_key_stands_for_the_instance_of_a_property() -> None:
    class Row:
        def __init__(self, number: int) -> None:
            self.number = number

        @versioned_cached_property(None, key=lambda self: self.number)
        def total(self) -> Value:
            return Value()

    one = Row(1)
    total, instance = one.total, weakref.ref(one)
    del one
    assert instance() is None, "nothing holds it"
    assert Row(1).total is total
    assert Row(2).total is not total


# What is told


def test_plain_property_above_the_decorator_names_this_form() -> None:
    class Order:
        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "<order>"

        @property
        @versioned_lru_cache(None)
        def total(self) -> int:
            return 1

    with pytest.raises(TypeError) as caught:
        Order().total  # noqa: B018
    told = str(caught.value)
    assert "Order.total: the instance is unhashable: <order>" in told
    assert "under a property" in told
    assert "@versioned_cached_property(...)" in told
    assert "key=" not in told


def test_another_argument_without_a_hash_is_told_as_ever() -> None:
    class Order:
        total = 1

    @versioned_lru_cache(None)
    def total(order: object, items: object) -> int:
        return 1

    for arguments in ((Order(), []), ([], Order())):
        with pytest.raises(TypeError, match="key="):
            total(*arguments)


def test_without_a_version_the_class_is_not_made() -> None:
    with pytest.raises((TypeError, RuntimeError)) as caught:

        class Order:
            @versioned_cached_property
            def total(self) -> int:
                return 1

    told = str(caught.value.__cause__ or caught.value)
    assert "Order.total was given as a version" in told
    assert "@versioned_cached_property(version)" in told


def test_what_takes_more_than_the_instance_is_no_property() -> None:
    with pytest.raises(TypeError, match=r"priced does not take one argument.*let it take self alone"):

        @versioned_cached_property(None)
        def priced(self: object, item: str) -> int:
            return 1


@pytest.mark.parametrize("wrong", [property(lambda self: 1), 5, "f"])
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="leave @property out" if isinstance(wrong, property) else "not callable"):
        versioned_cached_property(None)(wrong)


def test_a_plain_function_is_no_cached_property() -> None:
    with pytest.raises(TypeError, match=r"CachedProperty\(<function .*this is no cached function"):
        CachedProperty(lambda self: 1)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        ((128,), {}, r"versioned_cached_property\(128\): a bare number"),
        ((None, 128), {}, "versioned_cached_property: 128 stands behind the version"),
        ((None,), {"max_size": 1}, "versioned_cached_property: max_size=1 is no option; here it is called maxsize"),
        ((None,), {"ttl": -1}, "ttl=-1"),
    ],
)
def test_wrong_options_are_told(arguments: tuple[Any, ...], options: dict[str, Any], told: str) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        versioned_cached_property(*arguments, **options)
