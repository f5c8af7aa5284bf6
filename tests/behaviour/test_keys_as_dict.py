"""Of which key `==` and the hash are asked, and how often: as by dict and by functools."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

CALLS: dict[str, Callable[[Function, object], object]] = {
    "one": lambda function, key: function(key),
    "several": lambda function, key: function(0, key),
    "named": lambda function, key: function(a=0, b=key),
    "one in a tuple": lambda function, key: function((key,)),
}
EACH_CALL = pytest.mark.parametrize("call", CALLS)
INSIDE = pytest.mark.parametrize("inside", [False, True], ids=["outside", "in a session"])


class AskedKey:
    """Notes who was asked."""

    asked: list[tuple[str, str]]

    def __init__(self, name: str, answer: object = True) -> None:
        self.name = name
        self.answer = answer

    def __hash__(self) -> int:
        return 5

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, AskedKey)
        self.asked.append((self.name, other.name))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[return-value]


class Derived(AskedKey):
    """Knows better than its base."""


def body(*_args: object, **_kwargs: object) -> list[None]:
    return [None]


def ours() -> Function:
    return versioned_lru_cache(lambda: 1)(body)


def asked_of(function: Function, call: str, stored: AskedKey, sought: AskedKey) -> tuple[bool, list[tuple[str, str]]]:
    """Whether the second is found, and whom that asked, but for those who were asked again."""
    kept = CALLS[call](function, stored)
    AskedKey.asked = []
    found = CALLS[call](function, sought) is kept
    return found, list(dict.fromkeys(AskedKey.asked))


@EACH_CALL
@INSIDE
@pytest.mark.parametrize(
    "kinds", [(AskedKey, AskedKey), (AskedKey, Derived), (Derived, AskedKey)], ids=lambda kinds: kinds[0].__name__
)
@pytest.mark.parametrize("answers", [(True, True), (True, False), (False, True), (NotImplemented, True)])
def test_the_stored_key_is_asked_first(inside: bool, call: str, kinds: Any, answers: tuple[Any, Any]) -> None:
    def keys() -> tuple[AskedKey, AskedKey]:
        return kinds[0]("stored", answers[0]), kinds[1]("sought", answers[1])

    theirs = asked_of(lru_cache(body), call, *keys())
    if inside:
        with session():
            mine = asked_of(ours(), call, *keys())
    else:
        mine = asked_of(ours(), call, *keys())
    assert mine == theirs


@EACH_CALL
@INSIDE
def test_a_stored_key_that_raises_has_not_answered(inside: bool, call: str) -> None:
    """Functools raises what is none of the caller's."""
    with session() if inside else session(offline=False):
        f = ours()
        assert asked_of(f, call, AskedKey("stored", ZeroDivisionError()), AskedKey("sought", False)) == (
            False,
            [("stored", "sought"), ("sought", "stored")],
        )
        with pytest.raises(ZeroDivisionError):
            CALLS[call](f, AskedKey("another", ZeroDivisionError()))


class Counting:
    """Counts how often its hash was asked for."""

    def __init__(self) -> None:
        self.hashed = 0

    def __hash__(self) -> int:
        self.hashed += 1
        return 3


VERSIONS: dict[str, Callable[..., int]] = {
    "of nothing": lambda: 1,
    "of the arguments": lambda *args, **kwargs: 1,
}
EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)
HASHING = {**CALLS, "several named": lambda function, key: function(key, c=0, b=key, a=1)}
TIMES_IN = {"several named": 2}


@pytest.mark.parametrize("call", HASHING)
@EACH_VERSION
@INSIDE
@pytest.mark.parametrize("typed", [False, True])
def test_a_call_hashes_its_arguments_once(typed: bool, inside: bool, version: str, call: str) -> None:
    f = versioned_lru_cache(VERSIONS[version], typed=typed)(body)
    key = Counting()
    with session() if inside else session(offline=False):
        for calls in range(1, 4):
            HASHING[call](f, key)
            assert key.hashed == calls * TIMES_IN.get(call, 1)
    HASHING[call](f, key)
    HASHING[call](f, key)
    assert key.hashed == 5 * TIMES_IN.get(call, 1), "outside of any session, too"
    assert f.cache_info().misses == 1


@EACH_VERSION
def test_a_call_of_a_method_or_of_a_coroutine_function_does_so_too(version: str) -> None:
    class Class:
        @versioned_lru_cache(VERSIONS[version])
        def method(self, key: object) -> int:
            return 1

        __hash__ = None  # type: ignore[assignment]

    @versioned_lru_cache(VERSIONS[version])
    async def coroutine_function(key: object) -> int:
        return 1

    key, other, instance = Counting(), Counting(), Class()
    instance.method(key)
    instance.method(key)
    assert key.hashed == 2
    asyncio.run(coroutine_function(other))
    asyncio.run(coroutine_function(other))
    assert other.hashed == 2
    assert not instance.method.cache_contains(other)
    assert other.hashed == 3


def test_the_interpreters_own_test_of_that() -> None:
    """As `test_lru_hash_only_once` of CPython has it."""

    @versioned_lru_cache(version=1, maxsize=1)
    def f(x: Any, y: Any) -> Any:
        return x.value * 3 + y

    class Mock(Counting):
        value = 20

    mock = Mock()
    assert (f(mock, 1), mock.hashed, f.cache_info()[:]) == (61, 1, (0, 1, 1, 1))
    assert (f(mock, 1), mock.hashed, f.cache_info()[:]) == (61, 2, (1, 1, 1, 1))
    assert (f(mock, 2), mock.hashed, f.cache_info()[:]) == (62, 3, (1, 2, 1, 1))
    assert (f(mock, 1), mock.hashed, f.cache_info()[:]) == (61, 4, (1, 3, 1, 1))
    assert f.cache_info().currsize == 1
