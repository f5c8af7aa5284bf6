"""Samples, taken in rounds in which every variant has its turn.

A slow moment of the machine falls on all variants of a round alike, so a ratio is taken within a round. Where things
lie in memory is the same for a whole process and makes one variant or the other a little faster, so several processes
measure a part of the rounds each. A turn is a few loops, of which the median counts: the one in which the system had
something else to do does not, nor the first, which finds the processor's caches full of what others left there.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")

LOOPS = 5


def no_doubt() -> None:
    """The check of a sample that can't have measured anything else than it should."""


@dataclass
class Sample:
    """One variant of a row.

    Attributes:
        variant: What the table calls it.
        take: Measures it.
        check: Fails if it did anything else meanwhile than it should.
        less: Another variant of the row, which is taken off in each round.
        values: What came out, one for each round.
    """

    variant: str
    take: Callable[[], float]
    check: Callable[[], None] = no_doubt
    less: str | None = None
    values: list[float] = field(default_factory=list)

    def measured(self, loops: int) -> float:
        """Takes the sample so often, without the garbage collector; gives the median."""
        gc.disable()
        try:
            return statistics.median([self.take() for _ in range(loops)])
        finally:
            gc.enable()


@dataclass(frozen=True)
class Section:
    """Rows of one kind. They are made when they are chosen: some fill large caches.

    Attributes:
        name: What the table calls it.
        unit: Of its numbers.
        method: What is measured, and how.
        rows: What makes the samples of each row, by name.
        base: The variant that the others are compared with.
        most_rounds: How many rounds are enough for it, in all processes together.
        warm_up: Take each sample once before it counts.
        loops: How often a sample is taken in one turn.
    """

    name: str
    unit: str
    method: str
    rows: Mapping[str, Callable[[], Sequence[Sample]]]
    base: str | None = "functools"
    most_rounds: int | None = None
    warm_up: bool = True
    loops: int = LOOPS


@dataclass(frozen=True)
class Row:
    """The samples of one row of a section."""

    section: Section
    name: str
    samples: Sequence[Sample]

    def rounds(self, wanted: int, processes: int) -> int:
        """How many rounds this row takes part in, in each of so many processes."""
        most = self.section.most_rounds
        return wanted if most is None else min(wanted, -(-most // processes))

    def values(self) -> dict[str, list[float]]:
        """What came out for each variant, less what is to be taken off, which was measured in the same round."""
        taken = {sample.variant: sample.values for sample in self.samples}
        return {
            sample.variant: [own - other for own, other in zip(sample.values, taken[sample.less], strict=True)]
            if sample.less
            else sample.values
            for sample in self.samples
        }

    def as_data(self) -> dict[str, Any]:
        """All values, to be pooled with those of other processes."""
        section = self.section
        return {
            "section": section.name,
            "row": self.name,
            "unit": section.unit,
            "method": section.method,
            "base": section.base,
            "values": self.values(),
        }


def pin_to_core() -> int | None:
    """Keeps this process and its children on one core; gives its number, or None where the system can't."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def shuffled(items: Iterable[T]) -> list[T]:
    """Gives the items in a new order."""
    listed = list(items)
    random.shuffle(listed)
    return listed


def measure(rows: Sequence[Row], rounds: int, processes: int) -> None:
    """Warms up, takes the rounds of one of the processes and checks that what was measured is what the rows say."""
    for row in rows:
        for sample in row.samples if row.section.warm_up else ():
            sample.measured(row.section.loops)
    # What has been set up stays: without this the collector would look through it all between the samples.
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        for row in shuffled(row for row in rows if number < row.rounds(rounds, processes)):
            for sample in shuffled(row.samples):
                sample.values.append(sample.measured(row.section.loops))
    for row in rows:
        for sample in row.samples:
            sample.check()
