"""Samples, taken in rounds in which every variant has its turn, and what is made of them.

A slow moment of the machine falls on all variants of a round alike, so a ratio is taken within a round.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")


def no_doubt() -> None:
    """The check of a sample that can't have measured anything else than it should."""


@dataclass
class Sample:
    """One variant of a row: how it is measured, what it must have done meanwhile, and what came out."""

    variant: str
    take: Callable[[], float]
    check: Callable[[], None] = no_doubt
    values: list[float] = field(default_factory=list)

    def measured(self) -> float:
        """Takes the sample once, without the garbage collector."""
        gc.disable()
        try:
            return self.take()
        finally:
            gc.enable()


@dataclass(frozen=True)
class Section:
    """Rows of one kind. They are made when they are chosen: some fill large caches."""

    name: str
    unit: str
    method: str
    rows: Mapping[str, Callable[[], Sequence[Sample]]]
    base: str | None = "functools"
    most_rounds: int | None = None
    warm_up: bool = True


@dataclass(frozen=True)
class Row:
    """The samples of one row of a section."""

    section: Section
    name: str
    samples: Sequence[Sample]

    def rounds(self, wanted: int) -> int:
        """How many rounds this row takes part in."""
        return wanted if self.section.most_rounds is None else min(wanted, self.section.most_rounds)

    def base(self) -> Sample | None:
        """The sample that the others are compared with."""
        return next((sample for sample in self.samples if sample.variant == self.section.base), None)


@dataclass(frozen=True)
class Middle:
    """The quartiles of some numbers."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Middle:
        """Gives those of the values; a single value is all three."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    @property
    def spread(self) -> float:
        """The interquartile range."""
        return self.high - self.low


def ratio(sample: Sample, base: Sample) -> Middle:
    """The quartiles of the ratios within each round."""
    return Middle.of([own / other for own, other in zip(sample.values, base.values, strict=True)])


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


def measure(rows: Sequence[Row], rounds: int) -> None:
    """Warms up, takes the rounds and checks that what was measured is what the rows say."""
    for row in rows:
        for sample in row.samples if row.section.warm_up else ():
            sample.measured()
    for number in range(rounds):
        for row in shuffled(row for row in rows if number < row.rounds(rounds)):
            for sample in shuffled(row.samples):
                sample.values.append(sample.measured())
    for row in rows:
        for sample in row.samples:
            sample.check()
