"""Methods know their instance by identity and hold it weakly; its results go with it (promise 9)."""

from __future__ import annotations

import gc
import weakref
from collections import namedtuple
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from versioned_lru_cache import CachedFunction, CachedMethod, Versioned, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable


class Value:
    """Something that can be watched."""


class Shop:
    """Equal to any other, and without a hash."""

    def __init__(self, name: str = "shop") -> None:
        self.name = name
        self.runs = 0

    def __eq__(self, other: object) -> bool:
        raise AssertionError("no method needs to compare instances")

    __hash__ = None  # type: ignore[assignment]

    @versioned_lru_cache(None)
    def report(self, day: int = 0, *, kind: str = "") -> Value:
        """Report on a day."""
        self.runs += 1
        return Value()


@pytest.fixture
def _empty() -> None:
    Shop.report.cache_clear()


# Begins without a result of the class that all of these share, and so has the process for itself.
OF_SHOP = pytest.mark.usefixtures("_empty")


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1,), {"kind": "x"}),
    ((), {"day": 1, "kind": "x"}),
    (((1, 2),), {}),
]


@OF_SHOP
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_each_instance_has_its_own_results(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    one, other = Shop(), Shop()
    assert one.report(*args, **kwargs) is one.report(*args, **kwargs)
    assert one.report(*args, **kwargs) is not other.report(*args, **kwargs)
    assert Shop.report(one, *args, **kwargs) is one.report(*args, **kwargs)
    assert (one.runs, other.runs) == (1, 1)


@OF_SHOP
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_an_instance_dies_as_it_would_uncached_and_takes_its_results_along(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    one, other = Shop(), Shop()
    kept = other.report(*args, **kwargs)
    value = weakref.ref(one.report(*args, **kwargs))
    assert Shop.report.cache_info().currsize == 2
    del one
    assert value() is None
    assert Shop.report.cache_info().currsize == 1
    assert other.report(*args, **kwargs) is kept


def test_what_a_session_keeps_of_a_dead_instance_goes_too() -> None:
    class Small:
        @versioned_lru_cache(lambda: 1, maxsize=1)
        def double(self, number: int) -> Value:
            return Value()

    one, other = Small(), Small()
    with session():
        value = weakref.ref(one.double(1))
        other.double(2)
        assert Small.double.cache_info().currsize == 1
        assert one.double(1) is value(), "evicted, but seen in this session"
        del one
        assert value() is None
        assert Small.double.cache_info().currsize == 1


def test_a_new_instance_at_the_place_of_a_dead_one_gets_nothing_of_it() -> None:
    class Number:
        def __init__(self, number: int) -> None:
            self.number = number

        @versioned_lru_cache(None, maxsize=None)
        def get(self) -> int:
            return self.number

        @versioned_lru_cache(None, maxsize=None)
        def plus(self, other: int) -> int:
            return self.number + other

    places = set()
    number = again = 0
    while again < 1900:
        instance = Number(number)
        again += id(instance) in places
        places.add(id(instance))
        assert (instance.get(), instance.plus(1)) == (number, number + 1)
        number += 1
        assert number < 100_000, "places are used again, or this shows nothing"
    del instance
    assert (Number.get.cache_info().currsize, Number.plus.cache_info().currsize) == (0, 0)


def test_an_instance_that_a_value_refers_to_lives_until_that_leaves() -> None:
    class Owner:
        @versioned_lru_cache(None, maxsize=1)
        def me(self, number: int) -> list[object]:
            return [self, number]

    instance = Owner()
    instance.me(1)
    watch = weakref.ref(instance)
    del instance
    gc.collect()
    assert watch() is not None
    Owner.me(Owner(), 2)
    assert watch() is None


def test_a_cycle_through_the_instance_the_class_and_a_value_is_collected() -> None:
    class Owner:
        @versioned_lru_cache(None)
        def me(self) -> list[object]:
            return [self, type(self)]

    instance = Owner()
    instance.me()
    watch, method = weakref.ref(instance), weakref.ref(Owner.me)
    del instance, Owner
    gc.collect()
    assert watch() is None
    assert method() is None


@OF_SHOP
def test_an_instance_in_a_cycle_takes_its_results_along_when_it_is_collected() -> None:
    one = Shop()
    one.itself = one  # type: ignore[attr-defined]
    value = weakref.ref(one.report(1))
    del one
    gc.collect()
    assert value() is None
    assert Shop.report.cache_info().currsize == 0


def test_an_instance_that_comes_back_from_the_dead_starts_anew() -> None:
    saved: list[Phoenix] = []

    class Phoenix:
        runs = 0

        def __del__(self) -> None:
            saved.append(self)

        @versioned_lru_cache(None)
        def burn(self) -> int:
            self.runs += 1
            return self.runs

    bird = Phoenix()
    bird.itself = bird  # type: ignore[attr-defined]
    assert bird.burn() == 1
    del bird
    gc.collect()
    (bird,) = saved
    first = bird.burn()
    assert bird.burn() == first
    assert Phoenix.burn.cache_info().currsize == 1


@OF_SHOP
def test_a_value_that_calls_the_cache_when_its_instance_dies() -> None:
    seen = []

    class Loud:
        def __init__(self, shop: Shop) -> None:
            self.shop = shop

        def __del__(self) -> None:
            seen.append(self.shop.report(7))

    class Owner:
        @versioned_lru_cache(None)
        def loud(self) -> Loud:
            return Loud(shop)

    shop, owner = Shop(), Owner()
    owner.loud()
    del owner
    assert seen == [shop.report(7)]


def test_slots_with_a_place_for_weak_references() -> None:
    class Slim:
        __slots__ = ("__weakref__",)

        @versioned_lru_cache(None)
        def get(self, number: int) -> Value:
            return Value()

    one = Slim()
    value = weakref.ref(one.get(1))
    assert one.get(1) is value() is not Slim().get(1)
    del one
    assert value() is None


def test_slots_without_one_hold_the_instance_until_it_is_evicted() -> None:
    died = []

    class Slim:
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        def __del__(self) -> None:
            died.append(1)

        @versioned_lru_cache(None, maxsize=1)
        def get(self, number: int) -> Value:
            return Value()

    one, other = Slim(), Slim()
    value = one.get(1)
    assert one.get(1) is value
    del one
    assert not died
    assert other.get(1) is not value
    assert died == [1]


def test_inheritance_and_super() -> None:
    class Base:
        @versioned_lru_cache(None)
        def get(self, number: int) -> list[str]:
            return [f"base {number}"]

        @versioned_lru_cache(None)
        def only_here(self) -> list[str]:
            return [type(self).__name__]

    class Derived(Base):
        @versioned_lru_cache(None)
        def get(self, number: int) -> list[str]:
            return [*super().get(number), f"derived {number}"]

    one = Derived()
    assert one.get(1) == ["base 1", "derived 1"]
    assert one.get(1) is one.get(1)
    assert super(Derived, one).get(1) is Base.get(one, 1) is super(Derived, one).get(1)
    assert one.only_here() == ["Derived"]
    assert Base().only_here() == ["Base"]
    assert (Base.get.cache_info().misses, Derived.get.cache_info().misses) == (1, 1)
    assert super(Derived, one).get.cache_contains(1)


def test_a_classmethod_takes_the_class_as_an_argument() -> None:
    class Base:
        @classmethod
        @versioned_lru_cache(None)
        def make(cls, number: int) -> list[object]:
            return [cls, number]

    class Derived(Base):
        pass

    assert Base.make(1) is Base().make(1) is Base.make(1)
    assert Derived.make(1) == [Derived, 1]
    function: Any = Base.__dict__["make"].__func__
    assert function.cache_contains(Derived, 1)
    bound: Any = Base.make
    assert bound.cache_contains(Derived, 1), "on every Python: a classmethod binds by itself since 3.13"
    with pytest.raises(TypeError, match=r"make\.cache_contains: .*missing.*instance or class first"):
        bound.cache_contains(1)


@pytest.mark.parametrize("through_instance", [False, True])
def test_a_staticmethod_in_both_orders(through_instance: bool) -> None:
    class Tool:
        @staticmethod
        @versioned_lru_cache(None)
        def above(number: int) -> list[int]:
            return [number]

        @versioned_lru_cache(None)
        @staticmethod
        def below(number: int) -> list[int]:
            return [number]

    tool: Any = Tool() if through_instance else Tool
    assert tool.above(1) is Tool.above(1)
    assert tool.below(1) is Tool.below(1)
    assert tool.below.cache_contains(1)
    assert tool.above.cache_info() == (1, 1, 128, 1)


def test_a_property_on_a_cached_function_holds_the_instance_as_an_argument() -> None:
    class Circle:
        def __init__(self, radius: int) -> None:
            self.radius = radius

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Circle) and self.radius == other.radius

        def __hash__(self) -> int:
            return hash(self.radius)

        @property
        @versioned_lru_cache(None)
        def area(self) -> list[int]:
            return [self.radius**2]

    assert Circle(2).area is Circle(2).area, "equal instances are one"
    assert Circle(3).area == [9]


def test_a_function_that_becomes_an_attribute_later_holds_the_instance_as_an_argument() -> None:
    class Late:
        pass

    def get(self: Late, number: int) -> Value:
        return Value()

    cached: Any = versioned_lru_cache(None)(get)
    Late.get = cached  # type: ignore[attr-defined]
    one: Any = Late()
    watch = weakref.ref(one)
    assert one.get(1) is one.get(1)
    assert one.get.cache_contains(1)
    assert not Late().get.cache_contains(1)  # type: ignore[attr-defined]
    one.get.cache_clear()
    assert cached.cache_info().currsize == 0
    one.get(1)
    del one
    assert watch() is not None


def test_a_function_that_was_called_before_it_became_a_method() -> None:
    calls = []

    @versioned_lru_cache(None)
    def get(self: object, number: int = 0) -> Value:
        calls.append(number)
        return Value()

    text = "x" * 40
    before = get(text)

    class Late:
        method = get

    assert get.cache_info().currsize == 0
    assert get(text) is not before
    assert get(text) is get(text)
    one = Late()
    assert one.method(1) is one.method(1)
    assert calls == [0, 0, 1]


class Row:
    """Loaded anew for each request, as objects of a database are."""

    def __init__(self, number: int) -> None:
        self.number = number

    @versioned_lru_cache(None, key=lambda self, words: (self.number, words.lower()))
    def find(self, words: str) -> Value:
        return Value()


@pytest.fixture
def _no_rows() -> None:
    Row.find.cache_clear()


OF_ROWS = pytest.mark.usefixtures("_no_rows")


@OF_ROWS
def test_key_stands_for_the_instance_and_nothing_holds_that() -> None:
    one = Row(1)
    found, instance = one.find("A"), weakref.ref(one)
    del one
    assert instance() is None
    assert Row(1).find("a") is found
    assert Row(2).find("a") is not found
    assert Row.find.cache_info() == (1, 2, 128, 2)


@OF_ROWS
def test_what_key_made_is_named_and_chosen_by_all_instances() -> None:
    Row(1).find("a")
    Row(2).find("b")
    assert [key.args for key in Row(3).find.cache_keys()] == [((2, "b"),), ((1, "a"),)]
    assert Row(1).find.cache_contains("A")
    assert not Row(3).find.cache_contains("a")
    assert Row(3).find.cache_invalidate_where(lambda key: key[0] == 1) == 1
    assert Row(1).find.cache_info().currsize == 1
    assert Row(2).find.cache_invalidate("B")
    Row(1).find("a")
    Row(3).find.cache_clear()
    assert Row.find.cache_info().currsize == 0, "there is no telling whose they are"


def test_with_key_the_version_is_asked_once_for_equal_keys() -> None:
    asked = []

    class Loaded:
        def __init__(self, number: int) -> None:
            self.number = number

        @versioned_lru_cache(lambda self: asked.append(self.number) or 1, key=lambda self: self.number)
        def total(self) -> Value:
            return Value()

    with session():
        assert Loaded(1).total() is Loaded(1).total() is not Loaded(2).total()
    assert asked == [1, 2]


def test_with_key_a_version_of_the_instance_itself_does_not_hold_it() -> None:
    class Loaded:
        serial = 1

        @versioned_lru_cache(lambda self: self.serial, version_args=lambda self: (self,), key=lambda self: 1)
        def total(self) -> Value:
            return Value()

    one, other = Loaded(), Loaded()
    with session():
        found = one.total()
        assert other.total() is found
        other.serial = 2
        assert one.total() is found
    with session():
        assert other.total() is not found
    instance = weakref.ref(one)
    del one
    gc.collect()
    assert instance() is None


def test_through_an_instance_a_function_that_is_no_method_has_that_ones_calls() -> None:
    class Late:
        pass

    cached: Any = versioned_lru_cache(None)(lambda self, number: [number])
    Late.get = cached  # type: ignore[attr-defined]
    one, other = Late(), Late()
    one.get(1)  # type: ignore[attr-defined]
    other.get(1)  # type: ignore[attr-defined]
    assert [key.args for key in one.get.cache_keys()] == [(one, 1)]  # type: ignore[attr-defined]
    assert one.get.cache_invalidate_where(lambda number: number == 1) == 1  # type: ignore[attr-defined]
    assert [key.args for key in cached.cache_keys()] == [(other, 1)]


@OF_SHOP
def test_a_version_function_that_is_given_the_instance() -> None:
    asked: list[tuple[str, int]] = []

    def version(self: Shop, number: int) -> int:
        asked.append((self.name, number))
        return 1

    class Asking(Shop):
        @versioned_lru_cache(version)
        def get(self, number: int) -> Value:
            return Value()

        @versioned_lru_cache(version)
        def other(self, number: int) -> Value:
            return Value()

    one, other = Asking("one"), Asking("other")
    with session():
        assert one.get(1) is one.get(1)
        one.other(1)
        other.get(1)
        assert asked == [("one", 1), ("other", 1)]


@OF_SHOP
def test_a_part_of_the_arguments_that_begins_with_the_instance() -> None:
    asked: list[object] = []

    class Asking(Shop):
        @versioned_lru_cache(lambda shop: asked.append(shop), version_args=lambda self, number: (self,))
        def get(self, number: int) -> Value:
            return Value()

    one, other = Asking(), Asking()
    watch = weakref.ref(one)
    with session():
        one.get(1)
        one.get(2)
        other.get(1)
        assert [shop is one for shop in asked] == [True, False]
        asked.clear()
        del one
        assert watch() is None, "a session holds no instance"


def test_an_instance_that_is_passed_by_name_is_the_instance() -> None:
    class Named:
        @versioned_lru_cache(None)
        def get(self, number: int) -> Value:
            return Value()

    one = Named()
    assert Named.get(self=one, number=1) is Named.get(self=one, number=1)
    assert Named.get(self=one, number=1) is one.get(1)


@OF_SHOP
def test_an_argument_without_a_hash_is_told_whatever_the_instance() -> None:
    with pytest.raises(TypeError, match=r"argument \"day\" is unhashable: \[\]"):
        Shop().report([])  # type: ignore[arg-type]


@OF_SHOP
def test_a_bound_method_takes_its_instance_along() -> None:
    one, other = Shop(), Shop()
    value = one.report(1)
    method: Any = one.report
    assert type(method) is CachedMethod
    assert type(Shop.report) is CachedFunction
    assert method.__self__ is one
    assert method.__func__ is Shop.report
    assert method(1) is value
    assert method(*[1]) is value
    assert method.cache_contains(1)
    assert Shop.report.cache_contains(one, 1)
    assert not other.report.cache_contains(1)
    assert method.cache_peek(1) == Versioned(value, None)
    assert method.cache_key(1) == Shop.report.cache_key(one, 1) != other.report.cache_key(1)
    assert hash(method.cache_key(1)) == hash(Shop.report.cache_key(one, 1))
    other.report.cache_put(Versioned(value, None), 2)
    assert other.report(2) is value
    assert one.report(2) is not value
    assert method.cache_invalidate(1)
    assert not method.cache_invalidate(1)
    assert method.cache_info() == Shop.report.cache_info()
    assert method.cache_stats() == Shop.report.cache_stats()
    assert list(method.cache_parameters().items())[:2] == [("maxsize", 128), ("typed", False)]


@OF_SHOP
def test_clearing_a_bound_method_forgets_the_results_of_its_instance() -> None:
    one, other = Shop(), Shop()
    with session():
        for day in range(3):
            one.report(day)
            other.report(day)
        one.report.cache_clear()
        assert [one.report.cache_contains(day) for day in range(3)] == [False] * 3
        assert [other.report.cache_contains(day) for day in range(3)] == [True] * 3
        one.report(0)
        assert (one.runs, other.runs) == (4, 3)


def test_what_runs_while_its_instance_is_cleared_is_not_stored() -> None:
    class Clearing:
        @versioned_lru_cache(None)
        def get(self, cleared: Any) -> Value:
            cleared.get.cache_clear()
            return Value()

        __hash__ = object.__hash__

    one, other = Clearing(), Clearing()
    one.get(one)
    assert not one.get.cache_contains(one)
    one.get(other)
    assert one.get.cache_contains(other)


@OF_SHOP
def test_a_key_outlives_its_instance() -> None:
    one = Shop()
    key, again = one.report.cache_key(1), one.report.cache_key(1)
    assert key == again
    del one
    fresh = Shop()
    assert key != fresh.report.cache_key(1)
    assert hash(key) == hash(again)
    assert "dead" in repr(key)


@OF_SHOP
def test_bound_methods_are_equal_by_instance_and_function() -> None:
    one, other = Shop(), Shop()
    assert one.report == one.report
    assert hash(one.report) == hash(one.report)
    assert one.report != other.report
    assert one.report != one.report.__func__
    assert len({one.report, one.report, other.report}) == 2


@OF_SHOP
def test_a_weak_method() -> None:
    one = Shop()
    method = weakref.WeakMethod(one.report)  # type: ignore[type-var]
    assert method() == one.report
    del one
    assert method() is None


@OF_SHOP
@pytest.mark.parametrize("arguments", [(None,), (Shop.report,), (1, 2), (Shop.report, None)])
def test_a_bound_method_needs_a_cached_function_and_an_instance(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        CachedMethod(*arguments)


def test_methods_of_a_class_are_methods_too() -> None:
    class Meta(type):
        @versioned_lru_cache(None)
        def get(cls, number: int) -> Value:
            return Value()

    class One(metaclass=Meta):
        pass

    class Other(metaclass=Meta):
        pass

    assert One.get(1) is One.get(1) is not Other.get(1)
    assert One.get.cache_contains(1)
    watch = weakref.ref(One)
    del One
    gc.collect()
    assert watch() is None


class Named(NamedTuple):
    side: int

    @versioned_lru_cache(None)
    def made(self) -> list[int]:
        return [self.side]


class Derived(namedtuple("Derived", "side")):
    __slots__ = ()

    @versioned_lru_cache(None)
    def made(self) -> list[int]:
        return [self.side]


class Plain(tuple[int, ...]):
    __slots__ = ()

    @versioned_lru_cache(None)
    def made(self) -> list[int]:
        return [*self]


@pytest.mark.parametrize("kind", [Named, Derived, lambda side: Plain([side])])
def test_tuples_are_known_by_their_values(kind: Callable[[Any], Any]) -> None:
    """On every version of Python, though only some tell a named tuple's function that it is a method."""
    assert kind(1).made() is kind(1).made()
    assert kind(1).made() == [1]
    assert kind(2).made() == [2]
    with pytest.raises(TypeError, match="unhashable"):
        kind([]).made()


class Number(int):
    @versioned_lru_cache(None)
    def made(self) -> list[int]:
        return [int(self)]


def test_other_values_are_known_by_identity() -> None:
    one, other = Number(1), Number(1)
    assert one.made() is one.made()
    assert one.made() is not other.made()
