"""Random functions that use each other: what they read, what their versions are of, and what is true of them.

A function reads cells of the data and calls functions below it. Its version speaks for all cells that it can come to,
as the versions of a program have to: by itself, by one version function for many, or by what it has from cached ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

CELLS = 4
LEVELS = 4
ARGUMENTS = (0, 1, 2)


class Cell(NamedTuple):
    """A cell as somebody read it."""

    number: int
    value: int


class Use(NamedTuple):
    """A call of another function, with an argument of its own or, without one, with that of the caller."""

    name: str
    x: int | None


@dataclass(frozen=True)
class Node:
    """A function."""

    name: str
    level: int
    takes: bool
    # Whether it is a coroutine function, and whether its version function is one.
    awaited: bool
    asks_awaited: bool
    binding: str
    # A cell, by its number, or the use of another function.
    steps: tuple[int | Use, ...]
    # What its version is: "own", "shared", "uses", "constant", or the name of the cached function that it is.
    version: str
    # What the version function is given: "nothing", the argument "x", or "part" of it.
    given: str
    asks: tuple[Use, ...] = ()

    def __str__(self) -> str:
        kind = ("async " if self.awaited else "") + f"def {self.name}({'x' if self.takes else ''})"
        asks = "".join(f", {use.name}({use.x})" for use in self.asks)
        asked = f"{'async ' if self.asks_awaited else ''}version {self.version}({self.given}){asks}"
        steps = ", ".join(f"cell {step}" if isinstance(step, int) else f"{step.name}({step.x})" for step in self.steps)
        return f"{kind}: {steps}; {asked}; session {self.binding}"


def cell_of(step: int, x: int) -> int:
    """The cell that a step reads for an argument."""
    return (step + x) % CELLS


def cells_in(result: Any) -> Iterator[Cell]:
    """All cells from which a result was made."""
    for part in result[2:]:
        if isinstance(part, Cell):
            yield part
        else:
            yield from cells_in(part)


@dataclass
class Graph:
    """Functions on levels: each calls only what is below it, so none calls itself."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(str(node) for node in self.nodes.values())

    def argument(self, name: str, x: int | None, own: int) -> int:
        """What a function is called with; 0 stands for nothing."""
        return 0 if not self.nodes[name].takes else own if x is None else x

    def cover(self, name: str, x: int) -> set[int]:
        """The cells that a call can come to."""
        found: set[int] = set()
        for step in self.nodes[name].steps:
            if isinstance(step, int):
                found.add(cell_of(step, x))
            else:
                found |= self.cover(step.name, self.argument(step.name, step.x, x))
        return found

    def cover_of_version(self, node: Node, given: int) -> list[int]:
        """The cells that a version function has to read itself for what it is given."""
        spoken_for = {"nothing": ARGUMENTS, "x": (given,), "part": tuple(x for x in ARGUMENTS if x % 2 == given)}
        found: set[int] = set()
        for x in spoken_for[node.given] if node.takes else (0,):
            found |= self.cover(node.name, x)
        for use in node.asks:
            found -= self.cover(use.name, self.argument(use.name, use.x, given))
        return sorted(found)

    def bindings(self, name: str) -> set[str]:
        """Where the sessions lie that a call can come to."""
        node = self.nodes[name]
        found = {node.binding}
        used = [step.name for step in node.steps if isinstance(step, Use)] + [use.name for use in node.asks]
        if node.version in self.nodes:
            used.append(node.version)
        for each in used:
            found |= self.bindings(each)
        return found

    def truth(self, data: list[int], name: str, x: int) -> tuple[Any, ...]:
        """What a call without any cache returns."""
        parts: list[Any] = []
        for step in self.nodes[name].steps:
            if isinstance(step, int):
                cell = cell_of(step, x)
                parts.append(Cell(cell, data[cell]))
            else:
                parts.append(self.truth(data, step.name, self.argument(step.name, step.x, x)))
        return (name, x, *parts)

    def calls(self) -> list[tuple[str, int]]:
        """All calls that there are."""
        return [(node.name, x) for node in self.nodes.values() for x in (ARGUMENTS if node.takes else (0,))]


class Maker:
    """Makes a graph."""

    def __init__(self, chance: random.Random, bindings: list[str], awaited: bool, moves: bool) -> None:
        self.chance, self.bindings, self.awaited, self.moves = chance, bindings, awaited, moves
        self.graph = Graph()

    def make(self) -> Graph:
        """Some functions on each level; below them one that is of all cells."""
        for awaited in [False, True] if self.awaited else [False]:
            name = "all_awaited" if awaited else "all"
            self.graph.nodes[name] = Node(
                name, -1, False, awaited, False, self.binding(), tuple(range(CELLS)), "own", "nothing"
            )
        for level in range(LEVELS):
            for number in range(self.chance.choice([1, 1, 2, 3])):
                self.add(f"{'abcd'[level]}{number}", level)
        return self.graph

    def binding(self) -> str:
        """Where the session of a function lies. Mostly they lie together."""
        return self.bindings[0] if self.chance.random() < 0.5 else self.chance.choice(self.bindings)

    def below(self, level: int, awaited: bool, version: bool = False) -> list[Node]:
        """The functions that one may use: on a level, or below it."""
        return [
            node
            for node in self.graph.nodes.values()
            if (version or node.level >= 0) and node.level < level and (awaited or not node.awaited)
        ]

    def use(self, among: list[Node], own: bool) -> Use:
        """A use of one of these functions, mostly of a high one. It may be with the caller's own argument."""
        node = max(self.chance.choices(among, k=2), key=lambda node: node.level)
        return Use(node.name, None if own and self.chance.random() < 0.6 else self.chance.choice(ARGUMENTS))

    def add(self, name: str, level: int) -> None:
        """One function more."""
        chance = self.chance
        awaited = self.awaited and chance.random() < 0.7
        takes = chance.random() < 0.5
        among = self.below(level, awaited)
        count = chance.choice([1, 1, 2, 3]) if among else 0
        steps: list[int | Use] = [self.use(among, own=takes) for _ in range(count)]
        steps += [
            chance.randrange(CELLS) for _ in range(chance.choice([1, 1, 2]) if level == 0 else chance.randrange(2))
        ]
        chance.shuffle(steps)
        if not steps:
            steps.append(chance.randrange(CELLS))
        asks_awaited = awaited and chance.random() < 0.5
        given = chance.choice(["nothing", "x", "part"]) if takes else "nothing"
        version, asks = self.version(level, asks_awaited)
        if version in self.graph.nodes:
            given, asks_awaited = "nothing", self.graph.nodes[version].awaited
        if version == "constant" and self.moves:
            steps = [use for use in steps if isinstance(use, Use) and self.is_constant(use.name)]
        if given == "nothing":
            asks = tuple(Use(use.name, use.x or 0) for use in asks)
        node = Node(name, level, takes, awaited, asks_awaited, self.binding(), tuple(steps), version, given, asks)
        self.graph.nodes[name] = node

    def version(self, level: int, awaited: bool) -> tuple[str, tuple[Use, ...]]:
        """What the version of a function is, and which functions are used for that."""
        chance = self.chance
        kind = chance.choice(["own", "own", "shared", "uses", "uses", "is", "constant"])
        if kind == "is":
            return "all_awaited" if awaited and chance.random() < 0.5 else "all", ()
        if kind == "constant" and chance.random() < 0.5:
            kind = "own"
        if kind != "uses":
            return kind, ()
        among = self.below(level, awaited, version=True)
        return kind, tuple(self.use(among, own=True) for _ in range(chance.choice([1, 1, 2])))

    def is_constant(self, name: str) -> bool:
        """Whether nothing of it ever changes."""
        return self.graph.nodes[name].version == "constant"
