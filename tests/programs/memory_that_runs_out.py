"""Each allocation of some act fails in turn, or several in a row, or all from one on."""

from __future__ import annotations

import gc
import itertools
import sys
from datetime import time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from tests.support.raising import raised
from tests.support.stable_values import BERLIN, NAIVE, UTC, Access, Color, Point, Span
from versioned_lru_cache import Lag, Versioned, session, versioned_lru_cache, versions
from versioned_lru_cache._core import FAST_PATHS, stable_key

if TYPE_CHECKING:
    from collections.abc import Callable

new = itertools.count(1)
stored = {}
many = {f"name{n}": n for n in range(30)}  # more than CPython keeps the memory of


def plain(x, *args, **kwargs):
    return [x]


async def awaitable(x):
    return [x]


f = versioned_lru_cache(version=1, maxsize=8)(plain)
in_dict = versioned_lru_cache(lambda: 1, session=stored)(plain)
asking = versioned_lru_cache(lambda x, *args, **kwargs: 1, maxsize=8)(plain)
awaited = versioned_lru_cache(version=1, maxsize=8)(awaitable)
lasting = versioned_lru_cache(
    version=1, maxsize=None, max_weight=9, weigh=len, ttl=lambda value, x, *args, **kwargs: 60 if x % 2 else None
)(plain)
told = versioned_lru_cache(version=1, maxsize=8)(lambda x: Versioned([x], 1, ttl=60))
counted = versioned_lru_cache(versions.counter("things"), maxsize=8)(plain)
of_thing = versions.tags(lambda x: (f"thing:{x}", "all"))
tagged = versioned_lru_cache(of_thing, maxsize=8)(plain)


values = (2**90, "\u00e4", (b"1", 0.1), frozenset([1, 2]), Decimal("0.1"), Fraction(1, 3), NAIVE, time(1, tzinfo=UTC))
values += (NAIVE.replace(tzinfo=BERLIN), Color.RED, Access.READ, Point(1, 2), Span(Span(1)), UUID(int=2**127))


class Holder:
    @versioned_lru_cache(version=1, maxsize=8)
    def method(self, x=0):
        return [x]


holder = Holder()


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def in_a_class():
    class Other:
        @versioned_lru_cache(version=1)
        def method(self):
            return 1

    return Other().method()


def with_options(function):
    lag = Lag(retries=2, delay=0.5, settle=1, order=max)
    options = {"ttl": 60, "on_expiry": "verify", "stale_if_error": 5, "stale_while_revalidate": 5, "wait": 1}
    return versioned_lru_cache(lambda: 1, version_args=(), revalidate=plain, key=plain, lag=lag, **options)(function)


def in_a_block():
    with session() as own:
        return asking(1), asking(next(new)), own.cache_status(), dict(own), own.stale


def anew_in_dict():
    stored.clear()
    return in_dict(1)


# How many allocations fail in a row, 0 for all from one on. Where two in a row fail CPython's own `ContextVar.set`
# crashes, and code in Python may end in a SystemError or go on for ever, so what computes, or raises in such code, is
# only tried with one.
ONE, SEVERAL, ALL = (1,), (1, 2, 7), (1, 2, 7, 0)
ACTS: dict[str, tuple[Callable[[], object], tuple[int, ...]]] = {
    "decorating": (lambda: versioned_lru_cache(version=1)(plain)(1), ONE),
    "decorating with a version function": (lambda: versioned_lru_cache(lambda x, *args, **kwargs: 1)(plain), ONE),
    "decorating a coroutine function": (lambda: versioned_lru_cache(version=1)(awaitable), ONE),
    "decorating with options": (lambda: with_options(plain), ONE),
    "decorating a method": (in_a_class, ONE),
    "a miss": (lambda: f(next(new)), ONE),
    "a miss of several": (lambda: f(next(new), 2, 3), ONE),
    "a miss with names": (lambda: f(next(new), other=3), ONE),
    "a miss with many names": (lambda: f(next(new), *many, **many), ONE),
    "a miss that is asked how long it lives": (lambda: lasting(next(new)), ONE),
    "a miss that says how long it lives": (lambda: told(next(new)), ONE),
    "a hit": (lambda: f(1), ALL),
    "a hit with names": (lambda: f(1, other=2), ONE),
    "a session in a dict": (anew_in_dict, ONE),
    "a hit in a session": (lambda: in_dict(1), ALL),
    "a block": (in_a_block, ONE),
    "a version function with arguments": (lambda: asking(next(new)), ONE),
    "a counter": (lambda: counted(next(new)), ONE),
    "a counter that was bumped": (lambda: (counted(1), versions.counter("things").bump(), counted(1)), ONE),
    "tags": (lambda: (tagged(1), of_thing.bump(1), tagged(1), tagged(next(new))), ONE),
    "a bump": (lambda: versions.bump("thing:1", "th\ud800ng"), ONE),
    "a method": (lambda: holder.method(next(new)), ONE),
    "a method of a new instance": (lambda: Holder().method(), ONE),
    "an awaited miss": (lambda: drive(awaited(next(new))), ONE),
    "an awaited hit": (lambda: drive(awaited(1)), ALL if FAST_PATHS else ONE),
    "cache_info": (lambda: (f.cache_info(), holder.method.cache_info()), ALL),
    "cache_stats": (lambda: (f.cache_stats(), holder.method.cache_stats()), ALL),
    "cache_purge": (lambda: (f.cache_purge(), holder.method.cache_purge()), ALL),
    "cache_parameters": (lambda: f.cache_parameters(), ALL),
    "cache_clear": (lambda: (f.cache_clear(), holder.method.cache_clear()), ALL),
    "repr": (lambda: (repr(f), repr(holder.method), repr(awaited), repr(in_dict)), ALL),
    "cache_explain": (
        lambda: (f.cache_explain(1), f.cache_explain(2, *many, **many), str(holder.method.cache_explain())),
        ONE,
    ),
    "cache_key": (
        lambda: (hash(f.cache_key(1, *many, **many)), repr(f.cache_key(3, a=4)), holder.method.cache_key() == 1),
        SEVERAL,
    ),
    "a key in a store": (lambda: stable_key(values, many, False, False), ONE),
    "a key in a store where types count": (lambda: stable_key((*values, 1, None), many, True, False), ONE),
    "what is no key in a store": (lambda: raised(TypeError, stable_key, ((1, [object()]),), {}, False, False), ONE),
    "cache_contains": (lambda: (f.cache_contains(1, *many, **many), holder.method.cache_contains()), SEVERAL),
    "cache_peek": (
        lambda: (f.cache_peek(1), f.cache_peek(1, *many, **many), holder.method.cache_peek()),
        SEVERAL,
    ),
    "cache_invalidate": (lambda: (f(5), f.cache_invalidate(5), f.cache_invalidate(1, *many, **many)), ONE),
    "cache_put": (
        lambda: (f.cache_put(Versioned(3, 1), 9), f.cache_put(Versioned(3, 1), next(new), *many, **many)),
        SEVERAL,
    ),
    "cache_refresh": (
        lambda: (f.cache_refresh(1), asking.cache_refresh(1, *many, **many), holder.method.cache_refresh()),
        ONE,
    ),
    "cache_refresh of a coroutine function": (lambda: drive(awaited.cache_refresh(1)), ONE),
    "no hash": (lambda: raised(TypeError, f, []), ALL),
    "arguments of no call": (lambda: raised(TypeError, f.cache_refresh), ONE),
    "no Versioned": (lambda: (raised(TypeError, f.cache_put, 1, 2), raised(TypeError, f.cache_put)), ALL),
    "another version": (lambda: raised(ValueError, f.cache_put, Versioned(1, 2), 2), ALL),
}


def it_is_a_memory_error(act: str) -> None:
    import _testcapi

    scenario, in_a_row = ACTS[act]

    def failing(first, last):
        try:
            _testcapi.set_nomemory(first, last)
            try:
                scenario()
            finally:
                _testcapi.remove_mem_hooks()
        except MemoryError:
            return True
        except RuntimeError as error:
            # CPython before 3.12 puts what __set_name__ raises into one.
            if not isinstance(error.__cause__, MemoryError):
                raise
            return True
        return False

    gc.disable()
    for _ in range(300):  # CPython has objects for smaller numbers
        f(1)
        holder.method()
    sys.unraisablehook = lambda told: None  # of weak references' callbacks
    scenario()
    for inner in in_a_row:
        passed, first = 0, 0
        while passed < 50:  # so many that it surely allocates no more
            failed = failing(first, first + inner if inner else 0)
            passed = 0 if failed else passed + 1
            first += 1
            scenario()
        print(inner, first)
