"""Cached functions that call themselves, forget, collect garbage or recurse without end."""

from __future__ import annotations

import gc
import itertools
import random
import sys
import threading
from typing import Any

from tests.support import keys
from tests.support.calling import Call
from tests.support.constant import cached
from tests.support.raising import raised
from versioned_lru_cache import Versioned, session, versioned_lru_cache

until_the_end: list[object] = []


def a_function_that_calls_itself_with_the_same_arguments(bound: dict[str, Any]) -> None:
    depth = 0

    @cached(**bound)
    def f(x):
        nonlocal depth
        depth += 1
        return f(x) if depth < 5 else [depth]

    answer = f(1)
    assert answer == [5]
    assert f(1) is answer
    assert depth == 5


def functions_that_call_each_other(bound: dict[str, Any]) -> None:
    @cached(**bound)
    def even(n):
        return True if n == 0 else odd(n - 1)

    @cached(**bound)
    def odd(n):
        return False if n == 0 else even(n - 1)

    assert even(50) is True
    assert odd(50) is False


def clear_inside_the_function(bound: dict[str, Any]) -> None:
    @cached(**bound)
    def f(x):
        f.cache_clear()
        f.cache_invalidate(x)
        return [x]

    assert f(1) == [1]
    assert f(1) == [1]
    assert f.cache_info().currsize == 0


def sessions_that_end_or_renew_inside_the_function() -> None:
    g = {}
    what = None

    @cached(session=g)
    def f(x):
        nonlocal what
        if what == "pop":
            del g["lru_cache_versions"]
        elif what == "clear":
            g.clear()
        elif what == "renew":
            g["lru_cache_versions"].renew()
        elif what == "collect":
            g.clear()
            gc.collect()
            what = None
            f(x + 1000)
        return [x]

    for n, what in enumerate(["pop", "clear", "renew", "collect"] * 3):
        if n % 2:
            f.cache_clear()
        assert f(n) == [n]
        what = None
        assert f(n) == [n]


def garbage_collection_at_odd_points(bound: dict[str, Any]) -> None:
    class Key(keys.Key):
        base, hashes = 0, 2

        def __init__(self, n):
            super().__init__(n)
            self.me = self

        def hashed(self):
            gc.collect()

        def compared(self):
            gc.collect()

        def __del__(self):
            gc.collect()

    class Value:
        def __init__(self):
            self.me = self

        def __del__(self):
            gc.collect()

    def version():
        gc.collect()
        return (1, 2.5, "x")

    @versioned_lru_cache(version, **bound)
    def f(x):
        gc.collect()
        return Value()

    for n in range(12):
        f(Key(n % 5))
    f.cache_invalidate(Key(1))
    f.cache_clear()
    gc.collect()


def garbage_collection_by_threshold_while_many_entries_come_and_go() -> None:
    gc.set_threshold(1, 1, 1)

    class Value:
        def __init__(self, n):
            self.me, self.n = self, n

    current = {}

    @versioned_lru_cache(lambda: 1, session=lambda: current, maxsize=8)
    def f(x, y=0):
        return Value(x)

    for n in range(600):
        if n % 50 == 0:
            current = {}
        assert f((n % 20,), y=[0, (1,)][n % 2]).n == (n % 20,)


def deep_recursion_is_a_recursion_error(limit: int | None, bound: dict[str, Any]) -> None:
    if limit:
        sys.setrecursionlimit(limit)

    @cached(**bound)
    def f(n):
        return f(n + 1)

    raised(RecursionError, f, 0)
    assert f.cache_info().currsize == 0
    raised(RecursionError, f, 0)
    Call(raised, RecursionError, f, 0).result(60)


def deep_recursion_through_version_function_key_and_equality(limit: int | None) -> None:
    if limit:
        sys.setrecursionlimit(limit)

    @versioned_lru_cache(lambda n: asks(n + 1))
    def asks(n):
        return n

    raised(RecursionError, asks, 0)

    @versioned_lru_cache(version=1, key=lambda n: keyed(n + 1))
    def keyed(n):
        return n

    raised(RecursionError, keyed, 0)

    class Key:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return compared(Key())

    @versioned_lru_cache(version=1)
    def compared(key):
        return True

    assert compared(Key()) is True
    raised(RecursionError, compared, Key())
    assert keyed.cache_info().currsize == asks.cache_info().currsize == 0


def ordinary_recursion_of_some_depth_works() -> None:
    @cached()
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(100) == 354224848179261915075
    assert fib.cache_info().misses == 101


def threads_that_meddle_with_each_other() -> None:
    current = [{} for _ in range(3)]
    local = threading.local()

    @versioned_lru_cache(lambda: next(versions) // 50, session=lambda: getattr(local, "session", None), maxsize=4)
    def f(x):
        return (x, object())

    versions = itertools.count()
    errors = []

    def work(seed):
        chance = random.Random(seed)
        try:
            for _ in range(2000):
                local.session = chance.choice([None, *current])
                x = chance.randrange(8)
                assert f(x)[0] == x
                match chance.randrange(20):
                    case 0:
                        f.cache_clear()
                    case 1:
                        f.cache_invalidate(x)
                    case 2:
                        f.cache_put(Versioned((x, 0), 1), x)
                    case 3:
                        current[chance.randrange(3)] = {}
                    case 4:
                        current[chance.randrange(3)].pop("lru_cache_versions", None)
                    case 5:
                        gc.collect(0)
        except BaseException as error:
            errors.append(error)
            raise

    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert f.cache_info().currsize <= 4


def a_version_function_in_a_session_that_calls_what_it_is_the_version_of() -> None:
    depth = 0

    def version():
        nonlocal depth
        depth += 1
        if depth < 5:
            f(1)
        return 1

    @versioned_lru_cache(version, session={})
    def f(x):
        return x

    assert f(1) == 1
    assert f(1) == 1


def interpreter_exit_with_filled_caches_and_live_sessions() -> None:
    class Value:
        def __del__(self):
            f.cache_info()

    g = {}

    @cached(session=g)
    def f(x):
        return Value()

    with session():
        f(1)
    g["f"] = f
    f(2)
    until_the_end.append(f)
    print("done")
