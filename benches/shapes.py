"""Ways to call a cached function, and loops that time them.

The arguments are made once and handed to the loops of all variants: whoever stores or compares them does so with the
same objects. Each loop has code of its own, which the interpreter specializes for its variant alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]
Line = tuple[Any, ...]

UNROLLED = 100
FEW = 1_024
MANY = 131_072


@dataclass(frozen=True)
class Shape:
    """A way to call.

    Attributes:
        name: What the table calls it.
        parameters: Those of the cached function.
        names: What a line of arguments is unpacked into.
        calls: The arguments of the calls that are made with one line.
        lines: The arguments of one pass.
        stored: The arguments that fill the cache, where they are not the same objects.
        maxsize: Room for all of them.
        method: The cached function is a method.
    """

    name: str
    parameters: str
    names: str
    calls: Sequence[str]
    lines: Sequence[Line]
    stored: Sequence[Line] | None = None
    maxsize: int = FEW
    method: bool = False

    @property
    def distinct(self) -> int:
        """How many different calls one pass makes."""
        return len(self.calls) * len(self.lines) if len(self.lines) > 1 else 1

    def function(self, first_line: str = "pass") -> Function:
        """Gives a new function to be cached, whose body is the same for all variants."""
        parameters = f"self, {self.parameters}" if self.method else self.parameters
        namespace: dict[str, Any] = {}
        exec(f"def f({parameters}):\n    {first_line}\n    return 1", namespace)
        made: Function = namespace["f"]
        return made

    def counted(self) -> tuple[Function, list[None]]:
        """Gives a new function to be cached, and a list that gets longer whenever it runs."""
        runs: list[None] = []
        function = self.function("runs.append(None)")
        function.__globals__["runs"] = runs
        return function, runs

    def fill(self, subject: Any) -> None:
        """Calls once with each of the stored arguments."""
        # Held by a name: without a GIL, CPython 3.14 collects a running function that only its call refers to.
        loop = self.loop()
        loop(subject, self.stored or self.lines, 1)

    def loop(self) -> Callable[[Any, Sequence[Line], int], int]:
        """Gives a new function that makes all calls so many times and tells the ns it took."""
        target = "f.m" if self.method else "f"
        body = "".join(f"            {target}({arguments})\n" for arguments in self.calls)
        source = (
            "def loop(f, lines, passes):\n"
            "    began = clock()\n"
            "    for _ in range(passes):\n"
            f"        for ({self.names}) in lines:\n"
            f"{body}"
            "    return clock() - began"
        )
        namespace: dict[str, Any] = {"clock": time.perf_counter_ns}
        exec(source, namespace)
        made: Callable[[Any, Sequence[Line], int], int] = namespace["loop"]
        return made

    def timer(self, subject: Any, calls: int) -> Callable[[], float]:
        """Gives a function that makes about so many calls and tells the ns of one.

        Where there are more lines than that, each turn goes on where the one before stopped.
        """
        loop, piece = self.loop(), max(1, calls // len(self.calls))
        passes = max(1, piece // len(self.lines))
        begin = 0

        def turn() -> float:
            nonlocal begin
            lines = self.lines[begin : begin + piece]
            begin = begin + piece if begin + piece < len(self.lines) else 0
            return loop(subject, lines, passes) / (passes * len(lines) * len(self.calls))

        return turn


def same_call(
    name: str, parameters: str, arguments: str, given: Line, *, stored: Line | None = None, method: bool = False
) -> Shape:
    """One call, over and over."""
    names = "".join(f"{parameter.strip()}, " for parameter in parameters.split(",") if parameter)
    return Shape(
        name,
        parameters,
        names,
        (arguments,) * UNROLLED,
        (given,),
        stored=None if stored is None else (stored,),
        method=method,
    )


def cycle(keys: Sequence[int], maxsize: int) -> Shape:
    """One call after the other with each of the keys, whose number ten divides; ten calls for one turn of the loop."""
    names = [f"k{number}" for number in range(10)]
    lines = list(zip(*[iter(keys)] * 10, strict=True))
    return Shape(f"{len(keys):,} int keys", "a", ", ".join(names), names, lines, maxsize=maxsize)


def int_keys(count: int) -> list[int]:
    """Gives ints that the interpreter doesn't share by itself."""
    return list(range(1_000_000, 1_000_000 + count))


@dataclass(frozen=True)
class Point:
    """An argument that is hashed and compared by Python code."""

    x: int
    y: int


def parsed(text: str) -> str:
    """Gives an equal string that is an object of its own, as what is read from a URL is."""
    return "".join(list(text))


def hit_shapes() -> dict[str, Callable[[], Shape]]:
    """All shapes of the table, made when they are needed.

    What is called equal, a tuple and a dataclass are stored as one object and asked for with an equal other one, as in
    a program that makes them for each call; the rest are the same object, as constants of the code are.
    """
    number, text = 1_000_001, "north"
    return {
        "f()": lambda: same_call("f()", "", "", ()),
        "f(int)": lambda: same_call("f(int)", "a", "a", (number,)),
        "f(str)": lambda: same_call("f(str)", "a", "a", (text,)),
        "f(equal str)": lambda: same_call("f(equal str)", "a", "a", (parsed(text),), stored=(parsed(text),)),
        "f(a, b)": lambda: same_call("f(a, b)", "a, b", "a, b", (number, text)),
        "f(a, k=v)": lambda: same_call("f(a, k=v)", "a, k", "a, k=k", (number, text)),
        "obj.m(int)": lambda: same_call("obj.m(int)", "a", "a", (number,), method=True),
        "f(float)": lambda: same_call("f(float)", "a", "a", (1.5,)),
        "f(None)": lambda: same_call("f(None)", "a", "a", (None,)),
        "f(bytes)": lambda: same_call("f(bytes)", "a", "a", (b"north",)),
        "f(tuple)": lambda: same_call("f(tuple)", "a", "a", ((number, text),), stored=((number, text),)),
        "f(dataclass)": lambda: same_call("f(dataclass)", "a", "a", (Point(1, 2),), stored=(Point(1, 2),)),
        "1,000 int keys": lambda: cycle(int_keys(1_000), FEW),
        "100,000 int keys": lambda: cycle(int_keys(100_000), MANY),
    }
