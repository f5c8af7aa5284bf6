"""The library's own cached coroutine functions are coroutine functions to it, wherever it is given one."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusing import refused
from versioned_lru_cache import Lag, Refresh, Versioned, session, versioned_lru_cache, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Serial:
    """A serial that is a cached coroutine method; under a session each object's is asked once."""

    def __init__(self) -> None:
        self.now = 1
        self.asked = 0

    @versioned_lru_cache(None, maxsize=0)
    async def serial(self) -> int:
        await asyncio.sleep(0)
        self.asked += 1
        return self.now

    @versioned_lru_cache(None, maxsize=0)
    async def serial_of(self, kind: str) -> int:
        return await self.serial()

    @versioned_lru_cache(None, maxsize=0)
    async def __call__(self) -> int:
        return await self.serial()


class Inherits(Serial):
    """Its `__call__` is another class's."""


def function_of(data: Serial) -> Any:
    async def serial() -> int:
        return await data.serial()

    return versioned_lru_cache(None, maxsize=0)(serial)


ASKED: list[Callable[[Serial], Any]] = [
    lambda data: data.serial,
    function_of,
    lambda data: data,
    lambda data: partial(data.serial_of, "sales"),
    lambda data: partial(partial(data.serial_of), "sales"),
    lambda data: versioned_lru_cache(None, maxsize=0)(function_of(data)),
    lambda data: versioned_lru_cache(None, maxsize=0)(partial(data.serial_of, "sales")),
    lambda data: versioned_lru_cache(None, maxsize=0)(data),
    lambda data: versions.all_of(function_of(data), "v1"),
    lambda data: versions.all_of("v1", partial(data.serial_of, "sales"), lambda: 1),
]


@pytest.mark.parametrize("of", [Serial, Inherits])
@pytest.mark.parametrize("made", ASKED)
def test_as_a_version_function(made: Callable[[Serial], Any], of: type[Serial]) -> None:
    data = of()

    @versioned_lru_cache(made(data))
    async def report() -> list[int]:
        return [data.now]

    async def main() -> None:
        kept = await report()
        assert await report() is kept, "an equal version is the same data"
        data.now = 2
        assert await report() == [2]
        before = data.asked
        async with session():
            assert await report() is await report()
        assert data.asked == before + 1

    asyncio.run(main())


def test_inspect_knows_them() -> None:
    data = Serial()
    for made in ASKED[:2] + ASKED[3:8]:
        assert inspect.iscoroutinefunction(made(data))
        assert inspect.iscoroutinefunction(versioned_lru_cache(None)(made(data)))


def test_decorated_twice() -> None:
    @versioned_lru_cache(None)
    @versioned_lru_cache(None)
    async def f(x: int) -> list[int]:
        return [x]

    @versioned_lru_cache(None)
    async def g(x: int, y: int) -> list[int]:
        return [x, y]

    part: Any = versioned_lru_cache(None)(partial(g, 1))

    async def main() -> None:
        assert await f(1) is await f(1)
        assert await part(2) is await part(2)
        assert await part(2) == [1, 2]

    asyncio.run(main())


def test_as_revalidate() -> None:
    @versioned_lru_cache(None, key=lambda previous, x: (previous.version, x))
    async def again(previous: Any, x: int) -> list[int]:
        return [*previous.value, x]

    now = [1]

    @versioned_lru_cache(lambda: now[0], revalidate=again)
    async def f(x: int) -> list[int]:
        return [x]

    async def main() -> None:
        assert await f(1) == [1]
        now[0] = 2
        assert await f(1) == [1, 1]

    asyncio.run(main())


@versioned_lru_cache(None)
async def cached(*args: object, **kwargs: object) -> int:
    return 1


class Holder:
    @versioned_lru_cache(None)
    async def method(self, *args: object) -> int:
        return 1

    @versioned_lru_cache(None)
    async def __call__(self, *args: object) -> int:
        return 1


MADE = [cached, partial(cached, 1), Holder().method, partial(Holder().method, 1), Holder(), partial(Holder())]


@pytest.mark.parametrize(
    ("option", "own"),
    [(option, own) for option in ("key", "cache_if", "version_args") for own in MADE]
    + [("session", own) for own in (cached, Holder().method)],  # Another object may be a mapping.
)
def test_where_an_answer_is_needed_at_once(option: str, own: Any) -> None:
    options = {option: own}
    refused(lambda: versioned_lru_cache(lambda *_: 1, **options), TypeError, option, repr(own), "coroutine function")


@pytest.mark.parametrize("own", MADE)
def test_in_other_places(own: Any) -> None:
    refused(lambda: versioned_lru_cache(own)(len), TypeError, "version", repr(own), "can't await")
    refused(lambda: versioned_lru_cache(None, revalidate=own)(lambda x: x), TypeError, "revalidate", repr(own))
    refused(lambda: Lag(order=own), TypeError, "Lag(order)", repr(own), "coroutine function")
    refused(lambda: cached.where(own), TypeError, "where", repr(own), "coroutine function")
    refused(lambda: versions.file(own), TypeError, "path", repr(own), "coroutine function")


# --- what shows only when it answers


async def written() -> int:
    return 1


def yielding() -> Iterator[int]:
    yield 1


class Awaitable:
    def __await__(self) -> Iterator[int]:
        return yielding()


UNANSWERED = [(cached, "a coroutine"), (written, "a coroutine"), (Awaitable, "an awaitable")]


@pytest.mark.parametrize(("made", "kind"), UNANSWERED)
def test_a_version_that_nobody_awaits(made: Callable[[], Any], kind: str) -> None:
    answers = [made, lambda: "v1"]
    f: Any = versioned_lru_cache(lambda: answers.pop(0)())(lambda: [1])
    refused(f, TypeError, "version function", f"returned {kind}", "async def")
    assert f() == [1]


@pytest.mark.parametrize("made", [cached, written, Awaitable])
def test_a_part_of_a_version_that_nobody_awaits(made: Callable[[], Any]) -> None:
    refused(versions.all_of(lambda: made()), TypeError, "a coroutine that nobody awaits")


@pytest.mark.parametrize("made", [cached, written])
def test_a_result_that_nobody_awaits(made: Callable[[], Any]) -> None:
    f: Any = versioned_lru_cache(None)(lambda: made())
    refused(f, TypeError, "returned a coroutine", "async def")
    assert not f.cache_contains()


def test_an_awaitable_that_is_no_coroutine_may_be_a_result_and_a_key() -> None:
    f: Any = versioned_lru_cache(None, key=lambda x: x)(lambda x: x)
    awaitable = Awaitable()
    assert f(awaitable) is f(awaitable) is awaitable
    assert f.cache_info().hits == 1


@pytest.mark.parametrize(("made", "kind"), UNANSWERED)
def test_an_option_whose_answer_nobody_awaits(made: Callable[[], Any], kind: str) -> None:
    def answer(*_: object) -> Any:
        return made()

    wanting: Any = versioned_lru_cache(None, cache_if=answer)(lambda x: [x])
    refused(lambda: wanting(1), TypeError, f"cache_if= returned {kind}", "plain function")
    if kind == "a coroutine":
        for option in ("key", "version_args"):
            options: Any = {option: answer}
            f: Any = versioned_lru_cache(lambda *_: 1, **options)(lambda x: [x])
            refused(lambda f=f: f(1), TypeError, f"{option}= returned {kind}", "plain function")  # type: ignore[misc]


@pytest.mark.parametrize(("made", "kind"), UNANSWERED)
def test_an_order_whose_answer_nobody_awaits(made: Callable[[], Any], kind: str) -> None:
    now = [1]
    ordered: Any = versioned_lru_cache(lambda: now[0], lag=Lag(order=lambda *_: made()))(
        lambda x: Versioned([x], now[0] - 1)
    )
    refused(lambda: ordered(1), TypeError, f"Lag(order)= returned {kind}", "plain function")


@pytest.mark.parametrize("made", [cached, written, Awaitable])
def test_a_predicate_whose_answer_nobody_awaits(made: Callable[[], Any]) -> None:
    f: Any = versioned_lru_cache(None)(lambda x: [x])
    found = f.where(lambda x: made())
    with session(refresh=Refresh.only(found)):
        refused(lambda: f(1), TypeError, "where", "nobody awaits")
