"""What was asked of the speed, and how to read from a run whether it is so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from collecting import ENTRIES
from growing import AGAIN, DRAWN

if TYPE_CHECKING:
    from collections.abc import Callable

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


def growth(
    of: Callable[[str, str, str, Run], float | None], section: str, few: str, many: str, variant: str, run: Run
) -> float | None:
    """How many times as much it is with many as with few."""
    before, after = of(section, few, variant, run), of(section, many, variant, run)
    return None if before is None or after is None else after / before


def free_threaded(run: Run) -> bool:
    """Whether there was no GIL."""
    return "free-threaded" in run.name


def hit_targets(run: Run) -> dict[str, dict[str, Target]]:
    """By shape and place, for the interpreter of a run; none where there is no GIL."""
    if free_threaded(run):
        return {}
    profile_guided = "(PGO)" in run.name
    asked = {shape: figures[profile_guided] for shape, figures in BY_BUILD.items()} | EVERYWHERE

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
    return of_threads() if free_threaded(run) else of_one_thread()


def of_one_thread() -> list[Target]:
    """Those that are the same for all interpreters that have a GIL."""
    in_flask = PLACES["Flask g"]
    ended, known = "ending a session", "known versions"
    return [
        *(
            Target(f"two sessions take turns on a key, {place}", 1.2, "", partial(ratio, "alternating", place, "ours"))
            for place in ("ContextVar", "Flask g")
        ),
        Target(
            "first call of a session, to g.setdefault and 10 hits",
            1.0,
            "",
            partial(ratio, "session", "first call", "first call"),
        ),
        *(
            Target(f"miss, insert, evict, {place}", 2.0, "", partial(ratio, "miss", "maxsize 1,000", variant))
            for place, variant in PLACES.items()
        ),
        Target("decorating", 20, "µs", partial(own, "decorating", "a function", in_flask)),
        Target("importing", 15, "ms", partial(own, "importing", "the package", "ours")),
        *(
            Target(f"bytes an entry, {kind}", 1.0, "", partial(ratio, "memory", "an entry", f"ours, {kind}"))
            for kind in ("constant version", "version in a session")
        ),
        Target(
            f"gc.collect(), {ENTRIES:,} entries", 1.0, "", partial(ratio, "collecting", f"{ENTRIES:,} entries", "ours")
        ),
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
                f"ending a session of 100,000 entries, to one of 10, {kind}",
                SAME,
                "times",
                partial(growth, ratio, ended, "10 entries", "100,000 entries", kind),
            )
            for kind in ("all of one version", "a version each")
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
    ]
