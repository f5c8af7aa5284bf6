"""`versions.all_of`: several version functions as one."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tasks import run
from versioned_lru_cache import session, versioned_lru_cache, versioned_lru_cache_with_ttl
from versioned_lru_cache.versions import all_of, file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


def test_a_change_of_any_of_them_is_seen_by_the_next_session(tmp_path: Path) -> None:
    names = ["prices", "stock"]
    for name in names:
        (tmp_path / name).write_text("1")
    runs: list[int] = []

    @versioned_lru_cache(all_of(*[file(tmp_path / name) for name in names]))
    def value() -> int:
        runs.append(1)
        return int((tmp_path / "prices").read_text()) * int((tmp_path / "stock").read_text())

    with session():
        assert value() == 1
        (tmp_path / "stock").write_text("20")
        assert value() == 1
    with session():
        assert value() == value() == 20
    (tmp_path / "prices").write_text("30")
    with session():
        assert value() == 600
    assert len(runs) == 3


def test_the_version_is_a_tuple_in_the_order_given() -> None:
    asked: list[str] = []

    def one() -> int:
        asked.append("one")
        return 1

    def two() -> str:
        asked.append("two")
        return "2"

    assert all_of(one, "constant", two, None, one)() == (1, "constant", "2", None, 1)
    assert asked == ["one", "two", "one"]


def test_if_all_take_nothing_it_takes_nothing() -> None:
    asked: list[int] = []

    def version() -> int:
        asked.append(1)
        return 1

    combined = all_of(version, "v1")
    assert str(inspect.signature(combined)) == "()"
    cached = versioned_lru_cache(combined)(lambda x: x)
    with session():
        assert [cached(number) for number in range(3)] == [0, 1, 2]
    assert len(asked) == 1


def test_those_that_take_something_get_the_arguments_of_the_call() -> None:
    serials = {"north": 1, "south": 1}
    asked: list[object] = []

    def serial(region: str) -> int:
        asked.append(region)
        return serials[region]

    def nothing() -> int:
        asked.append("nothing")
        return 1

    def anything(*args: str, **kwargs: str) -> int:
        asked.append((args, kwargs))
        return 1

    runs: list[str] = []

    @versioned_lru_cache(all_of(nothing, anything, serial, "v1"))
    def report(region: str) -> str:
        runs.append(region)
        return region

    report("north")
    assert asked == ["nothing", (("north",), {}), "north"]
    report(region="north")
    assert asked[3:] == ["nothing", (("north",), {}), "north"]
    report("south")
    serials["south"] = 2
    report("north")
    report("south")
    assert runs == ["north", "south", "south"]


def test_with_the_original_decorator_one_that_names_arguments_is_asked_for_each() -> None:
    serials = {"north": 1, "south": 2}
    combined = all_of(lambda *args: "any", lambda region: serials[region], lambda: "none")
    assert str(inspect.signature(combined)) == "(region)"
    g: dict[str, Any] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g, generate_version_func=combined, module_name="m", cache_max_size=10
    )
    def report(region: str) -> int:
        return serials[region]

    assert [report("north"), report("south")] == [1, 2]
    g.clear()
    serials["south"] = 20
    assert [report("north"), report("south")] == [1, 20]


def test_one_that_does_not_tell_its_parameters_gets_the_arguments() -> None:
    class Untold:
        __signature__ = "unknown"

        def __call__(self, x: int) -> int:
            return -x

    assert all_of(Untold(), lambda: 1)(5) == (-5, 1)


def test_one_that_can_not_take_the_arguments_is_told_at_decoration() -> None:
    def regional(region: str) -> str:
        return region

    with pytest.raises(TypeError, match="can't take the arguments"):
        versioned_lru_cache(all_of(lambda: 1, regional))(lambda: 1)


def test_combinations_combine() -> None:
    inner = all_of(lambda region: region, "v1")
    assert all_of(inner, lambda: 2)("north") == (("north", "v1"), 2)


def test_version_args_say_what_they_get() -> None:
    asked: list[str] = []
    combined = all_of(asked.append, lambda user: user)
    cached = versioned_lru_cache(combined, version_args=lambda user, day: (user,))(lambda user, day: (user, day))
    assert cached("ann", "Monday") == ("ann", "Monday")
    assert asked == ["ann"]


def test_an_error_of_one_goes_to_the_caller() -> None:
    asked: list[int] = []

    def failing() -> int:
        raise OSError("out of reach")

    with pytest.raises(OSError, match="out of reach"):
        all_of(failing, lambda: asked.append(1))()
    assert asked == []


# --- coroutine functions


def test_it_is_a_coroutine_function_if_one_of_them_is() -> None:
    world = {"data": 1}
    asked: list[str] = []

    async def awaited() -> int:
        asked.append("awaited")
        await asyncio.sleep(0)
        asked.append("answered")
        return world["data"]

    def plain() -> int:
        asked.append("plain")
        return 1

    runs: list[int] = []

    @versioned_lru_cache(all_of(plain, awaited, "v1", plain))
    async def report() -> int:
        runs.append(1)
        return world["data"]

    async def main() -> None:
        async with session():
            assert await asyncio.gather(report(), report()) == [1, 1]
        assert asked == ["plain", "awaited", "answered", "plain"]
        world["data"] = 2
        async with session():
            assert await report() == 2
        assert await report() == 2
        assert len(runs) == 2
        assert await all_of(awaited, "v1")() == (2, "v1")

    run(main)


def test_one_that_is_awaited_gets_the_arguments_too() -> None:
    async def regional(region: str) -> str:
        return region

    combined = all_of(lambda: 1, regional)
    assert str(inspect.signature(combined)) == "(region: 'str') -> 'str'"
    assert run(lambda: combined("north")) == (1, "north")
    assert run(lambda: combined(region="south")) == (1, "south")
    assert run(lambda: all_of(combined, "v1")("north")) == ((1, "north"), "v1")


def test_a_plain_function_can_not_await_it() -> None:
    async def awaited() -> int:
        return 1

    with pytest.raises(TypeError, match="can't await its version"):
        versioned_lru_cache(all_of(lambda: 1, awaited))(lambda: 1)


@pytest.mark.parametrize("others", [[], ["awaited"]])
def test_a_coroutine_that_nobody_awaits_is_told(others: list[str]) -> None:
    async def awaited() -> int:
        return 1

    hidden = all_of(lambda: awaited(), *([awaited] if others else []))
    with pytest.raises(TypeError, match="answered with a coroutine that nobody awaits"):
        run(hidden) if others else hidden()


# --- wrong use


def generating() -> Iterator[int]:
    yield 1


async def generating_too() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), ["versions=()", "needs at least one"]),
        (("v1", None), ["versions=('v1', None)", "needs at least one"]),
        ((lambda: 1, []), ["versions[1]=[]", "hashable"]),
        ((generating,), ["versions[0]=", "generating", "generator function"]),
        (("v1", generating_too), ["versions[1]=", "async generator function"]),
    ],
)
def test_wrong_use_is_told_at_once(given: tuple[Any, ...], words: list[str]) -> None:
    with pytest.raises(TypeError) as raised:
        all_of(*given)
    assert type(raised.value) is TypeError
    assert all(word in str(raised.value) for word in words), str(raised.value)
