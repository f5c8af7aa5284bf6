"""What it costs when the session is another one: its first call, and two sessions in turn."""

from __future__ import annotations

import time
from contextvars import Context, ContextVar
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import flask

from libraries import Function, of_functools
from measuring import Sample, Section
from places import ours
from shapes import Shape, int_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = "first call"
YARDSTICK = "g.setdefault + 10 hits"
TEN = Shape("10 hits", "a", "a, ", ("a",) * 10, ())


def cached_in(session: Any) -> Any:
    """Our decorator on a trivial function, with an entry that is valid in every session."""
    return ours("", session, Context()).cached(lambda a: 1, 128)


def clock_cost(times: int) -> int:
    """The ns that so many pairs of looks at the clock take by themselves."""
    clock, took = time.perf_counter_ns, 0
    for _ in repeat(None, times):
        began = clock()
        took += clock() - began
    return took


def sessions_of(app: flask.Flask, count: int) -> Iterator[None]:
    """Goes round once in each of so many new app contexts; making and leaving them is not part of the round."""
    for _ in repeat(None, count):
        with app.app_context():
            yield


def first_call(calls: int) -> Section:
    """The first call of a session on an entry of another session, in Flask."""
    app, key = flask.Flask(__name__), int_keys(1)[0]
    count = max(1, calls // 40)

    def first() -> Sample:
        cached = cached_in(flask.g)
        asked = 0

        def take() -> float:
            nonlocal asked
            clock, took = time.perf_counter_ns, 0
            for _ in sessions_of(app, count):
                began = clock()
                cached(key)
                took += clock() - began
            asked += count
            return (took - clock_cost(count)) / count

        def check() -> None:
            stats = cached.cache_stats()
            if (stats.misses, stats.version_calls) != (1, asked):
                raise RuntimeError(f"{FIRST}: {stats} is not one miss and {asked} questions")

        return Sample(FIRST, take, check)

    def setdefault() -> float:
        clock, g, took = time.perf_counter_ns, flask.g, 0
        for _ in sessions_of(app, count):
            began = clock()
            g.setdefault("name", key)
            took += clock() - began
        return (took - clock_cost(count)) / count

    def ten_hits(cached: Function) -> float:
        loop, lines, took = TEN.loop(), [(key,)], 0
        for _ in sessions_of(app, count):
            cached(key)
            took += loop(cached, lines, 1)
        return (took - clock_cost(count)) / count

    def row() -> list[Sample]:
        hits = partial(ten_hits, cached_in(flask.g))
        return [
            first(),
            Sample(YARDSTICK, lambda: setdefault() + hits()),
            Sample("g.setdefault", setdefault),
            Sample("10 hits", hits),
        ]

    return Section(
        name="session",
        unit="ns",
        method="the first call of a session on a valid entry, in a new Flask app context that is made outside of the "
        f"timed part; ratio to {YARDSTICK}",
        rows={FIRST: row},
        base=YARDSTICK,
    )


def variable_of_flask() -> ContextVar[Any]:
    """What Flask sets to make an app context the current one, found by public names only."""
    found = Context().run(getattr, flask.g, "__wrapped__")
    if not isinstance(found, ContextVar):
        raise RuntimeError("This release of Flask keeps its app context in another way")
    return found


def alternating(calls: int) -> Section:
    """Two sessions that use one entry in turn."""
    key = int_keys(1)[0]
    count = max(1, calls // 2)

    def turns(cached: Function, variable: ContextVar[Any], first: Any, second: Any) -> float:
        clock, switch = time.perf_counter_ns, variable.set
        began = clock()
        for _ in repeat(None, count):
            switch(first)
            cached(key)
            switch(second)
            cached(key)
        middle = clock()
        for _ in repeat(None, count):
            switch(first)
            switch(second)
        return (middle - began - (clock() - middle)) / (2 * count)

    def row(variable: ContextVar[Any], session: Any, first: Any, second: Any) -> list[Sample]:
        def sample(name: str, cached: Function) -> Sample:
            return Sample(name, lambda: Context().run(turns, cached, variable, first, second))

        cached = cached_in(session)

        def check() -> None:
            stats = cached.cache_stats()
            if (stats.misses, stats.version_calls) != (1, 2):
                raise RuntimeError(f"two sessions: {stats} is not one miss and two questions")

        return [
            sample("functools", of_functools().cached(lambda a: 1, 128)),
            Sample("ours", sample("ours", cached).take, check),
        ]

    def in_variable() -> list[Sample]:
        variable: ContextVar[Any] = ContextVar("variable")
        return row(variable, variable, {}, {})

    def in_flask() -> list[Sample]:
        app = flask.Flask(__name__)
        return row(variable_of_flask(), flask.g, app.app_context(), app.app_context())

    makers: dict[str, Callable[[], list[Sample]]] = {"ContextVar": in_variable, "Flask g": in_flask}
    return Section(
        name="alternating",
        unit="ns",
        method="a hit where two sessions take turns on one key; the switch between them is the same for both and is "
        "taken off",
        rows=makers,
    )
