"""Hits: calls that find their result, by shape of the call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from measuring import Sample, Section
from shapes import Shape, hit_shapes

LONGEST = 500_000  # ns of a loop
LEAST = 20  # at least this part of the calls asked for is made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libraries import Variant


def affordable(timer: Callable[[int], Callable[[], float]], calls: int) -> Callable[[], float]:
    """Gives the timer of so many calls, or of fewer where they take long.

    They are measured as well by those, and better where the system has something else to do now and then: it hits a
    long loop more often than a short one, which would make a ratio of two.
    """
    few = max(1, calls // LEAST)
    return timer(min(calls, max(few, int(LONGEST / timer(few)()))))


def hit(variant: Variant, shape: Shape, calls: int) -> Sample:
    """Fills a cache and gives the sample that finds all in it."""
    body, runs = shape.counted()
    subject = (variant.held if shape.method else variant.cached)(body, shape.maxsize)
    variant.context.run(shape.fill, subject)
    filled = len(runs)

    def check() -> None:
        if not filled == len(runs) == shape.distinct:
            raise RuntimeError(f"{variant.name}, {shape.name}: {len(runs)} runs for {shape.distinct} different calls")

    def timer(calls: int) -> Callable[[], float]:
        return partial(variant.context.run, shape.timer(subject, calls))

    return Sample(variant.name, affordable(timer, calls), check)


def hits(variants: Sequence[Variant], calls: int) -> Section:
    """The rows of all shapes."""

    def row(make: Callable[[], Shape]) -> list[Sample]:
        shape = make()
        return [hit(variant, shape, calls) for variant in variants]

    return Section(
        name="hit",
        unit="ns",
        method="a call that finds its result; ours without a session asks for the version each time",
        rows={name: partial(row, make) for name, make in hit_shapes().items()},
    )
