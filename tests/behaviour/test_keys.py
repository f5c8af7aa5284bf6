"""What tells two calls apart."""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum
from functools import lru_cache
from http import HTTPStatus
from random import Random
from typing import Any

import pytest

from tests.support.keys import Key
from versioned_lru_cache import versioned_lru_cache


def cached(function: Any = None, **options: Any) -> Any:
    """A function cached under a constant version."""
    return versioned_lru_cache(version=1, **options)(function or (lambda *args: [args]))


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, -0.0),
        (0.0, -0.0),
        (2**70, float(2**70)),
        ("a", "".join(["a"])),
        ("é", "\u00e9"),
        ("日本" * 40, "日" + "本日" * 39 + "本"),
        (b"a", bytes([97])),
        ((1, 2), (1.0, 2)),
        (frozenset([1, 2]), frozenset([2, 1])),
        (None, None),
        (10**40, 10**40 + 1 - 1),
        (-(10**40), int("-1" + "0" * 40)),
        (HTTPStatus.OK, 200),
    ],
)
def test_equal_arguments_are_one_key(one: object, other: object, session: dict[str, Any] | None) -> None:
    f = versioned_lru_cache(lambda: 1, session=session)(lambda *args: [args])
    assert f(one) is f(other)
    assert f(one, 2) is f(other, 2)
    assert f.cache_info().currsize == 2


@pytest.mark.parametrize("session", [None, {}], ids=["no session", "session"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (-1, -2),
        (-1.0, -2.0),
        (1, "1"),
        ("a", b"a"),
        (0, None),
        (0, ""),
        (False, None),
        (2**61 - 1, 0),  # equal hashes
        (2**61, 1),
        (10**40, 10**40 + 1),
        (1, 1.5),
        (2**53, float(2**53) + 2),
        (2**53 + 1, float(2**53)),
        ("e\u0301", "é"),
        ("ab", "ba"),
        ((), None),
        ((1,), 1),
        ((1, 2), (2, 1)),
    ],
)
def test_different_arguments_are_different_keys(one: object, other: object, session: dict[str, Any] | None) -> None:
    f = versioned_lru_cache(lambda: 1, session=session)(lambda *args: [args])
    seen = [f(one), f(other), f(one, other), f(other, one)]
    assert seen == [[(one,)], [(other,)], [(one, other)], [(other, one)]]
    assert [f(one), f(other), f(one, other), f(other, one)] == seen
    assert f.cache_info().currsize == 4


def test_how_an_argument_is_passed_is_no_part_of_the_key() -> None:
    f = cached(lambda a=0, b=0: [a, b])
    seen = [f(1), f(a=1), f(1, 0), f(1, b=0), f(b=1)]
    assert len({id(each) for each in seen}) == 2
    assert f.cache_info().currsize == 2


def test_an_argument_and_a_tuple_of_it_are_different_keys() -> None:
    f = cached(lambda *args, **kwargs: [args, kwargs])
    calls: list[Any] = [
        lambda: f(),
        lambda: f(()),
        lambda: f(1),
        lambda: f((1,)),
        lambda: f(1, 2),
        lambda: f((1, 2)),
        lambda: f(a=1),
        lambda: f("a", 1),
        lambda: f(("a", 1)),
        lambda: f((("a", 1),)),
        lambda: f(1, a=2),
        lambda: f(1, ("a", 2)),
        lambda: f(a=1, b=2),
        lambda: f(a=2, b=1),
    ]
    results = [call() for call in calls]
    assert len({id(result) for result in results}) == len(calls)
    assert all(call() is result for call, result in zip(calls, results, strict=True))


def test_the_order_of_keywords_is_ignored() -> None:
    f = cached(lambda a, b, *, c=0: [a, b, c])
    assert f(a=1, b=2, c=3) is f(c=3, b=2, a=1)
    assert f(1, b=2, c=3) is f(1, c=3, b=2)
    assert f.cache_info().currsize == 1


def test_unless_the_function_sees_it() -> None:
    f = cached(lambda **kwargs: list(kwargs))
    assert f(a=1, b=2) == ["a", "b"]
    assert f(b=2, a=1) == ["b", "a"]
    assert f(a=1, b=2) is f(**{"a": 1, "b": 2})
    assert f.cache_info().currsize == 2


def test_keywords_with_equal_values_are_told_apart_by_name() -> None:
    f = cached(lambda a=0, b=0, c=0: [a, b, c])
    assert [f(a=1), f(b=1), f(c=1)] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    name = "".join(["a"])
    assert f(**{name: 1}) is f(a=1)


@pytest.mark.parametrize("options", [{}, {"typed": True}], ids=["plain", "typed"])
def test_names_that_no_call_from_source_has(options: dict[str, Any]) -> None:
    class Name(str):
        __slots__ = ()

    for f in (cached(lambda a=0, b=0: [a, b], **options), cached(lambda **kwargs: list(kwargs), **options)):
        assert f(**{Name("a"): 1}) is f(a=1)
        assert f(**{Name("a"): 1, "b": 2}) is f(a=1, b=2)
        assert f.cache_info().currsize == 2


def test_typed_tells_types_apart() -> None:
    f = cached(typed=True)
    values = [1, 1.0, True]
    assert [type(f(value)[0][0]) for value in values] == [int, float, bool]
    assert f.cache_info().currsize == 3
    assert f((1,)) is f((1.0,)), "as in functools: only the arguments themselves"
    assert f("a") is f("a")


def test_typed_counts_keywords_too() -> None:
    f = cached(lambda *, k: [k], typed=True)
    assert [type(f(k=value)[0]) for value in (1, 1.0, True)] == [int, float, bool]
    assert f.cache_info().currsize == 3


def test_typed_and_a_key_of_the_users_own() -> None:
    f = cached(lambda x: [x], typed=True, key=lambda x: x)
    assert f(1) == [1]
    assert f.cache_info().currsize == 1


def test_nan_is_known_by_identity() -> None:
    f = cached()
    nan, other = float("nan"), float("nan")
    assert f(nan) is f(nan)
    assert f(nan) is not f(other)
    assert f((nan,)) is f((nan,))
    assert f.cache_info().currsize == 3


class LowerText(str):
    """Equal whatever the case."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


class Tens(int):
    """Equal if the tens are."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) // 10 == int(other) // 10

    def __hash__(self) -> int:
        return int(self) // 10


def test_subclasses_compare_as_they_say() -> None:
    f = cached()
    assert f(LowerText("AbC")) is f(LowerText("aBc"))
    assert f(LowerText("ABC")) is f("abc")
    assert f(Tens(31)) is f(Tens(38))
    assert f(Tens(31)) is not f(Tens(41))
    f.cache_clear()
    assert f("abc") is f(LowerText("ABC"))
    f.cache_clear()

    class Plain(int): ...

    assert f(5) is f(Plain(5))
    assert f(Plain(6)) is f(6)


class Color(IntEnum):
    RED = 1
    BLUE = 2


def test_enum_members() -> None:
    f = cached()
    assert f(Color.RED) is f(1)
    assert f(Color.BLUE) is not f(1)


@pytest.mark.parametrize("hashes", [1, 2, 7])
def test_many_keys_of_one_hash(hashes: int) -> None:
    f = cached(maxsize=None)
    seen = [f(Key(n, hashes)) for n in range(60)]
    assert [f(Key(n, hashes)) for n in range(60)] == seen
    assert all(f(Key(n, hashes)) is seen[n] for n in range(60))
    assert f.cache_info()[:2] == (120, 60)


@pytest.mark.parametrize("hashes", [1, 3, 1000])
@pytest.mark.parametrize("maxsize", [1, 2, 5])
def test_the_order_of_use_is_exact(hashes: int, maxsize: int) -> None:
    """Against an OrderedDict: hits, misses and what is stored, also among keys of one hash."""
    chance = Random(maxsize * 1000 + hashes)
    f = cached(lambda key: [key.n], maxsize=maxsize)
    expected: OrderedDict[int, object] = OrderedDict()
    hits = 0
    for step in range(800):
        number = chance.randrange(8)
        key = Key(number, hashes)
        if step % 17 == 0:
            assert f.cache_invalidate(key) == (expected.pop(number, None) is not None)
        result = f(key)
        if number in expected:
            hits += 1
            expected.move_to_end(number)
            assert result is expected[number]
        else:
            expected[number] = result
            if len(expected) > maxsize:
                expected.popitem(last=False)
        assert [n for n in range(8) if f.cache_contains(Key(n, hashes))] == sorted(expected)
    assert f.cache_info().hits == hits


@pytest.mark.parametrize("typed", [False, True])
def test_native_keys_follow_functools(typed: bool) -> None:
    """The same calls, the same counters as functools.lru_cache."""
    chance = Random(7)
    pool: list[Any] = [
        0,
        1,
        -1,
        -2,
        1.0,
        2.5,
        True,
        False,
        None,
        "a",
        "b",
        b"a",
        "1",
        2**61 - 1,
        2**61,
        10**30,
        (1,),
        (1.0,),
        (),
    ]

    def function(*args: Any, **kwargs: Any) -> list[Any]:
        return [args, kwargs]

    ours = cached(lambda *args, **kwargs: [args, kwargs], maxsize=16, typed=typed)
    theirs = lru_cache(maxsize=16, typed=typed)(function)
    for _ in range(4000):
        args = chance.choices(pool, k=chance.choice([0, 1, 1, 1, 2]))
        kwargs = {name: chance.choice(pool) for name in chance.choice([[], [], ["k"], ["k", "a"]])}
        args.insert(0, None)  # functools tells 1 and 1.0 apart where they are the only argument
        assert ours(*args, **kwargs) == theirs(*args, **kwargs)
        assert ours.cache_info() == theirs.cache_info()


def test_unicode_of_every_width() -> None:
    f = cached()
    words = ["a", "ä", "日", "😀", "a" * 100, "ä" * 100, "日" * 100, "😀" * 100, "\x00", "\x00\x00", "\ud800"]
    seen = [f(word) for word in words]
    assert [f("".join(list(word))) for word in words] == seen
    assert f.cache_info()[:2] == (len(words), len(words))


def test_a_key_of_the_users_own() -> None:
    f = cached(lambda text, *, loud=False: [text], key=lambda text, **_: text.lower())
    assert f("A") is f("a", loud=True)
    assert f.cache_contains("a")
    assert f.cache_invalidate("A", loud=True)
    assert f.cache_info().currsize == 0


def test_a_key_makes_unhashable_arguments_possible() -> None:
    f = cached(lambda rows: [sum(rows)], key=tuple)
    assert f([1, 2]) is f([1, 2])
    assert f([1, 3]) == [4]


def test_a_key_is_one_value_and_not_arguments() -> None:
    f = cached(lambda *args: [args], key=lambda *args: args)
    assert f(1, 2) == [(1, 2)]
    assert f((1, 2)) == [((1, 2),)]
    assert f(1, 2) == [(1, 2)]
    assert f.cache_info().currsize == 2


def test_cache_key_names_a_call() -> None:
    f, h = cached(lambda a, b=0: [a]), cached(lambda a, b=0: [a])
    key = f.cache_key(1, b=2)
    assert key == f.cache_key(1.0, b=2)
    assert hash(key) == hash(f.cache_key(1.0, b=2))
    assert {key: "found"}[f.cache_key(True, b=2)] == "found"
    assert key == f.cache_key(1, 2) == f.cache_key(b=2, a=1)
    for other in [f.cache_key(1), h.cache_key(1, b=2), (1, 2), None]:
        assert key != other
    assert f.cache_info() == (0, 0, 128, 0)
    keyed = cached(lambda text: [text], key=str.lower)
    assert keyed.cache_key("A") == keyed.cache_key("a")


def test_arguments_of_every_number() -> None:
    f = cached(lambda *args, **kwargs: [args, kwargs])
    results = []
    for count in range(12):
        args, kwargs = tuple(range(count)), {f"k{n}": n for n in range(count)}
        results += [f(*args), f(**kwargs), f(*args, **kwargs)]
        assert results[-3:] == [[args, {}], [(), kwargs], [args, kwargs]]
    assert f.cache_info().currsize == 34  # without any argument the three are one
