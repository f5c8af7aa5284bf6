"""Hits to be counted, not timed: this program runs under callgrind, which `counts.py` starts.

Each shape is called so often, then twice as often; `getppid`, which nothing else calls, marks where one part ends and
the next begins. The first two shapes are functools': their counts tell which build of the interpreter this is.

    python benches/counting.py FILE [SHAPE ...]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libraries import of_functools
from places import places
from shapes import Shape, hit_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from libraries import Variant

# Shapes of one call are called 10 times as often as they are written in the loop; 1,000 keys once each.
PASSES = 10
EVERYWHERE = ("f(int)", "f(a, k=v)")
IN_A_VARIABLE = ("f()", "f(int)", "f(str)", "f(a, b)", "f(a, k=v)", "obj.m(int)", "1,000 int keys")
IN_A_DICT = (*EVERYWHERE, "f(tuple)", "f(dataclass)")
YARDSTICKS = (("functools", "f(int)"), ("functools", "f(a, k=v)"))


def chosen(own: Iterable[Variant]) -> list[tuple[Variant, str]]:
    """The variants and shapes that are counted, functools' first."""
    named = {variant.name: variant for variant in (of_functools(), *own)}
    ours = {"ours, ContextVar": IN_A_VARIABLE, "ours, dict": IN_A_DICT, "ours, Flask g": EVERYWHERE}
    wanted = [*YARDSTICKS, *((name, shape) for name, shapes in ours.items() for shape in shapes)]
    return [(named[name], shape) for name, shape in wanted]


def prepared(variant: Variant, shape: Shape) -> tuple[Any, Any]:
    """Gives a filled cache and a loop that the interpreter has specialized for it."""
    body, runs = shape.counted()
    subject = (variant.held if shape.method else variant.cached)(body, shape.maxsize)
    variant.context.run(shape.fill, subject)
    loop = shape.loop()
    variant.context.run(loop, subject, shape.lines, 2 * PASSES)
    if len(runs) != shape.distinct:
        raise RuntimeError(f"{variant.name}, {shape.name}: {len(runs)} runs")
    return subject, loop


def main(file: str, *only: str) -> None:
    """Makes the calls of all shapes, or of those that are named, and writes which they were and how many."""
    told = []
    with places() as own:
        for variant, name in chosen(own):
            label = f"{variant.name}, {name}"
            if only and label not in only:
                continue
            shape = hit_shapes()[name]()
            subject, loop = prepared(variant, shape)
            passes = PASSES if len(shape.lines) == 1 else 1
            for times in (passes, 2 * passes):
                os.getppid()
                variant.context.run(loop, subject, shape.lines, times)
                os.getppid()
            told.append({"shape": label, "calls": passes * len(shape.lines) * len(shape.calls)})
    Path(file).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
