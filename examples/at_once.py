"""Many requests to an app at the same moment, sent from inside its server.

A browser opens only six connections to one server, so sixteen requests of a page are never in the server together.
These are: each has a thread, and all threads start when the last one is ready. They are full requests of the app, with
a `g` of their own; what they lack is the way through the network.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from threading import Barrier
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

TIME_LIMIT = 60.0


def get_at_once(app: Flask, path: str, count: int) -> list[dict[str, Any]]:
    """Get the path that many times at once; return the JSON of each answer, with the time it took as `request_ms`."""
    together = Barrier(count)

    def get() -> dict[str, Any]:
        client = app.test_client()
        together.wait(TIME_LIMIT)
        start = perf_counter()
        response = client.get(path)
        milliseconds = (perf_counter() - start) * 1_000
        if response.status_code != 200:
            raise RuntimeError(f"{path} was answered with {response.status}")
        return {**response.get_json(), "request_ms": milliseconds}

    with ThreadPoolExecutor(count) as pool:
        # An empty context, because on free-threaded builds a thread inherits that of whoever starts it. The requests
        # would find the g of the one that asks for them, and would all be one session.
        answers = [pool.submit(Context().run, get) for _ in range(count)]
        return [answer.result() for answer in answers]
