"""What a call of a cached function must do: "What happens at a call" of docs/freshness.md, row by row, on `world`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.model.parts import Entry, Observation, Run, Stamp, View
from tests.model.reads import Frame, Read, same
from tests.model.world import HARD, ModelSession, ModelStore, ModelWorld
from versioned_lru_cache import IMMUTABLE, NOT_MODIFIED, NotStored, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


@dataclass(frozen=True)
class Freshness:
    """The options of a cached function that are about old results."""

    verify: bool = False
    revalidate: Callable[..., object] | None = None
    stale_if_error: float | None = None
    retry_after: float = 1
    errors: type[Exception] = Exception
    stale_while_revalidate: float | None = None
    # Those of Lag.
    retries: int = 0
    delay: float = 0.1
    settle: float | None = None
    order: Callable[[Any, Any], object] | None = None
    # What tells of each result how long it lives, and what it weighs.
    lives: Callable[..., float | None] | None = None
    weigh: Callable[[Any], int] | None = None


@dataclass(eq=False)
class Asked:
    """A call: who makes it, of what, and by which observation it goes."""

    session: ModelSession | None
    me: int
    args: tuple[Hashable, ...]
    key: Hashable
    # Its session renews this result: not, softly or hard; and because it is named.
    level: int = 0
    named: bool = False
    # It is a refresh behind, and takes no old value.
    behind: bool = False


class ModelCache(ModelStore):
    """One cached function."""

    def __init__(
        self,
        world: ModelWorld,
        function: Callable[..., object],
        version: object,
        *,
        cache_if: Callable[[Any], bool] | None = None,
        freshness: Freshness | None = None,
        **kept: Any,
    ) -> None:
        self.options = freshness or Freshness()
        stale = (self.options.stale_if_error, self.options.stale_while_revalidate)
        super().__init__(world, version, follows=stale != (None, None), **kept)
        self.function = function
        self.cache_if = cache_if
        self.version_failed: Exception | None = None

    def asked(self, session: ModelSession | None, args: tuple[Hashable, ...]) -> Asked:
        """Who calls."""
        level, named = session.renews(self, args) if session else (0, False)
        return Asked(session, session.id if session else 0, args, self.key(args), level, named)

    def call(self, session: ModelSession | None, *args: Hashable) -> object:
        """One call."""
        by = self.asked(session, args)
        answer = self.answered(by)
        self.given_to(by.me)
        return answer

    def answered(self, by: Asked) -> object:
        """What the first row says that matches."""
        session, args = by.session, by.args
        view = self.view_of(session)
        obs = self.seen_in(view, args)
        anew = False
        while True:
            entry = self.live.get(by.key)
            known = self.known(by, view, entry, obs)
            if known:
                return self.serve(by, *known)
            if session and session.offline:
                return self.offline(by, view, entry)
            if entry and entry.immutable and not self.chosen(by, entry):
                self.remembered(by, entry)
                return self.serve(by, entry)
            if entry and not by.behind and not self.chosen(by, entry) and self.is_left_alone(entry):
                return self.serve_stale(by, entry)
            if obs and (anew or self.young(obs)):
                self.note(args, obs)
                try:
                    return self.answer(by, entry, obs)
                except Exception as error:
                    return self.failed(by, error, ran=True)
            known_to_all = session.scopes.get(self.scope(args)) if session else None
            if known_to_all and self.young(known_to_all):
                obs = known_to_all
            else:
                try:
                    obs, anew = self.ask(args), True
                except Exception as error:
                    return self.failed(by, error, ran=False)
                if session and session.id != by.me:
                    # Renewed meanwhile: what it was has ended.
                    session, view, by = None, None, replace(by, session=None, me=0, level=0, named=False)
            self.tell(by, obs)

    def refresh(self, session: ModelSession | None, *args: Hashable) -> object:
        """Asks and computes now, in any state; the session goes by what it saw."""
        by = self.asked(session, args)
        self.view_of(session)
        asked = False
        try:
            obs = self.seen_in(None, args) or self.ask(args)
            asked = True
            self.tell(by, obs)
            answer = self.compute(by, obs)
        except Exception as error:
            # Who wants a new value is not given an old one.
            self.note_failure(args, error, ran=asked)
            self.counts.errors += 1
            raise
        self.given_to(by.me)
        return answer

    # The rows of the table.

    def known(
        self, by: Asked, view: View | None, entry: Entry | None, obs: Observation | None
    ) -> tuple[Entry, Observation | None] | None:
        """What the session knows and may read again, and the observation that says so anew."""
        if not by.session or not view:
            return None
        kept = view.kept.get(by.key)
        if kept and self.fresh(kept):
            view.kept.move_to_end(by.key)
            return kept, None
        if kept and not by.session.offline:
            del view.kept[by.key]
        first = view.first.get(self.given(by.args))
        gone = self.gone_for(by.key, by.me)
        if gone and self.fresh(gone.entry):
            noted, stamp = by.me in gone.entry.given, gone.entry.stamp
            agreed, went = (not noted and seen and same(stamp.version, seen.version) for seen in (obs, first))
            if agreed and not by.level:
                self.verify(gone.entry, obs)
            if noted or ((agreed or went) and not by.level):
                return self.given_again(gone, by.me), obs if agreed else None
        if entry and self.fresh(entry):
            if entry.is_noted(by.me):
                self.live.move_to_end(by.key)
                return entry, None
            agreed, went = (seen and same(entry.stamp.version, seen.version) for seen in (obs, first))
            if entry.stored < by.me and (agreed or went) and not self.chosen(by, entry):
                if agreed:
                    self.verify(entry, obs)
                moved = bool(view.first or view.shadows)
                if self.by_arguments or moved:
                    self.remember(entry, by.me, by.args, by_note_only=not moved)
                elif view.since == math.inf and entry.known_in not in self.views:
                    entry.known_in = by.me
                self.live.move_to_end(by.key)
                return entry, obs if agreed else None
        return None

    def offline(self, by: Asked, view: View | None, entry: Entry | None) -> object:
        """What is there, in whatever state."""
        assert view
        if own := view.kept.get(by.key):
            view.kept.move_to_end(by.key)
            return self.serve(by, own)
        if (gone := self.gone_for(by.key, by.me)) and by.me in gone.entry.given:
            return self.serve(by, self.given_again(gone, by.me))
        if not entry:
            raise NotStored
        self.remembered(by, entry)
        return self.serve(by, entry)

    def chosen(self, by: Asked, entry: Entry) -> bool:
        """Whether the session wants it anew: it was made, and found good still, only before the session began."""
        return entry.made < by.me and (by.named if entry.immutable else by.level > 0)

    def is_left_alone(self, entry: Entry) -> bool:
        """Whether its source failed just now, so that it is not asked."""
        return self.just_failed(entry) and self.answers_for_errors(entry)

    def just_failed(self, entry: Entry) -> bool:
        """Whether its source failed so short a time ago that nothing is to be expected of it."""
        last = max(entry.failures.last, self.source_of(entry).failures.last)
        return self.world.clock() - last < self.options.retry_after

    def answers_for_errors(self, entry: Entry) -> bool:
        """Whether it may be served for a source that fails."""
        within = self.options.stale_if_error
        return within is not None and self.staleness(entry) < within

    def answer(self, by: Asked, entry: Entry | None, obs: Observation) -> object:
        """Goes by an observation: serves what it vouches for, or something newer, or computes."""
        if entry and not self.chosen(by, entry):
            verified = same(entry.stamp.version, obs.version)
            if verified:
                self.verified(entry, obs)
            newer = entry.stamp.ticket > obs.until and not entry.lags
            if self.fresh(entry) and (verified or newer):
                if verified:
                    self.verify(entry, obs)
                self.remembered(by, entry)
                return self.serve(by, entry, obs if verified else None)
            within = self.options.stale_while_revalidate
            if within is not None and self.staleness(entry) < within and not by.behind:
                self.refresh_behind(by.args, entry)
                return self.serve_stale(by, entry)
        return self.compute(by, obs, hard=bool(entry and self.chosen(by, entry) and by.level == HARD))

    def verified(self, entry: Entry, obs: Observation) -> None:
        """Its version is the version still."""
        self.well(entry, obs)
        entry.lags = False
        # One that may not be what was announced is not vouched for by what is announced.
        if self.options.verify and entry.settles is None and not self.fresh(entry) and obs.at > entry.born:
            entry.born, entry.ends_since = obs.at, self.world.draw()

    def failed(self, by: Asked, error: Exception, ran: bool) -> object:
        """The version function failed; or, since it `ran`, the function or `revalidate`."""
        self.note_failure(by.args, error, ran)
        entry = self.live.get(by.key)
        if by.behind:
            raise error
        view = self.views.get(by.me)
        stands_in = isinstance(error, self.options.errors) and self.options.stale_if_error is not None
        if stands_in and (known := self.known(by, view, None, self.seen_in(view, by.args))):
            self.counts.hits -= ran
            return self.serve(by, *known)
        if entry and isinstance(error, self.options.errors) and self.answers_for_errors(entry):
            return self.serve_stale(by, entry, ran)
        self.counts.errors += 1
        raise error

    def note_failure(self, args: tuple[Hashable, ...], error: Exception, ran: bool) -> None:
        """What a source can't tell now is not fresh: this result, or all of which it would tell the version."""
        if not isinstance(error, self.options.errors):
            return
        entry = self.live.get(self.key(args))
        source = self.sources.get(self.given(args))
        ran = ran and error is not self.version_failed
        if not ran and source:
            source.failures.again(self.world.clock(), self.world.draw())
        elif ran and entry:
            entry.failures.again(self.world.clock(), self.world.draw())

    def serve(self, by: Asked, entry: Entry, verified_by: Observation | None = None, stale: bool = False) -> object:
        """Answers with what is there, which an observation has perhaps found unchanged."""
        self.counts.hits += 1
        if verified_by:
            self.verify(entry, verified_by)
            self.well(entry, verified_by)
        vouched = self.vouches_for(entry)
        # Of what is stale another question would tell nothing. What never changes is so all the same.
        self.noted(by, entry, math.ceil(vouched) - 0.5 if stale and vouched < math.inf else vouched)
        return entry.value

    def noted(self, by: Asked, entry: Entry, ticket: float) -> None:
        """What it was answered with may be older than what is built on it."""
        if ticket < math.inf:
            self.world.readers.note(by.me, Read(self, by.args, entry.stamp.version, ticket))

    def verify(self, entry: Entry, obs: Observation) -> None:
        """It is as new as an observation that agrees."""
        entry.stamp.ticket = max(obs.ticket, entry.stamp.ticket)

    def vouches_for(self, entry: Entry) -> float:
        """The observation than which a result is no older, for what is built on it. What lags is of long ago."""
        if (self.constant or entry.immutable) and not entry.tainted:
            return math.inf
        return 0.5 if entry.lags else entry.stamp.ticket

    def serve_stale(self, by: Asked, entry: Entry, ran: bool = False) -> object:
        """Answers with what is no longer fresh."""
        self.counts.stale += 1
        if by.session:
            by.session.stale += 1
        if by.session and self.fresh(entry) and not self.chosen(by, entry):
            self.remember(entry, by.me, by.args)
        self.live.move_to_end(by.key)
        self.counts.hits -= ran  # The call was counted when the function ran.
        return self.serve(by, entry, stale=True)

    def remembered(self, by: Asked, entry: Entry) -> None:
        """The session has seen it now."""
        if by.session:
            self.remember(entry, by.me, by.args)
        if self.live.get(by.key) is entry:
            self.live.move_to_end(by.key)

    # What runs.

    def tell(self, by: Asked, obs: Observation, again: bool = False) -> None:
        """The session goes by this observation, if it has not been renewed meanwhile."""
        if by.session and by.session.id == by.me and not self.constant:
            view, given = self.views[by.me], self.given(by.args)
            before = view.seen.get(given)
            if again and before and not same(before.version, obs.version):
                view.first.setdefault(given, before)
            by.session.scopes[self.scope(by.args)] = view.seen[given] = obs

    def ask(self, args: tuple[Hashable, ...]) -> Observation:
        """Runs the version function."""
        obs = self.observe(args)
        self.counts.version_calls += 1
        self.note(args, obs)
        return obs

    def asked_again(self, args: tuple[Hashable, ...]) -> Observation:
        """The same in the midst of a computation: what fails then is the version function, too."""
        try:
            return self.ask(args)
        except Exception as error:
            self.version_failed = error
            raise

    def observe(self, args: tuple[Hashable, ...]) -> Observation:
        """What its version is now."""
        assert callable(self.version)
        ticket, at = self.world.draw(), self.world.clock()
        version = self.version(*self.given(args))
        return Observation(version, ticket, at, self.world.draw())

    def refresh_behind(self, args: tuple[Hashable, ...], entry: Entry) -> None:
        """Sees to it that the result is made anew some time, unless that goes on or failed just now."""
        if entry.behind or self.just_failed(entry):
            return

        def run() -> None:
            try:
                self.answered(replace(self.asked(None, args), behind=True))
            except Exception:
                self.counts.refresh_errors += 1
            finally:
                there = self.live.get(self.key(args))
                if there and there.behind is run:
                    there.behind = None

        entry.behind = run
        self.world.behind.append(run)

    def compute(self, by: Asked, obs: Observation, hard: bool = False) -> object:
        """Runs the function, or `revalidate`, as often as Lag says, and stores the result if that is right."""
        run, old, previous = Run(by.key, self.world.draw(), by.me), self.live.get(by.key), None
        if self.options.revalidate and old and not hard:
            previous = Versioned(old.value, old.stamp.version)
        self.counts.misses += previous is None
        self.running.append(run)
        try:
            for again in range(self.options.retries + 1):
                if self.constant:
                    obs = replace(obs, ticket=run.began, until=run.began)
                result, frame = self.attempt(by, obs, old, previous)
                if not result.lags or again == self.options.retries:
                    break
                self.world.sleep(self.options.delay * 2**again)
                obs = self.seen_in(None, by.args) or self.asked_again(by.args)
                self.tell(by, obs, again=True)
                if self.visible(result.stamp.version, obs.version):
                    result.lags, result.stamp.differed = False, math.inf
                    break
            self.validated(by, result, frame, obs)
        finally:
            self.running.remove(run)
        result.made = run.began
        return self.made(by, result, run, obs)

    def validated(self, by: Asked, result: Entry, frame: Frame, obs: Observation) -> None:
        """It is its session's only, if what it was made with does not hold any more."""
        oldest = self.world.readers.fails(by.session, frame, obs)
        result.tainted = oldest < obs.until
        # Between tickets: its own version may hold though what it rests on does not.
        result.stamp.ticket = math.ceil(min(oldest, obs.ticket)) - 0.5 if result.tainted else obs.ticket

    def attempt(
        self, by: Asked, obs: Observation, old: Entry | None, previous: Versioned[object] | None
    ) -> tuple[Entry, Frame]:
        """Runs the function, or `revalidate` if something was there. What is made of the answer."""
        born = self.world.clock()
        until = math.inf if self.options.retries else obs.until
        with self.world.readers.computing(Frame(by.session, by.me, obs.ticket, until)) as frame:
            if self.options.revalidate and previous:
                answer = self.options.revalidate(previous, *by.args)
            else:
                answer = self.function(*by.args)
            result = self.understood(by, answer, old, previous, obs)
        result.born = born
        if result.lags:
            result.stamp.differed = obs.at
        return result, frame

    def understood(
        self, by: Asked, answer: object, old: Entry | None, previous: object | None, obs: Observation
    ) -> Entry:
        """What an answer says: a value of the version asked, or of the version that it tells."""
        value, version, settles, said = answer, obs.version, None, None
        if answer is NOT_MODIFIED:
            if previous is None or old is None:
                raise TypeError("nothing before")
            value = old.value
        elif isinstance(answer, Versioned):
            (value, version), said = answer, answer.ttl
            hash(version)
        elif self.options.order:
            raise TypeError("order needs Versioned")
        elif not ((there := self.live.get(by.key)) and same(there.stamp.version, version)):
            settles = self.options.settle  # What has ended may have been purged meanwhile.
        stamp = Stamp(version, self.given(by.args), obs.ticket)
        lags = version is not IMMUTABLE and not self.visible(version, obs.version)
        renewed = previous is not None and (answer is NOT_MODIFIED or answer is previous)
        if renewed:
            assert old
            said = None if self.options.lives else old.lives
        lives = self.lives(value, by.args, said)
        found = ""
        if previous is not None:
            found = "revalidated" if renewed else "misses"
        weight = self.weight_of(value) if lives is None or lives > 0 else 0
        own = {"settles": settles, "lives": lives, "weight": weight}
        return Entry(by.key, value, stamp, 0, by.me, 0, lags=lags, found=found, **own)

    def lives(self, value: object, args: tuple[Hashable, ...], said: object) -> float | None:
        """How long a result lives, if anything is said of that."""
        all_said = [said, *([self.options.lives(value, *args)] if self.options.lives else [])]
        if not all(one is None or isinstance(one, (int, float)) for one in all_said):
            raise TypeError("no time to live")
        return min((one for one in all_said if isinstance(one, (int, float))), default=None)

    def weight_of(self, value: object) -> int:
        """What it weighs."""
        return self.options.weigh(value) if self.options.weigh else 0

    def use_after(self, entry: Entry) -> float:
        """To the stale policies, and, for as long again as it lived, to what can make it good without computing it."""
        renews = min(self.spans(entry), default=0) if self.options.verify or self.options.revalidate else 0
        return max(self.options.stale_if_error or 0, self.options.stale_while_revalidate or 0, renews)

    def purge(self) -> int:
        """Forgets what has ended and no stale policy may use."""
        longest = max(self.options.stale_if_error or 0, self.options.stale_while_revalidate or 0)
        useless = [entry for entry in self.ended() if not self.staleness(entry) < longest]
        for entry in useless:
            self.take(entry.key)
        return len(useless)

    def visible(self, seen: object, announced: object) -> bool:
        """Whether a source shows what was announced, or more. What never changes has no place in an order."""
        order = None if IMMUTABLE in (seen, announced) else self.options.order
        return same(seen, announced) or bool(order and order(seen, announced))

    def made(self, by: Asked, result: Entry, run: Run, obs: Observation) -> object:
        """Stores what was made, and answers with it, or with what is stored if that is of a higher version."""
        session = by.session
        if session and session.id != by.me:
            session, result.known_in = None, 0  # Renewed meanwhile: what it was has ended.
        if result.found:
            setattr(self.counts, result.found, getattr(self.counts, result.found) + 1)
        entry = self.live.get(by.key)
        wanted = self.cache_if is None or self.cache_if(result.value)
        heavy = wanted and self.storing and not self.fits(result.weight)
        admitted = self.storing and wanted and not heavy and (result.lives is None or result.lives > 0)
        # What the function itself made or put meanwhile is for those who come after this call.
        own = session and entry and entry.known_in == by.me and entry.stored > run.began
        changes = entry and not result.immutable and not entry.immutable
        if (
            self.options.order
            and admitted
            and entry
            and changes
            and not own
            and not self.visible(result.stamp.version, entry.stamp.version)
        ):
            if session:
                self.remember(entry, by.me, by.args)
            self.counts.not_stored += 1
            self.noted(by, entry, self.vouches_for(entry))
            return entry.value
        # Who makes what never changes builds on no more than what was observed.
        ticket = result.stamp.ticket if result.immutable and not self.constant else self.vouches_for(result)
        self.noted(by, replace(result, stamp=replace(result.stamp, version=obs.version)), ticket)
        self.counts.not_stored += heavy
        if admitted:
            self.keep(session, result, run, obs)
        return result.value
