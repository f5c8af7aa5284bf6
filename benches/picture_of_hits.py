"""The picture of hits: a line for each shape of a call, a dot for each library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from colours import COLOURS, OURS
from drawing import PALE, SMALL, Drawing, Scale, apart, round_numbers, width_of

if TYPE_CHECKING:
    from results import Run

# What the table calls ours in the picture: the dearest place for a session, in a live request.
VARIANTS = {
    OURS: "ours, Flask g",
    "functools": "functools",
    "cachebox": "cachebox",
    "cachetools": "cachetools",
    "moka-py": "moka-py",
}
SHAPES = (
    "f()",
    "f(int)",
    "f(a, b)",
    "f(a, k=v)",
    "obj.m(int)",
    "f(dataclass)",
    "100,000 int keys",
)
WIDTH, LEFT, RIGHT, TOP, STEP, BOTTOM = 700, 128, 646, 104, 20, 40
BESIDE = 10  # px from the middle of a dot to its number


def measured(run: Run) -> dict[str, dict[str, float]]:
    """The ns of each library, by shape."""
    found: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        for library, variant in VARIANTS.items():
            numbers = run.find("hit", shape, variant)
            if numbers:
                found.setdefault(shape, {})[library] = numbers.own.median
    return found


def in_words(shape: str, by_library: dict[str, float]) -> str:
    """One line of the picture."""
    return f"{shape} " + ", ".join(f"{library} {ns:,.0f} ns" for library, ns in by_library.items())


def described(found: dict[str, dict[str, float]]) -> str:
    """The picture in words: all its numbers."""
    return "; ".join(in_words(shape, by_library) for shape, by_library in found.items())


def axis(drawing: Drawing, scale: Scale, bottom: float) -> None:
    """The grid and its numbers."""
    for ns in round_numbers(scale.low, scale.high):
        drawing.line([(scale(ns), TOP - 14), (scale(ns), bottom)])
        drawing.text(scale(ns), bottom + 16, f"{ns:,.0f}", anchor="middle", size=SMALL, fill=PALE)
    drawing.text(RIGHT, bottom + 33, "ns a call, logarithmic", anchor="end", size=SMALL, fill=PALE)


def names(drawing: Drawing, scale: Scale, first: dict[str, float]) -> None:
    """The libraries' names above the dots of the first shape."""
    ordered = sorted(first, key=lambda library: first[library])
    places = apart(
        [scale(first[library]) for library in ordered],
        [width_of(library, SMALL) + 10 for library in ordered],
        LEFT - 60,
        WIDTH - 4,
    )
    for library, place in zip(ordered, places, strict=True):
        at, colour = scale(first[library]), COLOURS[library]
        drawing.line([(place, TOP - 34), (at, TOP - 16), (at, TOP - 5)], stroke=colour)
        drawing.text(place, TOP - 39, library, anchor="middle", size=SMALL, fill=colour, bold=library == OURS)


def numbers(drawing: Drawing, scale: Scale, y: float, by_library: dict[str, float]) -> None:
    """Writes the ns of ours and of functools beside their dots, the lesser to the left, where no other dot is."""
    pair = sorted(
        (library for library in (OURS, "functools") if library in by_library), key=lambda each: by_library[each]
    )
    for library in pair:
        text, at, left = f"{by_library[library]:,.0f}", scale(by_library[library]), library == pair[0]
        room = BESIDE + width_of(text, SMALL) + BESIDE
        others = [scale(ns) for other, ns in by_library.items() if other != library]
        if not any(0 < (at - other if left else other - at) < room for other in others):
            side, anchor = (-BESIDE, "end") if left else (BESIDE, "start")
            drawing.text(at + side, y + 4, text, anchor=anchor, size=SMALL, fill=COLOURS[library])


def picture_of_hits(run: Run) -> Drawing:
    """Draws it."""
    found = measured(run)
    every = [ns for by_library in found.values() for ns in by_library.values()]
    scale = Scale(min(every) * 0.62, max(every) * 1.05, LEFT, RIGHT, logarithmic=True)
    bottom = TOP + STEP * (len(found) - 1) + 16
    shape, first = next(iter(found.items()))
    title = f"What a hit costs on {run.name}: {in_words(shape, first)}; the other shapes are among the numbers"
    drawing = Drawing(WIDTH, int(bottom + BOTTOM), title, described(found))
    drawing.text(16, 28, "What a hit costs, by library and shape of the call", size=16, bold=True)
    drawing.text(16, 47, f"{run.name}; ours in a live Flask request", fill=PALE)
    axis(drawing, scale, bottom)
    names(drawing, scale, next(iter(found.values())))
    for number, (name, by_library) in enumerate(found.items()):
        y = TOP + STEP * number
        drawing.text(16, y + 4, name)
        drawing.line([(scale(min(by_library.values())), y), (scale(max(by_library.values())), y)], width=2)
        # Ours is drawn last, so that it is never hidden.
        for library, ns in reversed(by_library.items()):
            drawing.dot(scale(ns), y, fill=COLOURS[library], radius=5.5 if library == OURS else 4.5)
        numbers(drawing, scale, y, by_library)
    return drawing
