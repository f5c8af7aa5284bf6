"""What the judge of `stress_fresh_judge` writes down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Terms:
    """How a function is cached."""

    name: str
    maxsize: int | None = 128
    ttl: float | None = None
    verify: bool = False
    revalidates: bool = False
    stale_if_error: float | None = None
    stale_while_revalidate: float | None = None
    # Its source shows what was announced only later; versions have an order.
    lags: bool = False
    # Some of its versions never change.
    immutable: bool = False

    @property
    def allowed(self) -> float | None:
        """For how long an old value may stand in at most, if it may."""
        spans = [span for span in (self.stale_if_error, self.stale_while_revalidate) if span is not None]
        return max(spans, default=None)


@dataclass(eq=False)
class Session:
    """A session."""

    def __repr__(self) -> str:
        return f"<of {self.began}>"

    # Before it did.
    began: int
    data: dict[int, int]
    renews: bool
    offline: bool
    # By function and part: what it was answered, and what it asked for anew.
    answers: dict[tuple[str, int], Any] = field(default_factory=dict)
    refreshed: set[tuple[str, int]] = field(default_factory=set)
    # The numbers of all values it got.
    told: set[int] = field(default_factory=set)
    # By function and key: the value it got first, and when it had called for that; how often it has renewed it.
    first: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    renewed: dict[tuple[str, int], list[Run]] = field(default_factory=dict)


@dataclass(eq=False)
class Ask:
    """A run of a version function."""

    name: str
    part: int
    began: int
    call: Call | None
    answer: Any = None
    ended: int = 0
    # When it had answered.
    clock: float = 0


@dataclass(eq=False)
class Change:
    """What may change what is stored: a clear (no key), an invalidation, a put, a refresh in a session."""

    name: str
    x: int | None
    began: int
    ended: int = 0
    forgets: bool = False
    puts: bool = False
    session: Session | None = None

    def covers(self, name: str, x: int) -> bool:
        """Whether it is about this."""
        return self.name == name and (self.x is None or self.x == x)

    def lasts(self, since: int) -> bool:
        """Whether it was not over by then."""
        return not self.ended or self.ended > since


@dataclass(eq=False)
class Call:
    """A call of a function, or of its `cache_refresh`."""

    kind: str
    name: str
    x: int
    session: Session | None
    began: int
    clock: float
    # The data of its part when it, or its session, began.
    data: int
    # When the latest clear or invalidation that was over by then had begun.
    forgotten: int
    ended: int = 0
    asked: Ask | None = None
    change: Change | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def needs(self) -> int:
        """Only what began after this is good enough for it."""
        if self.kind == "refresh":
            return self.began
        return self.session.began if self.session and self.session.renews else 0


@dataclass(eq=False)
class Job:
    """A refresh behind, from the beginning of the call that wanted it."""

    name: str
    x: int
    began: int
    ended: int = 0


@dataclass(eq=False)
class Failure:
    """Of a version function, or of the function for a key; and by what time it was surely heard of."""

    name: str
    part: int
    x: int | None
    moment: int
    # The calls that have not yet heard of it.
    calls: list[Call]
    clock: float = math.inf


@dataclass(eq=False)
class Run:
    """A computation, or a put."""

    number: int
    name: str
    x: int
    part: int
    began: int
    clock: float
    # None behind.
    call: Call | None
    version: Any
    # Behind only.
    job: Job | None = None
    # It was cleared or invalidated while it ran, or may have been.
    struck: bool = False
    ended: int = 0

    @property
    def stored(self) -> int:
        """When its result was surely stored, if it was to be."""
        by = self.call or self.job
        return by.ended if by else self.ended


@dataclass(eq=False)
class Value:
    """A result: the data that it shows, the run that made it and those that found it good still."""

    number: int
    name: str
    x: int
    data: int
    found: list[Run]

    @property
    def run(self) -> Run:
        """What made it."""
        return self.found[0]
