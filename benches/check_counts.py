"""Fails if a call takes more instructions than the committed figures allow, and renews them when told to.

Figures are of one build of one interpreter. Which it is, the counts of functools' own hits tell: where they are as
committed, the rest can be compared.

    python benches/check_counts.py [--renew]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counts import counted, valgrind
from interpreter import full_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FIGURES = Path(__file__).with_name("counts.json")
GROWTH = 0.05
OTHER_BUILD = 0.02
YARDSTICK = "functools, "
REQUIRED = "REQUIRE_BENCH_CHECK"
RENEW = "`make bench-counts` renews the figures, if this is meant to be."


@dataclass(frozen=True)
class Figures:
    """Instructions of one call of each shape, as one interpreter counts them."""

    interpreter: str
    counts: Mapping[str, float]

    @property
    def minor(self) -> str:
        """Implementation and minor version: CPython 3.11."""
        return self.interpreter.partition(" (")[0].rpartition(".")[0]

    def yardsticks(self) -> dict[str, float]:
        """The counts that are the interpreter's own."""
        return {shape: count for shape, count in self.counts.items() if shape.startswith(YARDSTICK)}

    def same_build(self, other: Figures) -> bool:
        """Whether both are of interpreters that count alike."""
        own, others = self.yardsticks(), other.yardsticks()
        return (
            self.minor == other.minor
            and own.keys() == others.keys()
            and all(abs(own[shape] / others[shape] - 1) <= OTHER_BUILD for shape in own)
        )


def read(file: Path) -> list[Figures]:
    """Gives the committed figures of all interpreters."""
    return [Figures(**each) for each in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def write(file: Path, figures: Iterable[Figures]) -> None:
    """Writes those of all interpreters."""
    listed = [vars(each) for each in sorted(figures, key=lambda each: each.interpreter)]
    file.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def renewed(committed: Iterable[Figures], now: Figures) -> list[Figures]:
    """Puts the new figures in the place of the old ones of the same build."""
    return [*(each for each in committed if not each.same_build(now)), now]


def compared(committed: Figures, now: Figures) -> tuple[list[str], list[str]]:
    """Compares shape by shape.

    Returns:
        A line for each shape, and a line for each that fails: it grew by more than 5 %, or is on one side only.
    """
    lines, failures = [], []
    for shape in dict.fromkeys([*committed.counts, *now.counts]):
        before, after = committed.counts.get(shape), now.counts.get(shape)
        if before is None or after is None:
            what = "has no committed figure" if before is None else "was not measured"
            failures.append(f"{shape}: {what}")
            continue
        growth = after / before - 1
        lines.append(f"{shape}: {before:,.1f} -> {after:,.1f} instructions, {growth:+.1%}")
        if after > before * (1 + GROWTH):
            failures.append(f"{shape}: grew from {before:,.1f} to {after:,.1f} instructions, {growth:+.1%}")
    return lines, failures


def nothing_to_compare(committed: Sequence[Figures], now: Figures) -> str:
    """Says why there is nothing."""
    same_version = [each for each in committed if each.minor == now.minor]
    if not same_version:
        return f"There are no figures for {now.minor}."
    here = ", ".join(f"{shape} {count:,.1f}" for shape, count in now.yardsticks().items())
    there = "; ".join(
        f"{each.interpreter}: " + ", ".join(f"{shape} {count:,.1f}" for shape, count in each.yardsticks().items())
        for each in same_version
    )
    return f"There are figures for {now.minor}, but of other builds, as functools shows. Here: {here}. There: {there}."


def check(committed: Sequence[Figures], now: Figures) -> int:
    """Prints the comparison; gives the exit code."""
    same = next((each for each in committed if each.same_build(now)), None)
    if same is None:
        print(f"{nothing_to_compare(committed, now)} `make bench-counts` adds those of {now.interpreter}.")
        return 1 if os.environ.get(REQUIRED) else 0
    lines, failures = compared(same, now)
    print(f"Instructions of a call, as committed for {same.interpreter} and now:")
    print("\n".join(lines))
    if failures:
        print("\n".join(["", "FAILED", *failures, RENEW]))
    return 1 if failures else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Counts, then compares or renews."""
    parser = argparse.ArgumentParser(description="Compare the instructions of calls with the committed figures.")
    parser.add_argument("--renew", action="store_true", help="commit what is counted now, in place of comparing")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="the file of the committed figures")
    options = parser.parse_args(arguments)
    if valgrind() is None:
        print("valgrind is not installed, so the instructions of calls were not counted.")
        return 1 if options.renew or os.environ.get(REQUIRED) else 0
    committed, now = read(options.figures), Figures(full_name(), counted())
    if options.renew:
        write(options.figures, renewed(committed, now))
        print(f"{options.figures.name} has the figures of {now.interpreter} now.")
        return 0
    return check(committed, now)


if __name__ == "__main__":
    sys.exit(main())
