"""Times a hit: functools.lru_cache beside versioned_lru_cache, whose session is held in several places.

One process on one core. Each round runs every variant in a new order, so that a slow moment of the machine falls on all
of them; a ratio is taken within a round. The arguments are constants in the code of the loop, for all variants alike.

    python benches/hit.py [--rounds 40] [--calls 50000] [--peers]
"""

from __future__ import annotations

import argparse
import functools
import gc
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import flask

from versioned_lru_cache import session, versioned_lru_cache

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]
Loop = Callable[[Function], int]

MAXSIZE = 1024
BASE = "functools"


@dataclass(frozen=True)
class Shape:
    """A way to call: the parameters of the cached function, and the calls that one pass of the loop makes."""

    name: str
    parameters: str
    calls: tuple[str, ...]

    def function(self) -> Function:
        """Gives a new function to be cached."""
        namespace: dict[str, Any] = {}
        exec(f"def f({self.parameters}):\n    return 1", namespace)
        made: Function = namespace["f"]
        return made

    def loop(self, calls: int) -> Loop:
        """Gives a function with code of its own (the interpreter specializes it) that times about so many calls."""
        body = "".join(f"        f({arguments})\n" for arguments in self.calls)
        source = (
            "def loop(f):\n"
            "    began = clock()\n"
            f"    for _ in range({self.passes(calls)}):\n"
            f"{body}"
            "    return clock() - began"
        )
        namespace: dict[str, Any] = {"clock": time.perf_counter_ns}
        exec(source, namespace)
        made: Loop = namespace["loop"]
        return made

    def passes(self, calls: int) -> int:
        """How often the loop goes round to make about so many calls."""
        return max(1, calls // len(self.calls))


SHAPES = (
    Shape("f()", "", ("",) * 100),
    Shape("f(int)", "a", ("1",) * 100),
    Shape("f(str)", "a", ("'north'",) * 100),
    Shape("f(a, b)", "a, b", ("1, 'north'",) * 100),
    Shape("f(a, k=v)", "a, k", ("1, k='north'",) * 100),
    Shape("1,000 int keys", "a", tuple(str(key) for key in range(1000))),
)


@dataclass
class Sample:
    """One variant of one shape, and the ns per call of each round."""

    shape: Shape
    variant: str
    function: Function
    loop: Loop
    ns: list[float] = field(default_factory=list)

    def run(self, calls: int) -> None:
        """Takes one round."""
        self.ns.append(self.loop(self.function) / (self.shape.passes(calls) * len(self.shape.calls)))

    def check(self) -> None:
        """Only hits were timed: the misses are those of the first pass."""
        keys = len(set(self.shape.calls))
        if hasattr(self.function, "cache_info") and self.function.cache_info().misses != keys:
            raise RuntimeError(f"{self.variant}, {self.shape.name}: {self.function.cache_info()} has not {keys} misses")


def version() -> int:
    """Stands for the cheap query."""
    return 1


@contextmanager
def own_variants() -> Generator[dict[str, Decorator], None, None]:
    """The sessions, all open at once, and the decorators that use them."""
    held: dict[str, Any] = {}
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    token = variable.set({})
    with flask.Flask(__name__).test_request_context(), session():
        yield {
            "dict": versioned_lru_cache(version, session=held, maxsize=MAXSIZE),
            "ContextVar": versioned_lru_cache(version, session=variable, maxsize=MAXSIZE),
            "session()": versioned_lru_cache(version, maxsize=MAXSIZE),
            "Flask g": versioned_lru_cache(version, session=flask.g, maxsize=MAXSIZE),
        }
    variable.reset(token)


def peer_variants() -> dict[str, Decorator]:
    """Caches without versions that people use today; imported only if asked for, since few have them installed."""
    cachebox, cachetools, moka_py = map(import_module, ("cachebox", "cachetools", "moka_py"))
    return {
        "cachebox": lambda f: cachebox.cached(cachebox.LRUCache(MAXSIZE))(f),
        "cachetools": lambda f: cachetools.cached(cachetools.LRUCache(MAXSIZE))(f),
        "moka-py": lambda f: moka_py.cached(maxsize=MAXSIZE)(f),
    }


def measure(variants: dict[str, Decorator], rounds: int, calls: int) -> list[list[Sample]]:
    """Gives the samples of each shape, in the order of the variants."""
    groups = [
        [Sample(shape, name, decorate(shape.function()), shape.loop(calls)) for name, decorate in variants.items()]
        for shape in SHAPES
    ]
    for group in groups:
        for sample in group:
            sample.run(calls)  # fills the cache and lets the interpreter specialize the loop
            sample.ns.clear()
    for _ in range(rounds):
        for group in random.sample(groups, len(groups)):
            for sample in random.sample(group, len(group)):
                sample.run(calls)
    for group in groups:
        for sample in group:
            sample.check()
    return groups


def cell(sample: Sample, base: Sample) -> str:
    """Median and half the interquartile range in ns, and the median ratio to functools within a round."""
    low, middle, high = statistics.quantiles(sample.ns, n=4)
    text = f"{middle:6.1f} ±{(high - low) / 2:<4.1f}"
    if sample is base:
        return text
    ratio = statistics.median(own / other for own, other in zip(sample.ns, base.ns, strict=True))
    return f"{text} {ratio:5.2f}"


def main() -> int:
    """Reads the command line, measures and prints the table."""
    parser = argparse.ArgumentParser(description="Time a hit against functools.lru_cache.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=50_000, help="calls of one variant in one round")
    parser.add_argument("--peers", action="store_true", help="time cachebox, cachetools and moka-py, too")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with ExitStack() as stack:
        variants: dict[str, Decorator] = {BASE: functools.lru_cache(maxsize=MAXSIZE)}
        variants |= stack.enter_context(own_variants())
        variants |= peer_variants() if options.peers else {}
        gc.disable()
        groups = measure(variants, options.rounds, options.calls)
    print(
        f"CPython {platform.python_version()}, {options.rounds} rounds of {options.calls:,} calls: "
        f"median ns of a hit ± half the interquartile range, ratio to {BASE} in the same round"
    )
    print(f"{'':14} " + " ".join(f"{name:>18}" for name in variants))
    for group in groups:
        print(f"{group[0].shape.name:14} " + " ".join(f"{cell(sample, group[0]):>18}" for sample in group))
    return 0


if __name__ == "__main__":
    sys.exit(main())
