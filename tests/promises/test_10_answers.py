"""Promise 10: what can't be meant as a result, a version or a session is told, and nothing of it is stored."""

from __future__ import annotations

import asyncio
from functools import cached_property, partial, partialmethod
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import flask
import pytest

from tests.support.refusing import refused
from versioned_lru_cache import (
    Refresh,
    current_session,
    session,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


async def awaited(*args: object) -> int:
    return 1


def yielded(*args: object) -> Iterator[int]:
    yield 1


async def yielded_in_turn(*args: object) -> AsyncIterator[int]:
    yield 1


USED_UP: list[tuple[Callable[..., Any], str]] = [
    (awaited, "coroutine"),
    (yielded, "generator"),
    (yielded_in_turn, "async generator"),
]


@pytest.mark.parametrize(("made", "kind"), USED_UP)
def test_a_result_that_its_first_caller_would_use_up(made: Callable[[], Any], kind: str) -> None:
    answers: list[Any] = [made, list]

    def f(x: int) -> Any:  # As a decorator between the cache's and an `async def` would.
        return answers.pop(0)()

    cached: Any = versioned_lru_cache(None)(f)
    refused(lambda: cached(1), TypeError, "f returned a", kind)
    assert not cached.cache_contains(1)
    assert cached(1) is cached(1)


@pytest.mark.parametrize(("made", "kind"), USED_UP)
def test_the_same_of_a_coroutine_function(made: Callable[[], Any], kind: str) -> None:
    @versioned_lru_cache(None)
    async def f() -> Any:
        return made()

    refused(lambda: asyncio.run(f()), TypeError, "f returned a", kind)
    assert not f.cache_contains()


@pytest.mark.parametrize(("made", "kind"), USED_UP)
def test_a_version_that_its_first_reader_would_use_up(made: Callable[[], Any], kind: str) -> None:
    answers: list[Any] = [made(), "v1"]
    f: Any = versioned_lru_cache(lambda: answers.pop(0))(lambda: [1])
    refused(f, TypeError, "version function", "returned a", kind)
    assert f() == [1]


class Shop:
    def serial(self) -> int:
        return 1


UNCALLED = [awaited, Shop().serial, len, [].append, versions.counter("uncalled"), versions.file("uncalled")]


@pytest.mark.parametrize("uncalled", UNCALLED)
def test_a_function_in_place_of_its_answer_is_no_version(uncalled: Any) -> None:
    answers = [uncalled, "v1"]
    f: Any = versioned_lru_cache(lambda: answers.pop(0))(lambda: [1])
    refused(f, TypeError, "version", type(uncalled).__name__, "call it")
    assert f() == [1]


@pytest.mark.parametrize("version", [int, Shop, MagicMock(), partial(len, ())])
def test_a_version_may_be_callable_for_all_that(version: Any) -> None:
    f: Any = versioned_lru_cache(lambda: version)(lambda: [1])
    assert f() is f()


@pytest.mark.parametrize("made", [classmethod, property, cached_property, partialmethod])
def test_what_a_class_body_makes_of_a_version_function_is_no_constant(made: Callable[[Any], Any]) -> None:
    version = made(Shop.serial)
    refused(lambda: versioned_lru_cache(version), TypeError, "version", repr(version), "staticmethod")


@pytest.mark.parametrize("wrapper", [classmethod, property])
def test_what_belongs_above_the_decorator_is_told_so(wrapper: Callable[[Any], Any]) -> None:
    original = versioned_lru_cache_with_ttl(
        proxy_to_session_context_object={}, generate_version_func=lambda *args: 1, module_name="m"
    )
    for decorator in (versioned_lru_cache(None), original):
        decorate: Any = decorator
        refused(lambda decorate=decorate: decorate(wrapper(len)), TypeError, "above the cache's decorator")  # type: ignore[misc]


def test_the_visitors_session_is_not_flasks_g() -> None:
    for bind in (lambda: versioned_lru_cache(None, session=flask.session), lambda: current_session(flask.session)):
        refused(bind, TypeError, "flask.session", "flask.g")
    refused(lambda: session(flask.session).__enter__(), TypeError, "flask.session", "flask.g")


def test_a_proxy_of_something_that_can_not_hold_a_session() -> None:
    f: Any = versioned_lru_cache(None, session=flask.request)(lambda: [1])
    with flask.Flask(__name__).test_request_context():
        refused(f, TypeError, "session=", "Request", "setdefault")
    assert f() == [1], "outside of a request there is none"


@pytest.mark.parametrize("predicate", [awaited, yielded, yielded_in_turn])
def test_a_predicate_whose_answer_is_none_yet(predicate: Any) -> None:
    f: Any = versioned_lru_cache(None)(len)
    refused(lambda: f.where(predicate), TypeError, "where", repr(predicate), "plain function")


def test_a_predicate_takes_the_call_with_its_defaults_and_what_it_raises_is_its_own() -> None:
    @versioned_lru_cache(None)
    def page(name: str, language: str = "en") -> list[str]:
        return [name, language]

    kept = page("home")
    inside = page.where(lambda *args: len(5))  # type: ignore[arg-type]
    with session(refresh=Refresh.only(inside)), pytest.raises(TypeError, match=r"^object of type 'int' has no len"):
        page("home")
    assert page("home") is kept
    with session(refresh=Refresh.only(page.where(lambda name, language: language == "en"))):
        assert page("home") is not kept


def test_a_method_of_a_class_is_a_target_with_the_results_of_that_class() -> None:
    class Menu:
        @classmethod
        @versioned_lru_cache(None)
        def of(cls, day: int) -> list[int]:
            return [day]

    class Lunch(Menu):
        pass

    kept, other = Menu.of(1), Lunch.of(1)
    with session(refresh=Refresh.only(Menu.of)):
        assert Menu.of(1) is not kept
        assert Lunch.of(1) is other
    refused(lambda: Refresh.only(Shop().serial), TypeError, "Refresh.only", "serial", "obj.method")
