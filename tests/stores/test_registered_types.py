"""Types that are registered with Msgpack: they come back with the attributes that they had, or not at all."""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, Flag
from typing import Any, Generic, NamedTuple, TypeVar

import pytest

from tests.stores.values import Colour, Line, Permission, Point, Slotted, codec, opened, same
from versioned_lru_cache.stores import Msgpack, NotStorable, Unreadable


class Money:
    def __init__(self, amount: int, currency: str) -> None:
        self.amount, self.currency = amount, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Dear(Money):
    pass


def with_money() -> Msgpack:
    using = Msgpack()
    using.register(Money, encode=lambda money: (money.amount, money.currency), decode=lambda parts: Money(*parts))
    return using


def test_a_class_comes_back_by_its_functions() -> None:
    using = with_money()
    value = {"prices": [Money(1, "EUR"), (Money(2, "USD"),)]}
    assert using.decode(using.encode(value)) == value


def test_a_subclass_of_a_registered_class_is_not_registered() -> None:
    with pytest.raises(NotStorable, match=r"^result is of .*\.Dear, which is no plain data"):
        with_money().encode(Dear(1, "EUR"))


def test_members_come_back_as_the_ones_that_there_are() -> None:
    using = codec()
    for each in (*Colour, *Permission, Permission.READ | Permission.WRITE, Permission(0)):
        assert using.decode(using.encode(each)) is each


def test_init_does_not_run_again() -> None:
    made = Line(1, 2)
    assert made.length == 1
    back: Any = codec().decode(codec().encode(made))
    assert back.length == 1
    assert same(made, back)


def test_attributes_beside_the_fields_come_back_too() -> None:
    made = opened(1, 2, [3])
    back: Any = codec().decode(codec().encode(made))
    assert (back, back.more) == ((1, 2), [3])


T = TypeVar("T")


@dataclass
class Box(Generic[T]):
    content: T


def test_what_typing_notes_in_an_object_does_not_matter() -> None:
    using = Msgpack([Box])
    made = Box[int](1)
    assert "__orig_class__" in vars(made)
    assert using.decode(using.encode(made)) == made


def test_a_field_that_is_not_set_is_told() -> None:
    made: Any = object.__new__(Slotted)
    with pytest.raises(NotStorable, match=r"^result\[0\] can't be encoded: AttributeError: "):
        codec().encode([made])


def test_what_encode_returns_is_refused_by_its_path() -> None:
    using = Msgpack()
    using.register(Money, encode=lambda money: {"amount": [money.amount]}, decode=lambda parts: Money(**parts))
    with pytest.raises(
        NotStorable, match=re.escape('(what encode makes of result[0])["amount"][0] is of builtins.type')
    ):
        using.encode([Money(int, "EUR")])  # type: ignore[arg-type]


def test_a_function_that_fails_is_told_with_the_place() -> None:
    using = Msgpack()
    using.register(Money, encode=lambda money: 1 // money.amount, decode=lambda parts: Money(parts, ""))
    with pytest.raises(NotStorable, match=r"^result\[1\] can't be encoded: ZeroDivisionError: ") as caught:
        using.encode([1, Money(0, "EUR")])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_encode_that_returns_its_argument_ends() -> None:
    using = Msgpack()
    using.register(Money, encode=lambda money: money, decode=lambda money: money)
    with pytest.raises(NotStorable, match="is result again"):
        using.encode(Money(1, "EUR"))
    using = Msgpack()
    using.register(Money, encode=lambda money: Money(1, "EUR"), decode=lambda money: money)
    with pytest.raises(NotStorable, match=r"^result is nested more than 100 deep"):
        using.encode(Money(1, "EUR"))


def test_a_class_that_is_not_registered_where_it_is_read_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="KeyError"):
        Msgpack().decode(codec().encode(Colour.RED))
    with pytest.raises(Unreadable):
        Msgpack().decode(with_money().encode(Money(1, "EUR")))


def test_a_decode_that_fails_makes_it_unreadable() -> None:
    using = Msgpack()
    using.register(Money, encode=lambda money: [], decode=lambda parts: Money(*parts))
    with pytest.raises(Unreadable, match="TypeError"):
        using.decode(using.encode(Money(1, "EUR")))


# --- classes that have changed since


class Then:
    @dataclass
    class Item:
        price: int

    class Pair(NamedTuple):
        one: int

    class Size(Enum):
        SMALL = 1
        LARGE = 2

    class Access(Flag):
        READ = 1
        WRITE = 2


class Now:
    @dataclass
    class Item:
        price: int
        currency: str = "EUR"

    class Pair(NamedTuple):
        one: int
        two: int = 2

    class Size(Enum):
        SMALL = 1

    class Access(Flag):
        READ = 1


CHANGED: list[tuple[Any, Any]] = [
    (Then.Item(1), Now.Item),
    (Then.Pair(1), Now.Pair),
    (Then.Size.LARGE, Now.Size),
    (Then.Access.WRITE, Now.Access),
]


@pytest.mark.parametrize(("value", "now"), CHANGED, ids=lambda each: getattr(each, "__qualname__", ""))
def test_an_object_of_a_class_that_has_changed_is_unreadable(value: Any, now: Any) -> None:
    one, other = Msgpack(), Msgpack()
    one.register(type(value), name="it")
    other.register(now, name="it")
    data = one.encode(value)
    assert one.decode(data) == value
    with pytest.raises(Unreadable):
        other.decode(data)


def test_members_whose_values_have_changed_are_the_ones_of_their_names() -> None:
    class Other(Enum):
        LARGE = "large"

    one, other = Msgpack(), Msgpack()
    one.register(Then.Size, name="size")
    other.register(Other, name="size")
    assert other.decode(one.encode(Then.Size.LARGE)) is Other.LARGE


# --- what may be registered


class Ordinary:
    pass


@dataclass
class Derived(Exception):
    code: int


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((1,), {}, TypeError, "cls=1 is an int; it must be a class"),
        ((Ordinary,), {}, TypeError, "Ordinary is no Enum, named tuple or plain dataclass, so encode= and decode="),
        ((Derived,), {}, TypeError, "Derived is no Enum"),
        ((Money,), {"encode": vars}, TypeError, "decode=None is a NoneType; encode= and decode= must both be callable"),
        ((Money,), {"decode": dict}, TypeError, "encode=None is a NoneType"),
        ((Money,), {"encode": vars, "decode": 1}, TypeError, "decode=1 is an int"),
        ((Point,), {"name": ""}, TypeError, "name='' is not allowed; it must be a str that stands for Point"),
        ((Point,), {"name": 1}, TypeError, "name=1 is not allowed"),
        ((dict,), {"encode": list, "decode": dict}, ValueError, "dict is plain data; it needs no registration"),
        ((bool,), {"encode": int, "decode": bool}, ValueError, "bool is plain data"),
    ],
)
def test_wrong_registrations(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Msgpack().register(*arguments, **options)


def test_a_class_that_others_may_mean_something_else_by_needs_a_name() -> None:
    class Inner(NamedTuple):
        one: int

    with pytest.raises(ValueError, match=r"Inner may be another class in another process: give it a name"):
        Msgpack([Inner])
    using = Msgpack()
    using.register(Inner, name="inner")
    assert using.decode(using.encode(Inner(1))) == Inner(1)


@pytest.mark.thread_unsafe(reason="a class gets another module for the whole process")
def test_a_class_of_the_main_module_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Point, "__module__", "__main__")
    with pytest.raises(ValueError, match=r"^__main__\.Point may be another class in another process"):
        Msgpack([Point])


def test_a_class_and_a_name_are_registered_once() -> None:
    using = codec()
    with pytest.raises(ValueError, match=r"^Point is registered already, as 'tests\.stores\.values\.Point'"):
        using.register(Point, name="other")
    with pytest.raises(ValueError, match=r"^Point is registered already"):
        using.register(Money, encode=vars, decode=lambda state: Money(**state), name="tests.stores.values.Point")


def test_subclasses_of_plain_types_can_be_registered() -> None:
    using = Msgpack()
    using.register(OrderedDict, encode=lambda value: list(value.items()), decode=OrderedDict)
    using.register(bytearray, encode=bytes, decode=bytearray)
    using.register(array, encode=lambda value: (value.typecode, value.tolist()), decode=lambda parts: array(*parts))
    value = [OrderedDict(b=1, a=2), bytearray(b"a"), array("d", [0.5])]
    back: Any = using.decode(using.encode(value))
    assert back == value
    assert list(map(type, back)) == list(map(type, value))
