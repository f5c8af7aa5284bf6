"""What looks at a whole cache, or at all of them: keys, invalidation by a predicate, the off switch, copies."""

from __future__ import annotations

import asyncio
import copy
import gc
import threading
import weakref
from contextvars import copy_context
from typing import Any

import pytest

from tests.support.child import run_code
from tests.support.refusing import refused
from versioned_lru_cache import (
    Refresh,
    Versioned,
    caches,
    clear_all,
    current_version,
    disabled,
    session,
    versioned_lru_cache,
)
from versioned_lru_cache.testing import MockClock

CONSTANT = versioned_lru_cache(None)


class Shop:
    @CONSTANT
    def price(self, item: str, currency: str = "EUR") -> list[str]:
        return [item]


def test_keys_are_the_calls_as_they_are_bound() -> None:
    @CONSTANT
    def f(a: int, b: int = 2, *, c: int = 3) -> int:
        return a

    f(1), f(2, c=4), f(b=5, a=1)
    keys = f.cache_keys()[::-1]  # The most recently used comes first.
    assert [(key.args, key.kwargs) for key in keys] == [((1, 2), {"c": 3}), ((2, 2), {"c": 4}), ((1, 5), {"c": 3})]
    assert keys[0] == f.cache_key(1)
    assert len({*keys, f.cache_key(c=4, a=2)}) == 3
    assert f.cache_info() == (0, 3, 128, 3)
    f.cache_invalidate(*keys[1].args, **keys[1].kwargs)
    assert f.cache_keys() == [keys[2], keys[0]]


def test_keys_of_what_has_ended_are_not_there() -> None:
    with MockClock() as clock:
        f = versioned_lru_cache(None, ttl=10)(lambda x: x)
        f(1)
        clock.advance(5)
        f(2)
        clock.advance(5)
        assert [key.args for key in f.cache_keys()] == [(2,)]


def test_keys_of_an_instance_are_its_own() -> None:
    one, other = Shop(), Shop()
    one.price("tea"), other.price("milk")
    assert [key.args for key in one.price.cache_keys()] == [(one, "tea", "EUR")]
    assert one.price.cache_keys() == [one.price.cache_key("tea")]
    assert {key.args[1] for key in Shop.price.cache_keys() if key.args[0] in (one, other)} == {"tea", "milk"}


def test_invalidation_by_a_predicate() -> None:
    @CONSTANT
    def f(user: str, limit: int = 10) -> object:
        return object()

    ann, bob, few = f("ann"), f("bob"), f("ann", limit=1)
    assert f.cache_invalidate_where(lambda user, limit=10: user == "ann") == 2
    assert f("bob") is bob
    assert f("ann") is not ann
    assert f("ann", 1) is not few
    assert f.cache_invalidate_where(lambda **call: False) == 0
    refused(lambda: f.cache_invalidate_where(3), TypeError, "where(3)", "callable")  # type: ignore[arg-type]
    refused(lambda: f.cache_invalidate_where(lambda user: True), TypeError, "where(", "'limit'")
    assert f.cache_info().currsize == 3


def test_a_predicate_over_an_instance_s_calls_is_not_given_the_instance() -> None:
    one, other = Shop(), Shop()
    tea, milk, others = one.price("tea"), one.price("milk"), other.price("tea")
    assert one.price.cache_invalidate_where(lambda item, currency="EUR": item == "tea") == 1
    assert one.price("milk") is milk
    assert other.price("tea") is others
    assert one.price("tea") is not tea


def test_with_a_key_a_predicate_is_given_that() -> None:
    f = versioned_lru_cache(None, key=lambda rows: sum(rows))(lambda rows: list(rows))
    f([1, 2]), f([3, 4])
    assert [key.args for key in f.cache_keys()] == [(7,), (3,)]
    assert f.cache_invalidate_where(lambda total: total == 3) == 1
    assert [key.args for key in f.cache_keys()] == [(7,)]


def test_a_predicate_strikes_what_is_being_computed_and_what_sessions_keep() -> None:
    begun, go_on = threading.Event(), threading.Event()

    @CONSTANT
    def f(x: int) -> object:
        begun.set()
        assert go_on.wait(30)
        return object()

    runs = threading.Thread(target=f, args=(1,))
    runs.start()
    assert begun.wait(30)
    assert f.cache_invalidate_where(lambda x: x == 1) == 0
    go_on.set()
    runs.join(30)
    assert not f.cache_contains(1)

    small = versioned_lru_cache(lambda: 1, maxsize=1)(lambda x: object())
    with session():
        one = small(1)
        small(2)
        assert small(1) is one
        small.cache_invalidate_where(lambda x: x == 1)
        assert small(1) is not one


def test_a_predicate_may_call_the_function_and_what_it_raises_is_raised() -> None:
    f = CONSTANT(lambda x: [x])
    f(1), f(2)

    def predicate(x: int) -> bool:
        f(x + 10)
        if x == 1:  # The last that it is asked about.
            raise ZeroDivisionError
        return True

    with pytest.raises(ZeroDivisionError):
        f.cache_invalidate_where(predicate)
    assert f.cache_contains(1)
    assert f.cache_contains(2)


def test_the_version_for_which_a_body_runs() -> None:
    data = 1
    seen: list[Any] = []

    def version() -> int:
        refused(current_version, LookupError, "current_version()", "body")
        return data

    @versioned_lru_cache(version)
    def f() -> int:
        nonlocal data
        data += 1
        seen.append((current_version(), g()))
        return 1

    g = versioned_lru_cache("v1")(lambda: current_version())
    refused(current_version, LookupError, "current_version()", "body")
    f()
    assert seen == [(1, "v1")]
    f()
    assert seen[1:] == [(2, "v1")]

    @versioned_lru_cache(lambda: data)
    async def awaited() -> int:
        await asyncio.sleep(0)
        return current_version()  # type: ignore[no-any-return]

    assert asyncio.run(awaited()) == data


def test_full_parameters() -> None:
    def version() -> int:
        return 1

    f = versioned_lru_cache(version, maxsize=3, ttl=10, name="f")(lambda: 1)
    parameters = f.cache_parameters()
    assert list(parameters)[:2] == ["maxsize", "typed"]
    assert parameters["version"] is version
    assert (parameters["maxsize"], parameters["ttl"], parameters["name"], parameters["copy"]) == (3, 10, "f", None)
    parameters["maxsize"] = 5
    assert f.cache_parameters()["maxsize"] == 3
    assert versioned_lru_cache(None, maxsize=-1)(lambda: 1).cache_parameters()["maxsize"] == 0


def test_each_caller_is_handed_a_copy() -> None:
    f = versioned_lru_cache(lambda: 1, copy=copy.copy)(lambda x: [x])
    for _ in range(3):
        answer = f(1)
        assert answer == [1]
        answer.append(2)
    with session():
        f(1).append(3)
        assert f(x=1) == [1]
    peeked = f.cache_peek(1)
    assert peeked is not None
    peeked.value.append(4)
    f.cache_refresh(1).append(5)
    assert f(1) == [1]
    outer = versioned_lru_cache(lambda: 1)(lambda: f(1))
    assert outer() is outer()
    refused(lambda: versioned_lru_cache(None, copy=3), TypeError, "copy=3", "callable")  # type: ignore[arg-type]


def test_each_awaiter_is_handed_a_copy() -> None:
    @versioned_lru_cache(lambda: 1, copy=copy.copy)
    async def f(x: int) -> list[int]:
        await asyncio.sleep(0)
        return [x]

    async def main() -> None:
        both = await asyncio.gather(f(1), f(1))
        both[0].append(2)
        assert both[1] == [1]
        (await f(1)).append(3)
        (await f.cache_refresh(1)).append(4)
        assert await f(1) == [1]

    asyncio.run(main())
    assert f.cache_info().misses == 2


def test_a_copy_that_fails_loses_nothing() -> None:
    fails = True

    def copies(value: list[int]) -> list[int]:
        if fails:
            raise ZeroDivisionError
        return list(value)

    f = versioned_lru_cache(None, copy=copies)(lambda x: [x])
    with pytest.raises(ZeroDivisionError):
        f(1)
    fails = False
    assert f(1) == [1]
    assert f.cache_info().misses == 1


@pytest.mark.parametrize("options", [{}, {"key": lambda x: x}, {"session": lambda: None}])
def test_while_the_cache_is_off_every_call_runs_the_function(options: dict[str, Any]) -> None:
    asked: list[int] = []
    f = versioned_lru_cache(lambda: asked.append(1), **options)(lambda x: [x])
    one = f(1)
    calls = len(asked)
    with disabled():
        assert f(1) is not one
        with disabled():
            assert f(1) is not one
        assert f(1) is not f(1)
        assert f.cache_refresh(1) is not one
        assert f(2) == [2]
    assert len(asked) == calls
    assert f(1) is one
    assert f.cache_info().currsize == 1
    assert f.cache_stats().bypassed == 6


def test_what_a_function_returns_is_looked_at_while_it_is_off() -> None:
    f = versioned_lru_cache(lambda: 1)(lambda x: Versioned(x, 1))
    g = versioned_lru_cache(lambda: 1)(lambda: (x for x in "ab"))
    with disabled():
        assert f(3) == 3
        refused(g, TypeError, "generator")


def test_it_is_off_for_tasks_of_the_block_and_for_no_other_thread() -> None:
    @CONSTANT
    async def f(x: int) -> list[int]:
        return [x]

    plain = CONSTANT(lambda x: [x])

    async def main() -> None:
        one = await f(1)
        # Begun before the block: without a GIL, CPython 3.14 lets a new thread inherit its beginner's context.
        go_on, elsewhere = threading.Event(), list[Any]()
        other = threading.Thread(target=lambda: elsewhere.extend([go_on.wait(30), plain(1), plain(1)]))
        other.start()
        with disabled():
            assert await f(1) is not one
            assert await asyncio.gather(f(1), f(1)) == [[1], [1]]
            go_on.set()
            other.join(30)
            assert elsewhere[1] is elsewhere[2]
        assert await f(1) is one
        assert f.cache_stats().bypassed == 3

    asyncio.run(main())


def test_a_block_that_ends_elsewhere_is_over() -> None:
    f = CONSTANT(lambda x: [x])
    off = disabled()
    copy_context().run(off.__enter__)
    assert f(1) is f(1)
    off.__exit__(None, None, None)
    with session():
        assert f(1) is f(1)


@pytest.mark.parametrize(("value", "same"), [("off", False), ("OFF", False), ("on", True), ("", True)])
def test_off_for_the_process(value: str, same: bool) -> None:
    code = "from versioned_lru_cache import *\nf = versioned_lru_cache(None)(lambda x: [x])\nprint(f(1) is f(1))"
    assert run_code(code, VERSIONED_LRU_CACHE=value).stdout.split() == [str(same)]


def test_another_word_for_the_process_is_told() -> None:
    code = "try: import versioned_lru_cache\nexcept ValueError as error: print(error)"
    told = run_code(code, VERSIONED_LRU_CACHE="of").stdout
    assert "VERSIONED_LRU_CACHE" in told
    assert '"of"' in told
    assert '"off"' in told


def test_all_caches_are_known_as_long_as_they_live() -> None:
    f = CONSTANT(lambda x: [x])
    g = versioned_lru_cache(lambda: 1)(lambda x: [x])
    assert [known for known in caches() if known in (f, g)] == [f, g]
    f(1), g(1)
    clear_all()
    assert f.cache_info().currsize == g.cache_info().currsize == 0
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None
    assert all(known is not None for known in caches())
    with session(refresh=Refresh.none()):
        assert g(1) is g(1)
