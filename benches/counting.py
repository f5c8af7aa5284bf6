"""Calls to be counted, not timed: this program runs under callgrind, which `counts.py` starts.

Each shape is called so often, then twice as often; `getppid`, which nothing else calls, marks where one part ends and
the next begins. What stays the same is taken off so. The first two shapes are functools': their counts tell which build
of the interpreter this is. All keys are fixed, and all is called before as often as it is counted, so that the
interpreter has specialized the loop and tables have grown.

    python benches/counting.py FILE [SHAPE ...]
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from contextvars import Context, ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask

from asking import COUNTER, FILE, GIVEN, PLAIN, TAGS
from changing_sessions import cached_in, variable_of_flask
from libraries import of_functools
from no_session import constant
from places import places
from shapes import UNROLLED, Shape, cycle, hit_shapes, int_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from libraries import Variant

    # Makes so many passes between two marks.
    Passes = Callable[[int], None]

# Shapes of one call are called 10 times as often as they are written in the loop; 1,000 keys once each.
PASSES = 10
AWAITS = 100
DECORATIONS = 100
# So many that what the allocator does once in a while is a small part of each.
SESSIONS = 500
# Of misses. What is done once in as many as there is room for is to be done often, or it would be counted by chance.
KEYS, ROOM = 1_000, 50
EVERYWHERE = ("f(int)", "f(a, k=v)")
IN_A_VARIABLE = ("f()", "f(int)", "f(str)", "f(a, b)", "f(a, k=v)", "obj.m(int)", "1,000 int keys")
IN_A_DICT = (*EVERYWHERE, "f(tuple)", "f(dataclass)")
PLACES = {"ours, ContextVar": IN_A_VARIABLE, "ours, dict": IN_A_DICT, "ours, Flask g": EVERYWHERE}
ASKED = {
    "ours, no session": PLAIN,
    "ours, no session, counter": COUNTER,
    "ours, no session, tags": TAGS,
    "ours, no session, given the argument": GIVEN,
    "ours, no session, file": FILE,
}
MARK = os.getppid


@dataclass(frozen=True)
class Counted:
    """A shape.

    Attributes:
        label: What the figures call it.
        passes: How many there are, the first time.
        calls: How many one pass makes.
        prepared: Does all that is to be done before; gives what makes the passes.
    """

    label: str
    passes: int
    calls: int
    prepared: Callable[[], Passes]


def hit(variant: Variant, make: Callable[[], Shape], name: str) -> Counted:
    """Calls that find their results."""
    shape = make()
    passes = PASSES if len(shape.lines) == 1 else 1
    label = f"{variant.name}, {name}"
    return Counted(label, passes, len(shape.lines) * len(shape.calls), partial(filled, variant, shape, label))


def filled(variant: Variant, shape: Shape, label: str) -> Passes:
    """Fills a cache that has room for all."""
    body, runs = shape.counted()
    subject = (variant.held if shape.method else variant.cached)(body, shape.maxsize)
    variant.context.run(shape.fill, subject)
    loop = shape.loop()
    variant.context.run(loop, subject, shape.lines, 2 * PASSES)
    if len(runs) != shape.distinct:
        raise RuntimeError(f"{label}: {len(runs)} runs")
    return between_marks(lambda times: variant.context.run(loop, subject, shape.lines, times))


def by_default() -> Shape:
    """A call that leaves an argument out."""
    return Shape("f(a), b by default", "a, b=5", "a, ", ("a",) * UNROLLED, [tuple(int_keys(1))])


def between_marks(loop: Callable[[int], object]) -> Passes:
    """Puts a mark before and one behind."""

    def passes(times: int) -> None:
        MARK()
        loop(times)
        MARK()

    return passes


def miss(variant: Variant) -> Counted:
    """Calls that run the function, store its result and push out the oldest."""
    label = f"{variant.name}, a miss"

    def prepared() -> Passes:
        shape = cycle(int_keys(KEYS), ROOM)
        body, runs = shape.counted()
        subject, loop = variant.cached(body, ROOM), shape.loop()
        variant.context.run(loop, subject, shape.lines, 2)
        if len(runs) != 2 * KEYS:
            raise RuntimeError(f"{label}: {len(runs)} runs")
        return between_marks(lambda times: variant.context.run(loop, subject, shape.lines, times))

    return Counted(label, 1, KEYS, prepared)


def awaited() -> Counted:
    """Awaited calls that find their result and ask a version function."""

    def prepared() -> Passes:
        key = int_keys(1)[0]

        async def body(a: int) -> int:
            return a

        cached = PLAIN.variant("").cached(body, 1)

        async def calls(times: int) -> None:
            for _ in range(times):
                await cached(key)

        async def counted(times: int) -> None:
            MARK()
            await calls(times)
            MARK()

        asyncio.run(calls(2 * AWAITS))
        return lambda times: asyncio.run(counted(times))

    return Counted("ours, no session, awaited f(int)", AWAITS, 1, prepared)


def decoration() -> Counted:
    """Functions that are decorated, and let go of."""

    def prepared() -> Passes:
        def body(a: int) -> int:
            return a

        def decorate(times: int) -> None:
            for _ in range(times):
                PLAIN.variant("").cached(body, 1)

        decorate(2 * DECORATIONS)
        return between_marks(decorate)

    return Counted("ours, decorating f(int)", DECORATIONS, 1, prepared)


def first_call(place: str, session: Any, switch: Callable[[Any], object], handles: Iterator[Any]) -> Counted:
    """The first calls of sessions that live on, each on an entry that is valid; with the switch to the session."""
    context = Context()

    def prepared() -> Passes:
        key, cached = int_keys(1)[0], cached_in(session)

        def begin(some: Sequence[Any]) -> None:
            for handle in some:
                switch(handle)
                cached(key)

        def passes(times: int) -> None:
            some = list(islice(handles, times))
            kept.append(some)
            between_marks(lambda _times: begin(some))(1)

        kept: list[Sequence[Any]] = []
        warm = list(islice(handles, 2 * SESSIONS))
        begin(warm)
        kept.append(warm)
        return lambda times: context.run(passes, times)

    return Counted(f"ours, {place}, first call of a session", SESSIONS, 1, lambda: context.run(prepared))


def sessions_in_a_variable() -> Counted:
    """Each is a dict in a context variable."""
    variable: ContextVar[Any] = ContextVar("variable")
    return first_call("ContextVar", variable, variable.set, iter(dict, None))


def sessions_in_flask() -> Counted:
    """Each is the `g` of an app context, which is made the current one as Flask does it."""
    app = flask.Flask(__name__)
    return first_call("Flask g", flask.g, variable_of_flask().set, iter(app.app_context, None))


def every(own: Sequence[Variant]) -> Iterator[Counted]:
    """All that is counted, functools first."""
    shapes, named = hit_shapes(), {variant.name: variant for variant in own}
    for name in EVERYWHERE:
        yield hit(of_functools(), shapes[name], name)
    for place, names in PLACES.items():
        for name in names:
            yield hit(named[place], shapes[name], name)
        yield hit(named[place], by_default, "f(a), b by default")
    for name, kind in ASKED.items():
        yield hit(kind.variant(name), shapes["f(int)"], "f(int)")
    yield awaited()
    yield decoration()
    yield sessions_in_a_variable()
    yield sessions_in_flask()
    yield miss(constant("ours, constant version", None))
    yield miss(named["ours, ContextVar"])


def main(file: str, *only: str) -> None:
    """Makes the calls of all shapes, or of those that are named, and writes which they were and how many."""
    told = []
    with places() as own:
        for each in every(own):
            if only and each.label not in only:
                continue
            passes = each.prepared()
            gc.collect()
            gc.disable()  # as where calls are timed
            for times in (each.passes, 2 * each.passes):
                passes(times)
            gc.enable()
            told.append({"shape": each.label, "calls": each.passes * each.calls})
    Path(file).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
