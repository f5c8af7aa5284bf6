"""Promise 10: mistakes that would be silent are told at decoration: what is wrong, and what to write instead."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import flask
import pytest

from tests.support.refusing import refused
from versioned_lru_cache import (
    Lag,
    Refresh,
    current_session,
    run_behind_in,
    session,
    set_refresh_context,
    versioned_lru_cache,
    versioned_lru_cache_with_ttl,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def version() -> int:
    return len("v")


def original(**options: Any) -> Any:
    """The original's decorator, with what it needs."""
    needed: dict[str, Any] = {
        "proxy_to_session_context_object": {},
        "generate_version_func": version,
        "module_name": "m",
    }
    return versioned_lru_cache_with_ttl(**{**needed, **options})


# --- a bare number


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (128, ["versioned_lru_cache(128)", "bare number", "version=128", "maxsize=128"]),
        (0, ["version=0", "maxsize=0"]),
        (1.5, ["versioned_lru_cache(1.5)", "bare number", "version=1.5"]),
        (True, ["versioned_lru_cache(True)", "version=True"]),
    ],
)
def test_a_bare_number_is_no_version(number: Any, words: list[str]) -> None:
    refused(lambda: versioned_lru_cache(number), TypeError, *words)
    assert versioned_lru_cache(version=number)(lambda: [1])() == [1]


def test_only_an_int_may_be_meant_as_a_size() -> None:
    with pytest.raises(TypeError) as raised:
        versioned_lru_cache(1.5)
    assert "maxsize" not in str(raised.value)


def test_a_number_with_a_name_says_what_it_is() -> None:
    class Schema(IntEnum):
        NEW = 2

    assert versioned_lru_cache(Schema.NEW)(lambda: [1])() == [1]


def test_options_have_names() -> None:
    wrong: Any = versioned_lru_cache
    refused(lambda: wrong(None, 128), TypeError, "128", "behind the version", "maxsize=128")


@pytest.mark.parametrize("decorator", [versioned_lru_cache, versioned_lru_cache_with_ttl])
def test_a_decorator_shows_its_own_signature(decorator: Any) -> None:
    parameters = inspect.signature(decorator).parameters
    assert parameters["retry_after" if decorator is versioned_lru_cache else "cache_max_size"].kind is (
        inspect.Parameter.KEYWORD_ONLY
    )
    assert decorator.__module__ == "versioned_lru_cache._decorators"
    assert (decorator.__doc__ or "").startswith("Cache a function's results")


# --- options that there are not


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("max_size", "maxsize"),
        ("maxsise", "maxsize"),
        ("cache_max_size", "maxsize"),
        ("timeout", "ttl"),
        ("expire", "ttl"),
        ("time_to_live_seconds", "ttl"),
        ("generate_version_func", "version"),
        ("stale_if_eror", "stale_if_error"),
        ("Typed", "typed"),
        ("make_cache_key", "key"),
    ],
)
def test_the_name_that_was_meant(wrong: str, meant: str) -> None:
    with pytest.raises(TypeError, match=rf"versioned_lru_cache: {wrong}=5 is no option; .* {meant}$"):
        versioned_lru_cache(version, **{wrong: 5})


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("max_size", "cache_max_size"),
        ("maxsize", "cache_max_size"),
        ("timeout", "time_to_live_seconds"),
        ("time_to_live", "time_to_live_seconds"),
        ("ttl", "time_to_live_seconds"),
        ("version", "generate_version_func"),
        ("stale_if_eror", "stale_if_error"),
        ("modul_name", "module_name"),
    ],
)
def test_the_name_that_was_meant_for_the_original(wrong: str, meant: str) -> None:
    with pytest.raises(TypeError, match=rf"versioned_lru_cache_with_ttl: {wrong}=5 is no option; .* {meant}$"):
        original(**{wrong: 5})


@pytest.mark.parametrize("decorate", [partial(versioned_lru_cache, version), original])
def test_a_name_that_is_near_none_is_told_all(decorate: Callable[..., Any]) -> None:
    refused(lambda: decorate(colour="red"), TypeError, "colour='red'", "cache_if", "version_args", "wait")


# --- version functions that can only return None


def forgets() -> Any:
    len("what is the version?")


def forgets_in_turn(day: int = 0) -> Any:
    if day:
        len("a version")
    else:
        return


def forgets_after_all() -> Any:
    try:
        with nullcontext():
            for _ in range(2):
                return None
    finally:
        len("over")


async def forgets_awaited() -> Any:
    len("a version")


class Data:
    def forgets(self) -> Any:
        len("a version")


FORGETFUL = [forgets, forgets_in_turn, forgets_after_all, forgets_awaited, Data().forgets]


@pytest.mark.parametrize("asked", [*FORGETFUL, lambda: None])
def test_a_version_function_without_a_return(asked: Any) -> None:
    words = [repr(asked), "can only return None", "let it return the version"]
    refused(lambda: versioned_lru_cache(asked), TypeError, "version=", *words, "constant")
    refused(lambda: versions.all_of(asked, version), TypeError, "versions[0]=", *words, "constant")


@pytest.mark.parametrize("asked", FORGETFUL)
def test_the_same_of_the_original(asked: Any) -> None:
    with pytest.raises(TypeError, match=r"^generate_version_func=.* can only return None.* return the version$"):
        original(generate_version_func=asked)


def test_a_lambda_of_the_original_may_say_the_default() -> None:
    assert original(generate_version_func=lambda: None)(lambda: [1])() == [1]


def may_be_none(found: Any = None) -> Any:
    if found:
        return found
    return None


def raises() -> Any:
    raise LookupError


def goes_on() -> Any:
    while True:
        len("for ever")


def within() -> Any:
    with nullcontext():
        return version()


def at_last() -> Any:
    try:
        len("a version")
    finally:
        len("over")
    return version()


async def awaits() -> Any:
    return await awaits()


NOT_FORGETFUL: list[Any] = [
    may_be_none,
    raises,
    goes_on,
    within,
    at_last,
    lambda found=None: found or None,
    lambda found=None: found and None,
    lambda found=None: found if found else None,
    lambda found=None: None if found else found,
    lambda found=None: found or version() or None,
    lambda: len(""),
    lambda: "v1",
    lambda: 0,
    partial(forgets),
]


@pytest.mark.parametrize("asked", NOT_FORGETFUL)
def test_a_version_function_that_may_return_more(asked: Any) -> None:
    versioned_lru_cache(asked)
    versioned_lru_cache(versions.all_of(asked))
    original(generate_version_func=asked)


def test_one_that_is_awaited() -> None:
    async def function() -> int:
        return 1

    versioned_lru_cache(awaits)(function)


def test_constants_far_from_the_first() -> None:
    """Where an instruction and its constant's place do not fit together nothing is told."""
    body = "".join(f"    found = {1000 + number}.5\n" for number in range(300))
    names: dict[str, Any] = {}
    exec(f"def asked():\n{body}    return found\ndef forgets():\n{body}", names)
    versioned_lru_cache(names["asked"])
    versioned_lru_cache(names["forgets"])


# --- options without effect


@pytest.mark.parametrize(
    ("asked", "options", "words"),
    [
        (version, {"on_expiry": "verify"}, ["on_expiry='verify'", "without a ttl", "give ttl=", "leave on_expiry out"]),
        ("v1", {"on_expiry": "verify", "ttl": 5}, ["on_expiry='verify'", "constant version"]),
        ("v1", {"stale_while_revalidate": 5}, ["stale_while_revalidate=5", "constant version", "give ttl="]),
        ("v1", {"stale_while_revalidate": timedelta(5)}, ["stale_while_revalidate=", "constant version"]),
        (version, {"retry_after": 5}, ["retry_after=5", "give stale_if_error=", "leave retry_after out"]),
        ("v1", {"retry_after": 0, "ttl": 5}, ["retry_after=0", "give stale_if_error="]),
    ],
)
def test_options_without_effect(asked: Any, options: dict[str, Any], words: list[str]) -> None:
    refused(lambda: versioned_lru_cache(asked, **options), ValueError, *words)


def test_options_without_effect_of_the_original() -> None:
    words = ["on_expiry='verify'", "give time_to_live_seconds="]
    refused(lambda: original(on_expiry="verify", time_to_live_seconds=None), ValueError, *words)
    refused(lambda: original(retry_after=5), ValueError, "retry_after=5")
    original(on_expiry="verify")


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (version, {"on_expiry": "verify", "ttl": 5}),
        (version, {"on_expiry": "verify", "ttl": float("inf")}),
        (version, {"stale_while_revalidate": 5}),
        ("v1", {"stale_while_revalidate": 5, "ttl": 5}),
        ("v1", {"stale_while_revalidate": 5, "lag": Lag(settle=5)}),
        ("v1", {"stale_while_revalidate": 0}),
        ("v1", {"stale_if_error": 5}),
        (version, {"retry_after": 5, "stale_if_error": 5}),
        (version, {"retry_after": 5, "stale_while_revalidate": 5}),
        (version, {"retry_after": 1}),
    ],
)
def test_options_with_an_effect(asked: Any, options: dict[str, Any]) -> None:
    assert versioned_lru_cache(asked, **options)(lambda: [1])() == [1]


@pytest.mark.parametrize("refresh", [Refresh.all(), Refresh.only(versioned_lru_cache(None)(len))])
def test_an_offline_session_renews_nothing(refresh: Refresh) -> None:
    refused(lambda: session(refresh=refresh, offline=True), ValueError, repr(refresh), "offline=True", "leave one")
    with session(refresh=Refresh.none(), offline=True):
        pass


# --- what stands in the place of something else


class Config:
    pass


@pytest.mark.parametrize("decorate", [versioned_lru_cache(None), original()])
def test_a_class_is_not_decorated(decorate: Any) -> None:
    refused(lambda: decorate(Config), TypeError, repr(Config), "a class", "lambda *args: Config(*args)")
    made = decorate(lambda *args: Config(*args))
    assert isinstance(made(), Config)


class Nested(session):
    pass


@pytest.mark.parametrize("what", [session, Nested, session()])
def test_what_opens_sessions_is_none(what: Any) -> None:
    words = [repr(what), "None", "ambient session", "`with session():`"]
    refused(lambda: versioned_lru_cache(None, session=what), TypeError, "session=", *words)
    refused(lambda: original(proxy_to_session_context_object=what), TypeError, "proxy_to_session_", *words)
    refused(lambda: session(what), TypeError, "session(mapping)=", *words)


@pytest.mark.parametrize("block", [session, Nested])
def test_a_class_in_place_of_a_block(block: Any) -> None:
    async def enter() -> None:
        async with block:
            raise AssertionError("it was entered")

    def enter_at_once() -> None:
        with block:
            raise AssertionError("it was entered")

    name = block.__name__
    for wrong in (enter_at_once, lambda: asyncio.run(enter())):
        refused(wrong, TypeError, f"`with {name}:`", repr(block), f"write `with {name}():`")
    assert current_session() is None
    with block() as own:
        assert current_session() is own


# --- the context of refreshes


@contextmanager
def framework() -> Iterator[None]:
    yield


def forgotten_contextmanager() -> Iterator[None]:
    yield


APP = flask.Flask(__name__)


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (APP, ["a Flask", "write app.app_context"]),
        (5, ["an int", "not callable", "app.app_context"]),
        (APP.app_context(), ["an AppContext", "not callable"]),
        (forgotten_contextmanager, ["a generator function", "write @contextmanager above it"]),
        (framework(), ["needs arguments", "takes nothing"]),
        (lambda app: nullcontext(), ["needs arguments", "takes nothing"]),
        (APP.wsgi_app, ["needs arguments", "takes nothing"]),
    ],
)
def test_what_makes_no_context_of_refreshes(context: Any, words: list[str]) -> None:
    for name in (set_refresh_context, run_behind_in):
        refused(lambda name=name: name(context), TypeError, "set_refresh_context", repr(context), *words)  # type: ignore[misc]


@pytest.mark.thread_unsafe(reason="one hook for the whole process")
def test_what_makes_one() -> None:
    for context in (APP.app_context, framework, nullcontext, partial(framework)):
        set_refresh_context(context)
        run_behind_in(None)


# --- words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: versioned_lru_cache(None, typed=1), "typed=1 is an int;"),  # type: ignore[arg-type]
        (lambda: versioned_lru_cache(None, key=5), "key=5 is an int;"),  # type: ignore[arg-type]
        (lambda: versioned_lru_cache(None, name=b""), "name=b'' is a bytes;"),  # type: ignore[arg-type]
        (lambda: Lag(1.5), "1.5 is a float;"),  # type: ignore[arg-type]
        (lambda: versions.file(5), "path=5 is an int;"),  # type: ignore[call-overload]
    ],
)
def test_articles(wrong: Callable[[], object], words: str) -> None:
    refused(wrong, TypeError, words)
