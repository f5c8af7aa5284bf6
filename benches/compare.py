"""Compares versioned_lru_cache with functools.lru_cache and with caches that people install.

Each round runs every variant once, in a new order, on one core. Several processes, one after the other, measure a part
of the rounds each. A library that is not installed is named and left out.

    python benches/compare.py [--processes 3] [--rounds 15] [--calls 20000] [--only WORD] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awaiting import awaiting, awaiting_asked, stampede_of_tasks
from changing_sessions import alternating, first_call
from collecting import collecting
from colliding import colliding
from entry_size import STATM, entry_size, session_size
from growing import growing
from hits import hits
from interpreter import full_name, processor, short_name
from libraries import Variant, left_out, others, versions
from live_sessions import live_sessions
from many_tasks import many_tasks
from many_versions import ending, known
from measuring import LOOPS, Row, Section, measure, pin_to_core
from misses import misses
from nested_page import nested_page
from no_session import asked_versions, constant_versions
from places import places
from results import Run, pooled
from scaling import scaling
from setting_up import decorating, importing
from stampede import stampede
from table import page
from web_requests import web_requests
from working_requests import working_requests

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_LIMIT = 1_800


def positive(text: str) -> int:
    """Reads a number from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Compare caches: hits, misses, sessions, growth, memory, requests, set-up, stampedes."
    )
    parser.add_argument("--processes", type=positive, default=3, help="how many processes measure")
    parser.add_argument("--rounds", type=positive, default=15, help="how often each variant has its turn in each")
    parser.add_argument("--calls", type=positive, default=20_000, help="about how many calls one turn makes")
    parser.add_argument("--only", metavar="WORD", default="", help="only rows that have this in their name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers there, too")
    parser.add_argument("--json-in", metavar="FOLDER", type=Path, help="the same, in a file named for the interpreter")
    parser.add_argument("--part", metavar="FILE", type=Path, help="be one of the processes: write all values there")
    return parser.parse_args(arguments)


def sections_with(own: Sequence[Variant], calls: int) -> list[Section]:
    """All sections of the table, in its order."""
    calls, all_calls = max(1, calls // LOOPS), calls
    variants = [*others(), *own]
    in_flask = [*others(), own[-1]]
    return [
        hits(variants, calls),
        constant_versions(calls),
        asked_versions(calls),
        growing(own[-2], calls),
        scaling(own[-2], all_calls),
        first_call(calls),
        alternating(calls),
        nested_page(calls),
        ending(all_calls),
        live_sessions(),
        known(calls),
        misses(variants, calls),
        colliding([own[0], own[2]], calls),
        entry_size(),
        session_size(),
        collecting(),
        working_requests(),
        web_requests(in_flask, calls),
        decorating(in_flask, calls),
        importing(),
        stampede(),
        awaiting(own, calls),
        awaiting_asked(calls),
        many_tasks(),
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


def part(options: argparse.Namespace) -> list[dict[str, Any]]:
    """What one process measures: all values of each row."""
    with places() as own:
        rows = rows_of(sections_with(own, options.calls), options.only)
        measure(rows, options.rounds, options.processes)
    return [row.as_data() for row in rows]


def in_a_child(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The same, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "part.json")
        warnings = [f"-W{option}" for option in sys.warnoptions]
        told = {name: str(getattr(options, name)) for name in ("processes", "rounds", "calls", "only")}
        flags = [f"--{name}={text}" for name, text in told.items()]
        command = [sys.executable, *warnings, __file__, *flags, f"--part={file}"]
        subprocess.run(command, check=True, timeout=TIME_LIMIT)
        measured: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return measured


def about(options: argparse.Namespace, core: int | None) -> dict[str, str]:
    """Where and how it was measured."""
    chosen = [f"--processes {options.processes}", f"--rounds {options.rounds}", f"--calls {options.calls}"]
    if options.only:
        chosen.append(f"--only {options.only!r}")
    told = {
        "interpreter": full_name(),
        "machine": processor(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "method": f"{'one core' if core is not None else 'not held to one core'}, no garbage collection while a "
        f"sample is taken, all variants in a new order in each round, a turn being {LOOPS} loops of which the median "
        "counts; median ± half the interquartile range, and in brackets the median of the ratios within a round",
        "command": f"python benches/compare.py {' '.join(chosen)}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    missing = [f"{name} (not installed)" for name in left_out()]
    if not STATM.exists():
        missing.append(f"memory (no {STATM})")
    if missing:
        told["left out"] = ", ".join(missing)
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the table."""
    options = options_of(arguments)
    core = pin_to_core()
    if options.part:
        options.part.write_text(json.dumps(part(options)), encoding="utf-8")
        return 0
    alone = options.processes == 1
    parts = [part(options)] if alone else [in_a_child(options) for _ in range(options.processes)]
    run = Run(about(options, core), pooled(parts))
    if not run.results:
        print(f"No row has {options.only!r} in its name", file=sys.stderr)
        return 2
    files = [options.json] if options.json else []
    if options.json_in:
        options.json_in.mkdir(parents=True, exist_ok=True)
        files.append(options.json_in / f"{short_name()}.json")
    for file in files:
        file.write_text(run.as_json(), encoding="utf-8")
    print("\n".join(page(run)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
