"""Keys, versions and values whose own methods call the cache, change it or raise."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

from tests.support import keys
from tests.support.constant import cached
from tests.support.raising import raised
from versioned_lru_cache import Versioned, versioned_lru_cache


def a_key_that_calls_the_cache(bound: dict[str, Any], method: str) -> None:
    busy = False

    def meddle():
        nonlocal busy
        if not busy:
            busy = True
            try:
                f(0)
                f(Key(7))
                f.cache_info()
                f.cache_contains(Key(8))
                f.cache_peek(Key(1))
                f.cache_invalidate(Key(2))
                f.cache_put(Versioned("put", 1), Key(3))
                f.cache_clear()
                f(Key(1))
            finally:
                busy = False

    class Key(keys.Key):
        base = 5

        def hashed(self):
            if method == "__hash__":
                meddle()

        def compared(self):
            if method == "__eq__":
                meddle()

    @cached(**bound)
    def f(x):
        return x.n if isinstance(x, Key) else x

    for _ in range(3):
        for n in range(6):
            assert f(Key(n)) in (n, "put")


def a_version_that_calls_the_cache_when_compared(bound: dict[str, Any]) -> None:
    busy = False

    class Version:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            nonlocal busy
            if not busy:
                busy = True
                f(2)
                f.cache_clear()
                f(1)
                busy = False
            return isinstance(other, Version)

    @versioned_lru_cache(Version, **bound)
    def f(x):
        return [x]

    for n in [1, 2, 1, 1, 3, 1]:
        assert f(n) == [n]


def a_value_that_calls_the_cache_when_it_dies(bound: dict[str, Any]) -> None:
    deaths = 0

    class Value:
        def __init__(self, n):
            self.n = n

        def __del__(self):
            nonlocal deaths
            deaths += 1
            f.cache_info()
            f.cache_invalidate(self.n)
            f.cache_contains(1)
            if deaths % 3 == 0:
                f.cache_clear()
            if deaths < 50:
                f(deaths % 5)

    @cached(**bound)
    def f(x):
        return Value(x)

    for n in range(40):
        f(n % 7)
        f.cache_invalidate(n % 3)
    f.cache_clear()
    assert deaths >= 50
    deaths = 10_000
    for n in range(10):
        f(n)
    f.cache_clear()
    assert f.cache_info().currsize == 0


def a_key_that_calls_the_cache_when_it_dies() -> None:
    class Key(keys.Key):
        base, hashes = 0, 2

        def __del__(self):
            f(1)
            f.cache_contains(2)
            f.cache_invalidate(3)

    @cached(maxsize=2)
    def f(x):
        return x

    for n in range(30):
        f(Key(n))
    f.cache_clear()


def an_eq_that_raises_reaches_its_own_caller_only(bound: dict[str, Any]) -> None:
    class Bad(keys.Key):
        raising = True
        base = 987654321

        def compared(self):
            if Bad.raising:
                raise ZeroDivisionError("eq")

    @cached(**bound)
    def f(x):
        return [x]

    first = Bad(1)
    kept = f(first)
    assert f(first) is kept, "identity comes first"
    raised(ZeroDivisionError, f, Bad(2))
    assert f(first) is kept
    for method in [f.cache_contains, f.cache_peek, f.cache_invalidate]:
        raised(ZeroDivisionError, method, Bad(3))
    assert f(first) is kept
    for n in range(200):
        f(n)
    f.cache_clear()
    Bad.raising = False
    assert f(Bad(1)) is f(Bad(1))


def an_eq_that_raises_never_reaches_the_caller_of_another_key() -> None:
    class Bad:
        def __hash__(self):
            return hash("good")

        def __eq__(self, other):
            if other.__class__ is Bad:
                raise ZeroDivisionError("eq")
            return NotImplemented

    current = {}

    @versioned_lru_cache(lambda: 1, session=lambda: current, maxsize=2)
    def f(x):
        return [x]

    bads = [Bad() for _ in range(3)]
    for n in range(60):
        if n % 10 == 0:
            current = {}
        with contextlib.suppress(ZeroDivisionError):
            f(bads[n % 3])
        assert f("other") == ["other"]
        assert f(1) == [1]
        f.cache_invalidate(1)


def an_eq_that_changes_the_cache(bound: dict[str, Any]) -> None:
    class Key(keys.Key):
        act = staticmethod(lambda: None)

        def compared(self):
            act, Key.act = Key.act, staticmethod(lambda: None)
            act()

    @cached(**bound)
    def f(x):
        return x.n

    acts = [
        f.cache_clear,
        lambda: f.cache_invalidate(Key(1)),
        lambda: f(Key(1)),
        lambda: f(Key(50)),
        lambda: f.cache_put(Versioned(1, 1), Key(1)),
        lambda: [f(Key(n)) for n in range(60, 70)],
    ]

    def put(key):
        f.cache_put(Versioned(key.n, 1), key)

    for act in acts:
        for use in [f, f.cache_contains, f.cache_peek, f.cache_invalidate, put]:
            f.cache_clear()
            f(Key(0))
            f(Key(1))
            f(Key(2))
            Key.act = act
            use(Key(1))
            Key.act = staticmethod(lambda: None)
            assert f(Key(1)) == 1
            assert f(Key(2)) == 2


def what_comes_in_the_place_of_a_key_while_it_is_compared(bound: dict[str, Any], call: str) -> None:
    def called(key):
        """One of the ways to call, by how it is written: each has a way of its own through the hit path."""
        match call:
            case "f(key)":
                return f(key)
            case "f(0, key)":
                return f(0, key)
            case "f(x=key)":
                return f(x=key)
        raise ValueError(call)

    class Key(keys.Key):
        __hash__ = keys.Key.__hash__

        def __eq__(self, other):
            nonlocal replacing
            if replacing:
                replacing = False
                f.cache_clear()
                called(Key(2))
                return True
            return super().__eq__(other)

    @cached(**bound)
    def f(*args, **kwargs):
        return [*args, *kwargs.values()][-1].n

    replacing = False
    for _ in range(3):
        f.cache_clear()
        key = Key(1)
        assert [called(key), called(key)] == [1, 1]
        replacing = True
        assert called(Key(1)) == 1
        assert not replacing


def an_eq_that_never_settles_ends_all_the_same() -> None:
    class Key(keys.Key):
        __hash__ = keys.Key.__hash__

        def __eq__(self, other):
            f.cache_clear()
            f.cache_put(Versioned(object(), 1), Key(100 + next(numbers)))
            return False

    numbers = itertools.count()

    @cached()
    def f(x):
        return x.n

    Key.__eq__, settled = lambda self, other: self is other, Key.__eq__
    f(Key(1))
    Key.__eq__ = settled
    assert f(Key(2)) == 2


def an_eq_that_raises_inside_a_tuple_never_reaches_the_caller_of_another_key() -> None:
    class Bad:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            raise ZeroDivisionError("eq")

    class Good:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return NotImplemented

    @versioned_lru_cache(lambda: 1)
    def f(x):
        return [x]

    f((Bad(),))
    good = (Good(),)
    assert f(good) == [good]
    assert not f.cache_invalidate((Good(),))
    raised(ZeroDivisionError, f, (Bad(),))


def a_lookup_that_never_settles_is_an_error() -> None:
    class Key:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            f.cache_clear()
            f.cache_put(Versioned(0, 1), Other())
            return False

    class Other:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return NotImplemented

    @versioned_lru_cache(version=1)
    def f(x):
        return [x]

    f.cache_put(Versioned(0, 1), Other())
    for method in [f.cache_contains, f.cache_peek, f.cache_invalidate]:
        assert "__eq__" in str(raised(RuntimeError, method, Key()))
