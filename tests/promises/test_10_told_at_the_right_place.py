"""Whose mistake it was: the function's caller's, an option's, or somebody else's."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from versioned_lru_cache import CachedFunction, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock


def version(region: str) -> int:
    return 1


def report(region: str) -> str:
    return region


def test_a_wrong_call_is_told_as_the_function_itself_would() -> None:
    f: Any = versioned_lru_cache(version)(report)
    for call in [lambda: f(regoin="eu"), lambda: f(), lambda: f(1, 2)]:
        with pytest.raises(TypeError, match=r"^report\(\)"):
            call()
    assert f("eu") == "eu"


@pytest.mark.parametrize("option", ["key", "version_args"])
def test_an_option_that_cannot_take_the_call_is_named(option: str) -> None:
    decorate: Any = versioned_lru_cache(lambda: 1, **{option: lambda: ()})
    with pytest.raises(TypeError, match=f"{option}=.*can't take the arguments of report: .*every call has at least 1"):
        decorate(report)

    def longer(*regions: str) -> str:
        return regions[0]

    f: Any = decorate(longer)
    with pytest.raises(TypeError, match=f"longer.*{option}= cannot take the arguments"):
        f("eu")


async def answer(*_: object) -> int:
    return 1


def numbers(*_: object) -> Any:
    yield 1


class AsyncCall:
    async def __call__(self) -> int:
        return 1


@pytest.mark.parametrize("unfit", [answer, numbers, AsyncCall(), functools.partial(answer, 1)])
@pytest.mark.parametrize("option", ["version_args", "key", "cache_if"])
def test_options_are_plain_functions(option: str, unfit: Any) -> None:
    options: dict[str, Any] = {"version": lambda: 1, option: unfit}
    with pytest.raises(TypeError, match=f"{option}=.* function; it must be a plain function"):
        versioned_lru_cache(options.pop("version"), **options)


@pytest.mark.parametrize("unfit", [answer, AsyncCall(), functools.partial(answer, 1)])
def test_a_plain_function_cannot_await_its_version(unfit: Any) -> None:
    with pytest.raises(TypeError, match=r"version=.* is a coroutine function, and 'report' is not: .* let both be"):
        versioned_lru_cache(unfit)(report)
    assert versioned_lru_cache(unfit)(answer)


@pytest.mark.parametrize("function", [report, answer])
def test_a_version_function_is_no_generator(function: Any) -> None:
    with pytest.raises(TypeError, match=r"version=.* is a generator function; it must be a function that returns"):
        versioned_lru_cache(numbers)(function)


def test_a_version_function_that_needs_arguments_is_not_given_none() -> None:
    with pytest.raises(TypeError, match=r"version_args=\(\) gives nothing"):
        versioned_lru_cache(version, version_args=())


def test_a_misfit_is_told_with_a_key_too() -> None:
    with pytest.raises(TypeError, match="version="):
        versioned_lru_cache(lambda a, b: 1, key=lambda region: region)(report)


def test_an_interrupt_in_a_hash_is_not_lost() -> None:
    hashed = 0

    class Key:
        def __hash__(self) -> int:
            nonlocal hashed
            hashed += 1
            raise KeyboardInterrupt

    f: Any = versioned_lru_cache(version=1)(report)
    with pytest.raises(KeyboardInterrupt):
        f(Key())
    assert hashed == 1


def test_the_argument_of_a_bound_method_has_its_own_name() -> None:
    class Shop:
        def report(self, region: Any) -> Any:
            return region

    f = versioned_lru_cache(version=1)(Shop().report)
    with pytest.raises(TypeError, match='argument "region" is unhashable'):
        f([])


def test_attributes_of_the_function_hide_no_method_of_the_cache() -> None:
    inner: Any = functools.lru_cache(maxsize=3)(report)
    inner.note = "kept"
    f: CachedFunction[Any, Any] = versioned_lru_cache(version=1, maxsize=7)(inner)
    assert f.cache_parameters()["maxsize"] == 7
    assert vars(f)["note"] == "kept"


def test_something_foreign_in_the_mapping_is_not_hidden_by_a_block() -> None:
    place = {"lru_cache_versions": "mine"}
    with pytest.raises(TypeError, match="lru_cache_versions"), session(place):
        pass
    assert place == {"lru_cache_versions": "mine"}


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_a_mock_clock_counts_only_while_it_is_entered() -> None:
    f = versioned_lru_cache(version=1, ttl=10)(lambda: object())
    clock = MockClock()
    clock.advance(5)
    with clock:
        first = f()
        with MockClock() as inner:
            inner.advance(1)
        clock.advance(9.9)
        assert f() is first
        clock.advance(0.1)
        assert f() is not first
    kept = f()
    clock.advance(1000)
    assert f() is kept, "outside of its block it moves nothing"


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_a_mock_clock_that_threads_move_never_goes_back() -> None:
    barrier = threading.Barrier(4)

    def move() -> None:
        barrier.wait(60)
        for _ in range(2_000):
            before = clock.now
            clock.advance(1)
            assert clock.now >= before + 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with MockClock() as clock, ThreadPoolExecutor(4) as pool:
            began = clock.now
            for moved in [pool.submit(move) for _ in range(4)]:
                moved.result(60)
            assert clock.now == began + 8_000
    finally:
        sys.setswitchinterval(interval)


def test_importing_warns_of_nothing() -> None:
    code = "import versioned_lru_cache"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_a_thread_with_a_small_stack_can_use_the_cache() -> None:
    code = """
import threading
from versioned_lru_cache import versioned_lru_cache
threading.stack_size(256 * 1024)
found = []
f = versioned_lru_cache(version=1)(lambda x: x)
thread = threading.Thread(target=lambda: found.append(f(1)))
thread.start(); thread.join(20)
assert found == [1]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
