"""Judges what threads see of caches that may answer with old values: by the promises, and by what each policy allows.

It is told what is called, asked, run, put and forgotten, with what outcome, and knows nothing of how the cache works.
Versions are numbers that only grow. All is noted under one lock; every event has a moment, a number that grows.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.concurrency.stress_fresh_notes import Ask, Call, Change, Failure, Job, Run, Session, Terms, Value
from tests.concurrency.stress_fresh_rules import Rules
from versioned_lru_cache.testing import is_validating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from versioned_lru_cache import Versioned
    from versioned_lru_cache.testing import MockClock

__all__ = ["Judge", "Terms", "Value"]


class Judge(Rules):
    """Takes notes, and complains where a rule is broken."""

    def __init__(self, functions: list[Terms], clock: MockClock) -> None:
        super().__init__()
        self.terms = {terms.name: terms for terms in functions}
        self.clock = clock
        self.local = threading.local()
        self.sessions: dict[int, Session] = {}
        self.held: list[Any] = []
        self.numbers = 0

    # What the world says of itself.

    def moves(self, x: int) -> None:
        """The data of a part changes."""
        with self.lock:
            self.data[self.part(x)] += 1
            self.seen["changes"] += 1

    def passes(self, seconds: float) -> None:
        """Time passes."""
        with self.lock:
            self.clock.advance(seconds)

    def in_front(self, front: bool) -> None:
        """This thread makes calls; others run what runs behind."""
        self.local.front = front
        self.local.call = None

    def opens(self, mapping: dict[str, Any], renews: bool, offline: bool) -> None:
        """A session with a policy is about to begin. It is kept alive, so that its id stays its own."""
        with self.lock:
            self.held.append(mapping)
            self.sessions[id(mapping)] = Session(self.now(), dict(self.data), renews, offline)

    def session_of(self, mapping: dict[str, Any] | None) -> Session | None:
        """The notes about a session: a plain one begins with its first call."""
        if mapping is None:
            return None
        if id(mapping) not in self.sessions:
            self.opens(mapping, renews=False, offline=False)
        return self.sessions[id(mapping)]

    # What is called.

    def calls(self, kind: str, name: str, x: int, mapping: dict[str, Any] | None) -> Call:
        """A call of the function begins, or one of `cache_refresh`."""
        with self.lock:
            session = self.session_of(mapping)
            data = (session.data if session and kind == "call" else self.data)[self.part(x)]
            over = [one.began for one in self.changes if one.ended and one.forgets and one.covers(name, x)]
            call = Call(kind, name, x, session, self.now(), self.clock.now, data, max(over, default=0))
            if kind == "refresh" and session:
                self.changes.append(change := Change(name, x, call.began, session=session))
                session.refreshed.add((name, self.part(x)))
                call.change = change
            self.local.call = call
            self.calls_going.append(call)
            self.calls_made.append(call)
            for failure in self.failures:
                # It may join what has failed, as long as somebody has yet to hear of that.
                if failure.calls and failure.name == name and failure.calls[0].session is session is not None:
                    failure.calls.append(call)
                    call.failures.append(failure)
            return call

    def over(self, call: Call) -> None:
        """A call is over, whatever came of it."""
        self.local.call = None
        call.ended = self.now()
        self.calls_going.remove(call)
        if call.change:
            call.change.ended = call.ended
        for failure in call.failures:
            failure.calls.remove(call)
            if not failure.calls:
                failure.clock = self.clock.now

    def returned(self, call: Call, value: Value) -> None:
        """A call returned."""
        with self.lock:
            self.over(call)
            self.seen["calls" if call.kind == "call" else "refreshes"] += 1
            self.check_returned(self.terms[call.name], call, value)

    def raised(self, call: Call, error: Any) -> None:
        """A call failed."""
        with self.lock:
            self.over(call)
            self.seen["failed calls"] += 1
            self.check_raised(self.terms[call.name], call, error)

    # What the cache runs.

    @contextmanager
    def asks(self, name: str, part: int) -> Iterator[Ask]:
        """A version function runs."""
        with self.lock:
            # One for a computation that has read an answer is no call's, and its session hears nothing of it.
            call = None if is_validating() else self.call_here(name)
            ask = Ask(name, part, self.now(), call)
            self.check_offline(ask.call)
        try:
            yield ask
        except Exception as error:
            with self.lock:
                self.fails(error, name, part, None, ask.call)
            raise
        with self.lock:
            ask.ended, ask.clock = self.now(), self.clock.now
            self.asks_made.append(ask)
            self.seen["version calls"] += 1
            if not is_validating():
                self.local.asked = ask
            if ask.call:
                ask.call.asked = ask
                self.check_asked(self.terms[name], ask, ask.call)

    @contextmanager
    def runs(self, name: str, x: int) -> Iterator[Run]:
        """The function runs, or `revalidate`."""
        with self.lock:
            call = self.call_here(name)
            self.numbers += 1
            run = Run(self.numbers, name, x, self.part(x), self.now(), self.clock.now, call, self.version_here(call, x))
            run.job = None if call else self.local.job
            since = call.began if call else self.local.asked.began
            run.struck = any(one.forgets and one.covers(name, x) and one.lasts(since) for one in self.changes)
            self.check_alone(self.terms[name], run)
            self.going.append(run)
            self.runs_made.append(run)
            self.seen["runs" if call else "runs behind"] += 1
        try:
            yield run
        except Exception as error:
            with self.lock:
                self.going.remove(run)
                run.ended = self.now()
                self.fails(error, name, run.part, x, call)
            raise
        with self.lock:
            self.going.remove(run)
            run.ended = self.now()
            self.check_renewed(self.terms[name], run)

    def job(self) -> Job:
        """A refresh is to run behind."""
        with self.lock:
            call = self.local.call
            job = Job(call.name, call.x, call.began)
            self.check_job(job)
            self.jobs.append(job)
            return job

    def done(self, job: Job) -> None:
        """A refresh behind is over."""
        with self.lock:
            job.ended = self.now()

    def call_here(self, name: str) -> Call | None:
        """The call in which the cache runs something; none behind."""
        call: Call | None = getattr(self.local, "call", None)
        if call and call.name != name:
            self.complain(f"a call of {call.name} ran {name}")
        return call

    def version_here(self, call: Call | None, x: int) -> Any:
        """The version by which a computation goes, as far as that can be told from outside."""
        if call is None:
            return self.local.asked.answer
        if call.session is None or call.kind == "refresh":
            return call.asked.answer if call.asked else None
        if (call.name, self.part(x)) in call.session.refreshed:
            return None
        return call.session.answers.get((call.name, self.part(x)))

    def fails(self, error: Any, name: str, part: int, x: int | None, call: Call | None) -> None:
        """What ran has failed."""
        error.moment, error.of_call = self.now(), call
        # Others of the session may wait for the same.
        told = [
            one
            for one in self.calls_going
            if call and one.name == name and (one is call or one.session is call.session is not None)
        ]
        failure = Failure(name, part, x, error.moment, told)
        self.failures.append(failure)
        for one in told:
            one.failures.append(failure)
        self.seen["failures"] += 1

    def made(self, run: Run, behind_by: int) -> Value:
        """What a run makes of the data that it reads now, or of older data."""
        with self.lock:
            self.numbers += 1
            return Value(self.numbers, run.name, run.x, self.data[run.part] - behind_by, [run])

    def is_good_still(self, run: Run, value: Value) -> bool:
        """Whether what was made before is the same now; then it is as good as new. Only every other change matters."""
        with self.lock:
            now = self.data[run.part]
            if value.data // 2 != now // 2:
                return False
            value.data = max(value.data, now)
            value.found.append(run)
            self.seen["found good still"] += 1
            return True

    # What else is done to the cache.

    @contextmanager
    def forgets(self, name: str, x: int | None) -> Iterator[None]:
        """A clear, or an invalidation, from before it to after it."""
        with self.lock:
            change = Change(name, x, self.now(), forgets=True)
            self.changes.append(change)
            self.strike(change)
        yield
        with self.lock:
            self.strike(change)
            change.ended = self.now()
            self.seen["clears and invalidations"] += 1

    def strike(self, change: Change) -> None:
        """What runs now may have been superseded."""
        for run in self.going:
            run.struck |= change.covers(run.name, run.x)

    @contextmanager
    def puts(self, name: str, x: int, mapping: dict[str, Any] | None) -> Iterator[Value]:
        """Somebody puts what is right at this moment, so nothing else may happen meanwhile."""
        with self.lock:
            moment = self.now()
            self.numbers += 1
            run = Run(self.numbers, name, x, self.part(x), moment, self.clock.now, None, None)
            self.changes.append(change := Change(name, x, moment, session=self.session_of(mapping), puts=True))
            yield Value(run.number, name, x, self.data[run.part], [run])
            run.ended = change.ended = self.now()
            self.seen["puts"] += 1

    def peeks(self, name: str, x: int, peek: Callable[[int], Versioned[Value] | None]) -> None:
        """Somebody looks at what is stored."""
        with self.lock:
            began, before = self.now(), self.peeked.get((name, x))
        found = peek(x)
        if found is None:
            return
        with self.lock:
            self.seen["peeks"] += 1
            if before:
                self.check_peeked(self.terms[name], x, before, found.version)
            self.peeked[name, x] = (found.version, began)

    def release(self) -> None:
        """Lets go of all that it holds of the cache's."""
        with self.lock:
            self.held.clear()
            self.local.__dict__.clear()
