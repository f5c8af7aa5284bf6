"""Markdown: tables, pictures, and lines that are short enough for a document."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 120


def markdown(table: Sequence[Sequence[str]]) -> Iterable[str]:
    """A table whose first line is its head, the first column to the left and the others to the right."""
    head, *lines = [[cell.strip() for cell in line] for line in table]
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def picture(name: str, words: str) -> Iterable[str]:
    """An image, with what it shows in words for those who don't see it."""
    yield f"![{words}]({name})"
    yield ""


def wrapped(line: str) -> str:
    """A line, broken where it is too long for a document; a row of a table stays as it is."""
    indent = "  " if line.startswith("- ") else ""
    wrap = textwrap.TextWrapper(WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return line if line.startswith("|") or len(line) <= WIDTH else wrap.fill(line)


def text(lines: Iterable[str]) -> str:
    """The text of a file."""
    return "\n".join(map(wrapped, lines)) + "\n"
