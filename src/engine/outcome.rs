//! What a call answers with, and what becomes of it: served, remembered for the session, stored.

use super::entry::{Course, Displaced, Entry, Leaving};
use super::evicted::{Evicted, Gone};
use super::flight::{Arrival, Bypass};
use super::live::Look;
use super::plan::{Attempt, Decided, Doing, Made, Manner, NextStep, Plan, Served, Step};
use super::reads::Basis;
use super::recognition::Recognition;
use super::stamp::Stamp;
use super::store::{Caller, Glance, Store};
use super::ticket::{self, Ticket};
use super::verdict::Kept;
use super::{Host, Object, Slot, Unsure};

/// What the session goes by in place of what was made, if anything, and by what the answer is served.
type Placed<O> = (Option<O>, Basis<O>);

impl<H: Host> Plan<H> {
    /// Serves what the session is to see again though it is not stored. What it finds in what left the store it keeps from now on.
    pub(super) fn serve_kept(
        &mut self,
        store: &mut Store<H>,
        caller: &mut Caller<'_, H>,
        kept: Kept,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let Some(entry) = self.kept_entry(store, caller, kept)? else {
            unreachable!("the verdict has found it there")
        };
        let value = entry.value.clone();
        let mut basis = entry.basis(&entry.stamp, store.terms.constant);
        match kept {
            Kept::Own(slot) => {
                if let Some(shelf) =
                    caller.known.readers.get_mut(store.id).and_then(|reader| reader.kept.as_mut())
                {
                    shelf.touch(slot);
                }
            }
            Kept::Evicted { agreed } => {
                store.give_again(&self.probe, caller, (self.ticket(), agreed), &self.verdicts, displaced)?;
                if agreed {
                    basis = self.vouched(basis);
                }
            }
        }
        self.status.hit = true;
        store.stats.hits += 1;
        Ok(Step::Done(Served { value, basis, behind: None }))
    }

    /// What is kept there.
    pub(super) fn kept_entry<'a>(
        &self,
        store: &'a Store<H>,
        caller: &'a Caller<'_, H>,
        kept: Kept,
    ) -> Decided<H, Option<&'a Entry<H>>> {
        match kept {
            Kept::Own(slot) => {
                let reader = caller.known.readers.get(store.id);
                Ok(reader.and_then(|reader| reader.kept.as_ref()?.get(slot)))
            }
            Kept::Evicted { .. } => Ok(self.among_evicted(store, caller)?.map(|(gone, _)| &gone.entry)),
        }
    }

    /// Lets go of what the session keeps of the key and has expired.
    pub(super) fn drop_expired(
        &self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, ()> {
        let Some(reader) = caller.known.readers.get_mut(store.id) else { return Ok(()) };
        let kept = reader.find(&self.probe, &self.verdicts)?;
        if let Some((slot, _)) = kept.filter(|(_, entry)| !entry.is_fresh(self.now, &store.terms)) {
            let expired = reader.kept.as_mut().and_then(|shelf| shelf.remove(slot));
            displaced.extend(expired.map(|(_, entry)| Leaving::Entry(entry)));
        }
        Ok(())
    }

    /// What left the store and the session may have seen of the key, and how it knows that again.
    pub(super) fn among_evicted<'a>(
        &self,
        store: &'a Store<H>,
        caller: &Caller<'_, H>,
    ) -> Decided<H, Option<(&'a Gone<H>, Recognition)>> {
        let Some(reader) = caller.known.readers.get(store.id) else { return Ok(None) };
        let Some(gone) = store.evicted.find(&self.probe, (caller.id, reader.since), &self.verdicts)? else {
            return Ok(None);
        };
        let (noted, offline) = (gone.given.contains(&caller.id), self.wish.manner == Manner::Offline);
        let lives = gone.entry.is_fresh(self.now, &store.terms) || noted && offline;
        if !lives || !noted && self.refreshes() {
            return Ok(None);
        }
        let how = self.memory(store, caller).recognises(gone.entry.stored, &gone.entry.stamp, noted)?;
        Ok(how.map(|how| (gone, how)))
    }

    /// Serves what the flight brought for which this call waited.
    pub(super) fn share(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        if let Some(caller) = caller.as_deref_mut() {
            store.take_from(caller, &self.probe, &self.verdicts, displaced)?;
        }
        let Some(arrival) = self.arrival.take() else { unreachable!("the verdict has looked at it") };
        let landed = &arrival.landed;
        let lags = landed.entry.stamp.lags;
        let basis = Basis { tag: arrival.under.tag, ticket: arrival.vouch, version: arrival.under.version };
        let basis = if lags { basis } else { self.vouched(basis) };
        let value = landed.entry.value.clone();
        (self.status.hit, self.status.collapsed) = (true, true);
        store.stats.hits += 1;
        if let Some(caller) = caller.filter(|_| landed.is_to_be_kept()) {
            let mut kept = Entry { known_in: caller.id, stored: 0, ..landed.entry.clone() };
            if !lags {
                kept.stamp.ticket = kept.stamp.ticket.max(self.ticket());
            }
            store.keep_for(caller.id, Some(caller), (self.probe.hash, kept), displaced);
        }
        displaced.push(Leaving::Landed(arrival.landed));
        Ok(Step::Done(Served { value, basis, behind: None }))
    }

    /// Answers with a stored entry. `agreed` says that its version was found equal to the observed one.
    pub(super) fn serve(
        &mut self,
        store: &mut Store<H>,
        slot: Slot,
        agreed: bool,
        caller: Option<&mut Caller<'_, H>>,
    ) -> NextStep<H> {
        let constant = store.terms.constant;
        let by_version = caller.as_deref().is_some_and(|caller| self.knows_by_version(store, caller));
        store.live.touch(slot);
        store.stats.hits += 1;
        self.status.hit = true;
        if let Some(observation) = self.observation.as_ref().filter(|_| agreed) {
            store.live.verify(slot, if constant { ticket::NEVER } else { observation.since });
        }
        let Some((entry, stamp)) = store.live.get_mut(slot) else {
            unreachable!("the verdict has found it there")
        };
        if let (Some(caller), Some(observation)) = (caller, self.observation.as_mut())
            && let Some(reader) = caller.known.readers.get_mut(store.id)
        {
            if agreed && stamp.tag != observation.tag {
                // Two tags of one version: the older wins, so that they become one wherever they meet, and a new session's changes nothing for others.
                let tag = stamp.tag.min(observation.tag);
                // Another call may have moved the session on.
                if let Ok(Some(seen)) = reader.seen.get(self.given.as_ref(), &self.verdicts)
                    && seen.tag == observation.tag
                {
                    seen.tag = tag;
                }
                (stamp.tag, observation.tag) = (tag, tag);
            }
            if by_version {
                store.glances[ticket::lane(caller.id)] = Glance::of(caller.id, observation);
            }
        }
        let (value, basis) = (entry.value.clone(), entry.basis(stamp, constant));
        Step::Done(Served { value, basis: if agreed { self.vouched(basis) } else { basis }, behind: None })
    }

    /// Notes that the observation found the version of an entry unchanged, before it is served or a session takes a copy.
    pub(super) fn raise(&self, store: &mut Store<H>, slot: Slot) {
        store.raise(slot, self.ticket());
    }

    /// Whether the hit path may know entries for the session by the version of this call, without a note of each: the session goes by that.
    fn knows_by_version(&self, store: &Store<H>, caller: &Caller<'_, H>) -> bool {
        let reader = caller.known.readers.get(store.id).filter(|reader| reader.knows_by_version());
        let seen = reader.map(|reader| reader.seen.peek(None, &self.verdicts));
        self.given.is_none()
            && !self.wish.special
            && matches!((seen, &self.observation), (Some(Ok(Some(seen))), Some(own)) if seen.tag == own.tag)
    }

    /// Sees to it that the session will meet this very entry again, whatever becomes of it: by a note in the entry, or, if another
    /// session needs the place of that, by one aside of it where that is `needed`.
    pub(super) fn remember(
        &self,
        store: &mut Store<H>,
        slot: Slot,
        caller: &mut Caller<'_, H>,
        needed: bool,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(look) = store.live.get(slot) else {
            return Ok(());
        };
        if store.live.is_noted(look.entry, caller.id) {
            return Ok(());
        }
        let free = store.is_note_free(look, self.given.as_ref(), &self.verdicts, displaced)?;
        if !free && !needed {
            return Ok(());
        }
        // What left the store before is not what the session goes by.
        store.take_from(caller, &self.probe, &self.verdicts, displaced)?;
        if !free {
            store.note_aside(slot, caller.id);
        } else if let Some((entry, _)) = store.live.get_mut(slot) {
            entry.known_in = caller.id;
        }
        Ok(())
    }

    /// Stores a result, or keeps it for its session, or neither; or tries again, if it lags behind its version.
    pub(super) fn keep(
        &mut self,
        store: &mut Store<H>,
        caller: Option<&mut Caller<'_, H>>,
        mut made: Made<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let placed = self.lags(store, &made).and_then(|lags| {
            if lags && let Some(step) = self.try_again(store, displaced) {
                return Ok(Err(step));
            }
            if let Some(read) = self.unvalidated(&mut made.reads, displaced) {
                store.flights.show(self.run, &made.value, self.validation.shown_by);
                return Ok(Err(Step::Validate(read)));
            }
            self.place(store, caller, &made, lags, displaced).map(Ok)
        });
        match placed {
            Ok(Ok((known, basis))) => {
                if self.previous.is_some() {
                    let counted =
                        if made.renewed { &mut store.stats.revalidated } else { &mut store.stats.misses };
                    *counted += 1;
                }
                store.flights.end(self.run, displaced);
                displaced.extend(made.reads);
                let value = match known {
                    Some(known) => {
                        displaced.push(Leaving::Object(made.value));
                        known
                    }
                    None => made.value,
                };
                displaced.extend(made.seen.map(Leaving::Object));
                Ok(Step::Done(Served { value, basis, behind: None }))
            }
            Ok(Err(step)) => {
                if self.attempt == Attempt::Sleeps || matches!(step, Step::Validate(_)) {
                    self.made = Some(made);
                } else {
                    made.leave(displaced);
                }
                Ok(step)
            }
            Err(unsure) => {
                self.made = Some(made);
                Err(unsure)
            }
        }
    }

    /// Whether a result is not yet of the version that was announced, as it says itself.
    fn lags(&self, store: &Store<H>, made: &Made<H::Object>) -> Decided<H, bool> {
        let (Some(seen), Some(asked)) = (&made.seen, &self.observation) else { return Ok(false) };
        let visible = seen.is_immutable()
            || self.verdicts.same(&asked.version, seen)?
            || store.terms.lag.ordered
                && !asked.version.is_immutable()
                && self.verdicts.at_least(seen, &asked.version)?;
        Ok(!visible)
    }

    /// Lets time pass and asks the version again, or computes again if it was asked and still differs.
    fn try_again(&mut self, store: &mut Store<H>, displaced: &mut Displaced<H>) -> Option<NextStep<H>> {
        if self.attempt == Attempt::Asked {
            // Who asks from now on waits for this attempt.
            if let Some(observation) = self.observation.as_ref() {
                store.flights.goes_by(self.run, observation, displaced);
            }
            self.born = self.now;
            (self.attempt, self.doing) = (Attempt::Made, Doing::Computing);
            return store.flights.flight(self.run).map(Step::Compute);
        }
        let lag = store.terms.lag;
        if self.retries >= lag.retries {
            return None;
        }
        let delay = lag.delay.saturating_mul(1 << self.retries.min(32));
        self.retries += 1;
        self.attempt = Attempt::Sleeps;
        Some(Step::Sleep(delay))
    }

    /// Stores what was made, or keeps it for the session, or neither. Returns what the session has come to know in its place, if anything,
    /// and by what the answer is served.
    fn place(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        made: &Made<H::Object>,
        lags: bool,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, Placed<H::Object>> {
        let old = self.find(store)?;
        let Some(observation) = self.observation.as_ref() else {
            unreachable!("a function runs under an observation")
        };
        let oldest = self.validation.oldest;
        let tainted = self.rests_on_older(oldest);
        // Never a ticket that was drawn then: its own version may hold though what it rests on does not.
        // If all holds, then what the version function has read does so, too.
        let ticket = if tainted { ticket::before(observation.ticket.min(oldest)) } else { observation.since };
        let vouch = match () {
            () if store.terms.constant && !tainted => ticket::NEVER,
            () if lags => ticket::LONG_AGO,
            () => ticket,
        };
        let version = made.seen.as_ref().unwrap_or(&observation.version);
        let basis = || Basis { tag: observation.tag, ticket: vouch, version: observation.version.clone() };
        let other = !version.is(&observation.version);
        let kept = self.kept((store.id, &store.evicted), caller.as_deref())?;
        let current = old.and_then(|slot| store.live.get(slot));
        let agreed = current.map_or(Ok(false), |look| look.stamp.is_of(observation, &self.verdicts))?;
        let outlived = self.is_outlived(store, version, observation)?;
        let settles = made.seen.is_none() && !made.renewed && !agreed && store.terms.settle.is_some();
        let session = caller.as_ref().map_or(0, |caller| caller.id);
        let entry = |stored| Entry {
            key: self.probe.key.clone(),
            value: made.value.clone(),
            stamp: Stamp {
                version: version.clone(),
                tag: if other { ticket::draw() } else { observation.tag },
                ticket,
                differs: if lags || outlived { observation.at.max(1) } else { 0 },
                lags,
            },
            stored,
            known_in: session,
            born: self.born,
            course: Course::new(self.run, stored, settles),
        };
        let marks = store.flights.marks(self.run);
        let keeps = made.wanted && !marks.struck && store.terms.maxsize != Some(0);
        // What rests on something older than this call's observation is for its session only.
        if self.landing.is_none() && !tainted && marks.awaited {
            let landed = store.flights.land((self.probe.hash, entry(0)), keeps);
            self.landing = Some(Arrival { landed, under: Stamp::of(observation), vouch });
        }
        if !keeps {
            store.stats.not_stored += u64::from(made.wanted && store.terms.maxsize != Some(0));
            return Ok((None, basis()));
        }
        if let Some(caller) =
            caller.as_deref().filter(|_| marks.bypass == Bypass::No && self.wish.manner != Manner::Now)
            && let Some((value, basis)) = Self::known(store, caller, kept, current)
        {
            return Ok((Some(value), basis));
        }
        let own = |Look { entry, .. }: Look<'_, H>| {
            session != 0 && entry.known_in == session && entry.stored > self.run
        };
        if current.is_some_and(own) && marks.bypass != Bypass::No
            || kept.is_some() && marks.bypass == Bypass::Kept
        {
            // The session goes by what the function put, or made when it called itself; this call returns its own.
            return Ok((None, basis()));
        }
        if let (Some(look), Some(slot)) = (current, old)
            && self.is_behind(store, version, look)?
        {
            let (kept, basis) = (look.entry.value.clone(), look.entry.basis(look.stamp, false));
            store.stats.not_stored += 1;
            caller.map_or(Ok(()), |caller| self.remember(store, slot, caller, true, displaced))?;
            return Ok((Some(kept), basis));
        }
        // Of one version what was stored meanwhile stays, of two the one that was observed later.
        let outdated = current.is_some_and(|Look { entry, stamp }| {
            // Who wants it anew wants nothing that was begun before.
            let anew = self.wish.manner == Manner::Now || self.refreshes();
            let made = if anew { entry.began() } else { entry.stored };
            if agreed { made > self.run } else { stamp.ticket > observation.since }
        });
        let kin = store.live.stamps.kin(self.given.as_ref(), version, &self.verdicts)?;
        let unfit = tainted || outdated || self.impatient;
        if let Some(caller) = caller.as_deref_mut() {
            store.take_from(caller, &self.probe, &self.verdicts, displaced)?;
        }
        if unfit {
            store.stats.not_stored += 1;
            self.status.detail = if tainted { "session-only" } else { self.status.detail };
            let slot = store.flights.slot(self.run);
            store.flights.supersede(slot, (self.run, session), &self.leader);
            store.keep_in_place(old, caller, (self.probe.hash, entry(0)), displaced);
            return Ok((None, basis()));
        }
        if caller.as_deref().is_some_and(|caller| self.knows_by_version(store, caller)) {
            store.glances[ticket::lane(session)] = Glance::of(session, observation);
        }
        let entry = entry(ticket::draw());
        self.status.stored = true;
        store.store(self.probe.hash, (entry, kin), old, caller, displaced);
        Ok((None, basis()))
    }

    /// Whether a version is below the stored one by the order of versions: it is of a node that is behind others.
    fn is_behind(&self, store: &Store<H>, version: &H::Object, stored: Look<'_, H>) -> Decided<H, bool> {
        let stored = &stored.stamp.version;
        // What never changes has no place in an order.
        Ok(store.terms.lag.ordered
            && !version.is_immutable()
            && !stored.is_immutable()
            && !self.verdicts.same(stored, version)?
            && !self.verdicts.at_least(version, stored)?)
    }

    /// What a session has surely seen of the key and does not find in the store: what it keeps, or what has left.
    fn kept<'a>(
        &self,
        (function, evicted): (Ticket, &'a Evicted<H>),
        caller: Option<&'a Caller<'_, H>>,
    ) -> Decided<H, Option<&'a Entry<H>>> {
        let Some(caller) = caller else { return Ok(None) };
        let Some(reader) = caller.known.readers.get(function) else { return Ok(None) };
        if let Some((_, kept)) = reader.find(&self.probe, &self.verdicts)? {
            return Ok(Some(kept));
        }
        let gone = evicted.find(&self.probe, (caller.id, reader.since), &self.verdicts)?;
        Ok(gone.filter(|gone| gone.given.contains(&caller.id)).map(|gone| &gone.entry))
    }

    /// What the session has come to know of the key while this call computed, by which it goes on: the value and by what that is served.
    /// `kept` is what it keeps of that, `current` is what is stored.
    fn known(
        store: &Store<H>,
        caller: &Caller<'_, H>,
        kept: Option<&Entry<H>>,
        current: Option<Look<'_, H>>,
    ) -> Option<(H::Object, Basis<H::Object>)> {
        let constant = store.terms.constant;
        if let Some(kept) = kept.filter(|kept| kept.is_fresh_now(&store.terms)) {
            return Some((kept.value.clone(), kept.basis(&kept.stamp, constant)));
        }
        let known = current.filter(|Look { entry, .. }| {
            store.live.is_noted(entry, caller.id) && entry.is_fresh_now(&store.terms)
        });
        known.map(|Look { entry, stamp }| (entry.value.clone(), entry.basis(stamp, constant)))
    }
}
