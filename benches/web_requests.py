"""What caches cost within a Flask request.

The app is called as a server calls it, by plain WSGI: that is the whole of a request, with its app context (our
session) made and ended, and nothing of a test client. Only the environ is copied from one that was made before.
"""

from __future__ import annotations

import time
from functools import partial
from importlib import import_module
from itertools import repeat
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.test import create_environ

from libraries import FLASK_CACHING, if_installed
from measuring import Sample, Section
from shapes import int_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from libraries import Function, Variant

    InApp = Callable[[flask.Flask, Function], Function]

NO_CACHE = "no cache"
CALLS = (1, 5, 20, 50)
SIZE = 128
HOUR = 3_600  # longer than a run: its default of five minutes could end within one


def uncached(_app: flask.Flask, body: Function) -> Function:
    """Leaves the function as it is."""
    return body


def in_any_app(variant: Variant) -> InApp:
    """A cache that knows nothing of Flask."""
    return lambda _app, body: variant.cached(body, SIZE)


def of_flask_caching() -> InApp:
    """Its `memoize` on the cache for one process that its documentation begins with."""
    flask_caching = import_module("flask_caching")

    def cached(app: flask.Flask, body: Function) -> Function:
        made: Function = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"}).memoize(HOUR)(body)
        return made

    return cached


def caches(variants: Sequence[Variant]) -> dict[str, InApp]:
    """All that the requests are served with."""
    found: dict[str, InApp] = {NO_CACHE: uncached}
    found |= {variant.name: in_any_app(variant) for variant in variants}
    memoize = if_installed(of_flask_caching)
    return {**found, f"{FLASK_CACHING} memoize": memoize} if memoize else found


def app_that_calls(cache: InApp, body: Function, keys: Sequence[int]) -> flask.Flask:
    """An app with one page, which calls once with each key."""
    app = flask.Flask(__name__)
    cached = cache(app, body)

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


def answer(app: flask.Flask, environ: dict[str, Any]) -> bytes:
    """Makes a request as a server does; gives the body."""
    response: Iterable[bytes] = app(environ, start_response)
    body = b"".join(response)
    response.close()  # type: ignore[attr-defined] # as PEP 3333 has servers do
    return body


def serve(app: flask.Flask, environ: dict[str, Any], requests: int) -> float:
    """Makes so many requests; gives the µs of one."""
    began = time.perf_counter_ns()
    for _ in repeat(None, requests):
        answer(app, environ.copy())
    return (time.perf_counter_ns() - began) / requests / 1_000


def web_requests(variants: Sequence[Variant], calls: int) -> Section:
    """Requests with few and with many cached calls, and without a cache."""
    environ = create_environ("/")
    requests = max(1, calls // 80)

    def sample(name: str, cache: InApp, keys: Sequence[int]) -> Sample:
        if name == NO_CACHE:
            return Sample(name, partial(serve, app_that_calls(cache, lambda a: 1, keys), environ, requests))
        runs: list[int] = []

        def body(a: int) -> int:
            runs.append(a)
            return 1

        def check() -> None:
            if sorted(runs) != sorted(keys):
                raise RuntimeError(f"{name}: {len(runs)} runs for {len(keys)} keys")

        return Sample(name, partial(serve, app_that_calls(cache, body, keys), environ, requests), check)

    def row(keys: Sequence[int]) -> list[Sample]:
        return [sample(name, cache, keys) for name, cache in caches(variants).items()]

    return Section(
        name="request",
        unit="µs",
        method="a Flask request by plain WSGI whose page makes so many cached calls of a trivial function, with "
        "different keys",
        rows={f"cached calls: {count}": partial(row, int_keys(count)) for count in CALLS},
    )
