"""What computations read that is older than their own observation, and whether it still holds when they have ended."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

NEVER = math.inf


def same(one: object, other: object) -> bool:
    """Equality as the containers of Python have it."""
    return one is other or bool(one == other)


@dataclass(frozen=True)
class Read:
    """A result that was served: by which function, for what, under which version, and how new that is at least."""

    cache: Any
    args: tuple[Hashable, ...]
    version: object
    ticket: float

    @property
    def can_be_asked(self) -> bool:
        """Whether its version tells whether it holds. What lags, is stale or a session's only lies between tickets."""
        return self.ticket == int(self.ticket)


@dataclass(eq=False)
class Frame:
    """A computation in progress: its session, its observation, and what it has read that is older."""

    session: Any
    me: int
    own: float
    until: float
    reads: list[Read] = field(default_factory=list)

    def note(self, read: Read) -> None:
        """Takes what is older and is not of the same observation."""
        if read.ticket < self.until and read.ticket != self.own:
            self.reads.append(read)


@dataclass(eq=False)
class Validation:
    """A session of its own, in which versions are asked about."""

    began: float
    answers: dict[Hashable, Any] = field(default_factory=dict)


class Readers:
    """All computations in progress, innermost last."""

    def __init__(self, draw: Callable[[], int]) -> None:
        self.draw = draw
        self.frames: list[Frame] = []
        # Whether a version function is asked for a validation, which the worlds do not log.
        self.validating = False

    @contextmanager
    def computing(self, frame: Frame) -> Iterator[Frame]:
        """Runs a computation. What fails on the strength of something old may decide what is made of that."""
        self.frames.append(frame)
        try:
            yield frame
        except BaseException:
            self.frames.remove(frame)
            if self.frames and (self.frames[-1].me != frame.me or not frame.me):
                for read in frame.reads:
                    self.frames[-1].note(read)
            raise
        self.frames.remove(frame)

    def note(self, me: int, read: Read) -> None:
        """A result was served in a session: for the innermost computation, and for all of the same session."""
        for frame in self.frames:
            if frame is self.frames[-1] or (me and frame.me == me):
                frame.note(read)

    def put_fails(self) -> float:
        """The same for what the innermost has read until now, when that puts a result; of all, if one does not hold."""
        if not self.frames:
            return NEVER
        frame = self.frames[-1]
        reads = self.distinct(frame, frame.own, frame.until)
        since = frame.own if frame.until == NEVER else frame.until
        if all(read.can_be_asked and self.holds(frame.session, read, since) for read in reads.values()):
            return NEVER
        return min(read.ticket for read in reads.values())

    def distinct(self, frame: Frame, own: float, until: float) -> dict[Any, Read]:
        """What was read that is older, each version once, in the order in which it was read last."""
        reads: dict[Any, Read] = {}
        for read in frame.reads:
            if read.ticket < until and read.ticket != own:
                name = (read.cache.scope(read.args), read.version) if read.can_be_asked else read.ticket
                first = reads.pop(name, read)
                reads[name] = Read(first.cache, first.args, first.version, max(first.ticket, read.ticket))
        return reads

    def fails(self, session: Any, frame: Frame, obs: Any) -> float:
        """The oldest of what was read and does not hold; of all that is older, once one does not."""
        reads = self.distinct(frame, obs.ticket, obs.until)
        oldest: float = NEVER
        for read in reversed(reads.values()):
            if oldest < NEVER or not read.can_be_asked or not self.holds(session, read, obs.until):
                oldest = min(oldest, read.ticket)
        return oldest

    def holds(self, session: Any, read: Read, since: float) -> bool:
        """Whether the version is the same still."""
        entry = read.cache.live.get(read.cache.key(read.args))
        agrees = entry is not None and not entry.lags and same(entry.stamp.version, read.version)
        if agrees and entry.stamp.ticket > since:
            return True
        validation = session.validation if session else None
        if validation is None or validation.began <= since:
            validation = Validation(self.draw())
            if session:
                session.validation = validation
        scope = read.cache.scope(read.args)
        obs = validation.answers.get(scope)
        if obs is None or not read.cache.young(obs):
            self.validating = True
            try:
                obs = validation.answers[scope] = read.cache.observe(read.args)
            finally:
                self.validating = False
            read.cache.note(read.args, obs)
        if not same(read.version, obs.version):
            return False
        if agrees:
            read.cache.verify(entry, obs)
        return True
