"""How much more two threads get done than one, where there is no GIL: with it there is nothing to gain."""

from __future__ import annotations

import os
import threading
import time
from contextvars import Context, ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from interpreter import free_threaded
from libraries import of_functools
from measuring import Sample, Section
from places import ours
from shapes import cycle, int_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libraries import Variant
    from shapes import Shape

KEYS = 1_000
THREADS = 2
TIME_LIMIT = 60


def on_core(number: int) -> None:
    """Gives this thread a core of its own: by itself, the system may take longer than a sample to spread threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})


def seconds(work: Sequence[Callable[[], None]]) -> float:
    """How long it takes when each is done by a thread of its own, from a barrier to the last end."""
    began: list[float] = []
    ends: list[float] = []
    barrier = threading.Barrier(len(work), action=lambda: began.append(time.perf_counter()))

    def run(number: int, each: Callable[[], None]) -> None:
        on_core(number)
        barrier.wait(TIME_LIMIT)
        each()
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIME_LIMIT)
    if len(ends) != len(work):
        raise RuntimeError(f"{len(work) - len(ends)} of {len(work)} threads did not come back")
    return max(ends) - began[0]


def scaled(variant: Variant, contexts: Sequence[Context], shapes: Sequence[Shape], calls: int) -> Sample:
    """The sample of one variant; each thread calls in a context of its own, with the keys of one of the shapes."""
    subject = variant.cached(shapes[0].function(), 2 * KEYS * THREADS)

    def work(context: Context, each: Shape) -> Callable[[], None]:
        context.run(each.fill, subject)
        loop, passes = each.loop(), max(1, calls // (len(each.lines) * len(each.calls)))
        return lambda: void(context.run(loop, subject, each.lines, passes))

    works = [work(context, each) for context, each in zip(contexts, shapes, strict=True)]
    return Sample(variant.name, lambda: len(works) * seconds(works[:1]) / seconds(works))


def in_one_session(variant: Variant) -> list[Context]:
    """A context can be entered by one thread at a time; a copy has the same session."""
    return [variant.context.copy() for _ in range(THREADS)]


def in_a_session_each() -> tuple[Variant, list[Context]]:
    """Ours, and contexts that have sessions of their own, as requests do."""
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    contexts = [Context() for _ in range(THREADS)]
    for context in contexts:
        context.run(variable.set, {})
    return ours("ContextVar", variable, contexts[0]), contexts


def void(_result: int) -> None:
    """Takes what a loop tells by itself: the time of all threads is what counts."""


def scaling(own: Variant, calls: int) -> Section:
    """The rows of disjoint keys and of one hot key, both ways; none where there is a GIL."""

    def row(shapes: Sequence[Shape], each: bool) -> list[Sample]:
        functools = of_functools()
        variants = [(functools, in_one_session(functools)), in_a_session_each() if each else (own, in_one_session(own))]
        return [scaled(variant, contexts, shapes, 10 * calls) for variant, contexts in variants]

    # Blocks: of ints that take turns, those of two threads would lie in one line of memory.
    keys = int_keys(KEYS * THREADS)
    disjoint = [cycle(keys[KEYS * number :][:KEYS], KEYS) for number in range(THREADS)]
    hot = [cycle(keys[:1] * 10, 1)] * THREADS
    rows = {
        "disjoint keys": partial(row, disjoint, each=False),
        "one hot key": partial(row, hot, each=False),
        "disjoint keys, a session each": partial(row, disjoint, each=True),
        "one hot key, a session each": partial(row, hot, each=True),
    }
    return Section(
        name="scaling",
        unit="times as much as one thread",
        method=f"what {THREADS} threads get done in the same time, without a GIL, by hits on {KEYS:,} keys of their "
        "own or on one key, in one session of both or, as requests do, in a session each; more is better",
        rows=rows if free_threaded() else {},
        loops=1,
    )
