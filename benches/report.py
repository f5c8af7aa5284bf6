"""Writes the pages of performance, their pictures and the list of targets from the numbers in docs/benchmarks.

Those are a file for each interpreter. What stands on the page of numbers below a line that says so is written by hand,
and kept.

    python benches/report.py [--docs FOLDER]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from first_page import HITS_PICTURE, NUMBERS_PAGE, PAGE, REQUESTS_PICTURE, first_page
from numbers_page import by_hand, numbers_page
from page_text import text
from picture_of_hits import picture_of_hits
from picture_of_requests import picture_of_requests
from results import Run
from targets_page import targets_page

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS = Path(__file__).parents[1] / "docs"
NUMBERS = "benchmarks"
TARGETS = "benchmarks/targets.md"


def order(run: Run) -> tuple[bool, list[int]]:
    """The newest interpreter first, those without a GIL at the end."""
    return "free-threaded" in run.name, [-int(part) for part in re.findall(r"\d+", run.name)]


def read(folder: Path) -> list[Run]:
    """Gives the runs that were written there."""
    files = sorted(folder.glob("*.json"))
    return sorted((Run.from_data(json.loads(file.read_text(encoding="utf-8"))) for file in files), key=order)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes them all."""
    parser = argparse.ArgumentParser(description="Write the pages of performance and their pictures.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder that has them, and benchmarks/")
    docs: Path = parser.parse_args(arguments).docs
    runs = read(docs / NUMBERS)
    if not runs:
        print(f"There are no numbers in {docs / NUMBERS}", file=sys.stderr)
        return 2
    hits, requests = picture_of_hits(runs[0]), picture_of_requests(runs[0])
    made = {
        NUMBERS_PAGE: text(numbers_page(runs)) + by_hand(docs / NUMBERS_PAGE),
        PAGE: text(first_page(runs[0], hits, requests)),
        TARGETS: text(targets_page(runs)),
        HITS_PICTURE: hits.svg(),
        REQUESTS_PICTURE: requests.svg(),
    }
    for name, content in made.items():
        (docs / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
