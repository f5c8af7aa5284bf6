"""Compares versioned_lru_cache with functools.lru_cache and with caches that people install, in one process.

Each round runs every variant once, in a new order, on one core. A library that is not installed is named and left out.

    python benches/compare.py [--rounds 30] [--calls 20000] [--only WORD] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from awaiting import awaiting, stampede_of_tasks
from changing_sessions import alternating, first_call
from entry_size import STATM, entry_size
from hits import hits
from libraries import Variant, others, peers, versions
from measuring import Row, Section, measure, pin_to_core
from misses import misses
from places import places
from setting_up import decorating, importing
from stampede import stampede
from table import data, page
from web_requests import web_requests

if TYPE_CHECKING:
    from collections.abc import Sequence


def positive(text: str) -> int:
    """Reads a number from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Compare caches: hits, misses, sessions, memory, requests, set-up, stampedes."
    )
    parser.add_argument("--rounds", type=positive, default=30, help="how often each variant has its turn")
    parser.add_argument("--calls", type=positive, default=20_000, help="about how many calls one turn makes")
    parser.add_argument("--only", metavar="WORD", default="", help="only rows that have this in their name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers there, too")
    return parser.parse_args(arguments)


def sections_with(own: Sequence[Variant], calls: int) -> list[Section]:
    """All sections of the table, in its order."""
    variants = [*others(), *own]
    in_flask = [*others(), own[-1]]
    return [
        hits(variants, calls),
        first_call(calls),
        alternating(calls),
        misses(variants, calls),
        entry_size(),
        web_requests(in_flask, calls),
        decorating(in_flask, calls),
        importing(),
        stampede(),
        awaiting(own, calls),
        stampede_of_tasks(own),
    ]


def rows_of(sections: Sequence[Section], word: str) -> list[Row]:
    """Makes the rows whose name, with the section's before it, contains the word."""
    return [
        Row(section, name, make())
        for section in sections
        for name, make in section.rows.items()
        if word.lower() in f"{section.name} {name}".lower()
    ]


def processor() -> str:
    """What kind of machine this is, without the name of the host."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{platform.system()} {platform.machine()}, {model or 'processor unknown'}, {os.cpu_count()} cores"


def about(options: argparse.Namespace, core: int | None) -> dict[str, str]:
    """Where and how it was measured."""
    chosen = [f"--rounds {options.rounds}", f"--calls {options.calls}"]
    if options.only:
        chosen.append(f"--only {options.only!r}")
    told = {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}",
        "machine": processor(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "method": f"{'one core' if core is not None else 'not held to one core'}, no garbage collection while a "
        "sample is taken, all variants in a new order in each round; median ± half the interquartile range, and the "
        "median of the ratios within a round",
        "command": f"python benches/compare.py {' '.join(chosen)}",
    }
    left_out = [f"{name} (not installed)" for name in peers()[1]]
    if not STATM.exists():
        left_out.append(f"memory (no {STATM})")
    if left_out:
        told["left out"] = ", ".join(left_out)
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the table."""
    options = options_of(arguments)
    core = pin_to_core()
    with places() as own:
        rows = rows_of(sections_with(own, options.calls), options.only)
        if not rows:
            print(f"No row has {options.only!r} in its name", file=sys.stderr)
            return 2
        measure(rows, options.rounds)
    told = about(options, core)
    if options.json:
        options.json.write_text(json.dumps(data(told, rows), indent=1) + "\n", encoding="utf-8")
    print("\n".join(page(told, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
