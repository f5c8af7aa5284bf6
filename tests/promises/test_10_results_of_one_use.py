"""Promise 10: a result that its first caller would use up, or that has yet to come, is told, and nothing is stored."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import os
import sqlite3
from concurrent.futures import Future as FutureOfThreads
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest

from tests.support.refusing import refused
from tests.support.tasks import run
from versioned_lru_cache import NOT_MODIFIED, Refresh, Versioned, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Lines:
    """An iterator written in Python."""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        return "line"


class MoreLines(Lines):
    pass


class Ticks:
    def __aiter__(self) -> Ticks:
        return self

    async def __anext__(self) -> int:
        return 1


class OwnFuture(FutureOfThreads[int]):
    pass


@contextmanager
def entered() -> Iterator[None]:
    yield


@asynccontextmanager
async def entered_in_turn() -> AsyncIterator[None]:
    yield


def rows() -> sqlite3.Cursor:
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute("select 1")


ONE_USE: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: map(str, [1]), "an iterator", "map"),
    (lambda: zip([1], [2]), "an iterator", "zip"),  # noqa: B905 - whatever its length
    (lambda: iter([1]), "an iterator", "list_iterator"),
    (lambda: reversed((1,)), "an iterator", "reversed"),
    (lambda: enumerate([1]), "an iterator", "enumerate"),
    (lambda: itertools.chain([1]), "an iterator", "chain"),
    (lambda: csv.reader(["a,b"]), "an iterator", "reader"),
    (lambda: csv.DictReader(["a,b"]), "an iterator", "DictReader"),
    (lambda: open(os.devnull), "an iterator", "TextIOWrapper"),  # noqa: SIM115 - left to the collector
    (lambda: io.BytesIO(b"image"), "an iterator", "BytesIO"),
    (rows, "an iterator", "Cursor"),
    (Lines, "an iterator", "Lines"),
    (MoreLines, "an iterator", "MoreLines"),
    (Ticks, "an async iterator", "Ticks"),
    (FutureOfThreads, "a future", "Future"),
    (OwnFuture, "a future", "OwnFuture"),
    (entered, "a context manager", "_GeneratorContextManager"),
    (entered_in_turn, "a context manager", "_AsyncGeneratorContextManager"),
    (lambda: closing(io.StringIO()), "a context manager", "closing"),
]
each = pytest.mark.parametrize(("made", "kind", "name"), ONE_USE, ids=[name for _, _, name in ONE_USE])


@each
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_result_of_one_use(made: Callable[[], Any], kind: str, name: str) -> None:
    answers: list[Any] = [made, made, list]
    cached: Any = versioned_lru_cache(None)(lambda x: answers.pop(0)())
    for _ in range(2):  # A class that was looked at once is told again.
        refused(lambda: cached(1), TypeError, "<lambda> returned", kind, name)
        assert not cached.cache_contains(1)
    assert cached(1) is cached(1)


@each
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_the_same_in_other_places(made: Callable[[], Any], kind: str, name: str) -> None:
    told: Any = versioned_lru_cache("v1")(lambda: Versioned(made(), "v1"))
    refused(told, TypeError, "returned", kind, name)
    renewed: Any = versioned_lru_cache("v1", revalidate=lambda previous: made())(lambda: [0])
    kept = renewed()
    with session(refresh=Refresh.all()):
        refused(renewed, TypeError, "returned", kind, name)
    assert renewed() is kept

    @versioned_lru_cache(None)
    async def awaited() -> Any:
        return made()

    refused(lambda: asyncio.run(awaited()), TypeError, "returned", kind, name)
    assert not awaited.cache_contains()


def test_a_task_and_a_future_of_a_loop() -> None:
    async def work() -> int:
        return 1

    async def test() -> None:
        loop = asyncio.get_running_loop()
        for made in (lambda: loop.create_task(work()), loop.create_future):
            cached: Any = versioned_lru_cache(None)(made)
            refused(cached, TypeError, "a future", "an `async def` has by awaiting it")
            assert not cached.cache_contains()

    run(test)


def test_what_to_write_instead_is_told() -> None:
    cached: Any = versioned_lru_cache(None)(lambda: map(str, [1]))
    refused(cached, TypeError, "its first caller would use up", "a list of what it yields")
    cached = versioned_lru_cache(None)(entered)
    refused(cached, TypeError, "entered returned", "leave it uncached, and cache what is made within it")


@pytest.mark.parametrize("option", ["version", "key", "cache_if"])
def test_an_answer_of_one_use(option: str) -> None:
    options: dict[str, Any] = {"version": "v1", option: lambda *args: iter([1])}
    cached: Any = versioned_lru_cache(options.pop("version"), **options)(lambda: [1])
    refused(cached, TypeError, option, "returned an iterator")


class Again:
    """What has an iterator of its own for each loop, and a `__next__` besides."""

    def __iter__(self) -> Iterator[int]:
        return iter([1])

    def __next__(self) -> int:
        return 1


class Closed:
    """As a closed file, which has no iterator."""

    def __iter__(self) -> Iterator[int]:
        raise ValueError("I/O operation on closed file")

    def __next__(self) -> int:
        raise ValueError("I/O operation on closed file")


class Nothing:
    __iter__ = None
    __next__ = None


class Plain:
    pass


class Awaitable:
    def __await__(self) -> Iterator[Any]:
        yield


@pytest.mark.parametrize(
    "made",
    [
        Again,
        Closed,
        Nothing,
        Plain,
        Awaitable,
        Mock,
        MagicMock,
        dict,
        lambda: range(3),
        nullcontext,
        lambda: suppress(OSError),
    ],
)
def test_a_result_of_many_uses(made: Callable[[], Any]) -> None:
    cached: Any = versioned_lru_cache(None)(lambda x: made())
    for x in range(3):
        assert cached(x) is cached(x)


def test_a_mock_notes_nothing() -> None:
    mock = MagicMock()
    cached: Any = versioned_lru_cache(None)(lambda: mock)
    assert cached() is mock
    assert mock.mock_calls == []


def test_a_class_that_becomes_an_iterator() -> None:
    """It was told to be finished, by what it was then."""
    late: Any = type("Late", (), {})
    cached: Any = versioned_lru_cache(None)(lambda x: late())
    cached(1)
    cached(2)
    late.__iter__ = lambda self: self
    late.__next__ = lambda self: 1
    refused(lambda: cached(3), TypeError, "an iterator")


def test_an_interrupt_while_an_iterator_is_made_is_not_lost() -> None:
    class Interrupted:
        def __iter__(self) -> Iterator[int]:
            raise KeyboardInterrupt

        def __next__(self) -> int:
            return 1

    cached: Any = versioned_lru_cache(None)(lambda: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        cached()
    assert not cached.cache_contains()


def test_an_old_result_that_is_good_still_may_be_handed_back() -> None:
    cached: Any = versioned_lru_cache("v1", revalidate=lambda previous: NOT_MODIFIED)(lambda: [1])
    kept = cached()
    with session(refresh=Refresh.all()):
        assert cached() is kept
