"""What was asked of the speed, and how to read from a run whether it is so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from asking import KINDS
from changing_sessions import FIRST, FIRST_GIVEN
from changing_sessions import PLACES as BEGUN
from collecting import ENTRIES
from colliding import rows as colliding_rows
from growing import AGAIN, DRAWN
from no_session import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from asking import Asked
    from results import Run

PLACES = {"ContextVar": "ours, ContextVar", "Flask g": "ours, Flask g", "dict": "ours, dict"}
# Ratios to functools of a hit: of an interpreter built without a profile, and with one.
BY_BUILD = {
    "f()": (1.0, 1.1),
    "f(int)": (0.70, 1.0),
    "f(str)": (0.70, 0.95),
    "f(a, b)": (0.60, 0.80),
    "f(a, k=v)": (0.30, 0.45),
    "obj.m(int)": (0.60, 0.90),
    "1,000 int keys": (0.75, 1.0),
    "100,000 int keys": (0.80, 1.0),
}
# The same outside of any session, by what is asked for the version; beyond what that takes by itself. Tags are read
# as a counter is, so that one stands for both.
ASKED_BY_BUILD = {
    "counter": (1.5, 2.0),
    "version function": (2.0, 2.5),
    "version function, given the argument": (2.5, 3.0),
    "file": (2.5, 3.0),
}
ENDING = "ending a session"
# With a session in a dict those may be so much more.
DICT_MORE = 0.10
# Of any interpreter and session.
EVERYWHERE = {"f(float)": 0.75, "f(None)": 0.75, "f(bytes)": 0.75, "f(tuple)": 0.9, "f(dataclass)": 1.3}
# What does not depend on a number takes the same time with a hundred thousand as with ten. Noise takes its part.
SAME = 1.5


@dataclass(frozen=True)
class Target:
    """One thing that was asked: at most, or at least, so much."""

    name: str
    asked: float
    unit: str
    measured: Callable[[Run], float | None]
    at_least: bool = False

    def is_met_by(self, number: float) -> bool:
        """Whether a number is what was asked, as precisely as the page shows it."""
        shown = round(number, 2)
        return shown >= self.asked if self.at_least else shown <= self.asked

    def met(self, run: Run) -> bool | None:
        """Whether a run is; None where it was not measured."""
        found = self.measured(run)
        return None if found is None else self.is_met_by(found)


def ratio(section: str, row: str, variant: str, run: Run) -> float | None:
    """The ratio to the section's base."""
    numbers = run.find(section, row, variant)
    return numbers.ratio.median if numbers and numbers.ratio else None


def own(section: str, row: str, variant: str, run: Run) -> float | None:
    """The number itself."""
    numbers = run.find(section, row, variant)
    return numbers.own.median if numbers else None


def in_ms(section: str, row: str, variant: str, run: Run) -> float | None:
    """The ms of what is measured in ns."""
    found = own(section, row, variant, run)
    return None if found is None else found / 1e6


def growth(
    of: Callable[[str, str, str, Run], float | None], section: str, few: str, many: str, variant: str, run: Run
) -> float | None:
    """How many times as much it is with many as with few."""
    before, after = of(section, few, variant, run), of(section, many, variant, run)
    return None if before is None or after is None else after / before


def free_threaded(run: Run) -> bool:
    """Whether there was no GIL."""
    return "free-threaded" in run.name


def profile_guided(run: Run) -> bool:
    """Whether the interpreter was built with a profile."""
    return "(PGO)" in run.name


def hit_targets(run: Run) -> dict[str, dict[str, Target]]:
    """By shape and place, for the interpreter of a run; none where there is no GIL."""
    if free_threaded(run):
        return {}
    asked = {shape: figures[profile_guided(run)] for shape, figures in BY_BUILD.items()} | EVERYWHERE

    def target(shape: str, place: str) -> Target:
        more = DICT_MORE if place == "dict" and shape in BY_BUILD else 0
        measured = partial(ratio, "hit", shape, PLACES[place])
        return Target(f"{shape}, {place}", round(asked[shape] + more, 2), "", measured)

    return {shape: {place: target(shape, place) for place in PLACES} for shape in asked}


def of_threads() -> list[Target]:
    """Those for interpreters without a GIL."""
    return [
        Target(
            f"{row}, two threads to one, to functools'",
            1.0,
            "",
            partial(ratio, "scaling", row, PLACES["ContextVar"]),
            at_least=True,
        )
        for keys in ("disjoint keys", "one hot key")
        for row in (keys, f"{keys}, a session each")
    ]


def all_targets(run: Run) -> list[Target]:
    """Everything that was asked of the interpreter of a run."""
    return [*(each for by_place in hit_targets(run).values() for each in by_place.values()), *other_targets(run)]


def other_targets(run: Run) -> list[Target]:
    """Those that are not of hits in one thread."""
    return of_threads() if free_threaded(run) else of_one_thread(run)


def of_one_thread(run: Run) -> list[Target]:
    """Those of interpreters that have a GIL."""
    guided = profile_guided(run)
    return [
        *of_no_session(guided),
        *of_sessions(),
        *of_misses(),
        *of_memory(),
        *of_setting_up(),
        *of_many(),
        *of_collisions(),
    ]


def of_no_session(guided: bool) -> list[Target]:
    """Hits outside of any session, of a constant version and of one that is asked."""
    return [
        *(
            Target(
                f"constant version, no session, {shape}{more}",
                BY_BUILD[shape][guided],
                "",
                partial(ratio, "constant version, no session", shape, f"ours{more}"),
            )
            for shape in SHAPES
            for more in ("", ", ttl")
        ),
        *(
            Target(
                f"{kind.name}, no session{beyond(kind)}",
                ASKED_BY_BUILD[kind.name][guided],
                "",
                partial(ratio, "asked version, no session", kind.name, "ours"),
            )
            for kind in KINDS
            if kind.name in ASKED_BY_BUILD
        ),
        *(
            Target(
                f"{kind.name}, no session, awaited{beyond(kind)}, to a trivial coroutine",
                2.0,
                "",
                partial(ratio, "awaited hit, asked version, no session", kind.name, "ours"),
            )
            for kind in KINDS
            if kind.name in ASKED_BY_BUILD
        ),
    ]


def beyond(kind: Asked) -> str:
    """What is taken off."""
    return f", beyond {'one os.stat' if kind.bare is os.stat else 'a bare call of it'}" if kind.bare else ""


def of_sessions() -> list[Target]:
    """Sessions that begin, that take turns, and that have seen much."""
    known = "known versions"
    return [
        *(
            Target(f"two sessions take turns on a key, {place}", 1.2, "", partial(ratio, "alternating", place, "ours"))
            for place in ("ContextVar", "Flask g")
        ),
        *(
            Target(
                f"{way}, {place}, beyond the version function, to g.setdefault and 10 hits",
                0.6,
                "",
                partial(ratio, "session", place, way),
            )
            for way in (FIRST, FIRST_GIVEN)
            for place in BEGUN
        ),
        *(
            Target(
                f"{kind} among 100,000 versions, to one among 10",
                SAME,
                "times",
                partial(growth, own, known, "10 versions", "100,000 versions", kind),
            )
            for kind in ("first call", "hit")
        ),
        *(
            Target(
                f"ending a session of 100,000 entries, to one of 10, {kind}",
                SAME,
                "times",
                partial(growth, ratio, ENDING, "10 entries", "100,000 entries", kind),
            )
            for kind in ("all of one version", "a version each")
        ),
        Target(
            "ending a session of 100,000 entries, a version each, on its thread",
            1.0,
            "ms",
            partial(in_ms, ENDING, "100,000 entries", "a version each"),
        ),
    ]


def of_misses() -> list[Target]:
    """Calls that run the function, store its result and push out another."""
    row = "maxsize 1,000"
    return [
        Target("miss, insert, evict, constant version", 6, "", partial(ratio, "miss", row, "ours, constant version")),
        *(
            Target(f"miss, insert, evict, version function, {place}", 8, "", partial(ratio, "miss", row, variant))
            for place, variant in PLACES.items()
        ),
    ]


def of_memory() -> list[Target]:
    """Bytes, and what the garbage collector has to look through."""
    return [
        *(
            Target(f"bytes an entry, {kind}", 1.0, "", partial(ratio, "memory", "an entry", f"ours, {kind}"))
            for kind in ("constant version", "version in a session")
        ),
        Target(
            "an entry of a version for each argument, after its session has ended",
            200,
            "bytes",
            partial(own, "memory", "an entry", "ours, version of the arguments"),
        ),
        Target(
            "an idle session that has read 128 results",
            1_024,
            "bytes",
            partial(own, "memory of a session", "128 results read", "ours"),
        ),
        Target(
            f"gc.collect(), {ENTRIES:,} entries", 1.0, "", partial(ratio, "collecting", f"{ENTRIES:,} entries", "ours")
        ),
    ]


def of_setting_up() -> list[Target]:
    """What is paid before the first call."""
    return [
        Target("decorating", 20, "µs", partial(own, "decorating", "a function", PLACES["Flask g"])),
        Target("importing", 15, "ms", partial(own, "importing", "the package", "ours")),
    ]


def of_many() -> list[Target]:
    """Many entries, many sessions that live on, and many computations at once."""
    return [
        *(
            Target(
                f"growth of a hit from 1,000 to {many} entries{order}, to functools'",
                1.0,
                "times",
                partial(
                    growth,
                    ratio,
                    "growing",
                    f"1,000 entries{order}",
                    f"{many} entries{order}",
                    PLACES["ContextVar"],
                ),
            )
            for order in (AGAIN, DRAWN)
            for many in ("100,000", "1,000,000")
        ),
        *(
            Target(
                f"{what} beside 10,000 live sessions, to one beside none",
                SAME,
                "times",
                partial(growth, own, "live sessions", "0 others", "10,000 others", what),
            )
            for what in ("miss that evicts", "invalidation", "clear")
        ),
        *(
            Target(
                f"16,000 computations of a coroutine function at once, {kind}, to plain tasks",
                2.0,
                "",
                partial(ratio, "many tasks", "16,000 computations at once", f"ours, {kind}"),
            )
            for kind in ("constant version", "version function")
        ),
    ]


def of_collisions() -> list[Target]:
    """Keys of one hash: no more than functools' for all, and no more with many than with few where that can be."""
    section, places = "colliding keys", ("ours, no session", PLACES["ContextVar"])
    return [
        *(
            Target(f"a look-up among {row} of one hash, {place}", 1.0, "", partial(ratio, section, row, place))
            for row in colliding_rows()
            for place in places
        ),
        *(
            Target(
                f"a look-up among 10,000 {kind} of one hash, {place}, to one among 100",
                SAME,
                "times",
                partial(growth, own, section, f"100 {kind}", f"10,000 {kind}", place),
            )
            for kind in ("ints", "tuples of ints")
            for place in places
        ),
    ]
