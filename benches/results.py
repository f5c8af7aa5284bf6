"""What was measured, as numbers: pooled over processes, and as data that pages and pictures are made of."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    def as_data(self) -> dict[str, float]:
        """Gives them as JSON has them, with as many digits as mean anything."""
        return {name: float(f"{number:.5g}") for name, number in vars(self).items()}

    @property
    def spread(self) -> float:
        """The interquartile range."""
        return self.high - self.low


@dataclass(frozen=True)
class Numbers:
    """What came out for one variant: how often it was measured, and its ratio to the base within each round."""

    rounds: int
    own: Middle
    ratio: Middle | None

    @classmethod
    def of(cls, values: Sequence[float], base: Sequence[float] | None) -> Numbers:
        """Gives those of the values, which were taken in the same rounds as the base's."""
        ratios = [own / other for own, other in zip(values, base, strict=True)] if base else None
        return cls(len(values), Middle.of(values), Middle.of(ratios) if ratios else None)

    def as_data(self) -> dict[str, Any]:
        """Gives them as JSON has them."""
        return {"rounds": self.rounds, **self.own.as_data(), "ratio": self.ratio.as_data() if self.ratio else None}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Numbers:
        """Reads what `as_data` gave."""
        own = Middle(data["low"], data["median"], data["high"])
        return cls(data["rounds"], own, Middle(**data["ratio"]) if data["ratio"] else None)


@dataclass(frozen=True)
class Result:
    """One row of the table."""

    section: str
    row: str
    unit: str
    method: str
    base: str | None
    samples: dict[str, Numbers]

    def as_data(self) -> dict[str, Any]:
        """Gives it as JSON has it."""
        return {**vars(self), "samples": {variant: found.as_data() for variant, found in self.samples.items()}}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Result:
        """Reads what `as_data` gave."""
        samples = {variant: Numbers.from_data(found) for variant, found in data["samples"].items()}
        return cls(**{**data, "samples": samples})


@dataclass(frozen=True)
class Run:
    """All rows, and where and how they were measured."""

    about: dict[str, str]
    results: list[Result]

    @property
    def name(self) -> str:
        """The interpreter without its compiler: CPython 3.13.0 (no PGO)."""
        return self.about["interpreter"].partition("), ")[0] + ")"

    def as_json(self) -> str:
        """Gives the text of a file, with a line for each row, so that a change of it can be read."""
        rows = ",\n  ".join(json.dumps(result.as_data()) for result in self.results)
        return f'{{\n "about": {json.dumps(self.about)},\n "rows": [\n  {rows}\n ]\n}}\n'

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Run:
        """Reads what such a text has."""
        return cls(data["about"], [Result.from_data(row) for row in data["rows"]])

    def find(self, section: str, row: str, variant: str) -> Numbers | None:
        """Gives the numbers of one variant, or None where it was not measured."""
        for result in self.results:
            if (result.section, result.row) == (section, row):
                return result.samples.get(variant)
        return None


def pooled(parts: Sequence[Sequence[dict[str, Any]]]) -> list[Result]:
    """Makes one result of each row, from what every process measured of it.

    Args:
        parts: For each process its rows, each with all values of each variant in the order of the rounds.
    """
    results: list[Result] = []
    for same in zip(*parts, strict=True):
        first = same[0]
        values = {variant: [value for row in same for value in row["values"][variant]] for variant in first["values"]}
        base = values.get(first["base"])
        samples = {variant: Numbers.of(own, base) for variant, own in values.items()}
        told = {name: first[name] for name in ("section", "row", "unit", "method", "base")}
        results.append(Result(**told, samples=samples))
    return results
