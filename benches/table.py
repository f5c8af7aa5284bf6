"""What was measured, as text to read in a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from results import Numbers, Result, Run


def short(number: float, decimals: int) -> str:
    """Writes so many decimals, fewer for a larger number."""
    fewer = len(str(int(number))) - 1
    return f"{number:,.{max(0, decimals - fewer)}f}"


def cell(found: Numbers, is_base: bool) -> str:
    """Median, half the interquartile range and, but for the base itself, the ratio."""
    text = f"{short(found.own.median, 2)} ±{short(found.own.spread / 2, 1)}"
    compared = f"({short(found.ratio.median, 2)})" if found.ratio and not is_base else ""
    return f"{text} {compared:>6}"


def cells(result: Result) -> dict[str, str]:
    """Those of a row, by variant."""
    return {variant: cell(found, variant == result.base) for variant, found in result.samples.items()}


def columns(lines: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lays out a table, its first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        padded = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join((first.ljust(widths[0]), *padded)).rstrip()


def with_longer_side_down(table: list[list[str]]) -> list[list[str]]:
    """Turns a table that is wider than long."""
    return [list(column) for column in zip(*table, strict=True)] if len(table) < len(table[0]) else table


def grid(results: Sequence[Result]) -> list[list[str]]:
    """One section: a first line of names, then the cells, the longer side down the page."""
    by_row = {result.row: cells(result) for result in results}
    variants = list(dict.fromkeys(variant for found in by_row.values() for variant in found))
    table = [["", *variants]]
    table += [[name, *(found.get(variant, "") for variant in variants)] for name, found in by_row.items()]
    return with_longer_side_down(table)


def heading(result: Result) -> str:
    """What is measured in a section, and how."""
    compared = f", ratio to {result.base}" if result.base else ""
    return f"{result.section}, {result.unit}{compared}: {result.method}"


def page(run: Run) -> Iterable[str]:
    """All sections, below what tells where and how they were measured."""
    for name, text in run.about.items():
        yield f"{name}: {text}"
    for _, of_section in groupby(run.results, key=lambda result: result.section):
        results = list(of_section)
        yield ""
        yield heading(results[0])
        yield from columns(grid(results))
