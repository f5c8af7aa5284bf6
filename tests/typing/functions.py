"""What checkers know of cached functions. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from tests.typing.asserting import assert_type
from versioned_lru_cache import (
    CachedFunction,
    CacheInfo,
    CacheKey,
    CacheStats,
    Versioned,
    caches,
    clear_all,
    current_version,
    disabled,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
TextOrInt = TypeVar("TextOrInt", int, str)


@versioned_lru_cache(lambda: 1)
def positional(a: int, b: str, /) -> list[int]:
    return [a]


@versioned_lru_cache(lambda: 1)
def keywords(*, a: int, b: str = "") -> list[int]:
    return [a]


@versioned_lru_cache(lambda: 1)
def defaults(a: int, b: str = "", c: float | None = None) -> list[int]:
    return [a]


@versioned_lru_cache(lambda: 1)
def variadic(a: int, *more: str, **named: float) -> list[int]:
    return [a]


@versioned_lru_cache(lambda: 1)
def nothing() -> None:
    return None


def functions_keep_their_signature() -> None:
    assert_type(positional, CachedFunction[[int, str], list[int]])
    assert_type(nothing, CachedFunction[[], None])
    assert_type(positional(1, "b"), list[int])
    assert_type(keywords(a=1), list[int])
    assert_type(keywords(b="b", a=1), list[int])
    assert_type(defaults(1), list[int])
    assert_type(defaults(b="b", a=1, c=None), list[int])
    assert_type(variadic(1), list[int])
    assert_type(variadic(1, "b", "c", d=0.5), list[int])
    assert_type(positional.__wrapped__(1, "b"), list[int])
    assert_type(positional.__name__, str)


def methods_of_the_cache_take_the_arguments_of_the_function() -> None:
    assert_type(positional.cache_key(1, "b"), CacheKey)
    assert_type(keywords.cache_contains(a=1, b="b"), bool)
    assert_type(defaults.cache_peek(1, c=0.5), Versioned[list[int]] | None)
    assert_type(variadic.cache_invalidate(1, "b", c=0.5), bool)
    assert_type(nothing.cache_peek(), Versioned[None] | None)
    defaults.cache_put(Versioned([1], "v1"), 1, b="b")
    defaults.cache_put(Versioned([1], "v1", ttl=5), 1)
    defaults.cache_put(Versioned([1], "v1", timedelta(seconds=5)), 1)
    assert_type(defaults.cache_purge(), int)
    variadic.cache_put(Versioned([1], 2), 1, "b", versioned=0.5)
    assert_type(defaults.cache_info(), CacheInfo)
    assert_type(defaults.cache_info().maxsize, int | None)
    assert_type(defaults.cache_stats(), CacheStats)
    assert_type(defaults.cache_stats().ended, int)
    assert_type(defaults.cache_stats().weight, int | None)
    assert_type(defaults.cache_stats().max_weight, int | None)
    assert_type(defaults.cache_parameters(), dict[str, Any])
    nothing.cache_clear()


def is_one(a: int, b: str) -> bool:
    return a == 1


def all_of_a_cache_can_be_looked_at_and_chosen_from() -> None:
    positional(1, "b")
    assert_type(positional.cache_keys(), list[CacheKey])
    assert_type(positional.cache_keys()[0].args, tuple[Any, ...])
    assert_type(positional.cache_keys()[0].kwargs, dict[str, Any])
    assert_type(positional.cache_invalidate_where(is_one), int)


def all_caches_of_the_process() -> None:
    assert_type(caches(), list[CachedFunction[..., Any]])
    clear_all()
    with disabled() as block:
        assert_type(block, disabled)
        assert_type(positional(1, "b"), list[int])


@versioned_lru_cache(lambda: 1, copy=list)
def copied(a: int) -> list[int]:
    return [a, hash(current_version())]


def who_gets_a_copy_gets_the_same_type() -> None:
    assert_type(copied(1), list[int])


def lives(value: object, *args: object, **kwargs: object) -> timedelta | None:
    return timedelta(seconds=5)


@versioned_lru_cache(None, ttl=lives, max_weight=100, weigh=len)
def token(user: str) -> dict[str, int]:
    return {"expires_in": 60}


@versioned_lru_cache(None, ttl=lives)
def page(user: str) -> str:
    return user


def results_say_how_long_they_live_and_what_they_weigh() -> None:
    assert_type(token("ann"), dict[str, int])
    assert_type(page("ann"), str)
    found = page.cache_peek("ann")
    assert found is not None
    assert_type(found.ttl, float | timedelta | None)
    value, _ = found
    assert_type(value, str)


@versioned_lru_cache(lambda: 1)
def first(items: Sequence[T], default: T) -> T:
    return items[0] if items else default


@versioned_lru_cache(lambda: 1)
def doubled(value: TextOrInt) -> TextOrInt:
    return value + value


def generic_functions_stay_generic() -> None:
    assert_type(first((1, 2), 0), int)
    assert_type(first(items=("a",), default=""), str)
    assert_type(first.cache_peek(("a",), ""), Versioned[str] | None)
    assert_type(doubled("a"), str)
    assert_type(doubled(1), int)


@overload
def parsed(text: str) -> int: ...
@overload
def parsed(text: bytes) -> list[int]: ...
@versioned_lru_cache(lambda: 1)
def parsed(text: str | bytes) -> int | list[int]:
    return int(text) if isinstance(text, str) else list(text)


def overloads_stay() -> None:
    # To a checker an overloaded function is its overloads and nothing else, so the methods of the cache are not seen.
    assert_type(parsed("1"), int)
    assert_type(parsed(b"1"), list[int])


class Reads(Protocol):
    def __call__(self, a: int, b: str = ...) -> Sequence[int]: ...


def read(
    reads: Reads, plain: Callable[[int, str], Sequence[int]], wider: CachedFunction[[int, str], Sequence[int]]
) -> int:
    assert_type(reads(1, b="b"), Sequence[int])
    assert_type(plain(1, "b"), Sequence[int])
    assert_type(wider(1, "b"), Sequence[int])
    return len(wider(1, "b"))


def cached_functions_are_callables() -> None:
    read(defaults, positional, positional)
    read(reads=variadic_texts, plain=defaults.__wrapped__, wider=positional)
    assert_type(sorted([3, 1], key=negated), list[int])
    assert_type(list(map(negated, [3, 1])), list[int])
    assert_type(functools.partial(defaults, 1)(), list[int])
    assert_type(functools.partial(positional, 1)("b"), list[int])


@versioned_lru_cache(lambda: 1)
def variadic_texts(a: int, *more: str, b: str = "") -> tuple[int, ...]:
    return (a,)


@versioned_lru_cache(lambda: 1)
def negated(number: int) -> int:
    return -number


@versioned_lru_cache(lambda: 1)
@versioned_lru_cache(lambda: 1)
def twice(a: int, /) -> str:
    return str(a)


@versioned_lru_cache(lambda: 1)
@functools.lru_cache
def above(a: int, /) -> str:
    return str(a)


@functools.lru_cache
@versioned_lru_cache(lambda: 1)
def below(a: int, /) -> str:
    return str(a)


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object={}, generate_version_func=lambda: 1, module_name="typing", cache_max_size=None
)
def original(a: int, /) -> str:
    return str(a)


def decorators_combine() -> None:
    assert_type(twice, CachedFunction[[int], str])
    assert_type(original, CachedFunction[[int], str])
    assert_type(twice(1), str)
    assert_type(above(1), str)
    assert_type(below(1), str)
    assert_type(original(1), str)


def any_callable_can_be_cached() -> None:
    length = versioned_lru_cache(lambda: 1)(len)
    assert_type(length("abc"), int)
    number = versioned_lru_cache(lambda: 1)(int)
    assert_type(number("1"), int)
    later: Callable[[Callable[[int], str]], CachedFunction[[int], str]] = versioned_lru_cache(lambda: 1)
    assert_type(later(str)(1), str)


def version_of(a: int, b: str) -> tuple[int, str]:
    return a, "v"


def second(a: int, b: str) -> str:
    return b


def only_first(a: int, b: str) -> tuple[int]:
    return (a,)


def options_take_callables_of_any_parameters() -> None:
    constant = versioned_lru_cache(("a", 1), ttl=5)
    asked = versioned_lru_cache(version_of, key=second, cache_if=bool)
    part = versioned_lru_cache(abs, version_args=only_first)
    assert_type(constant(positional)(1, "b"), list[int])
    assert_type(asked(positional)(1, "b"), list[int])
    assert_type(part(positional)(1, "b"), list[int])


async def fetch(a: int, /) -> str:
    return str(a)


async def coroutine_functions_stay_such() -> None:
    fetched = versioned_lru_cache(lambda: 1)(fetch)
    returns: CachedFunction[[int], Coroutine[Any, Any, str]] = fetched
    assert_type(await returns(1), str)
    assert_type(await fetched(1), str)
    assert_type(fetched.cache_peek(1), Versioned[str] | None)
    await fetched.cache_put(Versioned("x", 1), 1)
    assert_type(await fetched.cache_invalidate(1), bool)
    assert_type(await fetched.cache_invalidate_where(bool), int)
    await fetched.cache_clear()
    found: int = fetched.cache_invalidate(1)
    assert not found
    await fetched.cache_put(Versioned(1, 1), 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
