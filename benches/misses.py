"""Misses: calls that run the function, store its result and push out the oldest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hits import affordable
from measuring import Sample, Section
from no_session import constant
from shapes import Shape, cycle, int_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from libraries import Variant

MAXSIZE = 1_000
# More than a cache and a session that remembers what the cache dropped can hold together.
KEYS = 4 * MAXSIZE


def miss(variant: Variant, shape: Shape, calls: int) -> Sample:
    """Gives the sample, after a cache of the same kind has shown that it finds nothing of what it is asked for."""
    body, runs = shape.counted()
    watched = variant.cached(body, MAXSIZE)
    for _ in range(3):
        variant.context.run(shape.fill, watched)
    # moka-py evicts in batches, a little later than the others.
    if len(runs) < 0.99 * 3 * KEYS:
        raise RuntimeError(f"{variant.name}: only {len(runs):,} of {3 * KEYS:,} calls were misses")
    subject = variant.cached(shape.function(), MAXSIZE)
    timer = affordable(lambda calls: partial(variant.context.run, shape.timer(subject, calls)), calls)
    return Sample(variant.name, timer)


def misses(variants: Sequence[Variant], calls: int) -> Section:
    """The row of misses in a full cache."""

    def row() -> list[Sample]:
        shape = cycle(int_keys(KEYS), MAXSIZE)
        return [miss(variant, shape, calls) for variant in (*variants, constant("ours, constant version", None))]

    return Section(
        name="miss",
        unit="ns",
        method=f"a call that runs the function, stores and evicts: {KEYS:,} int keys in turn, room for {MAXSIZE:,}",
        rows={f"maxsize {MAXSIZE:,}": row},
    )
