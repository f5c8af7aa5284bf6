"""What the cache must do, in plain dicts.

No threads, no speed, no weak references: a session says when it ends. One counter gives session ids, observation
tickets and store stamps, so that "<" tells which of two events came first. Versions and keys are compared with `==`,
identity first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


def same(one: object, other: object) -> bool:
    """Equality as the containers of Python have it."""
    return one is other or bool(one == other)


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


@dataclass
class View:
    """What one session knows of one function."""

    seen: dict[Hashable, Observation] = field(default_factory=dict)
    # What it has surely seen, at most maxsize.
    kept: OrderedDict[Hashable, Entry] = field(default_factory=OrderedDict)
    # What left the store and was there before the session began, so that it may have seen it.
    left: dict[Hashable, Entry] = field(default_factory=dict)

    def forget(self, key: Hashable) -> bool:
        """Takes a key off both shelves. Whether it was on one."""
        found = [shelf.pop(key, None) for shelf in (self.kept, self.left)]
        return found != [None, None]


@dataclass(eq=False)
class Run:
    """One computation in progress."""

    key: Hashable
    began: int
    struck: bool = False


class ModelWorld:
    """What all caches and sessions share: the counter, the clock, and the computations in progress, innermost last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.draw = count(1).__next__
        # For each computation the oldest observation that it builds on, and the one under which it runs.
        self.oldest: list[tuple[float, float]] = []

    def report(self, ticket: float) -> None:
        """Tells the computation around this call how old the result is that it builds on."""
        if self.oldest:
            oldest, own = self.oldest[-1]
            self.oldest[-1] = (oldest if ticket == own else min(oldest, ticket), own)


class ModelSession:
    """A span in which answers do not change."""

    def __init__(self, world: ModelWorld) -> None:
        self.world = world
        self.readers: list[ModelCache] = []
        self.renew()

    def renew(self) -> None:
        """Forgets all and begins anew."""
        self.end()
        self.id = self.world.draw()
        self.scopes: dict[Hashable, Observation] = {}

    def end(self) -> None:
        """What it knew is gone."""
        for cache in self.readers:
            del cache.views[self.id]
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


class ModelCache:
    """One cached function."""

    def __init__(
        self,
        world: ModelWorld,
        function: Callable[..., object],
        version: object,
        *,
        by_arguments: bool = False,
        maxsize: int | None = 128,
        typed: bool = False,
        ttl: float | None = None,
        cache_if: Callable[[Any], bool] | None = None,
    ) -> None:
        self.world = world
        self.function = function
        self.version = version
        self.by_arguments = by_arguments
        self.maxsize = maxsize
        self.typed = typed
        self.ttl = ttl
        self.cache_if = cache_if
        self.live: OrderedDict[Hashable, Entry] = OrderedDict()
        # Stored entries of one version share what is known of it, if they are stored one after the other.
        self.latest = Stamp(None, None, 0)
        self.views: dict[int, View] = {}
        self.running: list[Run] = []
        self.counts = Counts()

    # What a call does.

    def call(self, session: ModelSession | None, *args: Hashable) -> object:
        """One call."""
        key = self.key(args)
        me = session.id if session else 0
        view = self.view_of(session)
        obs = self.seen_in(view, args)
        asked = False
        while True:
            if view:
                for shelf in (view.kept, view.left):
                    if key in shelf and not self.fresh(shelf[key]):
                        del shelf[key]
                if key in view.kept:
                    view.kept.move_to_end(key)
                    return self.serve(view.kept[key])
                if key in view.left and obs and same(view.left[key].stamp.version, obs.version):
                    return self.serve(view.left[key], obs)
            entry = self.live.get(key)
            if session and entry and self.fresh(entry):
                agreed = obs and same(entry.stamp.version, obs.version)
                if entry.known_in == me:
                    self.live.move_to_end(key)
                    return self.serve(entry)
                if entry.stored < me and agreed:
                    if self.by_arguments:
                        self.remember(entry, me, args, by_note_only=True)
                    self.live.move_to_end(key)
                    return self.serve(entry, obs)
            if obs and (asked or self.young(obs)):
                return self.answer(session, me, args, obs)
            known = session.scopes.get(self.scope(args)) if session else None
            if known and self.young(known):
                obs = known
            else:
                obs, asked = self.ask(args), True
                if session and session.id != me:
                    session, view, me = None, None, 0  # Renewed meanwhile: what it was has ended.
            if session and view:
                session.scopes[self.scope(args)] = view.seen[self.given(args)] = obs

    def answer(self, session: ModelSession | None, me: int, args: tuple[Hashable, ...], obs: Observation) -> object:
        """Goes by an observation: serves what it vouches for, or something newer, or computes."""
        key = self.key(args)
        entry = self.live.get(key)
        if entry and self.fresh(entry):
            verified = same(entry.stamp.version, obs.version)
            if verified or entry.stamp.ticket > obs.until:
                if session:
                    self.remember(entry, me, args)
                self.live.move_to_end(key)
                return self.serve(entry, obs if verified else None)
        return self.compute(session, me, args, obs)

    def serve(self, entry: Entry, verified_by: Observation | None = None) -> object:
        """Answers with what is there, which an observation has perhaps found unchanged."""
        self.counts.hits += 1
        if verified_by:
            entry.stamp.ticket = max(verified_by.ticket, entry.stamp.ticket)
        self.world.report(math.inf if self.constant and not entry.tainted else entry.stamp.ticket)
        return entry.value

    def ask(self, args: tuple[Hashable, ...]) -> Observation:
        """Runs the version function."""
        assert callable(self.version)
        ticket, at = self.world.draw(), self.world.clock()
        try:
            version = self.version(*self.given(args))
        except Exception:
            self.counts.errors += 1
            raise
        self.counts.version_calls += 1
        return Observation(version, ticket, at, self.world.draw())

    def compute(self, session: ModelSession | None, me: int, args: tuple[Hashable, ...], obs: Observation) -> object:
        """Runs the function, and stores the result if that is right."""
        born, run = self.world.clock(), Run(self.key(args), self.world.draw())
        if self.constant:
            obs = replace(obs, ticket=run.began, until=run.began)
        self.counts.misses += 1
        self.running.append(run)
        self.world.oldest.append((math.inf, obs.ticket))
        failed = True
        try:
            value = self.function(*args)
            failed = False
        finally:
            self.running.remove(run)
            oldest, _ = self.world.oldest.pop()
            if failed:
                self.counts.errors += 1
                self.world.report(oldest)  # What failed on the strength of something old may decide what is made of it.
        if session and session.id != me:
            session, me = None, 0  # Renewed meanwhile: what it was has ended.
        tainted = oldest < obs.until
        # Never the ticket of its own observation, if it may be older than that.
        ticket = math.ceil(min(oldest, obs.ticket)) - 0.5 if tainted else obs.ticket
        self.world.report(math.inf if self.constant and not tainted else ticket)
        if self.storing and (self.cache_if is None or self.cache_if(value)):
            result = Entry(run.key, value, Stamp(obs.version, self.given(args), ticket), 0, me, born, tainted)
            self.keep(session, result, run, obs)
        return value

    def keep(self, session: ModelSession | None, result: Entry, run: Run, obs: Observation) -> None:
        """Stores a result, keeps it for its session, or neither."""
        view = self.views.get(result.known_in)
        entry = self.live.get(result.key)
        known = entry is not None and entry.known_in == result.known_in
        if run.struck:
            self.counts.not_stored += 1
        elif session and entry and known and entry.stored > run.began:
            pass  # The function called itself with the same arguments, or put a result: the session goes by that.
        elif result.tainted or (entry and self.outdated(run, entry, obs)):
            self.counts.not_stored += 1
            if view:
                view.forget(result.key)
                self.shelve(result, result.known_in)
        else:
            self.store(result)

    def outdated(self, run: Run, entry: Entry, obs: Observation) -> bool:
        """Whether what is stored is newer. Of one version what was stored meanwhile stays."""
        if same(entry.stamp.version, obs.version):
            return entry.stored > run.began
        return entry.stamp.ticket > obs.ticket

    def store(self, result: Entry) -> None:
        """Puts a result in the place of what was there; its session then goes by it."""
        result.stored = self.world.draw()
        if view := self.views.get(result.known_in):
            view.forget(result.key)
        if old := self.take(result.key):
            self.displace(old, but=result.known_in)
        new, latest = result.stamp, self.latest
        if latest.uses and latest.given == new.given and same(latest.version, new.version):
            latest.ticket = max(latest.ticket, new.ticket)
            result.stamp = latest
        else:
            self.latest = new
        result.stamp.uses += 1
        self.live[result.key] = result
        while self.maxsize is not None and len(self.live) > self.maxsize:
            victim = self.take(next(iter(self.live)))
            assert victim
            self.counts.evictions += 1
            self.displace(victim)

    def take(self, key: Hashable) -> Entry | None:
        """Takes an entry out. What is known of its version is its own from now on."""
        entry = self.live.pop(key, None)
        if entry:
            entry.stamp.uses -= 1
            entry.stamp = replace(entry.stamp)
        return entry

    # What sessions remember.

    def remember(self, entry: Entry, me: int, args: tuple[Hashable, ...], by_note_only: bool = False) -> None:
        """Sees to it that the session will meet this very entry again.

        By a note in the entry, or by a copy if another session needs the place of that.
        """
        if entry.known_in == me:
            return
        holder = self.views.get(entry.known_in)
        seen = self.seen_in(holder, args)
        if not holder or (entry.stored < entry.known_in and seen and same(entry.stamp.version, seen.version)):
            entry.known_in = me
        elif not by_note_only:
            self.views[me].forget(entry.key)
            self.shelve(replace(entry, known_in=me, stamp=replace(entry.stamp)), me)

    def displace(self, entry: Entry, but: int = 0) -> None:
        """Leaves an entry to the sessions that may have seen it."""
        if self.fresh(entry):
            for session in self.views:
                if session != but and (entry.known_in == session or entry.stored < session):
                    self.shelve(replace(entry, stamp=replace(entry.stamp)), session)

    def shelve(self, entry: Entry, session: int) -> None:
        """Keeps an entry for one session."""
        view = self.views[session]
        if entry.known_in != session:
            view.left[entry.key] = entry
        elif self.storing:
            view.kept[entry.key] = entry
            view.kept.move_to_end(entry.key)
            if self.maxsize is not None and len(view.kept) > self.maxsize:
                view.kept.popitem(last=False)

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

    def put(self, session: ModelSession | None, value: object, version: object, *args: Hashable) -> None:
        """Stores a value as made from a version just now."""
        view = self.view_of(session)
        if view:
            view.forget(self.key(args))
        if self.storing:
            known_in = session.id if session else 0
            stamp = Stamp(version, self.given(args), self.world.draw())
            self.store(Entry(self.key(args), value, stamp, 0, known_in, self.world.clock()))

    def clear(self) -> None:
        """Empties all and counts anew; what runs now will not be stored."""
        self.live.clear()
        self.latest = Stamp(None, None, 0)
        for view in self.views.values():
            view.kept.clear()
            view.left.clear()
        for run in self.running:
            run.struck = True
        self.counts = Counts()

    def invalidate(self, *args: Hashable) -> bool:
        """Removes a key everywhere. Whether it was anywhere."""
        key = self.key(args)
        found = self.take(key) is not None
        for view in self.views.values():
            found |= view.forget(key)
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
        return args if self.by_arguments else ()

    def scope(self, args: tuple[Hashable, ...]) -> Hashable:
        """What one answer of the version function speaks for."""
        return (self.version, self.given(args))

    def fresh(self, entry: Entry) -> bool:
        """Whether the entry is younger than the ttl."""
        return self.ttl is None or self.world.clock() - entry.born < self.ttl

    def young(self, obs: Observation) -> bool:
        """Whether the observation is younger than the ttl."""
        return self.ttl is None or self.world.clock() - obs.at < self.ttl
