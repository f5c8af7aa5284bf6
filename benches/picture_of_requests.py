"""The picture of requests that need work: a bar for each way to cache, with one call and with ten keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from colours import COLOURS, OURS
from drawing import PALE, SMALL, Drawing, width_of
from working_requests import NEVER_CLEARED, REQUESTS, WORK

if TYPE_CHECKING:
    from results import Run


@dataclass(frozen=True)
class Bar:
    """A way to cache: what the numbers and the picture call it, and whose colour it has."""

    variant: str
    name: str
    library: str


BARS = (
    Bar("no cache", "no cache", "no cache"),
    Bar("Flask-Caching memoize, cleared", "Flask-Caching, cleared*", "Flask-Caching memoize"),
    Bar("cachebox, cleared", "cachebox, cleared*", "cachebox"),
    Bar("functools, cleared", "functools, cleared*", "functools"),
    Bar("ours, Flask g", OURS, OURS),
    Bar(NEVER_CLEARED, "functools: old data", "functools"),
)
PANELS = {"cached calls: 1": "once", "cached calls: 10": "with 10 keys"}
SECTION = "request with work"
WIDTH, TOP, STEP, THICK, FOOT = 700, 90, 20, 13, 22
LEFTS, LONGEST = (180, 448), 176  # px where the bars of each panel begin, and how long the longest is
TITLE = f"Time of a Flask request that calls a function of {WORK // 1_000_000} ms"
FOOTNOTE = "* by whoever changes the data (functools: all keys); versioned_lru_cache sees it by itself"


def measured(run: Run) -> dict[str, dict[Bar, float]]:
    """The ms of a request by panel and by what was measured there."""
    found: dict[str, dict[Bar, float]] = {}
    for row in PANELS:
        for bar in BARS:
            if numbers := run.find(SECTION, row, bar.variant):
                found.setdefault(row, {})[bar] = numbers.own.median
    return found


def in_words(row: str, by_bar: dict[Bar, float]) -> str:
    """One panel of the picture."""
    told = ", ".join(f"{bar.name.rstrip('*')} {ms:,.2f} ms" for bar, ms in by_bar.items())
    return f"{PANELS[row]}: {told}"


def picture_of_requests(run: Run) -> Drawing:
    """Draws it."""
    found = measured(run)
    words = "; ".join(in_words(row, by_bar) for row, by_bar in found.items())
    title = f"{TITLE}, on {run.name}: {words}"
    below = TOP + STEP * len(BARS)
    change = f"the data changes before one request in {REQUESTS}"
    drawing = Drawing(
        WIDTH, below + FOOT, title, f"Milliseconds of processor time where {change}. {words}. {FOOTNOTE}."
    )
    drawing.text(16, 28, TITLE, size=16, bold=True)
    drawing.text(16, 47, f"{run.name}; ms of processor time, where {change}", fill=PALE)
    bars = [bar for bar in BARS if any(bar in by_bar for by_bar in found.values())]
    for number, bar in enumerate(bars):
        y = TOP + STEP * number
        bold = bar.library == OURS
        drawing.text(LEFTS[0] - 10, y + 4, bar.name, anchor="end", fill=COLOURS[bar.library], bold=bold)
    for left, (row, by_bar) in zip(LEFTS, found.items(), strict=False):
        drawing.text(left, TOP - 20, PANELS[row], size=SMALL, fill=PALE)
        longest = max(by_bar.values())
        for number, bar in enumerate(bars):
            if bar not in by_bar:
                continue
            y, long = TOP + STEP * number, by_bar[bar] / longest * LONGEST
            drawing.bar(left, y - THICK / 2, long, THICK, fill=COLOURS[bar.library])
            label = f"{by_bar[bar]:,.2f}"
            drawing.text(left + long + 6, y + 4, label, size=SMALL, fill=COLOURS[bar.library], bold=bar.library == OURS)
            if left + long + 6 + width_of(label, SMALL) > WIDTH:
                raise RuntimeError(f"{label!r} does not fit into the picture")
    drawing.text(16, below + 8, FOOTNOTE, size=SMALL, fill=PALE)
    return drawing
