"""What the cache must do, in plain dicts: what it keeps, and what sessions remember. For calls see `calls`.

No threads, no speed, no weak references: a session says when it ends. One counter gives session ids, observation
tickets and store stamps, so that "<" tells which of two events came first. Versions and keys are compared with `==`,
identity first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.model.parts import Entry, Failures, Gone, Observation, Run, Source, Stamp, View
from tests.model.reads import Readers, Validation, same

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class ModelWorld:
    """What all caches and sessions share.

    The counter, the clock, the computations in progress, innermost last, and the refreshes that are to run behind.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.clock = clock
        self.sleep = sleep
        self.draw = count(1).__next__
        self.readers = Readers(self.draw)
        self.behind: list[Callable[[], None]] = []


NO, SOFT, HARD = range(3)


def renews_nothing(cache: object, args: tuple[Hashable, ...]) -> tuple[int, bool]:
    """The policy of a session that renews nothing: neither chosen, nor named."""
    return NO, False


class ModelSession:
    """A span in which answers do not change."""

    def __init__(
        self,
        world: ModelWorld,
        renews: Callable[[Any, tuple[Hashable, ...]], tuple[int, bool]] = renews_nothing,
        offline: bool = False,
    ) -> None:
        self.world = world
        self.renews = renews
        self.offline = offline
        self.stale = 0
        self.readers: list[ModelStore] = []
        self.validation: Validation | None = None
        self.renew()

    def renew(self) -> None:
        """Forgets all and begins anew."""
        self.end()
        self.id = self.world.draw()
        self.scopes: dict[Hashable, Observation] = {}

    def end(self) -> None:
        """What it knew is gone."""
        for cache in self.readers:
            cache.leave(self.id)
        self.readers = []


@dataclass
class Counts:
    """What a function counts."""

    hits: int = 0
    misses: int = 0
    version_calls: int = 0
    evictions: int = 0
    not_stored: int = 0
    errors: int = 0
    revalidated: int = 0
    stale: int = 0
    refresh_errors: int = 0


class ModelStore:
    """What is kept of one cached function, for all and for each session."""

    def __init__(
        self,
        world: ModelWorld,
        version: object,
        *,
        by_arguments: bool = False,
        part: Callable[..., tuple[Hashable, ...]] | None = None,
        follows: bool = False,
        maxsize: int | None = 128,
        max_weight: int | None = None,
        typed: bool = False,
        ttl: float | None = None,
    ) -> None:
        self.world = world
        self.version = version
        self.by_arguments = by_arguments
        self.part = part
        # Whether it matters when an entry stopped being fresh.
        self.follows = follows
        self.maxsize = maxsize
        self.max_weight = max_weight
        self.typed = typed
        self.ttl = ttl
        self.live: OrderedDict[Hashable, Entry] = OrderedDict()
        # By what the version function is given; those of which something is stored.
        self.sources: dict[Hashable, Source] = {}
        self.views: dict[int, View] = {}
        # What left the store, in the order in which it left.
        self.gone: list[Gone] = []
        self.running: list[Run] = []
        self.counts = Counts()

    # What becomes of a result.

    def keep(self, session: ModelSession | None, result: Entry, run: Run, obs: Observation) -> None:
        """Stores a result, keeps it for its session, or neither."""
        view = self.views.get(result.known_in)
        entry = self.live.get(result.key)
        known = entry is not None and entry.known_in == result.known_in
        if run.struck:
            self.counts.not_stored += 1
        elif session and (
            (entry and known and entry.stored > run.began) or (run.superseded and view and result.key in view.kept)
        ):
            pass  # The function called itself with the same arguments, or put a result: the session goes by that.
        elif result.tainted or (entry and self.outdated(run, entry, obs)):
            self.counts.not_stored += 1
            if view:
                self.forget(result.key, result.known_in)
                self.keep_for_session(result, result.known_in)
        else:
            source = self.source_of(result)
            newest = source.newest
            if newest and source.outdates(obs.ticket) and not same(newest.version, result.stamp.version):
                result.stamp.differed = obs.at  # It is known not to be of the version that was seen last.
            self.store(result)

    def keep_for_session(self, result: Entry, me: int) -> None:
        """Keeps a result for its session only, which goes by that whatever is stored."""
        self.shelve(result, me)
        if old := self.live.get(result.key):
            self.views[me].shadows = True
            if old.known_in == me:
                old.known_in = 0
            old.given.discard(me)
        for run in self.running:
            if run.key == result.key and run.me == me and run.began < result.made:
                run.superseded = True

    def outdated(self, run: Run, entry: Entry, obs: Observation) -> bool:
        """Whether what is stored is newer. Of one version what was stored meanwhile stays."""
        if same(entry.stamp.version, obs.version):
            return entry.stored > run.began
        return entry.stamp.ticket > obs.ticket

    def store(self, result: Entry) -> None:
        """Puts a result in the place of what was there; its session then goes by it."""
        result.stored = result.ends_since = self.world.draw()
        self.forget(result.key, result.known_in)
        # Before the old one goes, and with it what is known of the source that both have.
        self.share(result)
        if old := self.take(result.key):
            self.displace(old, but=result.known_in, by=result.known_in)
        self.live[result.key] = result
        while self.exceeds or not self.bounded:
            ended = self.useless()
            if not ended and not self.exceeds:
                break
            self.counts.evictions += self.exceeds
            victim = self.take(ended.key if ended else next(iter(self.live)))
            assert victim
            self.displace(victim, but=0, by=result.known_in)

    @property
    def bounded(self) -> bool:
        """Whether anything but the end of their lives bounds how many results there are."""
        return self.maxsize is not None or self.max_weight is not None

    @property
    def weight(self) -> int:
        """What all results weigh together."""
        return sum(entry.weight for entry in self.live.values())

    @property
    def exceeds(self) -> bool:
        """Whether there are too many results, or too heavy ones."""
        many = self.maxsize is not None and len(self.live) > self.maxsize
        return many or (self.max_weight is not None and self.weight > self.max_weight)

    def useless(self) -> Entry | None:
        """The result that ended first, which gives its room; where nothing bounds them, that can't be of use either."""
        now = self.world.clock()
        due = {
            key: self.end_of(entry) + (0 if self.bounded else self.use_after(entry)) for key, entry in self.live.items()
        }
        over = [entry for key, entry in self.live.items() if due[key] <= now]
        return min(over, key=lambda entry: (due[entry.key], entry.ends_since), default=None)

    def use_after(self, entry: Entry) -> float:
        """How long after its end a result may be of use."""
        return 0

    def share(self, result: Entry) -> None:
        """Joins what is known of its source, and of its version if the entry stored before is of that."""
        new = result.stamp
        new.uses += 1
        if new.given and not self.follows:
            return
        source = self.sources.setdefault(new.given, Source())
        source.entries += 1
        latest = source.latest
        if result.lags:
            pass  # What was observed agrees with no entry of its version.
        elif latest and latest.uses and same(latest.version, new.version):
            latest.uses += 1
            latest.ticket = max(latest.ticket, new.ticket)
            if not source.outdates(new.ticket):
                latest.differed = math.inf
            result.stamp = latest
        else:
            source.latest = new

    def take(self, key: Hashable) -> Entry | None:
        """Takes an entry out. What is known of its version is its own from now on."""
        entry = self.live.pop(key, None)
        if entry:
            entry.stamp.uses -= 1
            if source := self.sources.get(entry.stamp.given):
                source.entries -= 1
                if not source.entries:
                    del self.sources[entry.stamp.given]
            entry.stamp = replace(entry.stamp)
        return entry

    def source_of(self, entry: Entry) -> Source:
        """What is known of the source of an entry; nothing, if nothing of it is stored."""
        return self.sources.get(entry.stamp.given) or Source()

    def note(self, args: tuple[Hashable, ...], obs: Observation) -> None:
        """What the newest observation of a source says of all results of which it tells the version.

        An entry that was not fresh is so again only when it is found to be of the observed version itself.
        """
        source = self.sources.get(self.given(args))
        if not source or not self.follows or self.constant or source.outdates(obs.ticket):
            return
        at = min(obs.at, source.failures.first)
        for entry in self.live.values():
            mine = entry.stamp.given == self.given(args) and entry.stamp.ticket < obs.ticket
            if mine and not same(entry.stamp.version, obs.version):
                entry.stamp.differed = min(entry.stamp.differed, at)
        source.newest = obs
        if source.failures.ticket < obs.ticket:
            source.failures = Failures()

    def well(self, entry: Entry, obs: Observation) -> None:
        """An observation agrees with an entry: it is fresh again, if nothing that was seen since says otherwise."""
        ticket = math.inf if self.constant else obs.ticket
        if not self.source_of(entry).outdates(ticket):
            entry.stamp.differed = math.inf
        if entry.failures.ticket < ticket:
            entry.failures = Failures()

    # What sessions remember.

    def remember(self, entry: Entry, me: int, args: tuple[Hashable, ...], by_note_only: bool = False) -> None:
        """Sees to it that the session will meet this very entry again.

        By the note in the entry, or by one aside of it if another session needs that.
        """
        if entry.is_noted(me):
            return
        holder = self.views.get(entry.known_in)
        seen = (holder and holder.first.get(self.given(args))) or self.seen_in(holder, args)
        if not holder or (entry.stored < entry.known_in and seen and same(entry.stamp.version, seen.version)):
            self.forget(entry.key, me)  # What left the store before is not what the session goes by.
            entry.known_in = me
        elif not by_note_only:
            self.forget(entry.key, me)
            entry.given.add(me)

    def copied(self, entry: Entry, known_in: int) -> Entry:
        """An entry for elsewhere, which shares nothing with the stored one."""
        apart = {"stamp": replace(entry.stamp), "failures": replace(entry.failures), "given": set(entry.given)}
        return replace(entry, known_in=known_in, **apart)

    def displace(self, entry: Entry, but: int, by: int) -> None:
        """Leaves an entry to the sessions that may have seen it.

        To the one that is noted in it, and once for all others that began after it was stored: of those the oldest go.
        It leaves for a result of the session `by`.
        """
        if not self.fresh(entry):
            return
        if entry.known_in in self.views and entry.known_in != but:
            self.shelve(self.copied(entry, entry.known_in), entry.known_in)
        blind = by if by in self.views and self.views[by].since == math.inf else but
        others = any(me > entry.stored for me in self.views if me not in (blind, entry.known_in))
        if others or any(me in self.views for me in entry.given - {but}):
            self.gone.append(Gone(self.copied(entry, entry.known_in), self.world.draw(), {but}))
            most = max(len(self.live), 1024) if self.maxsize is None else self.maxsize
            del self.gone[: max(len(self.gone) - most, 0)]

    def shelve(self, entry: Entry, session: int) -> None:
        """Keeps an entry for one session, that has surely seen it."""
        view = self.views[session]
        view.kept[entry.key] = entry
        if self.maxsize is not None and len(view.kept) > self.maxsize:
            view.kept.popitem(last=False)

    def gone_for(self, key: Hashable, me: int) -> Gone | None:
        """What left the store after a session had been given a result, and was there when that session began."""
        for gone in self.gone:
            entry, seen = gone.entry, gone.entry.stored < me and gone.left > self.views[me].since
            if entry.key == key and (seen or me in entry.given) and me not in gone.passed:
                return gone
        return None

    def given_again(self, gone: Gone, me: int) -> Entry:
        """Gives a session what left the store. It keeps that, unless it may lead to the session that made it."""
        if gone.entry.known_in != me and gone.entry.known_in in self.views:
            gone.entry.given.add(me)
            return gone.entry
        own = self.copied(gone.entry, me)
        self.shelve(own, me)
        return own

    def forget(self, key: Hashable, me: int) -> None:
        """Takes from a session what it would find of a key beside what is stored."""
        if view := self.views.get(me):
            view.kept.pop(key, None)
            if gone := self.gone_for(key, me):
                gone.passed.add(me)

    def given_to(self, me: int) -> None:
        """A session has been given a result."""
        if (view := self.views.get(me)) and view.since == math.inf:
            view.since = self.world.draw()

    def leave(self, session: int) -> None:
        """A session has ended. What left the store before the oldest that reads it began is for nobody."""
        del self.views[session]
        oldest = min(self.views, default=math.inf)
        self.gone = [gone for gone in self.gone if gone.left > oldest]

    def view_of(self, session: ModelSession | None) -> View | None:
        """What the session knows of this function; from now on it is one of its readers."""
        if session is None:
            return None
        if session.id not in self.views:
            self.views[session.id] = View()
            session.readers.append(self)
        return self.views[session.id]

    def seen_in(self, view: View | None, args: tuple[Hashable, ...]) -> Observation | None:
        """The observation a session goes by. That of a constant never ages; its ticket is drawn by a computation."""
        if self.constant:
            return Observation(self.version, 0, math.inf)
        return view.seen.get(self.given(args)) if view else None

    # What the other methods do.

    def put(
        self,
        session: ModelSession | None,
        value: object,
        version: object,
        *args: Hashable,
        lives: float | None = None,
        weight: int = 0,
    ) -> None:
        """Stores a value as made from a version just now."""
        if lives is not None and lives <= 0:
            return
        self.view_of(session)
        known_in = session.id if session else 0
        self.given_to(known_in)
        self.forget(self.key(args), known_in)
        if self.storing and not self.fits(weight):
            self.counts.not_stored += 1
        elif self.storing:
            oldest = self.world.readers.put_fails()
            made = self.world.draw()
            stamp = Stamp(version, self.given(args), made if oldest == math.inf else math.ceil(oldest) - 0.5)
            entry = Entry(self.key(args), value, stamp, 0, known_in, self.world.clock(), made=made)
            entry.lives, entry.weight = lives, weight
            if oldest == math.inf:
                self.store(entry)
                return
            self.counts.not_stored += 1
            if session:
                entry.tainted = True
                self.keep_for_session(entry, session.id)

    def clear(self) -> None:
        """Empties all and counts anew; what runs now will not be stored."""
        self.live.clear()
        self.sources.clear()
        for view in self.views.values():
            view.kept.clear()
        self.gone.clear()
        for run in self.running:
            run.struck = True
        self.counts = Counts()

    def invalidate(self, *args: Hashable) -> bool:
        """Removes a key everywhere. Whether it was anywhere."""
        key = self.key(args)
        found = self.take(key) is not None
        for view in self.views.values():
            found |= view.kept.pop(key, None) is not None
        found |= any(gone.entry.key == key for gone in self.gone)
        self.gone = [gone for gone in self.gone if gone.entry.key != key]
        for run in self.running:
            run.struck |= run.key == key
        return found

    def peek(self, *args: Hashable) -> Entry | None:
        """The stored, fresh entry."""
        entry = self.live.get(self.key(args))
        return entry if entry and self.fresh(entry) else None

    # What words mean.

    @property
    def constant(self) -> bool:
        """Whether the version is never asked."""
        return not callable(self.version)

    @property
    def storing(self) -> bool:
        """Whether anything is ever stored."""
        return self.maxsize is None or self.maxsize > 0

    def key(self, args: tuple[Hashable, ...]) -> Hashable:
        """What tells two calls apart."""
        return (args, tuple(type(arg) for arg in args)) if self.typed else args

    def given(self, args: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
        """What the version function is given."""
        if self.part:
            return self.part(*args)
        return args if self.by_arguments else ()

    def scope(self, args: tuple[Hashable, ...]) -> Hashable:
        """What one answer of the version function speaks for."""
        return (self.version, self.given(args))

    def end_of(self, entry: Entry) -> float:
        """When the entry's ttl ends: never, if it is immutable and was not evicted."""
        spans = self.spans(entry)
        endless = not spans or (entry.immutable and self.live.get(entry.key) is entry)
        return math.inf if endless else entry.born + min(spans)

    def spans(self, entry: Entry) -> list[float]:
        """All that bounds how long the entry lives."""
        return [span for span in (self.ttl, entry.settles, entry.lives) if span is not None]

    def fits(self, weight: int) -> bool:
        """Whether something of that weight may be stored."""
        return self.max_weight is None or weight <= self.max_weight

    def ended(self) -> list[Entry]:
        """The stored entries that have ended."""
        return [entry for entry in self.live.values() if not self.world.clock() < self.end_of(entry)]

    def fresh(self, entry: Entry) -> bool:
        """Whether the entry's ttl has not ended."""
        return self.world.clock() < self.end_of(entry)

    def young(self, obs: Observation) -> bool:
        """Whether the observation is younger than the ttl."""
        return self.ttl is None or self.world.clock() - obs.at < self.ttl

    def staleness(self, entry: Entry) -> float:
        """For how long the entry has not been fresh."""
        failures = [entry.failures, self.source_of(entry).failures]
        ends = (self.end_of(entry), entry.stamp.differed, *(failed.since(entry.born) for failed in failures))
        return self.world.clock() - min(ends)
