"""Bytes of an entry and of a session: by how much a process grows for 200,000 results, and for 20,000 sessions.

Run as a program it measures one variant in its own process, which is told by name, and prints the bytes.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from libraries import Variant, of_functools, peers
from measuring import Sample, Section
from shapes import int_keys
from versioned_lru_cache import session, versioned_lru_cache

ENTRIES = 200_000
CHILDREN = 3
TIME_LIMIT = 120
STATM = Path("/proc/self/statm")
RESULTS, SESSIONS = 128, 20_000
IDLE = "ours, an idle session"
IN_A_SESSION = ("ours, version in a session", "ours, version of the arguments")

Function = Callable[..., Any]


def ours(version: Any, body: Function) -> Function:
    """Our decorator, whose session is the block around the call."""
    return versioned_lru_cache(version, maxsize=ENTRIES)(body)


def decorators() -> dict[str, Callable[[Function], Function]]:
    """The variants by name."""

    def bounded(variant: Variant, body: Function) -> Function:
        return variant.cached(body, ENTRIES)

    found: dict[str, Callable[[Function], Function]] = {
        "functools": partial(bounded, of_functools()),
        "functools, unbounded": lambda body: of_functools().cached(body, None),
    }
    found |= {variant.name: partial(bounded, variant) for variant in peers()[0]}
    found |= {
        "ours, constant version": partial(ours, "v1"),
        "ours, version without a session": partial(ours, lambda: 1),
        IN_A_SESSION[0]: partial(ours, lambda: 1),
        IN_A_SESSION[1]: partial(ours, lambda a: 1),
    }
    return found


def resident() -> int:
    """The bytes of this process that are in memory."""
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def call_with(cached: Function, keys: list[int], in_a_session: bool) -> None:
    """Calls once with each key; the session has ended when this is done."""
    if in_a_session:
        with session():
            for key in keys:
                cached(key)
    else:
        for key in keys:
            cached(key)


def bytes_an_entry(name: str) -> float:
    """Measures the variant in this process. The keys exist before, and are the values as well."""
    runs = 0

    def body(a: int) -> int:
        nonlocal runs
        runs += 1
        return a

    decorate, in_a_session = decorators()[name], name in IN_A_SESSION
    keys = int_keys(ENTRIES)
    warm, cached = decorate(body), decorate(body)
    call_with(warm, keys[:1_000], in_a_session)
    gc.collect()
    before = resident()
    call_with(cached, keys, in_a_session)
    gc.collect()
    grown = resident() - before
    filled = runs
    call_with(cached, keys, in_a_session)
    if runs != filled:
        raise RuntimeError(f"{name}: {runs - filled:,} of {ENTRIES:,} entries were not held")
    return grown / ENTRIES


def bytes_a_session() -> float:
    """Measures sessions that live on, each of which has read the same results, which the cache holds as well."""
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    cached = versioned_lru_cache(lambda: 1, session=variable, maxsize=RESULTS)(lambda a: a)
    keys = int_keys(RESULTS)

    def opened(count: int) -> list[dict[str, Any]]:
        handles: list[dict[str, Any]] = [{} for _ in range(count)]
        for handle in handles:
            variable.set(handle)
            for key in keys:
                cached(key)
        return handles

    warm = opened(100)
    gc.collect()
    before = resident()
    handles = opened(SESSIONS)
    gc.collect()
    grown = resident() - before
    if len(warm) + len(handles) != 100 + SESSIONS:
        raise RuntimeError("sessions were let go of")
    return grown / SESSIONS


def in_a_child(name: str) -> float:
    """Measures the variant in a new process."""
    command = [sys.executable, __file__, name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIME_LIMIT).stdout)


def session_size() -> Section:
    """The row of sessions; none where the system doesn't tell the size of a process as Linux does."""
    return Section(
        name="memory of a session",
        unit="bytes",
        method=f"growth of the resident memory of a process for a session that lives on, with its dict, over "
        f"{SESSIONS:,} sessions that have each read the same {RESULTS} results, which the cache holds as well; median "
        f"of {CHILDREN} processes",
        rows={f"{RESULTS} results read": lambda: [Sample("ours", partial(in_a_child, IDLE))]} if STATM.exists() else {},
        base=None,
        most_rounds=CHILDREN,
        warm_up=False,
        loops=1,
    )


def entry_size() -> Section:
    """The row of all variants; none where the system doesn't tell the size of a process as Linux does."""

    def row() -> list[Sample]:
        return [Sample(name, partial(in_a_child, name)) for name in decorators()]

    return Section(
        name="memory",
        unit="bytes",
        method=f"growth of the resident memory of a process for an entry, over {ENTRIES:,} int keys that are the "
        f"values, too; median of {CHILDREN} processes",
        rows={"an entry": row} if STATM.exists() else {},
        most_rounds=CHILDREN,
        warm_up=False,
        loops=1,
    )


if __name__ == "__main__":
    print(bytes_a_session() if sys.argv[1] == IDLE else bytes_an_entry(sys.argv[1]))
