"""What was measured, as text to read and as data for others."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from measuring import Middle, Row, Sample, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def short(number: float, decimals: int) -> str:
    """Writes so many decimals, fewer for a larger number."""
    fewer = len(str(int(number))) - 1
    return f"{number:,.{max(0, decimals - fewer)}f}"


def cell(sample: Sample, base: Sample | None) -> str:
    """Median, half the interquartile range and, but for the base itself, the ratio."""
    middle = Middle.of(sample.values)
    text = f"{short(middle.median, 2)} ±{short(middle.spread / 2, 1)}"
    compared = short(ratio(sample, base).median, 2) if base and sample is not base else ""
    return f"{text} {compared:>4}"


def cells(row: Row) -> dict[str, str]:
    """Those of a row, by variant."""
    base = row.base()
    return {sample.variant: cell(sample, base) for sample in row.samples}


def columns(lines: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lays out a table, its first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        padded = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        yield "  ".join((first.ljust(widths[0]), *padded)).rstrip()


def section_lines(rows: Sequence[Row]) -> Iterable[str]:
    """The table of one section, whose longer side runs down the page."""
    section = rows[0].section
    by_row = {row.name: cells(row) for row in rows}
    variants = list(dict.fromkeys(variant for found in by_row.values() for variant in found))
    compared = f", ratio to {section.base}" if section.base else ""
    yield f"{section.name}, {section.unit}{compared}: {section.method}"
    table = [["", *variants]]
    table += [[name, *(found.get(variant, "") for variant in variants)] for name, found in by_row.items()]
    yield from columns([list(column) for column in zip(*table, strict=True)] if len(rows) < len(variants) else table)


def page(about: dict[str, str], rows: Sequence[Row]) -> Iterable[str]:
    """All sections, below what tells where and how they were measured."""
    for name, text in about.items():
        yield f"{name}: {text}"
    for _, of_section in groupby(rows, key=lambda row: row.section.name):
        yield ""
        yield from section_lines(list(of_section))


def data(about: dict[str, str], rows: Sequence[Row]) -> dict[str, Any]:
    """The same as numbers: quartiles of each sample, and of its ratio to the base within each round."""
    return {
        "about": about,
        "rows": [
            {
                "section": row.section.name,
                "row": row.name,
                "unit": row.section.unit,
                "method": row.section.method,
                "base": row.section.base,
                "samples": {sample.variant: numbers(sample, row.base()) for sample in row.samples},
            }
            for row in rows
        ],
    }


def numbers(sample: Sample, base: Sample | None) -> dict[str, Any]:
    """Those of one sample."""
    own = quartiles(Middle.of(sample.values))
    return {"rounds": len(sample.values), **own, "ratio": quartiles(ratio(sample, base)) if base else None}


def quartiles(middle: Middle) -> dict[str, float]:
    """As named numbers."""
    return {"low": middle.low, "median": middle.median, "high": middle.high}
