"""What it costs when the session is another one: its first call, and two sessions in turn."""

from __future__ import annotations

import time
from contextvars import Context, ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import flask

from asking import ALONE, GIVEN, PLAIN
from libraries import Function, of_functools
from measuring import Sample, Section
from places import ours
from shapes import Shape, int_keys
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST, FIRST_GIVEN = "first call", "first call, version given the argument"
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


@dataclass(frozen=True)
class Place:
    """Somewhere a session may lie.

    Attributes:
        session: What the decorator is given.
        begin: Goes round once in each of so many new sessions; making and ending them is not part of the round.
    """

    session: Any
    begin: Callable[[int], Iterator[None]]


def in_a_dict() -> Place:
    """A dict is another session once it has been emptied."""
    handle: dict[str, Any] = {}

    def begin(count: int) -> Iterator[None]:
        for _ in repeat(None, count):
            handle.clear()
            yield

    return Place(handle, begin)


def in_a_variable() -> Place:
    """A context variable has another dict for each session."""
    variable: ContextVar[Any] = ContextVar("variable")

    def begin(count: int) -> Iterator[None]:
        for _ in repeat(None, count):
            variable.set({})
            yield

    return Place(variable, begin)


def in_flask() -> Place:
    """Each app context has a `g` of its own."""
    app = flask.Flask(__name__)

    def begin(count: int) -> Iterator[None]:
        for _ in repeat(None, count):
            with app.app_context():
                yield

    return Place(flask.g, begin)


PLACES = {"dict": in_a_dict, "ContextVar": in_a_variable, "Flask g": in_flask}


def timed(place: Place, count: int, take: Callable[[], int]) -> float:
    """The ns that is told in each of so many sessions, on the average."""

    def all_of_them() -> int:
        return sum(take() for _ in place.begin(count))

    return (Context().run(all_of_them) - clock_cost(count)) / count


def first(place: Place, name: str, version: Callable[..., int], less: str, count: int) -> Sample:
    """The first call of a session, less the version function."""
    key = int_keys(1)[0]
    cached: Any = versioned_lru_cache(version, session=place.session)(lambda a: 1)
    clock, asked = time.perf_counter_ns, 0

    def one() -> int:
        began = clock()
        cached(key)
        return clock() - began

    def take() -> float:
        nonlocal asked
        asked += count
        return timed(place, count, one)

    def check() -> None:
        stats = cached.cache_stats()
        if (stats.misses, stats.version_calls) != (1, asked):
            raise RuntimeError(f"{name}: {stats} is not one miss and {asked} questions")

    return Sample(name, take, check, less=less)


def yardstick(count: int) -> list[Sample]:
    """What a first call is compared with."""
    place, key = in_flask(), int_keys(1)[0]
    cached, loop, lines, clock = cached_in(flask.g), TEN.loop(), [(key,)], time.perf_counter_ns

    def one_setdefault() -> int:
        g = flask.g
        began = clock()
        g.setdefault("name", key)
        return clock() - began

    def ten_hits() -> int:
        cached(key)
        return loop(cached, lines, 1)

    setdefault, hits = partial(timed, place, count, one_setdefault), partial(timed, place, count, ten_hits)
    return [
        Sample(YARDSTICK, lambda: setdefault() + hits()),
        Sample("g.setdefault", setdefault),
        Sample("10 hits", hits),
    ]


def first_call(calls: int) -> Section:
    """The first call of a session on an entry of another session."""
    count = max(1, calls // 40)
    ways = {FIRST: (PLAIN, ALONE), FIRST_GIVEN: (GIVEN, f"{ALONE}, given the argument")}

    def row(make: Callable[[], Place]) -> list[Sample]:
        samples = yardstick(count)
        for name, (kind, alone) in ways.items():
            samples.append(first(make(), name, kind.version, alone, count))
            samples.append(Sample(alone, kind.timer(calls)))
        return samples

    return Section(
        name="session",
        unit="ns",
        method="the first call of a session on a valid entry, in a session that is begun outside of the timed part, "
        "less one bare call of its version function, which gets nothing or the argument of the call; "
        f"ratio to {YARDSTICK} in Flask",
        rows={name: partial(row, make) for name, make in PLACES.items()},
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
