"""Values that come back from a store, at random, and what "as they were" means."""

from __future__ import annotations

import struct
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from versioned_lru_cache.stores import Msgpack


class Colour(Enum):
    RED = (1, [2])
    BLUE = "blue"


class Permission(Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any


Open = namedtuple("Open", "first second")  # Its objects have no __dict__, those of its subclass do.


class OpenWithMore(Open):
    pass


@dataclass(frozen=True)
class Line:
    start: Any
    end: Any
    length: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", self.length + 1)


@dataclass(frozen=True, slots=True)
class Slotted:
    left: Any


TYPES = (Colour, Permission, Point, OpenWithMore, Line, Slotted)


def codec(**sizes: Any) -> Msgpack:
    return Msgpack(TYPES, **sizes)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal and of the same types, all through."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other)) and same_attributes(one, other)
    if isinstance(one, (set, frozenset)):
        left = list(other)
        for each in one:
            place = next((at for at, found in enumerate(left) if same(each, found)), None)
            if place is None:
                return False
            del left[place]
        return not left
    if isinstance(one, (datetime, time)):
        plain = [each.replace(tzinfo=None, fold=0) for each in (one, other)]
        return plain[0] == plain[1] and one.fold == other.fold and same(one.tzinfo, other.tzinfo)
    if isinstance(one, timezone):
        return repr(one) == repr(other)
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, UUID):
        return one == other and one.is_safe is other.is_safe
    if isinstance(one, (Line, Slotted)):
        names = [each for each in ("start", "end", "length", "left") if hasattr(one, each)]
        return all(same(getattr(one, each), getattr(other, each)) for each in names) and same_attributes(one, other)
    return bool(one == other)


def same_attributes(one: Any, other: Any) -> bool:
    return same(getattr(one, "__dict__", None), getattr(other, "__dict__", None))


def line(start: Any, end: Any, more: Any) -> Line:
    made = Line(start, end)
    object.__setattr__(made, "more", more)
    return made


def opened(first: Any, second: Any, more: Any) -> OpenWithMore:
    made = OpenWithMore(first, second)
    made.more = more  # type: ignore[attr-defined]
    return made


any_text = st.text(st.characters(exclude_categories=()))
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
zones = st.one_of(
    st.none(), st.just(timezone.utc), offsets.map(timezone), st.builds(timezone, offsets, any_text), st.timezones()
)
folds = st.sampled_from([0, 1])
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, -(2**64)]),
    st.floats(),
    any_text,
    st.binary(),
    st.builds(lambda at, fold: at.replace(fold=fold), st.datetimes(timezones=zones), folds),
    st.dates(),
    st.builds(lambda at, fold: at.replace(fold=fold), st.times(timezones=zones), folds),
    st.timedeltas(),
    offsets.map(timezone),
    st.timezones(),
    st.decimals(),
    st.fractions(),
    st.uuids(allow_nil=True),
    st.sampled_from([*Colour, *Permission, Permission.READ | Permission.WRITE, Permission(0)]),
)


def is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


hashable = st.recursive(
    leaves.filter(is_hashable),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3), st.builds(Point, inner, inner)
    ),
    max_leaves=5,
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(hashable, inner, max_size=4),
        st.dictionaries(any_text, inner, max_size=4),
        st.sets(hashable, max_size=4),
        st.frozensets(hashable, max_size=4),
        st.builds(Point, inner, inner),
        st.builds(opened, inner, inner, inner),
        st.builds(line, inner, inner, inner),
        st.builds(Slotted, inner),
    ),
    max_leaves=20,
)
