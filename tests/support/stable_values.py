"""Values of all the classes that a key in a store may be made of, many of which are equal or nearly so."""

from __future__ import annotations

import enum
import sys
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

UTC = timezone.utc
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
EAST = timezone(timedelta(hours=1))
ODD = timezone(timedelta(seconds=1, microseconds=500_000))


class NoOffset(tzinfo):
    """A zone that tells no offset, which leaves a time naive."""

    def utcoffset(self, when: datetime | None) -> None:
        return None


class Color(enum.Enum):
    RED = 1
    GREEN = "RED"
    CRIMSON = 1


class Ranked(enum.Enum):
    RED = 1

    def __lt__(self, other: object) -> bool:
        return False


class Level(enum.IntEnum):
    NO = 0
    ONE = 1
    LOTS = 2**70


class Word(str, enum.Enum):
    ONE = "one"


class Share(float, enum.Enum):
    HALF = 0.5


class Raw(bytes, enum.Enum):
    ONE = b"one"


class Both(tuple[int, int], enum.Enum):
    ONE = (1, 2)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any


Place = namedtuple("Place", "x y")


@dataclass(frozen=True)
class Span:
    first: Any
    last: Any = None
    note: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Stay(Span):
    pass


class Visit(Span):
    pass


class Outer:
    class Color(enum.Enum):
        RED = 1


NAIVE = datetime(2020, 10, 25, 2, 30)
GAP = datetime(2020, 3, 29, 2, 30)

# Values of which many are equal to others, or differ by little.
VALUES: list[Any] = [
    *(None, False, True, 0, 1, -1, 2, 10, 127, 128, 255, 256, -128, -129, 2**53, 2**53 + 1, 2**63 - 1, 2**63),
    *(-(2**63), -(2**63) - 1, 2**64, 2**70, 10**30, -(10**30), 2**1023, 10**308),
    *(0.0, -0.0, 1.0, -1.0, 0.5, 0.1, 0.25, 1e16, 2.0**53, 2.0**63, -(2.0**63), 2.0**70, 1e30, 2.0**1023, 5e-324),
    *(2.0**-1022, 2.0**-1022 - 5e-324, 1e308, float("inf"), -float("inf"), 1 / 3, 0.1 + 0.2, 0.3),
    *(Decimal(text) for text in ("0", "-0", "0E+9", "1", "1.0", "1E+30", "-1E30", "0.1", "0.5", "0.50", "Infinity")),
    *(Decimal(text) for text in ("-Infinity", "1E-30", "10", "1E1", "0.3333333333333333333333333333", "1E+9999")),
    *(*map(Decimal, (0.1, 5e-324)), Decimal(2**53 + 1), Decimal(2**70), Decimal(1) / 3),
    *(Fraction(0), Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(0.1), Fraction(1, 10), Fraction(2**70)),
    *(Fraction(-1, 2), Fraction(2**53 + 1), Fraction(1, 2**1074), Fraction(10**30)),
    *(Level.NO, Level.ONE, Level.LOTS, Share.HALF, Mode.READ, Mode.READ | Mode.WRITE, Access.READ, Access(0)),
    *(Access.READ | Access.WRITE, Color.RED, Color.GREEN, Color.CRIMSON, Outer.Color.RED, Ranked.RED),
    *("", "1", "one", "RED", "a", "ä", "a\u0308", "\u20ac", "\U0001f600", "\ud83d\ude00", "\ud800", "\x00", "None"),
    *(b"", b"1", b"one", b"a", "ä".encode(), Word.ONE, Raw.ONE, "s\x01a", "i\x01\x01"),
    *((), (1,), (1, 2), ((1, 2),), (1, (2,)), ((1,), 2), ((), ()), ("ab", "c"), ("a", "bc"), (None,), (1.0, True)),
    *(Both.ONE, Point(1, 2), Place(True, 2.0), Point((1, 2), ()), (Decimal(1), Level.ONE), (Fraction(2, 2), 2)),
    *(frozenset(), frozenset([1]), frozenset([True]), frozenset([1, 2]), frozenset([2.0, Decimal(1)]), frozenset([()])),
    *(frozenset([(1, 2)]), frozenset([Point(1, 2)]), frozenset([frozenset([1, 2])]), frozenset(["a", "b", "ab"])),
    *(Span(1), Span(True, None), Span(1, 2), Span(1, note=3), Stay(1), Visit(1)),
    *(Span(Span(1)), Span((1, None)), Span("1")),
    *(UUID(int=0), UUID(int=1), UUID(int=2**128 - 1), timedelta(0), timedelta(1), timedelta(hours=24), timedelta(-1)),
    *(timedelta(microseconds=1), timedelta(days=-1, microseconds=1), timedelta.min, timedelta.max),
    *(date(1, 1, 1), date(2020, 1, 1), date(2020, 2, 29), date(9999, 12, 31), datetime(2020, 1, 1), datetime(1, 1, 1)),
    *(datetime.min.replace(tzinfo=EAST), datetime.max.replace(tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)),
    *(datetime(2020, 1, 1, 1, tzinfo=EAST), datetime(2020, 1, 1, 1, tzinfo=BERLIN), datetime(2020, 1, 1, tzinfo=ODD)),
    *(datetime(2019, 12, 31, 19, tzinfo=NEW_YORK), datetime(2020, 1, 1, 0, 0, 1, 500_000, tzinfo=ODD)),
    *(datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")), datetime(2020, 1, 1, tzinfo=NoOffset())),
    *(datetime(2020, 1, 1, fold=1), datetime(2020, 1, 1, tzinfo=UTC, fold=1)),
    *(NAIVE, NAIVE.replace(fold=1), NAIVE.replace(tzinfo=BERLIN), NAIVE.replace(tzinfo=BERLIN, fold=1)),
    *(NAIVE.replace(tzinfo=EAST), NAIVE.replace(hour=0, tzinfo=UTC), NAIVE.replace(hour=1, tzinfo=UTC)),
    *(NAIVE.replace(tzinfo=ZoneInfo("Europe/Paris")), NAIVE.replace(hour=1, tzinfo=UTC, fold=1)),
    *(GAP.replace(tzinfo=BERLIN), GAP.replace(tzinfo=BERLIN, fold=1), GAP.replace(hour=3, tzinfo=BERLIN)),
    *(GAP.replace(hour=1, tzinfo=UTC), GAP.replace(hour=0, tzinfo=UTC), GAP.replace(hour=3, tzinfo=BERLIN, fold=1)),
    *(time(0), time(12), time(12, fold=1), time(12, tzinfo=UTC), time(13, tzinfo=EAST), time(12, tzinfo=BERLIN)),
    *(time(0, 30, tzinfo=EAST), time(23, 30, tzinfo=UTC), time(12, tzinfo=ZoneInfo("UTC"))),
    *(time(12, tzinfo=NoOffset()), time(12, 0, 0, 1), time(11, 59, 59, 999_999)),
    *(time(12, 0, 1, tzinfo=ODD), time(12, 0, 1, tzinfo=timezone(timedelta(seconds=1))), time(12, 0, 1, 500_000, ODD)),
    *((datetime(2020, 1, 1, tzinfo=UTC), 1), (datetime(2020, 1, 1, 1, tzinfo=EAST), True), (time(12), Color.RED)),
]


def is_large(value: Any) -> bool:
    """Whether a number is in it for which memory tells an int from an equal Decimal, as it does against floods."""
    if isinstance(value, (tuple, frozenset)):
        return any(map(is_large, value))
    if isinstance(value, Span):
        return is_large(value.first) or is_large(value.last)
    return isinstance(value, (int, float, Decimal, Fraction)) and abs(value) >= 2**61 - 1


if sys.version_info >= (3, 11):

    class Title(enum.StrEnum):
        ONE = "one"

    VALUES.append(Title.ONE)
