"""The page of numbers: how all was measured, every number of each interpreter, and what is written by hand below."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from page_text import markdown
from table import grid, heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from results import Run

BY_HAND = "<!-- What follows is written by hand; what is above, `make bench-report` writes. -->"
FIRST_BY_HAND = f"""{BY_HAND}

## Where the time goes

`make bench-profile SHAPE="ours, Flask g, f(int)"` tells it of each shape that `make bench-check` names, in
instructions a call.
"""


def how(runs: Sequence[Run]) -> Iterable[str]:
    """Machine, versions, method and command of each run."""
    table = [["", *(run.name for run in runs)]]
    names = dict.fromkeys(name for run in runs for name in run.about)
    table += [[name, *(run.about.get(name, "") for run in runs)] for name in names]
    alike = [line for line in table[1:] if len(set(line[1:])) == 1]
    for name, text, *_ in alike:
        yield f"- **{name}**: {f'`{text}`' if name == 'command' else text}"
    yield ""
    if different := [line for line in table[1:] if line not in alike]:
        yield from markdown([table[0], *different])
        yield ""


def all_numbers(run: Run) -> Iterable[str]:
    """Each section of a run as a table."""
    for _, of_section in groupby(run.results, key=lambda result: result.section):
        results = list(of_section)
        name, _, method = heading(results[0]).partition(": ")
        yield f"**{name}:** {method}."
        yield ""
        yield from markdown(grid(results))
        yield ""


def numbers_page(runs: Sequence[Run]) -> Iterable[str]:
    """The part of the page that is made from the numbers."""
    yield "# Performance in numbers"
    yield ""
    yield (
        "`make bench` measures and makes this page and [the one before it](performance.md); the numbers are in "
        "`docs/benchmarks`. All ratios are to `functools.lru_cache` unless something else is said: .50 is half its "
        "time."
    )
    yield ""
    yield "## How it was measured"
    yield ""
    yield from how(runs)
    for run in runs:
        yield f"## All numbers of {run.name}"
        yield ""
        yield "Median, ± half the interquartile range, and in brackets the median of the ratios within a round."
        yield ""
        yield from all_numbers(run)


def by_hand(file: Path) -> str:
    """What was written by hand, with the line above it."""
    if not file.exists():
        return FIRST_BY_HAND
    _, line, text = file.read_text(encoding="utf-8").partition(BY_HAND)
    if not line:
        raise RuntimeError(f"{file} has no line that says where what is written by hand begins: {BY_HAND}")
    return line + text
