"""A visitor's session, which is serialised and outlives its request, holds no session of the cache."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import flask
import pytest

from tests.support.handle import HANDLE
from tests.support.refusing import refused
from versioned_lru_cache import current_session, session, versioned_lru_cache, versioned_lru_cache_with_ttl

if TYPE_CHECKING:
    from collections.abc import Callable

TOLD = ["the visitor's session", "serialised", "flask.g", "None", "`with session():`"]


def version() -> int:
    return 1


def fresh() -> list[int]:
    return [1]


class Kept(dict[str, Any]):
    """A mapping of some framework."""


def kept_by(module: str) -> Any:
    """Return an object of a class that is derived from one of a module."""
    theirs = type("SessionBase", (Kept,), {"__module__": module})
    return type("SessionStore", (theirs,), {"__module__": "of_the_program"})()


THEIRS = [
    "aiohttp_session",
    "beaker.session",
    "django.contrib.sessions.backends.base",
    "flask.sessions",
    "flask_session.base",
    "pyramid.session",
    "quart.sessions",
    "starlette.middleware.sessions",
]
WAYS: dict[str, Callable[[Any], object]] = {
    "itself": lambda kept: versioned_lru_cache(version, session=kept)(fresh)(),
    "callable": lambda kept: versioned_lru_cache(version, session=lambda: kept)(fresh)(),
    "variable": lambda kept: versioned_lru_cache(version, session=ContextVar("kept", default=kept))(fresh)(),
    "block": lambda kept: session(kept).__enter__(),
    "block by a callable": lambda kept: session(lambda: kept).__enter__(),
    "original": lambda kept: versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=lambda: kept, generate_version_func=lambda: 1, module_name="m"
    )(fresh)(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("module", THEIRS)
def test_it_is_refused(module: str, way: Callable[[Any], object]) -> None:
    kept = kept_by(module)
    refused(lambda: way(kept), TypeError, "SessionStore", *TOLD)
    assert kept == {}
    assert current_session() is None


@pytest.mark.parametrize("module", ["flask.ctx", "django.contrib.sessionsets", "program.flask.sessions", "sessions"])
@pytest.mark.parametrize("way", [WAYS["itself"], WAYS["callable"], WAYS["variable"]])
def test_other_mappings_are_not(module: str, way: Callable[[Any], object]) -> None:
    kept = kept_by(module)
    assert way(kept) == [1]
    assert list(kept) == [HANDLE]


def test_flasks_own_by_all_ways_to_it() -> None:
    app = flask.Flask(__name__)
    app.secret_key = "of a test"
    with app.test_request_context():
        itself = flask.session._get_current_object()  # type: ignore[attr-defined]
        for place in (itself, lambda: itself, lambda: flask.session):
            refused(lambda place=place: WAYS["itself"](place), TypeError, *TOLD)  # type: ignore[misc]
        assert dict(flask.session) == {}
        assert versioned_lru_cache(version, session=flask.g)(fresh)() == [1]
