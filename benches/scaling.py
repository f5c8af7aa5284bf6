"""How much more two threads get done than one, where there is no GIL: with it there is nothing to gain."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from interpreter import free_threaded
from libraries import of_functools
from measuring import Sample, Section
from shapes import cycle, int_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libraries import Variant
    from shapes import Shape

KEYS = 1_000
THREADS = 2
TIME_LIMIT = 60


def on_any_core() -> None:
    """Takes back for this thread that the process is held to one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def seconds(work: Sequence[Callable[[], None]]) -> float:
    """How long it takes when each is done by a thread of its own, from a barrier to the last end."""
    began: list[float] = []
    ends: list[float] = []
    barrier = threading.Barrier(len(work), action=lambda: began.append(time.perf_counter()))

    def run(each: Callable[[], None]) -> None:
        on_any_core()
        barrier.wait(TIME_LIMIT)
        each()
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=run, args=(each,), daemon=True) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIME_LIMIT)
    if len(ends) != len(work):
        raise RuntimeError(f"{len(work) - len(ends)} of {len(work)} threads did not come back")
    return max(ends) - began[0]


def scaled(variant: Variant, shapes: Sequence[Shape], calls: int) -> Sample:
    """The sample of one variant; each thread calls with the keys of one of the shapes."""
    shape = shapes[0]
    subject = variant.cached(shape.function(), 2 * KEYS * THREADS)
    for each in shapes:
        variant.context.run(each.fill, subject)

    def work(each: Shape) -> Callable[[], None]:
        # A context can be entered by one thread at a time; a copy has the same session.
        context, loop, passes = (
            variant.context.copy(),
            each.loop(),
            max(1, calls // (len(each.lines) * len(each.calls))),
        )
        return lambda: void(context.run(loop, subject, each.lines, passes))

    works = [work(each) for each in shapes]
    return Sample(variant.name, lambda: len(works) * seconds(works[:1]) / seconds(works))


def void(_result: int) -> None:
    """Takes what a loop tells by itself: the time of all threads is what counts."""


def scaling(own: Variant, calls: int) -> Section:
    """The rows of disjoint keys and of one hot key; none where there is a GIL."""

    def row(shapes: Sequence[Shape]) -> list[Sample]:
        return [scaled(variant, shapes, 10 * calls) for variant in (of_functools(), own)]

    keys = int_keys(KEYS * THREADS)
    rows = {
        "disjoint keys": partial(row, [cycle(keys[number::THREADS], KEYS) for number in range(THREADS)]),
        "one hot key": partial(row, [cycle(keys[:1] * 10, 1)] * THREADS),
    }
    return Section(
        name="scaling",
        unit="times as much as one thread",
        method=f"what {THREADS} threads get done in the same time, without a GIL, by hits on {KEYS:,} keys of their "
        "own or on one key; more is better",
        rows=rows if free_threaded() else {},
        loops=1,
    )
