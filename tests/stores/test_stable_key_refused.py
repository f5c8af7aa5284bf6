"""What has no canonical key is refused with its place and the remedy. No object brings the process down."""

from __future__ import annotations

import enum
import io
import struct
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.support.stable_values import BERLIN, NAIVE, Access, Color, Point, Span
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache._core import stable_key, stable_key_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")
REMEDY = (
    "; pass None, numbers, str, bytes, dates, times, UUIDs, Enum members, or tuples, frozensets, named tuples and "
    "frozen dataclasses of those, or give key=, a callable that makes a key of those from the arguments"
)


def refusal(*args: object, **kwargs: object) -> str:
    with pytest.raises(TypeError) as caught:
        stable_key(args, kwargs, False, False)
    return str(caught.value)


def reason(value: object) -> str:
    text = refusal(value)
    assert text.startswith("stable_key: argument 1 cannot be part of a key in a store, since it is ")
    assert text.endswith(REMEDY)
    return text.removesuffix(REMEDY).rpartition("), ")[2]


# --- which argument, and where in it


@versioned_lru_cache(None)
def report(region: object, *days: object, unit: object = "m", **more: object) -> None:
    """Its messages name it."""


@pytest.mark.parametrize(
    ("args", "kwargs", "place"),
    [
        ((NAN,), {}, 'argument "region" cannot be part of a key in a store, since it is nan (float)'),
        (((1, NAN),), {}, 'argument "region" cannot be part of a key in a store, since its [1] is nan (float)'),
        ((), {"region": NAN}, 'argument "region" cannot be part of a key in a store, since it is nan (float)'),
        ((1, 2, NAN), {}, "argument 3 cannot be part of a key in a store, since it is nan (float)"),
        ((1,), {"unit": NAN}, 'argument "unit" cannot be part of a key in a store, since it is nan (float)'),
        ((1,), {"other": NAN}, 'argument "other" cannot be part of a key in a store, since it is nan (float)'),
        (
            ((0, Span(Point(1, frozenset([(NAN,)])))),),
            {},
            'argument "region" cannot be part of a key in a store, since its [1].first[1]{...}[0] is nan (float)',
        ),
    ],
)
def test_the_argument_and_the_way_into_it_are_named(args: Any, kwargs: Any, place: str) -> None:
    with pytest.raises(TypeError) as caught:
        stable_key_of(report, args, kwargs)
    assert str(caught.value) == f"report: {place}, which does not equal itself{REMEDY}"


def test_an_argument_of_a_bare_call_is_named_by_its_place() -> None:
    assert refusal(1, NAN).startswith("stable_key: argument 2 cannot be")
    assert refusal(x=NAN).startswith('stable_key: argument "x" cannot be')


def test_what_key_returned_is_named_so() -> None:
    @versioned_lru_cache(None, key=lambda value: (1, value))
    def square(value: object) -> None:
        pass

    with pytest.raises(TypeError, match=r"square: what key= returned cannot be part .* its \[1\] is <object"):
        stable_key_of(square, (object(),), {})


def test_a_method_needs_a_key() -> None:
    class Account:
        @versioned_lru_cache(None)
        def total(self, year: int) -> None:
            pass

    with pytest.raises(TypeError, match=r"Account.total: the instance of a method cannot be .*; give key="):
        stable_key_of(Account.__dict__["total"], (Account(), 1), {})


def test_what_is_unhashable_is_refused_as_in_any_call() -> None:
    with pytest.raises(TypeError, match='report: argument "region" is unhashable'):
        stable_key_of(report, ([],), {})


# --- what is refused


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Pair(tuple[int, int]):
    __slots__ = ()


class Day(date):
    pass


class Group(frozenset[int]):
    pass


@dataclass
class Changing:
    value: int

    def __hash__(self) -> int:
        return 1


class Ordinary:
    pass


UNKNOWN = [
    *(object(), Ordinary(), Text("a"), Whole(1), Pair((1, 2)), Day(2024, 1, 1), Group([1]), 1j, range(3), print, int),
    *([1], {1: 2}, {1}, bytearray(b"a"), Changing(1), slice(1), ..., NotImplemented, lambda: 1),
]


@pytest.mark.parametrize("value", UNKNOWN, ids=repr)
def test_what_others_would_not_know_is_refused(value: object) -> None:
    assert reason(value) == "which other processes would not know again"


@pytest.mark.parametrize("value", [NAN, Decimal("nan"), Decimal("-sNaN")], ids=str)
def test_what_does_not_equal_itself_is_refused(value: object) -> None:
    assert reason(value) == "which does not equal itself"


@pytest.mark.parametrize("exponent", ["+10001", "-10001", "+999999999999999999", "-999999999999999999"])
def test_a_decimal_of_very_many_digits_is_refused(exponent: str) -> None:
    assert reason(Decimal(f"1E{exponent}")) == "which has more than 10,000 digits when it is written out"
    assert stable_key((Decimal("0E+999999999999"),), {}, False, False) == stable_key((0,), {}, False, False)


class Summer(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(hours=1 - (when.fold if when else 0))


def of_file(name: str | None) -> ZoneInfo:
    """A zone with a name that it may have taken from another."""
    first = b"TZif2" + bytes(15) + struct.pack(">6L", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
    return ZoneInfo.from_file(io.BytesIO(first * 2 + b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"), key=name)


ZONES = {
    "own": Summer,
    "past the cache": lambda: ZoneInfo.no_cache("Europe/Berlin"),
    "without a name": lambda: of_file(None),
    "with a name that nobody has": lambda: of_file("No/Where"),
    "with a name of another": lambda: of_file("Europe/Berlin"),
}


@pytest.mark.parametrize("make", ZONES.values(), ids=ZONES)
def test_a_time_that_a_nameless_zone_has_twice_is_refused(make: Callable[[], tzinfo]) -> None:
    zone = make()
    assert reason(NAIVE.replace(tzinfo=zone)) == "a time that its zone, no ZoneInfo by name, has twice or not at all"


def test_other_times_of_a_nameless_zone_are_their_instant() -> None:
    later = NAIVE.replace(hour=12)
    nameless = later.replace(tzinfo=ZoneInfo.no_cache("Europe/Berlin"))
    assert stable_key((nameless,), {}, False, False) == stable_key((later.replace(tzinfo=BERLIN),), {}, False, False)


# --- classes


def local_classes() -> list[Any]:
    class Local(enum.Enum):
        ONE = 1

    class Flags(enum.Flag):
        ONE = 1

    @dataclass(frozen=True)
    class Span:
        first: int

    Local.__qualname__ = "Color"
    Local.__module__ = Color.__module__
    return [Local.ONE, Flags.ONE, Span(1)]


@pytest.mark.parametrize("value", local_classes(), ids=lambda value: type(value).__name__)
def test_a_class_that_is_not_found_by_its_name_is_refused(value: object) -> None:
    assert reason(value) == "whose class is not found as the name of its module says, as other processes look for it"


def test_where_types_count_that_of_an_argument_has_to_be_found() -> None:
    class Local(NamedTuple):
        x: int

    assert stable_key((Local(1),), {}, False, False) == stable_key(((1,),), {}, False, False)
    with pytest.raises(TypeError, match="whose class is not found"):
        stable_key((Local(1),), {}, True, False)


class Weird(enum.Enum):
    ONE = 1

    def __eq__(self, other: object) -> bool:
        raise AssertionError("nobody asks")

    __hash__ = enum.Enum.__hash__


class WeirdInt(enum.IntEnum):
    ONE = 1

    def __eq__(self, other: object) -> bool:
        raise AssertionError("nobody asks")

    __hash__ = enum.IntEnum.__hash__


class SameInt(int, enum.Enum):
    ONE = 1
    __eq__ = object.__eq__
    __hash__ = int.__hash__


class Days(date, enum.Enum):
    ONE = 2024, 1, 1


class WeirdPoint(NamedTuple):
    x: int

    def __eq__(self, other: object) -> bool:
        raise AssertionError("nobody asks")

    __hash__ = tuple.__hash__


@dataclass(frozen=True)
class WeirdSpan:
    first: int

    def __eq__(self, other: object) -> bool:
        raise AssertionError("nobody asks")

    __hash__ = object.__hash__


@dataclass(frozen=True, eq=False)
class Itself:
    first: int


@dataclass(frozen=True, eq=False)
class BeyondSpan(Span):
    other: int = 0


class Mixed(WeirdSpan, Span):
    pass


OWN = [Weird.ONE, WeirdInt.ONE, SameInt.ONE, Days.ONE, WeirdPoint(1), WeirdSpan(1), Itself(1), BeyondSpan(1), Mixed(1)]


@pytest.mark.parametrize("value", OWN, ids=lambda value: type(value).__name__)
def test_a_class_with_an_equality_of_its_own_is_refused(value: object) -> None:
    assert reason(value) == "whose class has an == of its own, so that there is no telling what it equals"


def test_what_is_no_member_of_its_enum_is_refused() -> None:
    unnamed, pretender, flags = object.__new__(Color), object.__new__(Color), object.__new__(Access)
    pretender._name_ = "RED"
    flags._value_ = 1
    for value in (pretender, flags):
        assert reason(value) == "which is no member of its Enum"
    with pytest.raises(TypeError, match="which is no member of its Enum"):
        stable_key((unnamed,), {}, False, False)


# --- hostile objects


class Liar:
    __class__: Any = Span  # type: ignore[assignment]
    first = last = note = 1

    def __hash__(self) -> int:
        return hash(Span(1, 1))


class LyingSpan(Span):
    __class__: Any = property(lambda self: Span)  # type: ignore[assignment]


class Raising:
    @property
    def __class__(self) -> Any:
        raise ValueError("of its own")


class NoFloatMeta(enum.EnumMeta):
    """Says of the members of its classes that they are floats, which they are not."""

    @property
    def _member_type_(cls) -> Any:
        return float

    @_member_type_.setter
    def _member_type_(cls, value: object) -> None:
        pass


class RaisingSpan(Span):
    def __getattribute__(self, name: str) -> Any:
        raise ValueError("of its own")


class RaisingMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise ValueError("of its own")


class AnythingMeta(type):
    def __getattr__(cls, name: str) -> Any:
        return SimpleNamespace(frozen=True, eq=True)


class HalfDataclass:
    __dataclass_params__ = 1


class Fields(tuple[int, ...]):
    _fields = "ab"


class RaisingZone(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        raise ValueError("of its own")


class WrongZone(tzinfo):
    def utcoffset(self, when: datetime | None) -> Any:
        return 5


def broken(value: Any, name: str, part: object) -> Any:
    object.__setattr__(value, name, part)
    return value


def pretended_float() -> object:
    class Pretended(enum.Enum, metaclass=NoFloatMeta):
        ONE = "1"
        __eq__ = float.__eq__
        __hash__ = float.__hash__
        __class__ = property(lambda self: float)

    return object.__new__(Pretended)


# Made in the test, as pytest would look at them.
HOSTILE: dict[str, Callable[[], object]] = {
    "says that it is another": Liar,
    "a dataclass that says so": lambda: LyingSpan(1),
    "does not say what it is": Raising,
    "a dataclass whose fields raise": lambda: RaisingSpan(1),
    "of a class whose attributes raise": lambda: RaisingMeta("Raising", (), {})(),
    "of a class that has any attribute": lambda: AnythingMeta("Anything", (), {})(),
    "a half dataclass": HalfDataclass,
    "an Enum that says it is of floats": pretended_float,
    "a tuple with other fields": lambda: Fields((1, 2)),
    "a zone that raises": lambda: NAIVE.replace(tzinfo=RaisingZone()),
    "a zone that tells no span": lambda: NAIVE.replace(tzinfo=WrongZone()),
    "a numerator of text": lambda: broken(Fraction(1, 2), "_numerator", "1"),
    "no denominator": lambda: broken(Fraction(1, 2), "_denominator", None),
    "a UUID of text": lambda: broken(UUID(int=1), "int", "1"),
    "a field that is no key": lambda: broken(Span(1), "first", []),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_object_is_an_exception(make: Callable[[], object]) -> None:
    value = make()
    for args in ((value,), ((value,),), (1, ((), value))):
        for types_count in (False, True):
            with pytest.raises((TypeError, ValueError, AttributeError)):
                stable_key(args, {}, types_count, False)


def test_a_field_that_is_not_there_is_the_error_that_python_has_for_it() -> None:
    span = Span(1)
    object.__delattr__(span, "first")
    with pytest.raises(AttributeError, match="first"):
        stable_key((span,), {}, False, False)


def test_numbers_that_were_tampered_with_have_a_key() -> None:
    for value in (broken(Fraction(1, 2), "_denominator", -2), broken(UUID(int=1), "int", -(2**300))):
        assert stable_key((value,), {}, False, False)


def test_a_name_that_is_no_unicode_can_be_told() -> None:
    assert "argument " in refusal(**{"\ud800": NAN})


def test_names_that_are_no_text_are_refused() -> None:
    with pytest.raises(TypeError):
        stable_key((), {1: 2}, False, False)  # type: ignore[dict-item]
