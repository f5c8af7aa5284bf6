"""Hits of several threads: what they leave behind is what hits of one thread do, though they look at the same time."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TIME_LIMIT = 60
# More than there are gates at which threads look at a store.
THREADS = 12
FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()


def in_threads(*acts: Callable[[], object]) -> None:
    """Runs each in a thread of its own, all at the same time; what one raises is raised here."""
    barrier, errors = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        try:
            barrier.wait(TIME_LIMIT)
            act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIME_LIMIT)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def cached(maxsize: int) -> Any:
    @versioned_lru_cache("constant", maxsize=maxsize)
    def f(key: int) -> tuple[int]:
        return (key,)

    return f


def calls(f: Any, keys: Iterable[int]) -> Callable[[], None]:
    def act() -> None:
        for key in keys:
            assert f(key) == (key,)

    return act


def stored(f: Any, keys: Iterable[int]) -> list[int]:
    return [key for key in keys if f.cache_contains(key)]


@pytest.mark.parametrize("hits", [1, 50, 64, 65, 99, 500])
def test_what_another_thread_used_leaves_last(hits: int) -> None:
    f = cached(1000)
    calls(f, range(1000))()
    in_threads(calls(f, range(hits)))
    calls(f, range(1000, 2000 - hits))()
    assert stored(f, range(1000)) == list(range(hits))


def test_each_thread_leaves_its_own_order_behind() -> None:
    f = cached(400)
    calls(f, range(400))()
    in_threads(calls(f, reversed(range(200))), calls(f, reversed(range(200, 400))))
    for key in range(400, 799):
        f(key)
        for half in (range(200), range(200, 400)):
            left = stored(f, half)
            assert left == list(half)[: len(left)], "in its thread this was used later than what has left"


def test_a_key_that_is_hit_again_and_again_stays() -> None:
    f = cached(2)
    calls(f, [1, 2])()
    in_threads(calls(f, [1] * 1000))
    f(3)
    assert stored(f, [1, 2, 3]) == [1, 3]


def test_all_hits_are_counted() -> None:
    f = cached(100)
    calls(f, range(100))()
    in_threads(*[calls(f, [*range(100), 7, 7, 7] * 10)] * THREADS)
    info = f.cache_info()
    assert (info.hits, info.misses, info.currsize) == (THREADS * 1030, 100, 100)


def test_hits_beside_what_changes_the_store() -> None:
    f = cached(60)
    versions = [0]

    @versioned_lru_cache(lambda: versions[0], maxsize=60)
    def g(key: int) -> tuple[int]:
        return (key,)

    def in_sessions() -> None:
        for _ in range(30):
            with session():
                calls(g, [*range(70)] * 3)()

    def change() -> None:
        for number in range(300):
            versions[0] += 1
            f.cache_invalidate(number % 50)
            f.cache_info()
            if number % 50 == 0:
                f.cache_clear()
                gc.collect()

    in_threads(*[calls(f, [*range(50)] * 40)] * 4, *[calls(f, [*range(80)] * 20)] * 4, *[in_sessions] * 3, change)
    for function in (f, g):
        calls(function, range(60))()
        assert function.cache_info().currsize == 60


def test_a_function_made_within_another_goes_at_once() -> None:
    f = cached(10)
    f(1)
    gone = weakref.ref(f)
    del f
    assert gone() is None


def test_a_function_of_a_module_goes_at_the_latest_when_garbage_is_collected() -> None:
    names: dict[str, Any] = {"versioned_lru_cache": versioned_lru_cache}
    exec("@versioned_lru_cache('constant')\ndef f(key): return (key,)", names)
    names["f"](1)
    gone = weakref.ref(names.pop("f"))
    if FREE_THREADED:
        # Calls leave the count of references to it alone there, as those of CPython's own functions.
        gc.collect()
    assert gone() is None
