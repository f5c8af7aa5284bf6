"""What a program pays before its first call: decorating, and the import."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

from libraries import Variant, peers
from measuring import Sample, Section
from shapes import same_call

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_LIMIT = 60
MOST_IMPORTS = 20
# Measured inside of the child: its start is longer than the import, and varies more. `time` is built in.
TIMED_IMPORT = "import time; began = time.perf_counter(); import {}; print((time.perf_counter() - began) * 1e3)"


def decorating(variants: Sequence[Variant], calls: int) -> Section:
    """Decorating a function that others were decorated before."""
    shape = same_call("", "a, b", "", ())
    count = max(1, calls // 200)

    def decorate(variant: Variant) -> float:
        bodies = [shape.function() for _ in range(count)]
        cached = variant.cached
        began = time.perf_counter_ns()
        made = [cached(body, 128) for body in bodies]
        took = time.perf_counter_ns() - began
        return took / len(made) / 1_000

    def row() -> list[Sample]:
        return [Sample(variant.name, partial(variant.context.run, decorate, variant)) for variant in variants]

    return Section(
        name="decorating",
        unit="µs",
        method="decorating a function after the first",
        rows={"a function": row},
    )


def timed_import(module: str, bytecode: str) -> float:
    """The ms that an import takes in a new interpreter that finds compiled code, as after an installation."""
    command = [sys.executable, "-X", f"pycache_prefix={bytecode}", "-c", TIMED_IMPORT.format(module)]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIME_LIMIT, env=variables)
    return float(child.stdout)


def importing() -> Section:
    """Importing the package into an interpreter that has done nothing else."""

    def row() -> list[Sample]:
        modules = {"ours": "versioned_lru_cache"}
        modules |= {variant.name: variant.name.replace("-", "_") for variant in peers()[0]}
        bytecode = tempfile.TemporaryDirectory()
        atexit.register(bytecode.cleanup)
        return [Sample(name, partial(timed_import, module, bytecode.name)) for name, module in modules.items()]

    return Section(
        name="importing",
        unit="ms",
        method="the import statement in a new process, on top of what the bare interpreter has imported; no process "
        "start or end is in it, and all is compiled before",
        rows={"the package": row},
        base=None,
        most_rounds=MOST_IMPORTS,
        loops=1,
    )
