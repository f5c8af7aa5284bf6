"""Look-ups among keys of one hash, as a client can choose them: Python hashes ints alike that differ by 2**61 - 1.

functools' table, a dict, compares the key with half of the others then. What is looked for are equal objects and not
those that were stored, as what is read from a URL is. They are drawn at random, so that none tells which comes next.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from libraries import of_functools
from measuring import Sample, Section
from shapes import cycle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libraries import Variant
    from shapes import Shape

    Key = Callable[[int], Any]

MODULUS = 2**61 - 1
DRAWN = 10_000
# A turn is so many comparisons of functools', at about 20 ns each.
COMPARISONS = 30_000
# Those whose comparison is Python code, and those whose hash is, would take minutes to fill a dict with more.
COUNTS = {"ints": (100, 1_000, 10_000), "tuples of ints": (100, 1_000, 10_000)}
FEW = (100, 1_000)


@dataclass(frozen=True)
class Point:
    """Hashed and compared by Python code, by an int."""

    x: int


class Name(str):
    """Compared as any string, with a hash that all share."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1


def multiple(number: int) -> int:
    """One of the ints whose hash is 1."""
    return number * MODULUS + 1


def in_a_tuple(number: int) -> tuple[int]:
    """The same in a tuple."""
    return (multiple(number),)


def in_a_dataclass(number: int) -> Point:
    """The same in a dataclass."""
    return Point(multiple(number))


def as_a_name(number: int) -> Name:
    """A string of a type that has a hash of its own."""
    return Name(f"name {number}")


KINDS: dict[str, Key] = {
    "ints": multiple,
    "tuples of ints": in_a_tuple,
    "dataclasses": in_a_dataclass,
    "strs of a subclass": as_a_name,
}


def rows() -> dict[str, tuple[str, int]]:
    """The kind of keys and their number of each row, by its name."""
    return {f"{count:,} {kind}": (kind, count) for kind in KINDS for count in COUNTS.get(kind, FEW)}


def shape_of(make: Key, count: int) -> Shape:
    """Calls with so many keys of one hash."""
    stored = [make(number) for number in range(count)]
    if len({hash(key) for key in stored}) != 1:
        raise RuntimeError("this interpreter hashes them in another way")
    equal = [make(number) for number in range(count)]
    drawn = cycle(random.choices(equal, k=DRAWN), count)
    return replace(drawn, stored=cycle(stored, count).lines)


def look_up(variant: Variant, shape: Shape, calls: int) -> Sample:
    """Fills a cache and gives the sample that finds all in it."""
    body, runs = shape.counted()
    subject = variant.cached(body, shape.maxsize)
    variant.context.run(shape.fill, subject)

    def check() -> None:
        if len(runs) != shape.maxsize:
            raise RuntimeError(f"{variant.name}: {len(runs):,} runs for {shape.maxsize:,} different keys")

    return Sample(variant.name, partial(variant.context.run, shape.timer(subject, calls)), check)


def colliding(own: Sequence[Variant], calls: int) -> Section:
    """The rows of all kinds of keys, for functools and for ours without and with a session."""

    def row(make: Key, count: int) -> list[Sample]:
        shape, some = shape_of(make, count), min(calls, COMPARISONS // count)
        return [look_up(variant, shape, some) for variant in (of_functools(), *own)]

    return Section(
        name="colliding keys",
        unit="ns",
        method="a call that finds its result among so many keys of one hash, drawn at random; ours without a session "
        "asks for the version each time",
        rows={name: partial(row, KINDS[kind], count) for name, (kind, count) in rows().items()},
        most_rounds=15,
        loops=3,
    )
