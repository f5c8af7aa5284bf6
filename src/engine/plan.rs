//! One call, as a machine that asks for one thing at a time.
//!
//! [`Plan::next`] runs inside the critical section and says what the caller must do outside of it; the caller does it, tells the
//! plan, and comes back. Every decision about freshness is made here, for plain and coroutine functions alike.

use super::clock::{self, Nanos};
use super::compare::{Probe, Unsure, Verdicts};
use super::entry::{Displaced, Observation};
use super::flight::Arrival;
use super::live::Look;
use super::session::{Reader, Scope};
use super::stamp::Stamp;
use super::store::{Caller, Store};
use super::ticket::{self, Ticket};
use super::{Flight, Host};

/// What is to be done next.
pub enum Step<O, F> {
    /// Compare two objects by their own `==`, then [`Plan::learn`].
    Compare(Unsure<O>),
    /// Run the version function, then [`Plan::observed`]. Others in the session may wait for that.
    Ask(Option<F>),
    /// Wait for what another does; then [`Plan::landed`] if that brought a result. If it can't be waited for, [`Plan::insist`].
    Wait(F),
    /// Run the function, then [`Plan::computed`]. Others may wait for that.
    Compute(F),
    /// Nothing: this is the answer.
    Done(Served<O>),
}

/// [`Step`] for a host.
pub type NextStep<H> = Step<<H as Host>::Object, <H as Host>::Flight>;

/// What was decided, unless that depends on a comparison.
pub(super) type Decided<H, T> = Result<T, Unsure<<H as Host>::Object>>;

/// The answer of a call.
pub struct Served<O> {
    /// The result.
    pub value: O,
    /// The observation that it vouches for to a computation that builds on it.
    pub vouch: Ticket,
}

/// A result that is to be stored.
pub(super) struct Made<O> {
    pub(super) value: O,
    /// The oldest observation that a cached result used on the way vouches for.
    pub(super) oldest: Ticket,
    /// `cache_if` would have it.
    pub(super) wanted: bool,
}

/// One call.
pub struct Plan<H: Host> {
    pub(super) probe: Probe<H::Key>,
    /// What the version function is given, where its answer depends on that.
    pub(super) given: Option<Probe<H::Key>>,
    pub(super) scope: Scope,
    pub(super) verdicts: Verdicts<H::Object>,
    pub(super) observation: Option<Observation<H::Object>>,
    /// The observation was made during this call, so its age does not matter.
    pub(super) asked: bool,
    /// The session does not know the observation yet.
    pub(super) announce: bool,
    pub(super) leader: <H::Flight as Flight>::Leader,
    /// What others in the session wait for while this call asks.
    pub(super) asking: Option<H::Flight>,
    /// What it can't wait for, because that would never end.
    circular: Vec<H::Flight>,
    /// It waits for nothing any more, because that took too long.
    pub(super) impatient: bool,
    /// What the flight brought for which this call waited.
    pub(super) arrival: Option<Arrival<H>>,
    /// What this call's own flight brings to those who wait for it.
    pub(super) landing: Option<Arrival<H>>,
    pub(super) born: Nanos,
    pub(super) run: Ticket,
    pub(super) made: Option<Made<H::Object>>,
    /// To be dropped outside of the critical section, with the plan.
    pub(super) displaced: Displaced<H>,
}

impl<H: Host> Plan<H> {
    /// A call with the arguments in `probe`. `constant` is the observation of a version that is never asked.
    #[must_use]
    pub fn new(
        probe: Probe<H::Key>,
        given: Option<Probe<H::Key>>,
        scope: Scope,
        constant: Option<Observation<H::Object>>,
        leader: <H::Flight as Flight>::Leader,
    ) -> Self {
        Self {
            probe,
            given,
            scope,
            verdicts: Verdicts::default(),
            announce: constant.is_some(),
            asked: constant.is_some(),
            observation: constant,
            leader,
            asking: None,
            circular: Vec::new(),
            impatient: false,
            arrival: None,
            landing: None,
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
        let until = ticket::draw();
        self.observation = Some(Observation { version, tag: ticket, ticket: ticket.min(oldest), until, at });
        self.asked = true;
        self.announce = true;
    }

    /// Takes the place of [`Step::Wait`] where that would never end: does itself what another does.
    pub fn insist(&mut self, flight: H::Flight) {
        self.circular.push(flight);
    }

    /// As [`Plan::insist`], because the wait took too long. The result will not be stored.
    pub fn lose_patience(&mut self) {
        self.impatient = true;
    }

    /// Takes what the flight brought for which this call waited.
    pub fn landed(&mut self, arrival: Arrival<H>) {
        self.arrival = Some(arrival);
    }

    /// What is to be given to those who waited for this call's result, if somebody did and it is for others.
    pub fn landing(&mut self) -> Option<Arrival<H>> {
        self.landing.take()
    }

    /// Takes the answer to [`Step::Compute`].
    pub fn computed(&mut self, value: H::Object, oldest: Ticket, wanted: bool) {
        self.made = Some(Made { value, oldest, wanted });
    }

    /// What something vouches for that was found to be of the observed version: it is as new as the observation, if not newer.
    pub(super) fn vouch(&self, ticket: Ticket) -> Ticket {
        self.observation.as_ref().filter(|seen| ticket <= seen.until).map_or(ticket, |seen| seen.ticket)
    }

    /// Whether what vouches for `oldest` may be older than what this call goes by.
    #[must_use]
    pub fn rests_on_older(&self, oldest: Ticket) -> bool {
        self.observation.as_ref().is_some_and(|observation| oldest < observation.until)
    }

    /// The keys that the plan owns, for whoever traces references.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        std::iter::once(&self.probe).chain(&self.given).map(|probe| &probe.key)
    }

    /// The observation under which [`Step::Compute`] runs.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.ticket)
    }

    /// Gives a call up whose version function or function failed.
    pub fn abandon(&mut self, store: &mut Store<H>, caller: Option<&mut Caller<'_, H>>) {
        store.stats.errors += 1;
        let mut displaced = std::mem::take(&mut self.displaced);
        store.flights.end(self.run, &mut displaced);
        if let Some(caller) = caller {
            self.end_asking(caller, &mut displaced);
        }
        self.displaced = displaced;
    }

    /// Nobody waits any more for what this call asked.
    fn end_asking(&mut self, caller: &mut Caller<'_, H>, displaced: &mut Displaced<H>) {
        if let Some(flight) = self.asking.take() {
            caller.known.asked(&flight, displaced);
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
        let entry = found
            .and_then(|slot| store.live.get(slot))
            .filter(|look| look.entry.is_fresh(now, store.terms.ttl));
        if let (Some(slot), Some(Look { entry, stamp }), Some(caller)) = (found, entry, caller.as_deref_mut())
        {
            if entry.known_in == caller.id {
                return Ok(self.serve(store, slot, false, Some(caller)));
            }
            if entry.stored < caller.id && self.agrees(stamp)? {
                if self.given.is_some() {
                    self.remember(store, slot, caller, false, displaced)?;
                }
                return Ok(self.serve(store, slot, true, Some(caller)));
            }
        }
        let vouching =
            self.observation.as_ref().filter(|seen| self.asked || seen.vouches(now, store.terms.ttl));
        let Some(observation) = vouching else {
            let Some(caller) = caller else { return Ok(Step::Ask(None)) };
            if self.adopt(store, caller, now, displaced)? {
                return self.decide(store, Some(caller), displaced);
            }
            if self.impatient {
                return Ok(Step::Ask(None));
            }
            let serves = |flight: &H::Flight| self.may_wait(flight);
            if let Some(flight) =
                caller.known.asking(&self.scope, self.given.as_ref(), serves, &self.verdicts)?
            {
                return Ok(Step::Wait(flight));
            }
            let flight = caller.known.ask(&self.scope, self.given.as_ref(), self.leader);
            self.asking = Some(flight.clone());
            return Ok(Step::Ask(Some(flight)));
        };
        let newest = observation.until;
        if let (Some(slot), Some(Look { stamp, .. })) = (found, entry) {
            let verified = self.agrees(stamp)?;
            if verified || stamp.ticket > newest {
                if let Some(caller) = caller.as_deref_mut() {
                    self.remember(store, slot, caller, true, displaced)?;
                }
                return Ok(self.serve(store, slot, verified, caller));
            }
        }
        let session = caller.as_ref().map_or(0, |caller| caller.id);
        if let Some(arrival) = self.arrival.as_ref()
            && self.agrees(&arrival.entry.stamp)?
        {
            return self.share(store, caller, displaced);
        }
        let ttl = store.terms.ttl;
        let young = |born| clock::is_within(born, now, ttl);
        let fit = |flight: &H::Flight, born| young(born) && self.may_wait(flight);
        if let Some(observation) = self.observation.as_ref().filter(|_| !self.impatient)
            && let Some(flight) = store.flights.find(&self.probe, observation, fit, &self.verdicts)?
        {
            return Ok(Step::Wait(flight));
        }
        if !self.impatient {
            store.flights.bypass(&self.probe, session, &self.verdicts)?;
        }
        Ok(self.compute(store, (session, now), displaced))
    }

    fn may_wait(&self, flight: &H::Flight) -> bool {
        flight.serves(self.leader) && !self.circular.iter().any(|circular| circular.is(flight))
    }

    /// Begins to compute.
    fn compute(
        &mut self,
        store: &mut Store<H>,
        (session, now): (Ticket, Nanos),
        displaced: &mut Displaced<H>,
    ) -> NextStep<H> {
        displaced.entries.extend(self.arrival.take().map(|arrival| arrival.entry));
        let Some(observation) = self.observation.as_mut() else { return Step::Ask(None) };
        let flight = H::Flight::begin(self.leader);
        self.born = now;
        self.run = store.flights.begin(&self.probe, observation, &flight, (session, now), displaced);
        store.stats.misses += 1;
        if store.terms.constant {
            (observation.ticket, observation.until) = (self.run, self.run);
        }
        Step::Compute(flight)
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
            store.join(caller.id, caller.session, displaced);
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
            self.end_asking(caller, displaced);
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

    /// Whether a version is the observed one.
    pub(super) fn agrees(&self, stamp: &Stamp<H::Object>) -> Result<bool, Unsure<H::Object>> {
        let Some(observation) = self.observation.as_ref() else {
            return Ok(false);
        };
        Ok(stamp.tag == observation.tag || self.verdicts.same(&stamp.version, &observation.version)?)
    }
}
