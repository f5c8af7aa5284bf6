"""A directed graph of files that import each other, and its strongly connected components: the circles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, order=True)
class Import:
    """One edge: a file needs another at run time. Paths are relative to the root, with slashes."""

    file: str
    line: int
    target: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target} (as `{self.text}`)"


def edges(imports: Iterable[Import]) -> dict[str, set[str]]:
    """Which files each file imports; every file that occurs is a key."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        graph.setdefault(found.file, set()).add(found.target)
        graph.setdefault(found.target, set())
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """The strongly connected components of more than one file, in the order of their first names.

    Two files are in one circle if each is reached from the other. Reachability is worked out for each file by itself,
    which is quadratic; there are a hundred files.
    """
    reached = {file: _reached(graph, file) for file in graph}
    found: list[frozenset[str]] = []
    for file in sorted(graph):
        circle = frozenset(other for other in reached[file] if file in reached[other])
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def shortest_circle(graph: Mapping[str, set[str]], file: str, within: frozenset[str]) -> list[str]:
    """The files of a shortest way from `file` back to itself inside of a circle, `file` first and last."""
    ways = deque([[file]])
    seen = {file}
    while ways:
        way = ways.popleft()
        for target in sorted(graph[way[-1]] & within):
            if target == file:
                return [*way, file]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    raise AssertionError(f"{file} is in no circle of {sorted(within)}")


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """What is reached from a file in one step or more."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = graph[ahead.pop()] - seen
        seen |= fresh
        ahead.extend(fresh)
    return seen
