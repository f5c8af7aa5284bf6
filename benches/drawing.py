"""SVG pictures: text, lines and dots on a white page, with a title and a description for those who don't see them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INK, PALE, GRID = "#1a1a1a", "#595959", "#dddddd"
SMALL, NORMAL, LARGE = 12, 13, 16
# How wide a letter is on the average, in parts of the size of the type; a little more than most fonts have.
LETTER = 0.56


def width_of(text: str, size: int = NORMAL) -> float:
    """About how many px a text takes."""
    return len(text) * size * LETTER


@dataclass(frozen=True)
class Scale:
    """Where on the page a number lies, on a logarithmic or a plain scale."""

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def __call__(self, number: float) -> float:
        """Gives the px."""
        low, high, at = self.low, self.high, number
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)


def round_numbers(low: float, high: float) -> list[float]:
    """Gives 1, 2, 5, 10, 20, 50 and so on, as far as they are within the two."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**decade for decade in decades for step in (1, 2, 5) if low <= step * 10.0**decade <= high]


def apart(wanted: Sequence[float], gap: Sequence[float], low: float, high: float) -> list[float]:
    """Moves places as little as need be so that neighbours do not touch.

    Args:
        wanted: Where each would best be, in rising order.
        gap: How much room each needs, half of it on either side.
        low: The first px that may be used.
        high: The last one.
    """
    places = list(wanted)
    # Down in small steps: all that touch are pushed off each other by the same, until none do.
    for _ in range(500):
        moved = False
        for first, second in pairwise(range(len(places))):
            lacking = (gap[first] + gap[second]) / 2 - (places[second] - places[first])
            if lacking > 0.01:
                places[first] -= lacking / 2
                places[second] += lacking / 2
                moved = True
        places = [min(max(place, low + room / 2), high - room / 2) for place, room in zip(places, gap, strict=True)]
        if not moved:
            break
    return places


@dataclass
class Drawing:
    """A picture that is being made."""

    width: int
    height: int
    title: str
    description: str
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        size: int = NORMAL,
        fill: str = INK,
        bold: bool = False,
    ) -> None:
        """Writes, with a white rim over what is drawn below; y is the base line."""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight} '
            f'stroke="#ffffff" stroke-width="4" paint-order="stroke">'
            f"{escape(text)}</text>"
        )

    def line(self, points: Sequence[tuple[float, float]], *, stroke: str = GRID, width: float = 1) -> None:
        """Draws from point to point."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"/>'
        )

    def dot(self, x: float, y: float, *, fill: str, radius: float = 4.5) -> None:
        """Draws a dot with a white rim, so that two that overlap are seen to be two."""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="#ffffff" stroke-width="1"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, *, fill: str) -> None:
        """Draws a bar to the right of x, its upper side at y."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1, width):.1f}" height="{height}" rx="2" fill="{fill}"/>'
        )

    def svg(self) -> str:
        """Gives the file."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" aria-labelledby="title desc" '
                'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>',
                *self.parts,
                "</svg>\n",
            ]
        )
