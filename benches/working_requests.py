"""What caches gain within a Flask request whose page needs a function that works for 2 ms.

The work is processor time: a server has that for one request at a time, while it could wait for many. So much of it
has been used when the function returns, whatever the clock rate of the machine. What is measured is processor time,
too: nothing waits here, and what else the machine does meanwhile does not count. Before one in ten requests the data
changes. Only ours and a page without a cache see that by themselves. Each of the others is shown as it is used where
whoever changes the data clears what was made of it (not timed), functools also as it is used most: never cleared. It
serves old data then, which is checked as well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.test import create_environ

from libraries import FLASK_CACHING, if_installed, of_functools
from measuring import Sample, Section
from versioned_lru_cache import versioned_lru_cache
from web_requests import HOUR, NO_CACHE, SIZE, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from libraries import Function

    Way = Callable[["flask.Flask", "World"], "Told"]

WORK = 2_000_000  # ns
REQUESTS = 10  # of which one comes after a change
CALLS = (1, 10)
NEVER_CLEARED = "functools, never cleared"
OURS = "ours, Flask g"


@dataclass(frozen=True)
class Told:
    """A cached function, and what who changes the data of one key has to call."""

    cached: Function
    changed: Callable[[int], object]


def untold(_key: int) -> None:
    """Nobody calls anything."""


def work(until: int = WORK) -> None:
    """Uses so many ns of processor time."""
    clock = time.thread_time_ns
    end = clock() + until
    while clock() < end:
        pass


class World:
    """The data: a number for each key, and how often it has changed in all."""

    def __init__(self, keys: int) -> None:
        self.data = dict.fromkeys(range(keys), 0)
        self.changes = 0

    def version(self, key: int) -> int:
        """The cheap query: a look at a dict."""
        return self.data[key]

    def report(self, key: int) -> int:
        """What takes time."""
        work()
        return self.data[key]

    def change(self) -> int:
        """Changes the data of the next key, which it gives."""
        key = self.changes % len(self.data)
        self.changes += 1
        self.data[key] += 1
        return key

    def page(self) -> str:
        """What a request should answer now."""
        return f"{sum(self.data.values())}"


def without(_app: flask.Flask, world: World) -> Told:
    """Computes each time."""
    return Told(world.report, untold)


def ours(_app: flask.Flask, world: World) -> Told:
    """Asks for the version of each key, once in a request."""
    return Told(versioned_lru_cache(world.version, session=flask.g, maxsize=SIZE)(world.report), untold)


def functools_never_cleared(_app: flask.Flask, world: World) -> Told:
    """As most programs use it."""
    return Told(of_functools().cached(world.report, SIZE), untold)


def functools_cleared(_app: flask.Flask, world: World) -> Told:
    """It can forget all only."""
    cached: Any = of_functools().cached(world.report, SIZE)
    return Told(cached, lambda _key: cached.cache_clear())


def cachebox_cleared() -> Way:
    """It can forget one call, where it is told how to name that."""
    cachebox = import_module("cachebox")

    def way(_app: flask.Flask, world: World) -> Told:
        cache = cachebox.LRUCache(SIZE)
        decorate = cachebox.cached(cache, key_maker=lambda key: key)
        return Told(decorate(world.report), lambda key: cache.pop(key))

    return way


def flask_caching_cleared() -> Way:
    """It can forget the call with one key."""
    flask_caching = import_module("flask_caching")

    def way(app: flask.Flask, world: World) -> Told:
        cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})

        @cache.memoize(HOUR)  # type: ignore[untyped-decorator]
        def report(key: int) -> int:
            return world.report(key)

        def changed(key: int) -> None:
            with app.app_context():
                cache.delete_memoized(report, key)

        return Told(report, changed)

    return way


def ways() -> dict[str, Way]:
    """All that the requests are served with, by what the table calls them."""
    cachebox, flask_caching = if_installed(cachebox_cleared), if_installed(flask_caching_cleared)
    return {
        NO_CACHE: without,
        OURS: ours,
        NEVER_CLEARED: functools_never_cleared,
        "functools, cleared": functools_cleared,
        **({"cachebox, cleared": cachebox} if cachebox else {}),
        **({f"{FLASK_CACHING} memoize, cleared": flask_caching} if flask_caching else {}),
    }


class Server:
    """An app with one page, which shows the reports of all keys."""

    def __init__(self, way: Way, keys: int) -> None:
        self.world, self.app = World(keys), flask.Flask(__name__)
        told = way(self.app, self.world)
        self.changed, self.fresh, self.old = told.changed, 0, 0
        cached, every = told.cached, range(keys)
        self.environ = create_environ("/")

        @self.app.get("/")
        def page() -> str:
            return f"{sum([cached(key) for key in every])}"

    def request(self) -> int:
        """The ns of processor time that one takes, whose answer is looked at afterwards."""
        environ = dict(self.environ)
        began = time.thread_time_ns()
        body = answer(self.app, environ)
        took = time.thread_time_ns() - began
        if body.decode() == self.world.page():
            self.fresh += 1
        else:
            self.old += 1
        return took

    def requests(self) -> float:
        """The ms of one of some, of which the first comes after a change."""
        self.changed(self.world.change())
        return sum(self.request() for _ in range(REQUESTS)) / REQUESTS / 1e6


def working_requests() -> Section:
    """The rows of a page with one report and of one with some."""

    def sample(name: str, way: Way, keys: int) -> Sample:
        server = Server(way, keys)
        server.request()

        def check() -> None:
            # All since the first change, which came before the first of the requests that are measured.
            stale = name == NEVER_CLEARED
            if (server.fresh == 1, server.old == 0) != (stale, not stale):
                raise RuntimeError(f"{name}: {server.fresh} fresh and {server.old} old answers")

        return Sample(name, server.requests, check)

    def row(keys: int) -> list[Sample]:
        return [sample(name, way, keys) for name, way in ways().items()]

    return Section(
        name="request with work",
        unit="ms",
        method=f"processor time of a Flask request by plain WSGI, the average of {REQUESTS}, before the first of "
        f"which the data of one key changes; its page calls a function that works for {WORK // 1_000_000} ms of "
        "processor time with so many keys. Cleared: whoever changes the data makes the cache forget what was made of "
        "it, which is not timed; never cleared, functools serves old data. Our version function looks at a dict: what "
        "yours takes is to be added",
        rows={f"cached calls: {keys}": partial(row, keys) for keys in CALLS},
        base=NO_CACHE,
        most_rounds=15,
        loops=1,
    )
