"""Our decorator, with its session in several places."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

import flask

from libraries import Function, Variant, in_a_class
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Generator


def version() -> int:
    """Stands for the cheap query."""
    return 1


def ours(name: str, session: Any, context: Context) -> Variant:
    """The variant whose session is there, in that context."""

    def cached(body: Function, maxsize: int | None) -> Function:
        return versioned_lru_cache(version, session=session, maxsize=maxsize)(body)

    return Variant(f"ours, {name}", cached, in_a_class(cached), context)


@contextmanager
def places() -> Generator[list[Variant], None, None]:
    """The variants of ours while their sessions are open, each in a context that the others don't see."""
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    in_variable = Context()
    in_variable.run(variable.set, {})
    in_flask = Context()
    request = flask.Flask(__name__).test_request_context()
    in_flask.run(request.push)
    yield [
        ours("no session", None, Context()),
        ours("dict", {}, Context()),
        ours("ContextVar", variable, in_variable),
        ours("Flask g", flask.g, in_flask),
    ]
    in_flask.run(request.pop)
