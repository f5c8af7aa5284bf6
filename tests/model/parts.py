"""What the model keeps: observations, results, and what one session knows of one function.

Most of it follows from the promises. Three parts mirror what the engine keeps, because the next answer depends on it,
and the machines compare each answer: `Stamp` and `Source.latest` tell for which results one verification counts,
`Gone` and `View.kept` which results that left the store a session is still given, within what bound, and
`View.shadows` from when on it is given them by note. They say what is kept and not how it is found or stored.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from versioned_lru_cache import IMMUTABLE

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True)
class Observation:
    """One successful run of a version function."""

    version: object
    ticket: float
    at: float
    # What it saw lies between the ticket, drawn before, and this, drawn after.
    until: float = 0


@dataclass(eq=False)
class Stamp:
    """A version, what its version function was given, and the newest observation that is known to agree with it."""

    version: object
    given: Hashable
    ticket: float
    # How many stored entries are of it.
    uses: int = 0
    # When an observation first differed since one agreed.
    differed: float = math.inf


@dataclass
class Failures:
    """When a source first and last failed, since it was last well."""

    first: float = math.inf
    last: float = -math.inf
    # Only what is observed after the last shows that the source is well.
    ticket: float = 0

    def again(self, now: float, ticket: float) -> None:
        """One more."""
        self.first, self.last, self.ticket = min(self.first, now), now, ticket

    def since(self, born: float) -> float:
        """Since when a result is not fresh. A failure before it was made says nothing of it, but that it goes on."""
        return self.last if self.first < born else self.first


@dataclass(eq=False)
class Source:
    """What is known of a version function that is given one thing, for all stored results of which it speaks."""

    entries: int = 0
    # The version stored last: entries of one version share what is known of it, if they are stored one after the other.
    latest: Stamp | None = None
    newest: Observation | None = None
    failures: Failures = field(default_factory=Failures)

    def outdates(self, ticket: float) -> bool:
        """Whether something was observed after that."""
        return self.newest is not None and self.newest.ticket > ticket


@dataclass(eq=False)
class Entry:
    """One result."""

    key: Hashable
    value: object
    stamp: Stamp
    stored: int
    known_in: int
    born: float
    tainted: bool = False
    # When what made it, or found it good still, began.
    made: int = 0
    # Its source announced another version than it showed.
    lags: bool = False
    # How long it lives at most, if not as long as the others.
    settles: float | None = None
    # The same, if it says so itself; and what it weighs.
    lives: float | None = None
    weight: int = 0
    # When it was known how long it lives, in the order of events.
    ends_since: int = 0
    # What of its source failed since it was last verified.
    failures: Failures = field(default_factory=Failures)
    # As what a call that asked `revalidate` counts.
    found: str = ""
    # The refresh that runs behind.
    behind: object = None
    # The sessions that have surely seen it, beside the one it is known in.
    given: set[int] = field(default_factory=set)

    def is_noted(self, me: int) -> bool:
        """Whether a session has surely seen it."""
        return self.known_in == me or me in self.given

    @property
    def immutable(self) -> bool:
        """Whether it is good for ever."""
        return self.stamp.version is IMMUTABLE


@dataclass
class View:
    """What one session knows of one function."""

    seen: dict[Hashable, Observation] = field(default_factory=dict)
    # The first of those that a call which asked again has replaced.
    first: dict[Hashable, Observation] = field(default_factory=dict)
    # What it has surely seen, at most maxsize.
    kept: OrderedDict[Hashable, Entry] = field(default_factory=OrderedDict)
    # When it was first given a result, or put one.
    since: float = math.inf
    # Something was kept in whose place something else was stored, so that it takes note of each result it is given.
    shadows: bool = False


@dataclass(eq=False)
class Gone:
    """A result that left the store, for those sessions that may have seen it there."""

    entry: Entry
    left: int
    # Those that were given something else in its place.
    passed: set[int]


@dataclass(eq=False)
class Run:
    """One computation in progress."""

    key: Hashable
    began: int
    me: int = 0
    struck: bool = False
    # What its function put, or made when it called itself, is its session's only.
    superseded: bool = False
