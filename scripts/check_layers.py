"""Checks the layers of the sources: who imports whom, and that no files import each other in a circle.

`HOUSE` below is the rule as data. A floor is a set of folders or files; the ground comes first. A file may import from
its own folder of the list and from all floors below, never from above, and not from beside: folders of one floor do not
know each other. Of two entries that fit a file the longer one counts, so a folder may have a floor of its own inside of
another.

Read are Rust's paths (`imports_of_rust.py`) and Python's import statements (`imports_of_python.py`), without tests and
without what is for types only. What else the code of one file reaches in another, as a method, is not seen.

A circle that must stay is listed with its reason, and so is an import that goes upward. A list that says more than is
there is an error as well: it would let the next one in. `--show` prints the circles that there are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from import_graph import Import, circles, edges, shortest_circle
from imports_of_python import imports_of_python
from imports_of_rust import Unread, imports_of_rust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Circle:
    """Files that import each other though they should not. `files` are named below `folder`."""

    reason: str
    folder: str
    files: str

    def members(self) -> frozenset[str]:
        """The paths of the files."""
        return frozenset(f"{self.folder}/{name}" for name in self.files.split())


@dataclass(frozen=True)
class Upward:
    """An import that goes upward or beside though it should not."""

    reason: str
    file: str
    target: str


@dataclass(frozen=True)
class House:
    """What is read, the floors from the ground up, and what is let pass."""

    crate: str
    package: str
    floors: Sequence[Sequence[str]]
    circles: Sequence[Circle] = ()
    upward: Sequence[Upward] = ()


HOUSE = House(
    crate="src",
    package="python/versioned_lru_cache",
    floors=[
        ["src/engine/order.rs", "src/engine/clock.rs"],
        ["src/engine/terms.rs", "src/engine/keys"],
        ["src/engine/host.rs"],
        ["src/engine/tables"],
        ["src/engine/versions"],
        ["src/engine/storage"],
        ["src/engine/session"],
        ["src/engine/flight"],
        ["src/engine/function_cache"],
        ["src/engine/call"],
        ["src/engine"],
        ["src/concurrency"],
        ["src/py/interpreter"],
        ["src/py/objects"],
        ["src/py/records"],
        ["src/py/arguments"],
        ["src/py/flight"],
        ["src/py/session"],
        ["src/py/function"],
        ["src/py/call"],
        ["src/py/asyncio"],
        ["src/py/api"],
        ["src/py"],
        ["src/lib.rs"],
        ["python/versioned_lru_cache/_words.py"],
        ["python/versioned_lru_cache/_texts.py", "python/versioned_lru_cache/exceptions.py"],
        ["python/versioned_lru_cache/_core.pyi"],
        ["python/versioned_lru_cache/stores"],
        ["python/versioned_lru_cache"],
        ["python/versioned_lru_cache/versions"],
        ["python/versioned_lru_cache/commands"],
        ["python/versioned_lru_cache/__main__.py"],
    ],
)


def check(root: Path, house: House) -> list[str]:
    """All that breaks the rule, each with the file, the line and what would be right."""
    try:
        found = [*imports_of_rust(root, house.crate), *imports_of_python(root, house.package)]
    except Unread as error:
        return [str(error)]
    present = [
        path.relative_to(root).as_posix()
        for folder, kinds in ((house.crate, [".rs"]), (house.package, [".py", ".pyi"]))
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in kinds
    ]
    return [*_empty_floors(house, present), *_floors(house, found, present), *_circles(house, found)]


def entry_of(house: House, file: str) -> str | None:
    """The longest entry of the floors that is the file or a folder around it."""
    entries = [entry for floor in house.floors for entry in floor]
    return max((entry for entry in entries if file == entry or file.startswith(f"{entry}/")), key=len, default=None)


def _empty_floors(house: House, present: Sequence[str]) -> Iterator[str]:
    held = {entry_of(house, file) for file in present}
    for floor in house.floors:
        for entry in floor:
            if entry not in held:
                yield f"{entry} is a floor of HOUSE, and no file stands there: take it out"


def _floors(house: House, found: Sequence[Import], present: Sequence[str]) -> Iterator[str]:
    heights = {entry: height for height, floor in enumerate(house.floors) for entry in floor}
    homeless = [file for file in present if entry_of(house, file) is None]
    for file in homeless:
        yield f"{file} stands on no floor: name its folder in HOUSE"
    unused = {(one.file, one.target) for one in house.upward}
    first = {(one.file, one.target): one for one in reversed(found)}  # where the file first names the other
    for one in sorted(first.values()):
        own, other = entry_of(house, one.file), entry_of(house, one.target)
        if own is None or other is None or own == other or heights[own] > heights[other]:
            continue
        if any((one.file, one.target) == (let.file, let.target) for let in house.upward):
            unused.discard((one.file, one.target))
            continue
        how = "beside" if heights[own] == heights[other] else "above"
        below = [entry for floor in house.floors[: heights[own]] for entry in floor]
        allowed = f"{own} may import from itself" + (f" and from {', '.join(below)}" if below else " only")
        yield f"{one}: {other} is {how} {own}. {allowed}"
    for file, target in sorted(unused):
        yield f"{file} no longer imports {target} from above or beside: take it out of what HOUSE lets pass"


def _circles(house: House, found: Sequence[Import]) -> Iterator[str]:
    graph = edges(found)
    there = circles(graph)
    first = {(one.file, one.target): one for one in reversed(found)}
    for circle in there:
        listed = next((let.members() for let in house.circles if let.members() & circle), frozenset())
        # Of one that is not listed at all one way around is enough; in a listed one each file that came is told.
        for file in sorted(circle - listed) if listed else [min(circle)]:
            way = shortest_circle(graph, file, circle)
            steps = "\n".join(f"    {first[step]}" for step in pairwise(way))
            yield f"{file} is in a circle of {len(circle)} files that HOUSE does not list so:\n{steps}"
    for let in house.circles:
        members = let.members()
        left = members - frozenset().union(*there)
        parts = [circle & members for circle in there if circle & members]
        if not parts:
            yield f"the circle of {', '.join(sorted(members))} is no more: take it out of HOUSE"
        elif left:
            yield f"{', '.join(sorted(left))}: in no circle any more. Shorten the list in HOUSE"
        if len(parts) > 1:
            names = " | ".join(", ".join(sorted(part)) for part in parts)
            yield f"what HOUSE lists as one circle has come apart: {names}. List each by itself"


def _show(root: Path, house: House) -> str:
    """The circles that there are, by folder, as entries of HOUSE."""
    lines: list[str] = []
    found = [*imports_of_rust(root, house.crate), *imports_of_python(root, house.package)]
    for circle in circles(edges(found)):
        folders = [file.rsplit("/", 1)[0] for file in circle]
        folder = min(folders, key=len)
        while not all(f"{each}/".startswith(f"{folder}/") for each in folders):
            folder = folder.rpartition("/")[0]
        lines.append(f"{folder}: {' '.join(sorted(file.removeprefix(f'{folder}/') for file in circle))}")
    return "\n".join(lines)


def main() -> int:
    """Prints what breaks the rule; 1 if anything does."""
    if sys.argv[1:] == ["--show"]:
        print(_show(ROOT, HOUSE))
        return 0
    complaints = check(ROOT, HOUSE)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
