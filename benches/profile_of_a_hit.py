"""Tells which functions the instructions of a hit, or of another call that is counted, are spent in.

The names of ours are there only if the package was built without stripping them, as `make bench-profile` does.

    python benches/profile_of_a_hit.py "ours, Flask g, f(int)"
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from counts import Dumps, dumped
from interpreter import full_name

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_LIMIT = 120
LINE = re.compile(r"^\s*([\d,]+) \(\s*([\d.]+)%\)\s+(?:.*?):(\S.*?)(?: \[(.*)\])?$")
# What encloses the whole loop is printed with all of it. It is not where the time goes.
ENCLOSING = 99.9


def by_function(dumps: Dumps) -> dict[str, float]:
    """The instructions of one call, by function."""
    command = ["callgrind_annotate", "--threshold=100", "--auto=no", str(dumps.twice)]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=True).stdout
    found: dict[str, float] = {}
    for line in printed.splitlines():
        match = LINE.match(line)
        if match and float(match[2]) < ENCLOSING:
            function = match[3].removesuffix("'2")
            found[function] = found.get(function, 0) + int(match[1].replace(",", "")) / (2 * dumps.calls)
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Counts and prints a Markdown table."""
    parser = argparse.ArgumentParser(description="Tell in which functions a hit spends its instructions.")
    parser.add_argument("shape", help='as bench-check prints it: "ours, Flask g, f(int)"')
    parser.add_argument("--least", type=float, default=5, help="leave out functions with fewer instructions a call")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        shapes = dumped(Path(folder), options.shape)
        if not shapes:
            print(f"No shape is named {options.shape!r}; `make bench-check` prints them", file=sys.stderr)
            return 2
        functions, all_of_it = by_function(shapes[0]), shapes[0].a_call()
    shown = {function: count for function, count in functions.items() if count >= options.least}
    print(f"{options.shape} on {full_name()}: {all_of_it:,.0f} instructions a call\n")
    print("| function | instructions |\n|---|---:|")
    for function, count in shown.items():
        print(f"| `{function}` | {count:,.0f} |")
    print(f"| all others | {all_of_it - sum(shown.values()):,.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
