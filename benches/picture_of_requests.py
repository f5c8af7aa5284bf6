"""The picture of requests: a line for each library over the number of cached calls that a request makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from colours import COLOURS, OURS
from drawing import PALE, SMALL, Drawing, Scale, apart, round_numbers, width_of

if TYPE_CHECKING:
    from results import Run

VARIANTS = {
    "no cache": "no cache",
    OURS: "ours, Flask g",
    "functools": "functools",
    "cachebox": "cachebox",
    "cachetools": "cachetools",
    "moka-py": "moka-py",
    "Flask-Caching memoize": "Flask-Caching memoize",
}
ROW = "cached calls: "
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 700, 440, 52, 474, 76, 392
LINE_HEIGHT = 17


def measured(run: Run) -> dict[str, dict[int, float]]:
    """The µs of a request of each library, by the number of cached calls."""
    found: dict[str, dict[int, float]] = {}
    counts = [int(result.row.removeprefix(ROW)) for result in run.results if result.section == "request"]
    for library, variant in VARIANTS.items():
        for count in counts:
            numbers = run.find("request", f"{ROW}{count}", variant)
            if numbers:
                found.setdefault(library, {})[count] = numbers.own.median
    return found


def described(found: dict[str, dict[int, float]]) -> str:
    """The picture in words: all its numbers."""
    lines = (
        f"{library}: " + ", ".join(f"{µs:,.0f} with {count}" for count, µs in by_count.items())
        for library, by_count in found.items()
    )
    return f"Microseconds of a Flask request, by the number of cached calls it makes. {'; '.join(lines)}."


def axes(drawing: Drawing, x: Scale, y: Scale, counts: list[int]) -> None:
    """The grid and its numbers."""
    for µs in round_numbers(y.low, y.high):
        drawing.line([(LEFT, y(µs)), (RIGHT, y(µs))])
        drawing.text(LEFT - 8, y(µs) + 4, f"{µs:,.0f}", anchor="end", size=SMALL, fill=PALE)
    for count in counts:
        drawing.line([(x(count), BOTTOM), (x(count), BOTTOM + 5)], stroke=PALE)
        drawing.text(x(count), BOTTOM + 20, f"{count}", anchor="middle", size=SMALL, fill=PALE)
    drawing.text(RIGHT, BOTTOM + 38, "cached calls in the request", anchor="end", size=SMALL, fill=PALE)


def picture_of_requests(run: Run) -> Drawing:
    """Draws it."""
    found = measured(run)
    counts = list(next(iter(found.values())))
    last = max(counts)
    every = [µs for by_count in found.values() for µs in by_count.values()]
    x = Scale(0, last, LEFT, RIGHT)
    y = Scale(min(every) * 0.9, max(every) * 1.1, BOTTOM, TOP, logarithmic=True)
    at_last = ", ".join(f"{library} {by_count[last]:,.0f} µs" for library, by_count in found.items())
    title = f"What a Flask request costs on {run.name}: with {last} cached calls {at_last}"
    drawing = Drawing(WIDTH, HEIGHT, title, described(found))
    drawing.text(16, 28, "What a Flask request costs, by the number of cached calls", size=16, bold=True)
    drawing.text(16, 47, f"{run.name}; µs a request, logarithmic", fill=PALE)
    axes(drawing, x, y, counts)
    for library, by_count in reversed(found.items()):
        points = [(x(count), y(µs)) for count, µs in by_count.items()]
        drawing.line(points, stroke=COLOURS[library], width=3 if library == OURS else 1.8)
        for point in points:
            drawing.dot(*point, fill=COLOURS[library], radius=4 if library == OURS else 3)
    ordered = sorted(found, key=lambda library: y(found[library][last]))
    wanted = [y(found[library][last]) for library in ordered]
    places = apart(wanted, [LINE_HEIGHT] * len(ordered), TOP - 10, BOTTOM + 30)
    for library, at, place in zip(ordered, wanted, places, strict=True):
        colour = COLOURS[library]
        drawing.line([(RIGHT + 7, at), (RIGHT + 24, place)], stroke=colour)
        label = f"{library} {found[library][last]:,.0f} µs"
        drawing.text(RIGHT + 28, place + 4, label, size=SMALL, fill=colour, bold=library == OURS)
        if RIGHT + 28 + width_of(label, SMALL) > WIDTH + 20:
            raise RuntimeError(f"{label!r} does not fit into the picture")
    return drawing
