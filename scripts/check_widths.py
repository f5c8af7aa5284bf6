"""Checks that no line is longer than the limit for its kind of file: 110 columns in code, 120 in documents.

`rustfmt` breaks code and leaves comments alone, and `ruff` looks at Python, with a limit of its own in pyproject.toml.
Here are Rust, comments too, shell scripts and Markdown. A row of a Markdown table can't be broken, nor can a word (a
link, say): such lines are let pass.

`NOT_YET` is for what was written before the rule: a pattern of paths with the limit until it is laid out anew. One that
nothing needs any more is an error, or it would let the next long line in.
"""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The first pattern that fits a path counts; `*` goes through slashes.
LIMITS = {"*.rs": 110, "*.sh": 110, ".ci/*": 110, "*.md": 120}
NOT_YET: dict[str, int] = {}


def check(texts: dict[str, str], limits: dict[str, int], not_yet: dict[str, int]) -> list[str]:
    """The lines of some files, by path, that are too long, and the entries of `not_yet` that nothing needs."""
    found: list[str] = []
    needed: set[str | None] = set()
    for path, text in sorted(texts.items()):
        limit = _of(path, limits)
        if limit is None:
            continue
        spared = next((pattern for pattern in not_yet if fnmatchcase(path, pattern)), None)
        for number, line in enumerate(text.splitlines(), 1):
            width = len(line)
            if width <= limit or _is_unbreakable(path, line, limit):
                continue
            needed.add(spared)
            if spared is None or width > not_yet[spared]:
                found.append(f"{path}:{number} has {width} columns; {limit} is the limit")
    unneeded = [pattern for pattern in not_yet if pattern not in needed]
    return found + [f"no line needs the {not_yet[path]} columns of `{path}` any more: take it out" for path in unneeded]


def _of(path: str, limits: dict[str, int]) -> int | None:
    return next((limit for pattern, limit in limits.items() if fnmatchcase(path, pattern)), None)


def _is_unbreakable(path: str, line: str, limit: int) -> bool:
    """Whether no break would help: it is a row of a table, or one word behind at most a mark, too wide by itself."""
    is_row = path.endswith(".md") and line.lstrip().startswith("|")
    words = line.split()
    return is_row or (len(words) <= 2 and max(map(len, words), default=0) > limit - 8)


def main() -> int:
    """Checks the files of the repository; 1 if a line is too long."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = [name for name in names if _of(name, LIMITS) is not None and (ROOT / name).is_file()]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in paths}
    complaints = check(texts, LIMITS, NOT_YET)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
