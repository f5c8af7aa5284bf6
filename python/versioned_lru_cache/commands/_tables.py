"""Tables for people and JSON for programs: how all commands print what they have found.

`rich` draws the table where it is installed and somebody looks at a terminal. Everywhere else columns are aligned.
"""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any


def show(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows: all of their fields as a JSON array, or these columns as a table."""
    rows = list(rows)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    texts = [[_text(name, row.get(name)) for name in columns] for row in rows]
    if sys.stdout.isatty() and _drawn(columns, texts):
        return
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for line in ([name.upper() for name in columns], *texts):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def show_one(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: as a JSON object, or a field a line."""
    if as_json:
        print(json.dumps(fields, indent=2))
        return
    width = max(map(len, fields))
    for name, value in fields.items():
        print(f"{name.ljust(width)}  {_text(name, value)}")


def _drawn(columns: Sequence[str], texts: Iterable[Sequence[str]]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(*columns)
    for line in texts:
        table.add_row(*map(Text, line))
    Console().print(table)
    return True


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("age", "oldest", "newest", "ttl", "seconds") and isinstance(value, (int, float)):
        return _span(value)
    if isinstance(value, int):
        return f"{value:,}"
    if name == "problems":
        return "; ".join(value) or "-"
    return str(value)


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.3g} s"
