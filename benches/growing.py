"""Hits in caches of a thousand, a hundred thousand and a million entries, to see that their cost grows no faster."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from libraries import of_functools
from measuring import Sample, Section
from shapes import cycle, int_keys

if TYPE_CHECKING:
    from libraries import Variant
    from shapes import Shape

SIZES = (1_000, 100_000, 1_000_000)
DRAWS = 4  # for each key, where they are drawn
AGAIN, DRAWN = "", ", keys drawn at random"


def shape_of(size: int, order: str) -> Shape:
    """Calls with each of so many keys."""
    keys = int_keys(size)
    if order == DRAWN:
        drawn = cycle(random.choices(keys, k=DRAWS * size), size)
        return replace(drawn, stored=cycle(keys, size).lines)
    # The order in which they were made would be the order in which they lie in memory.
    random.shuffle(keys)
    return cycle(keys, size)


def hit(variant: Variant, shape: Shape, calls: int) -> Sample:
    """Fills a cache and gives the sample that finds all in it."""
    body, runs = shape.counted()
    subject = variant.cached(body, shape.maxsize)
    variant.context.run(shape.fill, subject)

    def check() -> None:
        if len(runs) != shape.maxsize:
            raise RuntimeError(f"{variant.name}: {len(runs):,} runs for {shape.maxsize:,} different calls")

    return Sample(variant.name, partial(variant.context.run, shape.timer(subject, calls)), check)


def growing(own: Variant, calls: int) -> Section:
    """The row of each size, for functools and for ours in one of its places."""

    def row(size: int, order: str) -> list[Sample]:
        shape = shape_of(size, order)
        return [hit(variant, shape, calls) for variant in (of_functools(), own)]

    return Section(
        name="growing",
        unit="ns",
        method="a hit in a full cache of so many int keys, which come in a random order, the same again and again; or "
        "each is drawn at random, so that none tells which comes next",
        rows={f"{size:,} entries{order}": partial(row, size, order) for order in (AGAIN, DRAWN) for size in SIZES},
    )
