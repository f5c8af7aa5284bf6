"""Canonical keys: their bytes are equal exactly where calls are one key in memory."""

from __future__ import annotations

import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.stable_values import VALUES, Color, Level, Place, Point, Span, Stay, is_large
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache._core import stable_key, stable_key_of

if TYPE_CHECKING:
    from collections.abc import Callable


@versioned_lru_cache(None)
def plain(value: object) -> None:
    """Types do not count."""


@versioned_lru_cache(None, typed=True)
def typed(value: object) -> None:
    """Types count, but only those of the arguments."""


@versioned_lru_cache(None)
def several(first: object, second: object = 2, *rest: object, third: object = 3) -> None:
    """A call may be written in several ways."""


@versioned_lru_cache(None)
def ordered(*args: object, **kwargs: object) -> None:
    """The order of names counts."""


def key_of(function: Any, *args: object, **kwargs: object) -> bytes:
    return stable_key_of(function, args, kwargs)


def bytes_of(value: object) -> bytes:
    return stable_key((value,), {}, False, False)


def are_one_key(one: object, other: object) -> bool:
    """Whether a dict holds the two for one key."""
    return one in {other: None}


def check(one: Any, other: Any) -> None:
    same = are_one_key(one, other)
    assert (bytes_of(one) == bytes_of(other)) is same, (one, other)
    for function, expected in ((plain, same), (typed, same and type(one) is type(other))):
        assert (key_of(function, one) == key_of(function, other)) is expected, (one, other)
        if not is_large(one):
            assert (function.cache_key(one) == function.cache_key(other)) is expected, (one, other)


# --- two values


def test_bytes_are_equal_exactly_where_keys_in_memory_are() -> None:
    for one, other in product(VALUES, repeat=2):
        check(one, other)


def test_enough_of_these_values_are_equal_though_they_are_not_alike() -> None:
    pairs = [
        (repr(one), repr(other))
        for place, one in enumerate(VALUES)
        for other in VALUES[:place]
        if one == other and repr(one) != repr(other)
    ]
    assert len(pairs) > 150


zones = st.sampled_from(
    [timezone.utc, timezone(timedelta(hours=-5)), *map(ZoneInfo, ("UTC", "Europe/Berlin", "America/New_York"))]
)
whole = st.integers() | st.integers(-3, 3) | st.integers(-(2**70), 2**70) | st.booleans()
numbers = (
    whole
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, places=3)
    | st.decimals(allow_nan=False, min_value=-(10**40), max_value=10**40)
    | st.fractions()
)
around_changes = st.sampled_from([datetime(2020, 10, 25), datetime(2020, 3, 29), datetime(2020, 11, 1)])
moments = st.builds(
    lambda day, minutes, zone, fold: (day + timedelta(minutes=minutes)).replace(tzinfo=zone, fold=fold),
    around_changes,
    st.sampled_from(range(0, 300, 30)),
    st.none() | zones,
    st.integers(0, 1),
) | st.datetimes(timezones=st.none() | zones)
one_atom = (
    numbers
    | st.integers(0, len(VALUES) - 1).map(lambda place: VALUES[place])
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | moments
    | st.dates()
    | st.times(timezones=st.none() | zones)
    | st.timedeltas()
    | st.uuids()
)


@st.composite
def atoms(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    return draw(one_atom)


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4).map(tuple)
        | st.frozensets(inner, max_size=4)
        | st.builds(Point, inner, inner)
        | st.builds(Span, inner, inner)
        | st.builds(Stay, inner)
    )


values = st.recursive(atoms(), around, max_leaves=8)


@st.composite
def respelled(draw: Callable[[st.SearchStrategy[Any]], Any], value: Any) -> Any:
    """The same value written otherwise, or another one near it."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(value, (int, float, Decimal, Fraction)) and abs(value) < 10**300:
        return draw(st.sampled_from(spellings(value)))
    if isinstance(value, Span):
        kind = draw(st.sampled_from([type(value), type(value), Span, Stay]))
        return kind(draw(respelled(value.first)), draw(respelled(value.last)))
    if isinstance(value, tuple):
        items = [draw(respelled(item)) for item in value]
        kinds: list[Any] = [lambda *items: items, lambda *items: items[:-1]]
        return draw(st.sampled_from([*kinds, Point, Place] if len(items) == 2 else kinds))(*items)
    if isinstance(value, frozenset):
        return frozenset([draw(respelled(item)) for item in reversed(list(value))])
    if isinstance(value, datetime):
        return draw(st.sampled_from(other_times(value, draw(zones))))
    return value


def spellings(value: Any) -> list[Any]:
    exact = Fraction(value)
    found: list[Any] = [value, exact, float(exact), -value, exact + Fraction(1, 2**60)]
    with localcontext() as context:
        context.prec = 1200
        found.append(Decimal(exact.numerator) / exact.denominator)
    if exact.denominator == 1:
        found.append(int(exact))
    if exact in (0, 1):
        found += [bool(exact), Level(int(exact))]
    return found


def other_times(value: datetime, zone: Any) -> list[datetime]:
    others = [value, value.replace(fold=1 - value.fold), value.replace(tzinfo=zone), value.replace(tzinfo=None)]
    if value.tzinfo is not None and 1 < value.year < 9999:
        others += [value.astimezone(zone), value.astimezone(timezone.utc)]
    return others


@given(st.data())
def test_bytes_are_equal_exactly_where_keys_in_memory_are_for_any_two(data: st.DataObject) -> None:
    one = data.draw(values)
    check(one, data.draw(respelled(one)))


@given(values)
def test_a_value_has_the_same_key_where_it_was_sent_to(value: Any) -> None:
    assert bytes_of(pickle.loads(pickle.dumps(value))) == bytes_of(value)


@given(st.lists(atoms(), max_size=4, unique_by=bytes_of), st.randoms(use_true_random=False))
def test_the_order_in_which_a_frozenset_came_about_does_not_count(items: list[Any], random: Any) -> None:
    shuffled = random.sample(items, len(items))
    assert bytes_of(frozenset(items)) == bytes_of(frozenset(shuffled))


texts = st.text("sbt\x01\x02\x03\u00e9\ud800", max_size=6)
nested = st.recursive(texts | texts.map(lambda text: text.encode("utf-8", "surrogatepass")), around, max_leaves=6)


@given(nested, nested)
def test_no_texts_run_together(one: Any, other: Any) -> None:
    assert (bytes_of(one) == bytes_of(other)) is (one == other)


@given(texts, st.integers(0, 5), st.integers(0, 5))
@example("asssb", 1, 3)
def test_no_text_looks_like_the_end_of_itself(text: str, one: int, other: int) -> None:
    """Cut where it looks like the beginning of the next."""
    pairs = [(text[:cut], text[cut + 1 :]) for cut in (one, other)]
    assert (bytes_of(pairs[0]) == bytes_of(pairs[1])) is (pairs[0] == pairs[1])


def test_texts_are_their_utf_8_with_lone_surrogates_as_any_letter() -> None:
    for point in (*range(0x3000), *range(0xD000, 0xE100), *range(0xFF00, 0x11000), 0x10FFFF):
        encoded = chr(point).encode("utf-8", "surrogatepass")
        assert bytes_of(chr(point))[3:] == b"s%c%s" % (len(encoded), encoded)
    long = "\u00e9\ud800\U0001f600" * 99
    assert bytes_of(long).endswith(long.encode("utf-8", "surrogatepass"))


def test_no_key_is_the_beginning_of_another() -> None:
    keys = sorted({stable_key((), {}, False, False)[:2] + bytes_of(value)[3:] for value in VALUES})
    for shorter, longer in pairwise(keys):
        assert not longer.startswith(shorter)


# --- calls


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((1,), {}), ((), {"first": 1.0})),
        (((1,), {}), ((1, 2), {})),
        (((1,), {}), ((), {"second": 2, "third": Decimal(3), "first": True})),
        (((1, 2, 5), {}), ((1, 2, 5), {"third": 3})),
    ],
)
def test_one_call_has_one_key_however_it_is_written(one: Any, other: Any) -> None:
    assert several.cache_key(*one[0], **one[1]) == several.cache_key(*other[0], **other[1])
    assert stable_key_of(several, *one) == stable_key_of(several, *other)


def test_calls_that_differ_have_different_keys() -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        ((1,), {}),
        ((1, 2), {}),
        (((1, 2),), {}),
        ((), {"a": 1}),
        ((), {"a": 1, "b": 2}),
        ((), {"b": 1, "a": 2}),
        ((), {"ab": 1}),
        ((1,), {"a": 1}),
        (("a", 1), {}),
        ((("a", 1),), {}),
        ((None,), {}),
    ]
    assert len({stable_key(*call, False, False) for call in calls}) == len(calls)
    assert len({ordered.cache_key(*args, **kwargs) for args, kwargs in calls}) == len(calls)
    assert len({stable_key_of(ordered, *call) for call in calls}) == len(calls)


names = st.lists(st.text("ab", min_size=1, max_size=2), unique=True, max_size=4)


@given(names, names)
@example(["a", "b"], ["b", "a"])
def test_the_order_of_names_counts_where_it_does_in_memory(one: list[str], other: list[str]) -> None:
    one_call, other_call = ({name: len(name) for name in names} for names in (one, other))
    same_names = sorted(one) == sorted(other)
    assert (stable_key((), one_call, False, False) == stable_key((), other_call, False, False)) is same_names
    assert (stable_key((), one_call, False, True) == stable_key((), other_call, False, True)) is (one == other)
    in_memory = ordered.cache_key(**one_call) == ordered.cache_key(**other_call)
    assert (key_of(ordered, **one_call) == key_of(ordered, **other_call)) is in_memory


def test_rules_have_keys_of_their_own() -> None:
    rules = product([False, True], repeat=2)
    assert len({stable_key((1,), {}, *rule) for rule in rules}) == 4


def test_types_count_only_where_they_are_those_of_arguments() -> None:
    assert key_of(typed, 1) != key_of(typed, True) != key_of(typed, 1.0) != key_of(typed, Decimal(1))
    assert key_of(typed, (1,)) == key_of(typed, (True,))
    assert key_of(typed, Point(1, 2)) != key_of(typed, (1, 2)) != key_of(typed, Place(1, 2))
    assert key_of(typed, None) == key_of(typed, None)
    assert stable_key((), {"a": 1}, True, False) != stable_key((), {"a": 1.0}, True, False)


def test_names_may_be_of_a_class_derived_from_str() -> None:
    class Name(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "other"

    assert stable_key((), {Name("a"): 1}, False, False) == stable_key((), {"a": 1}, False, False)


def test_what_key_returned_is_the_key() -> None:
    @versioned_lru_cache(None, key=lambda region, day: (day, region))
    def report(region: str, day: date) -> None:
        pass

    assert key_of(report, "north", date(2024, 1, 2)) == bytes_of((date(2024, 1, 2), "north"))


def test_what_key_returned_stands_for_the_instance_of_a_method() -> None:
    class Account:
        def __init__(self, number: int) -> None:
            self.number = number

        @versioned_lru_cache(None, key=lambda self, year: (self.number, year))
        def total(self, year: int) -> None:
            pass

    method = Account.__dict__["total"]
    assert key_of(method, Account(1), 2) == key_of(method, Account(True), 2.0) == bytes_of((1, 2))
    assert key_of(method, Account(2), 2) != key_of(method, Account(1), 2)


def test_zones_that_say_the_same_of_a_time_are_one() -> None:
    summer = datetime(2020, 7, 1, 12)
    assert bytes_of(summer.replace(tzinfo=ZoneInfo("Europe/Berlin"))) == bytes_of(
        summer.replace(tzinfo=ZoneInfo("Europe/Paris"))
    )


def test_each_day_of_four_centuries_is_another() -> None:
    days = [date(1600, 1, 1) + timedelta(days) for days in range(146_097)]
    keys = [int.from_bytes(bytes_of(day)[-4:], "big") for day in days]
    assert keys == [day.toordinal() - 1 for day in days]


def test_members_are_known_by_name() -> None:
    assert b"CRIMSON" not in bytes_of(Color.CRIMSON)
    assert bytes_of(Color.CRIMSON) == bytes_of(Color.RED)
