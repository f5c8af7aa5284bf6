"""The codec Msgpack: what comes back as it was, and what is refused, by its place in the value."""

from __future__ import annotations

import inspect
import math
import re
import struct
import sys
import tracemalloc
import zlib
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from io import BytesIO
from random import Random
from typing import Any, NamedTuple
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.values import Colour, Line, Point, any_text, codec, opened, same, values
from versioned_lru_cache.stores import Msgpack, NotStorable, Pickle, TooLarge, Unreadable


def back(value: Any, using: Msgpack | None = None) -> Any:
    using = codec() if using is None else using
    return using.decode(using.encode(value))


# --- what comes back


@given(values)
def test_values_come_back_equal_and_of_the_same_types(value: Any) -> None:
    assert same(value, back(value))


@settings(max_examples=200)
@given(values)
def test_compressed_values_too(value: Any) -> None:
    assert same(value, back(value, codec(compress_above=0)))


@given(any_text)
def test_any_str_comes_back(text: str) -> None:
    assert back(text) == text


EXACT = [
    1,
    True,
    1.0,
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    math.nan,
    -math.nan,
    2**63,
    -(2**63) - 1,
    10**5000,
    -1,
    "",
    "\ud800",
    "\ud83d\ude00",
    "\N{GRINNING FACE}",
    b"",
    (),
    [],
    {},
    set(),
    frozenset(),
    (1,),
    [(1, [2, (3,)])],
    {1: "int", "1": "str", b"1": "bytes", (1,): "tuple", None: "none"},
    {"z": 1, "a": 2},
    {(1, frozenset({2})): [(3,)]},
    {1.5, "a", (b"b", None)},
    date.min,
    date.max,
    datetime.min,
    datetime.max,
    datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    datetime(2026, 1, 1, tzinfo=timezone.utc),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "UTC")),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30, microseconds=1), "\ud800")),
    datetime(2026, 1, 1, fold=1),
    time.min,
    time.max,
    time(1, 2, fold=1, tzinfo=timezone.utc),
    timedelta.min,
    timedelta.max,
    timedelta(microseconds=-1),
    timezone.utc,
    ZoneInfo("Asia/Kolkata"),
    Decimal("-0"),
    Decimal("1.10"),
    Decimal("NaN"),
    Decimal("-sNaN123"),
    Decimal("-Infinity"),
    Decimal("1E+999999999999999999"),
    Decimal(1) / Decimal(3),
    Fraction(-(10**30), 7),
    UUID(int=0),
    UUID(int=2**128 - 1, is_safe=SafeUUID.safe),
    UUID(int=5, is_safe=SafeUUID.unsafe),
    Colour.RED,
    Point(1, [2]),
]


@pytest.mark.parametrize("value", EXACT, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert same(value, back(value))
    assert same([value, {"in": (value,)}], back([value, {"in": (value,)}]))


def test_utc_is_the_one_utc() -> None:
    assert back(datetime(2026, 1, 1, tzinfo=timezone.utc)).tzinfo is timezone.utc
    assert back(timezone.utc) is timezone.utc


def test_a_zone_is_the_one_of_its_key_unless_it_was_made_apart() -> None:
    assert back(ZoneInfo("Europe/Berlin")) is ZoneInfo("Europe/Berlin")
    apart = back(ZoneInfo.no_cache("Europe/Berlin"))
    assert apart.key == "Europe/Berlin"
    assert apart is not ZoneInfo("Europe/Berlin")


def test_keys_that_are_no_number_each_come_back() -> None:
    value = {math.nan: 1, float("nan"): 2, Decimal("NaN"): 3, Decimal("nan"): 4, (math.nan,): 5, (float("nan"),): 6}
    assert [str(key) for key in back(value)] == [str(key) for key in value]
    assert list(back(value).values()) == [1, 2, 3, 4, 5, 6]


def test_sharing_is_not_kept() -> None:
    shared = [1]
    one, other = back([shared, shared])
    assert one == other == shared
    assert one is not other


def test_equal_values_have_the_same_bytes() -> None:
    many = [f"{number}" for number in range(1000)]
    backwards = many[::-1]
    assert list(set(many)) != list(set(backwards)), "which shows that the order is not that of the set"
    assert codec().encode(set(many)) == codec().encode(set(backwards))
    assert codec().encode({*map(tuple, many)}) == codec().encode({*map(tuple, backwards)})


# --- what is refused


class Text(str):
    pass


class Money:
    def __init__(self, amount: int) -> None:
        self.amount = amount


class Local(tzinfo):
    pass


class Unknown(Enum):
    ONE = 1


class Number(IntEnum):
    ONE = 1


class Pair(NamedTuple):
    one: int


@dataclass(frozen=True)
class Item:
    price: Any


REFUSED = [
    ({"rows": [0, 1, 2, Line(1, Money(2))]}, 'result["rows"][3].end', "is of tests.stores.test_msgpack.Money"),
    ([1, Text("a")], "result[1]", "would come back as str, of which it is a subclass"),
    (OrderedDict(a=1), "result", "would come back as dict"),
    ([defaultdict(int)], "result[0]", "would come back as dict"),
    ((Number.ONE,), "result[0]", "this codec does not know: codec.register(Number)"),
    (Unknown.ONE, "result", "codec.register(Unknown)"),
    ({"a": Pair(1)}, 'result["a"]', "codec.register(Pair)"),
    ([Item(1)], "result[0]", "codec.register(Item)"),
    (bytearray(b"a"), "result", "is a bytearray and would come back as bytes"),
    ([[memoryview(b"a")]], "result[0][0]", "is a memoryview and would come back as bytes"),
    ({Text("a"): 1}, "a key of result", "would come back as str"),
    ({"x": {(1, Text("a")): 1}}, '(a key of result["x"])[1]', "would come back as str"),
    ({"x": {Text("a")}}, 'an item of result["x"]', "would come back as str"),
    ({1.5: {'"': print}}, "result[1.5]['\"']", "which is no plain data"),
    ({"x" * 100: print}, f'result["{"x" * 59}...]', "which is no plain data"),
    ((datetime(2026, 1, 1, tzinfo=Local()),), "result[0].tzinfo", "which is no plain data"),
    (time(1, tzinfo=Local()), "result.tzinfo", "which is no plain data"),
    (int, "result", "is of builtins.type"),
    (Point(1, {2: iter(())}), "result.y[2]", "which is no plain data"),
    (opened(1, 2, {"now": print}), 'result.more["now"]', "which is no plain data"),
    (range(3), "result", "codec.register(range, encode=..., decode=...)"),
]


@pytest.mark.parametrize(("value", "path", "problem"), REFUSED, ids=[each[1] for each in REFUSED])
def test_what_would_not_come_back_is_refused_by_its_path(value: Any, path: str, problem: str) -> None:
    with pytest.raises(NotStorable) as caught:
        codec().encode(value)
    assert caught.value.path == path
    assert problem in caught.value.problem
    assert str(caught.value) == f"{path} {caught.value.problem}"
    assert isinstance(caught.value, TypeError)


def test_what_msgpack_itself_has_beside_plain_data_is_refused() -> None:
    import msgpack

    for each in (msgpack.ExtType(2, b"\x90"), msgpack.Timestamp(1)):
        with pytest.raises(NotStorable):
            codec().encode([each])


def test_a_zone_of_a_file_is_refused() -> None:
    file = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    for key in (None, "Europe/Berlin"):
        zone = ZoneInfo.from_file(BytesIO(file), key=key)
        with pytest.raises(NotStorable, match=r"^result\[0\]\.tzinfo is a ZoneInfo of a file"):
            codec().encode([datetime(2026, 1, 1, tzinfo=zone)])


def test_a_value_that_is_part_of_itself_is_refused_by_its_path() -> None:
    value: dict[str, Any] = {"rows": [1]}
    value["rows"].append((value["rows"],))
    with pytest.raises(NotStorable, match=re.escape('result["rows"][1][0] is result["rows"] again')):
        codec().encode(value)
    point = Line(1, [])
    point.end.append(point)
    with pytest.raises(NotStorable, match=re.escape("result.end[0] is result again")):
        codec().encode(point)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_how_deep_a_value_may_be() -> None:
    assert back(nested(100)) == nested(100)
    with pytest.raises(NotStorable, match=r"^result is nested more than 100 deep"):
        codec().encode(nested(101))
    with pytest.raises(NotStorable, match=r"^result is nested more than 100 deep"):
        codec().encode(nested(100_000))
    deep: Any = ()
    for place in range(99):
        deep = (deep,) if place % 2 else frozenset({deep})
    assert same(back(deep), deep)


def test_a_call_that_is_deep_already_is_refused_or_comes_back() -> None:
    using, refused = codec(), 0

    def at(depth: int) -> None:
        nonlocal refused
        if depth:
            at(depth - 1)
            return
        try:
            data = using.encode(nested(100))
        except NotStorable as error:
            refused += "RecursionError" in str(error)
        else:
            assert using.decode(data) == nested(100)

    for left in range(20, 500, 7):
        at(sys.getrecursionlimit() - len(inspect.stack(0)) - left)
    assert refused


def test_two_to_the_power_of_sixty_ways_are_given_up_early() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(TooLarge, match=r"^result has more than 10000 items; max_record_bytes=10000 is allowed"):
        codec(max_record_bytes=10_000).encode(value)


# --- sizes


def test_the_largest_that_is_allowed() -> None:
    using = codec(max_record_bytes=1000)
    assert back("a" * 997, using) == "a" * 997
    with pytest.raises(TooLarge, match=r"^result takes 1001 bytes; max_record_bytes=1000 is allowed$"):
        using.encode("a" * 998)
    with pytest.raises(Unreadable, match="more than max_record_bytes=1000"):
        using.decode(codec().encode("a" * 998))


def test_compression_is_for_what_is_larger_than_its_bound() -> None:
    using = codec(compress_above=100)
    assert using.encode("a" * 98) == codec().encode("a" * 98)
    assert len(using.encode("a" * 99)) < 30
    random = bytes(Random(1).randbytes(1000))
    assert using.encode(random) == codec().encode(random), "what does not become smaller stays as it is"
    assert codec().decode(using.encode("a" * 99)) == "a" * 99, "who compresses nothing reads it"


@pytest.mark.thread_unsafe(reason="all memory of the process is counted")
def test_a_small_record_does_not_inflate_without_bound() -> None:
    bomb = b"\xc1z" + zlib.compress(b"\xc6" + struct.pack(">I", 200 << 20) + bytes(200 << 20))
    assert len(bomb) < 1 << 20
    using = codec(max_record_bytes=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="more than max_record_bytes=1048576"):
            using.decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [1000, 1001, 1002])
def test_the_bound_is_of_what_is_inflated(size: int) -> None:
    data = codec(compress_above=0).encode("a" * (size - 3))
    assert data[:2] == b"\xc1z"
    if size <= 1001:
        assert codec(max_record_bytes=1001).decode(data) == "a" * (size - 3)
    else:
        with pytest.raises(Unreadable):
            codec(max_record_bytes=1001).decode(data)


def test_what_is_compressed_is_read_only_whole() -> None:
    data = codec(compress_above=0).encode("tea" * 100)
    for wrong in (data[:-1], data[:-5], data[:2], data + b"a", b"\xc1z" + data):
        with pytest.raises(Unreadable, match="can't be decompressed"):
            codec().decode(wrong)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"max_record_bytes": 0}, ValueError, "max_record_bytes=0 is not allowed; it must be 1 or more"),
        ({"max_record_bytes": 1.5}, TypeError, "max_record_bytes=1.5 is a float; it must be a number of bytes, an int"),
        ({"max_record_bytes": True}, TypeError, "max_record_bytes=True is a bool"),
        ({"compress_above": -1}, ValueError, "compress_above=-1 is not allowed; it must be 0 or more"),
        ({"compress_above": "1"}, TypeError, "compress_above='1' is a str"),
    ],
)
def test_wrong_sizes(option: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Msgpack(**option)
    with pytest.raises(error, match=re.escape(message)):
        Pickle("a secret of the tests", **option)


# --- what is not ours


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x92\x01",
        b"\x01\x01",
        b"\xc1r",
        b"\xc1x\x01",
        b"\xd4\x00\x00",
        b"\xd4\x0b\x00",
        b"\x91\xc7\x00\x20",
        b"\xc1r\x91\xc7\x00\x30",
        b"\xc1r\x92\x01\xc7\x00\x23",
        b"\xc1r\x92\x01\xc7\x00\x28",
        b"\xc1r\x93\xa1a\x01\xc7\x00\x28",
        b"\xc1r\x92\x90\xc7\x00\x21",
        b"\x81\x90\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 5000 + b"\x90",
        b"\xc7\x01\x08\x00",
        b"\xd6\x03ABCD",
    ],
    ids=lambda data: data[:8].hex(),
)
def test_other_bytes_are_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        codec().decode(data)


@given(st.binary(max_size=200))
def test_random_bytes_are_a_value_or_unreadable(data: bytes) -> None:
    try:
        value = codec().decode(data)
    except Unreadable:
        return
    assert type(value).__module__ in {"builtins", "datetime", "decimal", "fractions", "uuid", "msgpack.ext"}
