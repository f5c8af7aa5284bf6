"""Judges what threads see of a cache, by the promises alone: it is told what is called, run, forgotten and returned.

Every event has a moment, a number that grows. All is noted under one lock, never held while the cache is
called.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.concurrency.stress_rounds import Complaining

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


@dataclass(eq=False)
class Value:
    """A result that knows the run that made it, the version of the data it read, and the results it is made of."""

    number: int
    data: int
    parts: list[Value]

    def oldest(self) -> int:
        """The oldest data in it."""
        return min([self.data, *(part.oldest() for part in self.parts)])


@dataclass(eq=False)
class Call:
    """A call."""

    what: tuple[str, Any]
    session: int | None
    thread: int
    began: int
    data: int
    # When the latest clear or invalidation that was over by then had begun.
    forgotten: int
    ended: int = 0


@dataclass(eq=False)
class Run:
    """A computation."""

    number: int
    what: Hashable
    version: int
    thread: int
    data: int
    began: int
    session: int | None
    hasty: bool
    call: Call
    # It was cleared or invalidated while it ran, or may have been.
    struck: bool = False
    ended: int = 0
    outcome: Any = None


@dataclass(eq=False)
class Forgetting:
    """A clear (`x` is None) or an invalidation."""

    name: str
    x: Any
    began: int
    ended: int = 0

    def covers(self, what: tuple[str, Any]) -> bool:
        """Whether it is about this."""
        return self.name == what[0] and (self.x is None or self.x == what[1])


@dataclass(eq=False)
class Session:
    """What a session has been told."""

    began: int
    data: int
    answers: dict[Any, int] = field(default_factory=dict)
    first: dict[Any, tuple[Value, int]] = field(default_factory=dict)


def name_of(x: object) -> Hashable:
    """What stands for a key here: comparing the keys themselves would run their own code under the lock."""
    return getattr(x, "number", x)  # type: ignore[no-any-return]


class Judge(Complaining):
    """Takes notes and complains."""

    def __init__(self) -> None:
        super().__init__()
        self.data = 0
        self.going: list[Run] = []
        self.runs: dict[int, Run] = {}
        self.runs_of: Counter[str] = Counter()
        self.calls_going: list[Call] = []
        self.forgettings: list[Forgetting] = []
        self.sessions: dict[int, Session] = {}
        self.held: list[Any] = []
        self.local = threading.local()

    def moves(self) -> None:
        """The data changes."""
        with self.lock:
            self.data += 1
            self.seen["changes"] += 1

    def session_of(self, session: dict[str, Any] | None) -> Session | None:
        """The notes about a session. It is kept alive, so that its id stays its own."""
        if session is None:
            return None
        if id(session) not in self.sessions:
            self.held.append(session)
            self.sessions[id(session)] = Session(self.now(), self.data)
        return self.sessions[id(session)]

    def asked(self, name: str, x: object, session: dict[str, Any] | None) -> int:
        """The version function runs. A session goes by the first answer that it is given."""
        with self.lock:
            known = self.session_of(session)
            self.seen["version calls"] += 1
            if known is None:
                self.local.__dict__.setdefault("answers", {})[name, name_of(x)] = self.data
            elif name != "hasty":
                self.expect((name, name_of(x)) not in known.answers, f"{name} was asked twice in a session")
                known.answers[name, name_of(x)] = self.data
            else:
                known.answers.setdefault((name, name_of(x)), self.data)
            return self.data

    def validates(self) -> int:
        """The version function runs for a computation that has read its answer: the session hears nothing of it."""
        with self.lock:
            self.seen["validations"] += 1
            return self.data

    def begins(self, name: str, x: object, session: dict[str, Any] | None, thread: int, hasty: bool) -> Run:
        """A computation begins: is there another of the same key and version that it should have waited for?"""
        with self.lock:
            what = (name, name_of(x))
            known = self.session_of(session)
            # Where there is no session, the thread has asked just now.
            version = (known.answers if known else self.local.answers)[what]
            call = next(call for call in reversed(self.calls_going) if call.thread == thread)
            run = Run(
                len(self.runs) + 1,
                what,
                version,
                thread,
                self.data,
                self.now(),
                None if session is None else id(session),
                hasty,
                call,
            )
            # It began for the cache some time between the call and this note.
            run.struck = any(one.covers(what) and (not one.ended or one.ended > call.began) for one in self.forgettings)
            for other in self.going:
                if (other.what, other.version) == (what, version) and not (other.struck or run.struck or hasty):
                    if self.reaches(other.thread, thread):
                        self.seen["recursions and circles"] += 1
                    else:
                        self.complain(f"{what} is computed twice at once: {run} {self.history(what)}")
            self.going.append(run)
            self.runs[run.number] = run
            self.runs_of[name] += 1
            return run

    def reaches(self, start: int, goal: int) -> bool:
        """Whether a thread is another, or may be waiting for it, directly or not."""
        seen, ahead = set[int](), [start]
        while ahead:
            thread = ahead.pop()
            if thread == goal:
                return True
            if thread in seen:
                continue
            seen.add(thread)
            wanted = [call.what for call in self.calls_going if call.thread == thread][-1:]
            ahead += [run.thread for run in self.going if run.what in wanted]
        return False

    def ended(self, run: Run) -> None:
        """A computation is over."""
        with self.lock:
            run.ended = self.now()
            self.going.remove(run)
            self.seen["failures"] += isinstance(run.outcome, BaseException)

    @contextmanager
    def forgets(self, name: str, x: object) -> Iterator[None]:
        """A clear or an invalidation, from before it to after it."""
        with self.lock:
            forgetting = Forgetting(name, None if x is None else name_of(x), self.now())
            self.forgettings.append(forgetting)
            self.strike(forgetting)
        yield
        with self.lock:
            self.strike(forgetting)
            forgetting.ended = self.now()
            self.seen["clears and invalidations"] += 1

    def strike(self, forgetting: Forgetting) -> None:
        """What runs now may have been superseded."""
        for run in self.going:
            run.struck |= forgetting.covers(run.what)  # type: ignore[arg-type]

    def calls(self, name: str, x: object, session: dict[str, Any] | None, thread: int) -> Call:
        """A call begins."""
        with self.lock:
            self.session_of(session)
            what = (name, name_of(x))
            over = [one.began for one in self.forgettings if one.ended and one.covers(what)]
            data = self.data if session is None else self.sessions[id(session)].data
            known = None if session is None else id(session)
            call = Call(what, known, thread, self.now(), data, max(over, default=0))
            self.calls_going.append(call)
            return call

    def raised(self, call: Call, error: BaseException) -> None:
        """A call failed: by a run of its own or one that it can have waited for, never by one that was over."""
        with self.lock:
            self.calls_going.remove(call)
            call.ended = self.now()
            run = next((run for run in self.runs.values() if run.outcome is error), None)
            if run is None or run.what != call.what:
                self.complain(f"{call.what} raised an exception of another computation")
            elif 0 < run.call.ended < call.began:  # until its own call has ended, others may still join it
                self.complain(f"{call.what} raised an exception of a run that was over when it was called")

    def returned(self, call: Call, value: Value) -> None:
        """A call returned."""
        with self.lock:
            self.calls_going.remove(call)
            call.ended = self.now()
            self.seen["calls"] += 1
            run = self.runs[value.number]
            self.expect(run.what == call.what and run.outcome is value, f"{call.what} returned a result of {run.what}")
            self.expect(run.ended > 0, f"{call.what} returned a result before it was made")
            self.expect(run.began > call.forgotten, f"{call.what} returned what was forgotten before it was called")
            self.expect(
                value.oldest() >= call.data,
                f"{call.what} returned data {value.oldest()} in a session or call that began with {call.data}",
            )
            if call.session is not None:
                self.repeats(call, value, run)

    def repeats(self, call: Call, value: Value, run: Run) -> None:
        """In a session the same call returns the same object, unless something was forgotten or could not be kept."""
        session = self.sessions[call.session or 0]
        version = session.answers.get(call.what)
        if version is None:
            self.complain(f"{call.what} was served to a session that has not asked")
        elif value.data < version:
            self.complain(f"{call.what} returned data {value.data}, though its session knows of {version}")
        name = call.what[0]
        if name not in ("plain", "unbounded"):
            return
        first = session.first.setdefault(call.what, (value, call.began))
        if first[0] is value:
            return
        since = min(call.began, first[1])
        forgotten = any(one.covers(call.what) and (not one.ended or one.ended > since) for one in self.forgettings)
        twice = sum(one.what == call.what and one.session == call.session for one in self.runs.values()) > 1
        if forgotten or (twice and self.overlapping(call)):
            session.first[call.what] = (value, call.began)
        else:
            self.complain(
                f"{call.what} returned two objects in one session: of run {first[0].number} to a call of {first[1]}, "
                f"of {run.number} to {call}; now is {self.moment} {self.history(call.what)}"
            )

    def history(self, what: tuple[str, Any]) -> str:
        """What was noted about a function and key, for whoever has to find out."""
        lines = [
            f"run {one.number} {one.began}-{one.ended or ''} version {one.version} data {one.data} thread {one.thread} "
            f"session {one.session} struck {one.struck} {type(one.outcome).__name__}"
            for one in self.runs.values()
            if one.what == what
        ]
        lines += [f"forgotten {one.began}-{one.ended or ''}" for one in self.forgettings if one.covers(what)]
        lines += [f"in progress: {call}" for call in self.calls_going]
        return "\n    ".join(["", *lines])

    def overlapping(self, call: Call) -> bool:
        """Whether two computations of one call in one session overlapped, as recursion and circles make them."""
        runs = [one for one in self.runs.values() if one.what == call.what and one.session == call.session]
        return any(
            one is not other and one.began < (other.ended or self.moment) and other.began < (one.ended or self.moment)
            for one in runs
            for other in runs
        )

    def release(self) -> None:
        """Lets go of all that it holds of the cache's."""
        with self.lock:
            for run in self.runs.values():
                run.outcome = None
            for session in self.sessions.values():
                session.first.clear()
            self.held.clear()

    def counts(self) -> dict[str, int]:
        """How much was seen of what."""
        return {"computations": len(self.runs), **super().counts()}
