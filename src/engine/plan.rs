//! One call, as a machine that asks for one thing at a time.
//!
//! [`Plan::next`] runs inside the critical section and says what the caller must do outside of it; the caller does it, tells the
//! plan, and comes back. Every decision about freshness is made here, for plain and coroutine functions alike.

use super::clock::{self, Nanos};
use super::compare::{Probe, Unsure, Verdicts};
use super::entry::{Displaced, Entry, Observation};
use super::session::{Reader, Scope};
use super::store::{Caller, Glance, Recognition, Store};
use super::ticket::{self, Ticket};
use super::{Host, Key};

/// What is to be done next.
pub enum Step<O, F> {
    /// Compare two objects by their own `==`, then [`Plan::learn`].
    Compare(Unsure<O>),
    /// Run the version function, then [`Plan::observed`].
    Ask,
    /// Wait for another's run of the version function, or, if that can't be waited for, [`Plan::insist`].
    Wait(F),
    /// Run the function, then [`Plan::computed`].
    Compute,
    /// Nothing: this is the answer.
    Done(Served<O>),
}

/// [`Step`] for a host.
pub type NextStep<H> = Step<<H as Host>::Object, <H as Host>::Flight>;

/// What was decided, unless that depends on a comparison.
type Decided<H, T> = Result<T, Unsure<<H as Host>::Object>>;

/// The answer of a call.
pub struct Served<O> {
    /// The result.
    pub value: O,
    /// The observation that it vouches for to a computation that builds on it.
    pub vouch: Ticket,
}

/// A result that is to be stored.
struct Made<O> {
    value: O,
    /// The oldest observation that a cached result used on the way vouches for.
    oldest: Ticket,
    /// `cache_if` would have it.
    wanted: bool,
}

/// One call.
pub struct Plan<H: Host> {
    probe: Probe<H::Key>,
    /// What the version function is given, where its answer depends on that.
    given: Option<Probe<H::Key>>,
    scope: Scope,
    verdicts: Verdicts<H::Object>,
    observation: Option<Observation<H::Object>>,
    /// The observation was made during this call, so its age does not matter.
    asked: bool,
    /// The session does not know the observation yet.
    announce: bool,
    /// What others in the session wait for while this call asks.
    flight: H::Flight,
    /// Not to wait for another's.
    insists: bool,
    born: Nanos,
    run: Ticket,
    made: Option<Made<H::Object>>,
    /// To be dropped outside of the critical section, with the plan.
    displaced: Displaced<H>,
}

impl<H: Host> Plan<H> {
    /// A call with the arguments in `probe`. `constant` is the observation of a version that is never asked.
    #[must_use]
    pub fn new(
        probe: Probe<H::Key>,
        given: Option<Probe<H::Key>>,
        scope: Scope,
        constant: Option<Observation<H::Object>>,
        flight: H::Flight,
    ) -> Self {
        Self {
            probe,
            given,
            scope,
            verdicts: Verdicts::default(),
            announce: constant.is_some(),
            asked: constant.is_some(),
            observation: constant,
            flight,
            insists: false,
            born: 0,
            run: 0,
            made: None,
            displaced: Displaced::default(),
        }
    }

    /// Takes the answer to [`Step::Compare`].
    pub fn learn(&mut self, pair: Unsure<H::Object>, equal: bool) {
        self.verdicts.learn(pair, equal);
    }

    /// Takes the answer to [`Step::Ask`]: the version, and the ticket and time from before it was asked. `oldest` is the oldest
    /// observation that a cached result used for the answer vouches for: it is no newer than that.
    pub fn observed(&mut self, version: H::Object, ticket: Ticket, at: Nanos, oldest: Ticket) {
        self.observation = Some(Observation { version, tag: ticket, ticket: ticket.min(oldest), at });
        self.asked = true;
        self.announce = true;
    }

    /// Asks next time, though another does.
    pub fn insist(&mut self) {
        self.insists = true;
    }

    /// Takes the answer to [`Step::Compute`].
    pub fn computed(&mut self, value: H::Object, oldest: Ticket, wanted: bool) {
        self.made = Some(Made { value, oldest, wanted });
    }

    /// The observation under which [`Step::Compute`] runs.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.ticket)
    }

    /// Gives a call up whose version function or function failed.
    pub fn abandon(&mut self, store: &mut Store<H>, caller: Option<&mut Caller<'_, H>>) {
        store.stats.errors += 1;
        store.end(self.run, &mut self.displaced);
        if let Some(caller) = caller {
            caller.known.asked(&self.flight, &mut self.displaced);
        }
    }

    /// Decides what is next.
    pub fn next(&mut self, store: &mut Store<H>, caller: Option<&mut Caller<'_, H>>) -> NextStep<H> {
        let mut displaced = std::mem::take(&mut self.displaced);
        let step = match self.made.take() {
            None => self.decide(store, caller, &mut displaced),
            Some(made) => self.keep(store, caller, made, &mut displaced),
        };
        self.displaced = displaced;
        step.unwrap_or_else(Step::Compare)
    }

    fn decide(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let now = clock::now();
        if let Some(caller) = caller.as_deref_mut() {
            self.meet(store, caller, now, displaced)?;
            if let Some(step) = self.shelved(store, caller, now, displaced)? {
                return Ok(step);
            }
        }
        let found = store.find(&self.probe, &self.verdicts)?;
        let entry =
            found.and_then(|slot| store.live.get(slot)).filter(|entry| entry.is_fresh(now, store.terms.ttl));
        if let (Some(slot), Some(entry), Some(caller)) = (found, entry, caller.as_deref_mut()) {
            if entry.known_in == caller.id {
                return Ok(self.serve(store, slot, false, Some(caller)));
            }
            if entry.stored < caller.id && self.agrees(entry)? {
                if self.given.is_some() {
                    self.remember(store, slot, caller, false, displaced)?;
                }
                return Ok(self.serve(store, slot, true, Some(caller)));
            }
        }
        let vouching =
            self.observation.as_ref().filter(|seen| self.asked || seen.vouches(now, store.terms.ttl));
        let Some(observation) = vouching else {
            let Some(caller) = caller else { return Ok(Step::Ask) };
            if self.adopt(store, caller, now, displaced)? {
                return self.decide(store, Some(caller), displaced);
            }
            if self.insists {
                return Ok(Step::Ask);
            }
            let other = caller.known.ask(&self.scope, self.given.as_ref(), &self.flight, &self.verdicts)?;
            return Ok(other.map_or(Step::Ask, Step::Wait));
        };
        let newest = observation.ticket;
        if let (Some(slot), Some(entry)) = (found, entry) {
            let verified = self.agrees(entry)?;
            if verified || entry.ticket > newest {
                if let Some(caller) = caller.as_deref_mut() {
                    self.remember(store, slot, caller, true, displaced)?;
                }
                return Ok(self.serve(store, slot, verified, caller));
            }
        }
        self.born = now;
        self.run = store.begin(&self.probe);
        store.stats.misses += 1;
        if store.terms.constant
            && let Some(constant) = self.observation.as_mut()
        {
            constant.ticket = self.run;
        }
        Ok(Step::Compute)
    }

    /// Makes the session a reader of the function, tells it of a new observation, and goes by the one it has.
    fn meet(
        &mut self,
        store: &mut Store<H>,
        caller: &mut Caller<'_, H>,
        now: Nanos,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let (given, verdicts, terms) = (self.given.as_ref(), &self.verdicts, store.terms);
        if !caller.known.readers.contains_key(&store.id) {
            store.join(caller.id, caller.session);
            caller.known.readers.insert(store.id, Reader::default());
        }
        if self.announce {
            if !terms.constant {
                let answers = caller.known.answers(&self.scope, displaced);
                let first = answers.get(given, verdicts)?.filter(|first| first.vouches(now, terms.ttl));
                match (first, self.observation.as_ref()) {
                    // Another caller in the session was faster. The session goes by one answer.
                    (Some(first), _) => {
                        let ours = self.observation.replace(first.clone());
                        displaced.objects.extend(ours.map(|ours| ours.version));
                    }
                    (None, Some(ours)) => answers.put(given, ours, terms.answers(), verdicts, displaced)?,
                    (None, None) => {}
                }
            }
            self.go_by(store, caller, displaced)?;
            caller.known.asked(&self.flight, displaced);
            self.announce = false;
        } else if self.observation.is_none()
            && let Some(reader) = caller.known.readers.get_mut(&store.id)
        {
            self.observation = reader.seen.get(given, verdicts)?.map(|seen| seen.clone());
        }
        Ok(())
    }

    /// Lets the session judge this function's entries by the plan's observation from now on.
    fn go_by(
        &self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        match (self.observation.as_ref(), caller.known.readers.get_mut(&store.id)) {
            (Some(observation), Some(reader)) => reader.seen.put(
                self.given.as_ref(),
                observation,
                store.terms.answers(),
                &self.verdicts,
                displaced,
            ),
            _ => Ok(()),
        }
    }

    /// Goes by an observation that another function of the scope made in this session, if it is young enough.
    fn adopt(
        &mut self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        now: Nanos,
        displaced: &mut Displaced<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        let answers = caller.known.answers(&self.scope, displaced);
        let current = answers.get(self.given.as_ref(), &self.verdicts)?;
        let Some(current) = current.filter(|current| current.vouches(now, store.terms.ttl)) else {
            return Ok(false);
        };
        let old = self.observation.replace(current.clone());
        displaced.objects.extend(old.map(|old| old.version));
        self.go_by(store, caller, displaced)?;
        Ok(true)
    }

    /// Whether an entry's version is the observed one.
    fn agrees(&self, entry: &Entry<H>) -> Result<bool, Unsure<H::Object>> {
        let Some(observation) = self.observation.as_ref() else {
            return Ok(false);
        };
        Ok(entry.tag == observation.tag || self.verdicts.same(&entry.version, &observation.version)?)
    }

    /// Serves what the session keeps for itself.
    fn shelved(
        &self,
        store: &mut Store<H>,
        caller: &mut Caller<'_, H>,
        now: Nanos,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, Option<NextStep<H>>> {
        let Some(reader) = caller.known.readers.get_mut(&store.id) else { return Ok(None) };
        for shelf in [&mut reader.kept, &mut reader.left].into_iter().flatten() {
            let found = shelf.find(self.probe.hash, |row| row.key.matches(&self.probe, &self.verdicts))?;
            let Some((slot, entry)) = found.and_then(|slot| Some((slot, shelf.get(slot)?))) else { continue };
            if !entry.is_fresh(now, store.terms.ttl) {
                displaced.entries.extend(shelf.remove(slot).map(|(_, entry)| entry));
                continue;
            }
            let mut vouch = entry.vouch(store.terms.constant);
            if entry.known_in != caller.id {
                if !self.agrees(entry)? {
                    continue;
                }
                vouch = vouch.max(self.ticket());
            }
            let value = entry.value.clone();
            shelf.touch(slot);
            store.stats.hits += 1;
            return Ok(Some(Step::Done(Served { value, vouch })));
        }
        Ok(None)
    }

    /// Sees to it that the session will meet this very entry again, whatever becomes of it: by a note in the entry, or, if another
    /// session needs the place of that, by a copy where one is `needed`.
    fn remember(
        &self,
        store: &mut Store<H>,
        slot: super::Slot,
        caller: &mut Caller<'_, H>,
        needed: bool,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(entry) = store.live.get(slot) else {
            return Ok(());
        };
        if entry.known_in == caller.id {
            return Ok(());
        }
        let given = self.given.as_ref();
        match store.recognises(entry.known_in, entry, given, &self.verdicts, displaced)? {
            Recognition::Gone | Recognition::Yes => {
                if let Some(entry) = store.live.get_mut(slot) {
                    entry.known_in = caller.id;
                }
            }
            Recognition::No if !needed => {}
            Recognition::No => {
                let Some(reader) = caller.known.readers.get_mut(&store.id) else {
                    return Ok(());
                };
                reader.unshelve(&self.probe, &self.verdicts, displaced)?;
                let mut copy = entry.clone();
                copy.known_in = caller.id;
                reader.shelve(caller.id, self.probe.hash, copy, store.terms.maxsize, displaced);
            }
        }
        Ok(())
    }

    /// Answers with a stored entry. `agreed` says that its version was found equal to the observed one.
    fn serve(
        &mut self,
        store: &mut Store<H>,
        slot: super::Slot,
        agreed: bool,
        caller: Option<&mut Caller<'_, H>>,
    ) -> NextStep<H> {
        let constant = store.terms.constant;
        store.live.touch(slot);
        store.stats.hits += 1;
        if let Some(observation) = self.observation.as_ref().filter(|_| agreed) {
            store.raise(slot, observation.ticket);
        }
        let Some(entry) = store.live.get_mut(slot) else {
            return Step::Ask;
        };
        if let (Some(caller), Some(observation)) = (caller, self.observation.as_mut())
            && let Some(reader) = caller.known.readers.get_mut(&store.id)
        {
            if agreed && entry.tag != observation.tag {
                // Two tags of one version: the younger wins, so that they become one wherever they meet.
                let tag = entry.tag.max(observation.tag);
                (entry.tag, observation.tag) = (tag, tag);
                if let Ok(Some(seen)) = reader.seen.get(self.given.as_ref(), &self.verdicts) {
                    seen.tag = tag;
                }
            }
            if self.given.is_none() {
                let Observation { tag, ticket, .. } = *observation;
                store.glance = Glance { session: caller.id, tag, ticket };
            }
        }
        Step::Done(Served { value: entry.value.clone(), vouch: entry.vouch(constant) })
    }

    /// Stores a result, or keeps it for its session, or neither.
    fn keep(
        &mut self,
        store: &mut Store<H>,
        caller: Option<&mut Caller<'_, H>>,
        made: Made<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        match self.place(store, caller, &made, displaced) {
            Ok(vouch) => {
                store.end(self.run, displaced);
                Ok(Step::Done(Served { value: made.value, vouch }))
            }
            Err(unsure) => {
                self.made = Some(made);
                Err(unsure)
            }
        }
    }

    fn place(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        made: &Made<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<Ticket, Unsure<H::Object>> {
        let Some(observation) = self.observation.as_ref() else {
            return Ok(0);
        };
        let tainted = made.oldest < observation.ticket;
        let ticket = observation.ticket.min(made.oldest);
        let vouch = if store.terms.constant && !tainted { ticket::NEVER } else { ticket };
        if !made.wanted || store.is_struck(self.run) || store.terms.maxsize == Some(0) {
            store.stats.not_stored += u64::from(made.wanted && store.terms.maxsize != Some(0));
            return Ok(vouch);
        }
        let old = store.find(&self.probe, &self.verdicts)?;
        let current = old.and_then(|slot| store.live.get(slot));
        let outdated = current.is_some_and(|entry| entry.ticket > observation.ticket);
        if let (Some(entry), Some(caller)) = (current, caller.as_deref())
            && entry.known_in == caller.id
            && entry.stored > self.run
        {
            // The function called itself with the same arguments, or put a result: the session goes by that.
            return Ok(vouch);
        }
        let session = caller.as_ref().map_or(0, |caller| caller.id);
        let reader = caller.as_deref_mut().and_then(|caller| caller.known.readers.get_mut(&store.id));
        let entry = |stored| Entry {
            key: self.probe.key.clone(),
            value: made.value.clone(),
            version: observation.version.clone(),
            tag: observation.tag,
            ticket,
            stored,
            known_in: session,
            born: self.born,
        };
        if let Some(reader) = reader {
            reader.unshelve(&self.probe, &self.verdicts, displaced)?;
            if tainted || outdated {
                reader.shelve(session, self.probe.hash, entry(0), store.terms.maxsize, displaced);
            }
        }
        if tainted || outdated {
            store.stats.not_stored += 1;
            return Ok(vouch);
        }
        if session != 0 && self.given.is_none() {
            let Observation { tag, ticket, .. } = *observation;
            store.glance = Glance { session, tag, ticket };
        }
        store.store(self.probe.hash, entry(ticket::draw()), old, caller, displaced);
        Ok(vouch)
    }
}
