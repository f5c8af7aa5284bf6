"""What caches cost within a Flask request.

The app is called as a server calls it, by plain WSGI: that is the whole of a request, with its app context (our
session) made and ended, and nothing of a test client. Only the environ is copied from one that was made before.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.test import create_environ

from measuring import Sample, Section
from shapes import int_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libraries import Function, Variant

CALLS = (1, 20)


def app_that_calls(cached: Function, keys: Sequence[int]) -> flask.Flask:
    """An app with one page, which calls once with each key."""
    app = flask.Flask(__name__)

    @app.get("/")
    def page() -> str:
        for key in keys:
            cached(key)
        return "done"

    return app


def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Any:
    """Takes what a server would send."""
    if status != "200 OK":
        raise RuntimeError(f"The page failed: {status}")


def serve(app: flask.Flask, environ: dict[str, Any], requests: int) -> float:
    """Makes so many requests; gives the µs of one."""
    began = time.perf_counter_ns()
    for _ in repeat(None, requests):
        response: Iterable[bytes] = app(environ.copy(), start_response)
        b"".join(response)
        response.close()  # type: ignore[attr-defined] # as PEP 3333 has servers do
    return (time.perf_counter_ns() - began) / requests / 1_000


def web_requests(variants: Sequence[Variant], calls: int) -> Section:
    """Requests with few and with many cached calls, and without a cache."""
    environ = create_environ("/")
    requests = max(1, calls // 50)

    def row(keys: Sequence[int]) -> list[Sample]:
        functions: dict[str, Function] = {"no cache": lambda a: 1}
        functions |= {variant.name: variant.cached(lambda a: 1, 128) for variant in variants}
        return [
            Sample(name, partial(serve, app_that_calls(function, keys), environ, requests))
            for name, function in functions.items()
        ]

    return Section(
        name="request",
        unit="µs",
        method="a Flask request by plain WSGI whose page makes 1 or 20 cached calls of a trivial function, with "
        "different keys",
        rows={f"cached calls: {count}": partial(row, int_keys(count)) for count in CALLS},
    )
