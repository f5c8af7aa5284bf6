"""The rules of `stress_fresh_judge`: what must not happen. Where notes can't tell what came first, nothing is said."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.concurrency.stress_rounds import Complaining
from versioned_lru_cache import NotStored

if TYPE_CHECKING:
    from tests.concurrency.stress_fresh_notes import Ask, Call, Change, Failure, Job, Run, Terms, Value


class Rules(Complaining):
    """The notes, and what is wrong in them."""

    def __init__(self) -> None:
        super().__init__()
        # Of each part, by its name: two of one hash.
        self.data = {-1: 3, -2: 3}
        self.calls_going: list[Call] = []
        self.calls_made: list[Call] = []
        self.asks_made: list[Ask] = []
        self.runs_made: list[Run] = []
        self.going: list[Run] = []
        self.jobs: list[Job] = []
        self.changes: list[Change] = []
        self.failures: list[Failure] = []
        self.peeked: dict[tuple[str, int], tuple[Any, int]] = {}
        # What made each value that was returned, and when that was.
        self.given: defaultdict[tuple[str, int], list[tuple[Run, int]]] = defaultdict(list)

    def part(self, x: int) -> int:
        """What a key is a part of: that has a version. Two of them have one hash."""
        return -1 - x % 2

    def history(self, name: str, part: int) -> str:
        """What was noted about a function and part, for whoever has to find out."""
        of = (name, part)
        notes = [
            *((one.began, f"called {one}") for one in self.calls_made if (one.name, self.part(one.x)) == of),
            *((one.began, f"asked {one}") for one in self.asks_made if (one.name, one.part) == of),
            *((one.began, f"ran {one}") for one in self.runs_made if (one.name, one.part) == of),
            *((one.began, f"changed {one}") for one in self.changes if one.name == name),
            *((one.moment, f"failed {one}") for one in self.failures if (one.name, one.part) == of),
        ]
        return "\n    ".join(["", *(text for _, text in sorted(notes, key=lambda note: note[0]))])

    def changed(self, name: str, x: int, since: int, **kinds: Any) -> bool:
        """Whether something of a kind was not over by then."""
        return any(
            one.covers(name, x) and one.lasts(since) and all(getattr(one, kind) is is_ for kind, is_ in kinds.items())
            for one in self.changes
        )

    # What is returned and raised.

    def check_returned(self, terms: Terms, call: Call, value: Value) -> None:
        """All that must hold for an answer."""
        of = f"{call.kind} of {call.name}({call.x}) at {call.began}"
        self.expect((value.name, value.x) == (call.name, call.x), f"{of} returned a result of {value.name}({value.x})")
        self.expect(all(run.ended for run in value.found[:1]), f"{of} returned a result before it was made")
        self.expect(value.run.began > call.forgotten, f"{of} returned what was forgotten before it was called")
        offline = call.session is not None and call.session.offline and call.kind == "call"
        # A node behind others answers with what is stored, whatever that is.
        if not offline and not terms.lags and not self.never_changes(terms, value):
            if value.data < call.data:
                self.check_old(terms, call, value, of)
            self.check_new_enough(terms, call, value, of)
        if call.session:
            call.session.told.add(value.number)
        if call.session and call.kind == "call":
            self.check_repeats(terms, call, value, of)
        self.given[call.name, call.x].append((value.run, call.ended))

    def never_changes(self, terms: Terms, value: Value) -> bool:
        """Whether a result may be of a version that never changes."""
        asked = (one for one in self.asks_made if (one.name, one.part) == (value.name, value.run.part))
        return terms.immutable and any(one.answer % 3 == 0 and one.answer <= value.data for one in asked)

    def check_new_enough(self, terms: Terms, call: Call, value: Value, of: str) -> None:
        """A refresh, and a session that renews, gets what was made or found good after it began; or what stands in."""
        new = max(run.ended if run.call is None and run.version is None else run.began for run in value.found)
        if new <= call.needs:
            stands_in = call.kind == "call" and terms.stale_if_error is not None
            self.expect(stands_in, f"{of} got what was made at {new}, though it renews what is before {call.needs}")

    def check_old(self, terms: Terms, call: Call, value: Value, of: str) -> None:
        """Where an old value may stand in, it does so not for too long, and not without a reason."""
        if terms.allowed is None:
            self.complain(f"{of} returned data {value.data}, though it, or its session, began with {call.data}")
            return
        self.seen["old values"] += 1
        part = value.run.part
        if call.session and (value.number in call.session.told or self.in_company(call)):
            return  # It was told so before, or may have been.
        if terms.stale_while_revalidate is None:
            failed = any(
                (one.name, one.part) == (call.name, part) and one.x in (None, call.x) and one.clock + 1 > call.clock
                for one in self.failures
            )
            history = self.history(call.name, part)
            self.expect(failed, f"{of} returned data {value.data} of {call.data}, though nothing has failed {history}")
        # Of what is not yet stored when another version is seen nothing can be known.
        given = [ended for run, ended in self.given[call.name, call.x] if run is value.run]
        for ask in self.asks_made:
            if (
                (ask.name, ask.part) == (call.name, part)
                and ask.answer > value.data
                and ask.call
                and 0 < ask.call.ended < (call.session.began if call.session else call.began)
                and call.clock - ask.clock >= terms.allowed
                and min(given, default=ask.began) < ask.began
                and not self.is_disputed(ask, value)
                and not any(one.name == call.name and one.forgets and one.lasts(min(given)) for one in self.changes)
            ):
                self.complain(
                    f"{of} and {call.clock} s returned data {value.data}, though {ask.answer} was seen at {ask.clock} s"
                    f"{self.history(call.name, part)}"
                )
                return

    def is_disputed(self, ask: Ask, value: Value) -> bool:
        """Whether another answer found the value to be right still. Two that overlap say nothing of each other."""
        others = (one for one in self.asks_made if (one.name, one.part) == (ask.name, ask.part))
        return any(one.answer <= value.data and one.ended > ask.began and one.began < ask.ended for one in others)

    def in_company(self, call: Call) -> bool:
        """Whether others of the session call the same meanwhile."""
        others = (one for one in self.calls_going if one.session is call.session)
        return any((one.name, one.x) == (call.name, call.x) for one in others)

    def check_repeats(self, terms: Terms, call: Call, value: Value, of: str) -> None:
        """In a session the same call returns the same object, unless something was forgotten or is renewed."""
        session, what = call.session, (call.name, call.x)
        assert session
        # Whoever refreshes one result goes by another version from then on, for all of its part.
        refreshed = (call.name, value.run.part) in session.refreshed
        if terms.ttl is not None or terms.maxsize == 2 or session.renews or refreshed:
            return
        number, began = session.first.setdefault(what, (value.number, call.began))
        since = min(began, call.began)
        if number == value.number:
            return
        if self.changed(*what, since, forgets=True) or self.changed(*what, since, session=session):
            session.first[what] = value.number, call.began
        else:
            history = self.history(call.name, value.run.part)
            self.complain(f"{of} returned {value.number}, though {session} was given {number} at {began} {history}")

    def check_raised(self, terms: Terms, call: Call, error: Any) -> None:
        """A failure is never one of before, and is not told where an old value stands in."""
        of = f"{call.kind} of {call.name}({call.x}) at {call.began}"
        if isinstance(error, NotStored):
            offline = call.session is not None and call.session.offline
            self.expect(offline and call.kind == "call", f"{of} found nothing stored")
            return
        # Until its own call has ended, others may still join what has failed.
        leader = error.of_call
        late = leader is None or not leader.ended or leader.ended > call.began
        self.expect(error.moment > call.began or late, f"{of} raised a failure of before")
        if terms.stale_if_error == float("inf") and call.kind == "call":
            # What was made in a session may be that session's only: its threads read other things meanwhile.
            given = [(run.call, ended) for run, ended in self.given[call.name, call.x]]
            kept = [made for made, ended in given if ended < call.began and made and made.session is None]
            safe = any(not self.changed(call.name, call.x, made.began, forgets=True) for made in kept)
            self.expect(not safe, f"{of} raised a failure, though an old value may stand in for ever")

    # What the cache runs.

    def check_offline(self, call: Call | None) -> None:
        """In an offline session nothing is asked and nothing computed."""
        if call and call.session and call.session.offline and call.kind == "call":
            self.complain(f"call of {call.name}({call.x}) ran something in an offline session")

    def check_asked(self, terms: Terms, ask: Ask, call: Call) -> None:
        """A version is asked once in a session, if it does not end and nobody wants it anew."""
        session, what = call.session, (ask.name, ask.part)
        if session is None:
            return
        if terms.ttl is None and not terms.lags and what not in session.refreshed:
            self.expect(what not in session.answers, f"{ask.name} was asked twice of {ask.part} in a session")
        session.answers[what] = ask.answer

    def check_job(self, job: Job) -> None:
        """One refresh runs behind for an entry, as long as nothing has taken its place."""
        for other in self.jobs:
            if (other.name, other.x) != (job.name, job.x) or other.ended:
                continue
            runs = (one for one in self.runs_made if (one.name, one.x) == (job.name, job.x))
            # Either may have been wanted first, and be noted late.
            since = min(job.began, other.began)
            made = any(one.ended and not 0 < one.stored <= since for one in runs)
            replaced = made or self.changed(job.name, job.x, since)
            history = self.history(job.name, self.part(job.x))
            self.expect(replaced, f"{job.name}({job.x}) is made anew twice behind: {job} {other} {history}")

    def check_alone(self, terms: Terms, run: Run) -> None:
        """Of one key and version one computation runs at a time."""
        self.check_offline(run.call)
        for other in self.going:
            if (other.name, other.x) != (run.name, run.x) or other.struck or run.struck:
                continue
            known = run.version is not None and run.version == other.version
            young = terms.ttl is None or self.going_for(other, run) < terms.ttl
            if known and young and not terms.lags and self.joins(run, other) and self.joins(other, run):
                self.complain(f"{run.name}({run.x}) is computed twice at once under {run.version}: {run} {other}")

    def going_for(self, one: Run, other: Run) -> float:
        """The time between two beginnings, at most: for the cache a run begins before its function is called."""
        first, second = sorted((one, other), key=lambda run: run.began)
        call = first.call
        clocks = [call.clock, call.asked.clock] if call and call.asked else [first.clock]
        return second.clock - max(clocks)

    def joins(self, late: Run, early: Run) -> bool:
        """Whether the one that comes late would have waited for the other."""
        call = late.call
        if not call or not call.needs:
            return True
        # When it, or its session, had surely begun for the cache.
        surely = call.asked.began if call.kind == "refresh" and call.asked else call.began
        return early.call is not None and early.call.began > surely

    def check_renewed(self, terms: Terms, run: Run) -> None:
        """A session that renews does so once for each result."""
        call = run.call
        if not call or not call.session or not call.session.renews or call.kind != "call":
            return
        if terms.ttl is not None or terms.lags or terms.immutable or terms.maxsize == 2 or run.struck:
            return
        what = (run.name, run.x)
        runs = call.session.renewed.setdefault(what, [])
        runs.append(run)
        since = min(one.call.began for one in runs if one.call)
        # Whoever refreshes one result goes by another version from then on, for all of its part.
        changed = self.changed(*what, since, forgets=True) or self.changed(*what, since, session=call.session)
        if len(runs) > 1 and not changed and (run.name, run.part) not in call.session.refreshed:
            history = self.history(run.name, run.part)
            self.complain(f"{run.name}({run.x}) was renewed twice in {call.session}: {runs} {history}")

    def check_peeked(self, terms: Terms, x: int, before: tuple[Any, int], version: Any) -> None:
        """What is stored never goes back to what was observed before."""
        high, since = before
        if terms.immutable or version >= high:
            return
        if self.changed(terms.name, x, since, forgets=True) or self.changed(terms.name, x, 0, puts=True):
            return
        step = f"{terms.name}({x}) was stored under {high}, and then under {version}"
        if terms.lags:
            self.complain(step)
            return
        asked = [one for one in self.asks_made if one.name == terms.name]
        lows = [one.ended for one in asked if one.answer == version]
        highs = [one.began for one in asked if one.answer == high]
        # Two that overlap say nothing of each other.
        self.expect(not lows or not highs or max(lows) > min(highs), step)
