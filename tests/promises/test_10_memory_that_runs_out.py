"""Promise 10: memory that runs out is a MemoryError, and what was called works again when there is some."""

from __future__ import annotations

import sys

import pytest

from tests.support.child import run
from versioned_lru_cache._core import FAST_PATHS

pytest.importorskip("_testcapi", reason="makes allocations fail")
pytestmark = [pytest.mark.child, pytest.mark.slow]

# Run with each allocation failing in turn, and with several in a row or all from one on. Where two in a row fail
# CPython's own `ContextVar.set` crashes, and code in Python may end in a SystemError or go on for ever, so what
# computes, or raises in such code, is only tried with one.
BEGIN = """
import _testcapi, gc, sys, itertools
from versioned_lru_cache import Versioned, session, versioned_lru_cache, versions

gc.disable()
new = itertools.count(1)
stored = {}
many = {f"name{n}": n for n in range(30)}  # more than CPython keeps the memory of

def plain(x, *args, **kwargs):
    return [x]

async def awaitable(x):
    return [x]

f = versioned_lru_cache(1, maxsize=8)(plain)
in_dict = versioned_lru_cache(lambda: 1, session=stored)(plain)
asking = versioned_lru_cache(lambda x, *args, **kwargs: 1, maxsize=8)(plain)
awaited = versioned_lru_cache(1, maxsize=8)(awaitable)
counted = versioned_lru_cache(versions.counter("things"), maxsize=8)(plain)

class Holder:
    @versioned_lru_cache(1, maxsize=8)
    def method(self, x=0):
        return [x]

holder = Holder()
for _ in range(300):  # CPython has objects for smaller numbers
    f(1)
    holder.method()

def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")

def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError("it was not refused")

def in_a_class():
    class Other:
        @versioned_lru_cache(1)
        def method(self):
            return 1
    return Other().method()

def in_a_block():
    with session() as own:
        return asking(1), asking(next(new)), own.cache_status(), dict(own), own.stale

def anew_in_dict():
    stored.clear()
    return in_dict(1)

def scenario():
    return ACT

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
        assert isinstance(error.__cause__, MemoryError), error
        return True
    return False

sys.unraisablehook = lambda told: None  # of weak references' callbacks
scenario()
for inner in (IN_A_ROW):
    passed, first = 0, 0
    while passed < 50:  # so many that it surely allocates no more
        failed = failing(first, first + inner if inner else 0)
        passed = 0 if failed else passed + 1
        first += 1
        scenario()
    print(inner, first)
"""
ONE, SEVERAL, ALL = "1,", "1, 2, 7", "1, 2, 7, 0"
ACTS = {
    "decorating": ("versioned_lru_cache(1)(plain)(1)", ONE),
    "decorating with a version function": ("versioned_lru_cache(lambda x, *args, **kwargs: 1)(plain)", ONE),
    "decorating a coroutine function": ("versioned_lru_cache(1)(awaitable)", ONE),
    "decorating a method": ("in_a_class()", ONE),
    "a miss": ("f(next(new))", ONE),
    "a miss of several": ("f(next(new), 2, 3)", ONE),
    "a miss with names": ("f(next(new), other=3)", ONE),
    "a miss with many names": ("f(next(new), *many, **many)", ONE),
    "a hit": ("f(1)", ALL),
    "a hit with names": ("f(1, other=2)", ONE),
    "a session in a dict": ("anew_in_dict()", ONE),
    "a hit in a session": ("in_dict(1)", ALL),
    "a block": ("in_a_block()", ONE),
    "a version function with arguments": ("asking(next(new))", ONE),
    "a counter": ("counted(next(new))", ONE),
    "a method": ("holder.method(next(new))", ONE),
    "a method of a new instance": ("Holder().method()", ONE),
    "an awaited miss": ("drive(awaited(next(new)))", ONE),
    "an awaited hit": ("drive(awaited(1))", ALL if FAST_PATHS else ONE),
    "cache_info": ("f.cache_info(), holder.method.cache_info()", ALL),
    "cache_stats": ("f.cache_stats(), holder.method.cache_stats()", ALL),
    "cache_parameters": ("f.cache_parameters()", ALL),
    "cache_clear": ("f.cache_clear(), holder.method.cache_clear()", ALL),
    "repr": ("repr(f), repr(holder.method), repr(awaited), repr(in_dict)", ALL),
    "cache_explain": (
        "f.cache_explain(1), f.cache_explain(2, *many, **many), str(holder.method.cache_explain())",
        ONE,
    ),
    "cache_key": (
        "hash(f.cache_key(1, *many, **many)), repr(f.cache_key(3, a=4)), holder.method.cache_key() == 1",
        SEVERAL,
    ),
    "cache_contains": ("f.cache_contains(1, *many, **many), holder.method.cache_contains()", SEVERAL),
    "cache_peek": ("f.cache_peek(1), f.cache_peek(1, *many, **many), holder.method.cache_peek()", SEVERAL),
    "cache_invalidate": ("f(5), f.cache_invalidate(5), f.cache_invalidate(1, *many, **many)", ONE),
    "cache_put": ("f.cache_put(Versioned(3, 1), 9), f.cache_put(Versioned(3, 1), next(new), *many, **many)", SEVERAL),
    "cache_refresh": ("f.cache_refresh(1), asking.cache_refresh(1, *many, **many), holder.method.cache_refresh()", ONE),
    "cache_refresh of a coroutine function": ("drive(awaited.cache_refresh(1))", ONE),
    "no hash": ("refused(TypeError, f, [])", ALL),
    "arguments of no call": ("refused(TypeError, f.cache_refresh)", ONE),
    "no Versioned": ("refused(TypeError, f.cache_put, 1, 2), refused(TypeError, f.cache_put)", ALL),
    "another version": ("refused(ValueError, f.cache_put, Versioned(1, 2), 2)", ALL),
}

# What runs code in Python that defines functions, as decorators do, or generators. CPython from 3.12 on frees the code
# of a function for which there is no memory.
DEFINING = {"a block", "cache_explain", *(act for act in ACTS if act.startswith("decorating"))}


@pytest.mark.parametrize("act", ACTS)
def test_it_is_a_memory_error(act: str) -> None:
    code, in_a_row = ACTS[act]
    if act in DEFINING and sys.version_info >= (3, 12):
        pytest.skip("CPython itself crashes where there is no memory to define a function")
    done = run(BEGIN.replace("ACT", code).replace("IN_A_ROW", in_a_row))
    assert "panicked" not in done.stderr
