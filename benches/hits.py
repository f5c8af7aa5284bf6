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

    # Those that take ten times as long need not make as many calls to be measured as well.
    few = max(1, calls // LEAST)
    affordable = int(LONGEST / timer(few)())
    return Sample(variant.name, timer(min(calls, max(few, affordable))), check)


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
