"""Writes docs/performance.md and its pictures from the numbers in docs/benchmarks, one file for each interpreter.

What stands on the page below a line that says so is written by hand, and kept.

    python benches/report.py [--docs FOLDER]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from picture_of_hits import picture_of_hits
from picture_of_requests import picture_of_requests
from results import Run
from table import grid, heading, short
from targets import BY_BUILD, DICT_MORE, PLACES, SAME, Target, all_targets, hit_targets, other_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DOCS = Path(__file__).parents[1] / "docs"
NUMBERS = "benchmarks"
PAGE, HITS_PICTURE, REQUESTS_PICTURE = "performance.md", "performance-hits.svg", "performance-requests.svg"
BY_HAND = "<!-- What follows is written by hand; what is above, `make bench-report` writes. -->"
FIRST_BY_HAND = f"""{BY_HAND}

## Where the time goes

`make bench-profile SHAPE="ours, Flask g, f(int)"` tells it of each shape that `make bench-check` names, in
instructions a call.
"""


def order(run: Run) -> tuple[bool, list[int]]:
    """The newest interpreter first, those without a GIL at the end."""
    return "free-threaded" in run.name, [-int(part) for part in re.findall(r"\d+", run.name)]


def read(folder: Path) -> list[Run]:
    """Gives the runs that were written there."""
    files = sorted(folder.glob("*.json"))
    return sorted((Run.from_data(json.loads(file.read_text(encoding="utf-8"))) for file in files), key=order)


def markdown(table: Sequence[Sequence[str]]) -> Iterable[str]:
    """A table whose first line is its head, the first column to the left and the others to the right."""
    head, *lines = [[cell.strip() for cell in line] for line in table]
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def shown(number: float | None, target: Target) -> str:
    """What was measured, in bold where that is not what was asked."""
    if number is None:
        return "not measured"
    text = f"{number:,.2f}" if number < 100 else f"{number:,.0f}"
    with_unit = f"{text} {target.unit}".strip()
    return with_unit if target.is_met_by(number) else f"**{with_unit}**"


def hits_asked(run: Run) -> Iterable[str]:
    """The hits of one interpreter, asked and measured."""
    table = [["", "asked", *(f"{place}" for place in PLACES)]]
    for shape, by_place in hit_targets(run).items():
        asked = f"{by_place['ContextVar'].asked:.2f}"
        table.append([shape, asked, *(shown(target.measured(run), target) for target in by_place.values())])
    return markdown(table)


def others_asked(runs: Sequence[Run]) -> Iterable[str]:
    """Everything else that was asked, by interpreter."""
    table = [["", "asked", *(run.name for run in runs)]]
    asked_of = [{target.name: target for target in other_targets(run)} for run in runs]
    every = {name: target for targets in asked_of for name, target in targets.items()}
    for name, target in every.items():
        asked = f"{'at least ' if target.at_least else ''}{short(target.asked, 2)} {target.unit}".strip()
        cells = (
            shown(target.measured(run), target) if name in own else "" for run, own in zip(runs, asked_of, strict=True)
        )
        table.append([name, asked, *cells])
    return markdown(table)


def tally(run: Run) -> str:
    """How many targets an interpreter meets."""
    answers = [target.met(run) for target in all_targets(run)]
    missing = answers.count(None)
    measured = f", {missing} not measured" if missing else ""
    return f"{run.name}: {answers.count(True)} of {len(answers)} met{measured}"


def picture(name: str, words: str) -> Iterable[str]:
    """An image, with what it shows in words for those who don't see it."""
    yield f"![{words}]({name})"
    yield ""


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


def page(runs: Sequence[Run], hits: str, requests: str) -> Iterable[str]:
    """The part of the page that is made from the numbers."""
    yield "# Performance"
    yield ""
    yield "`make bench` measures and makes this page; the numbers are in `docs/benchmarks`. All ratios are to"
    yield "`functools.lru_cache` unless something else is said: .50 is half its time."
    yield ""
    yield from picture(HITS_PICTURE, hits)
    yield from picture(REQUESTS_PICTURE, requests)
    yield "## How it was measured"
    yield ""
    yield from how(runs)
    yield "## Asked and measured"
    yield ""
    yield "Asked is at most what the table says, unless it says otherwise; what is in bold is not met."
    yield ""
    yield from (f"- {tally(run)}" for run in runs)
    for run in (run for run in runs if hit_targets(run)):
        yield ""
        yield f"### Hits on {run.name}"
        yield ""
        yield f"Ratios, by where the session is. In a dict the first {len(BY_BUILD)} may be {DICT_MORE:.2f} more."
        yield ""
        yield from hits_asked(run)
    yield ""
    yield "### Everything else"
    yield ""
    yield f"What may not grow at all is asked to be at most {SAME} times as much with 100,000 as with 10, for noise."
    yield ""
    yield from others_asked(runs)
    for run in runs:
        yield ""
        yield f"## All numbers of {run.name}"
        yield ""
        yield "Median, ± half the interquartile range, and in brackets the median of the ratios within a round."
        yield ""
        yield from all_numbers(run)


def wrapped(line: str) -> str:
    """A line of the page, broken where it is too long for a document; a row of a table stays as it is."""
    indent = "  " if line.startswith("- ") else ""
    wrap = textwrap.TextWrapper(120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return line if line.startswith("|") or len(line) <= 120 else wrap.fill(line)


def by_hand(file: Path) -> str:
    """What was written by hand, with the line above it."""
    if not file.exists():
        return FIRST_BY_HAND
    _, line, text = file.read_text(encoding="utf-8").partition(BY_HAND)
    if not line:
        raise RuntimeError(f"{file} has no line that says where what is written by hand begins: {BY_HAND}")
    return line + text


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page and the pictures."""
    parser = argparse.ArgumentParser(description="Write docs/performance.md and its pictures.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder that has them, and benchmarks/")
    docs: Path = parser.parse_args(arguments).docs
    runs = read(docs / NUMBERS)
    if not runs:
        print(f"There are no numbers in {docs / NUMBERS}", file=sys.stderr)
        return 2
    hits, requests = picture_of_hits(runs[0]), picture_of_requests(runs[0])
    kept = by_hand(docs / PAGE)
    made = "\n".join(map(wrapped, page(runs, hits.title, requests.title)))
    (docs / PAGE).write_text(f"{made}\n{kept}", encoding="utf-8")
    (docs / HITS_PICTURE).write_text(hits.svg(), encoding="utf-8")
    (docs / REQUESTS_PICTURE).write_text(requests.svg(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
