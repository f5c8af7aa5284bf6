//! The table of the design: what a call does, by the first row that fits.

use super::clock::{self, Nanos};
use super::compare::Unsure;
use super::entry::{Displaced, Leaving, Observation};
use super::live::{Look, Stored};
use super::plan::{Decided, Doing, Manner, NextStep, Plan, Refresh, Served, Step};
use super::reads::Basis;
use super::rows::Slot;
use super::session::{Answers, Asks, Reader};
use super::stamp::Stamp;
use super::status::Forward;
use super::store::{Caller, Glance, Store};
use super::ticket::{self, Ticket};
use super::trouble::is_allowed;
use super::{Flight, Host, Object};

impl<H: Host> Plan<H> {
    pub(super) fn decide(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        // Whatever becomes of this call, what it has seen is so.
        self.compare(store, displaced)?;
        if self.claim.is_some() {
            return self.validate(store, caller, displaced);
        }
        if let Some(caller) = caller.as_deref_mut() {
            self.meet(store, caller, displaced)?;
            if let Some(step) = self.shelved(store, caller, displaced)? {
                return Ok(step);
            }
        }
        let found = self.find(store)?;
        if let Some(slot) = found
            && let Some(step) = self.unasked(store, slot, caller.as_deref_mut(), displaced)?
        {
            return Ok(step);
        }
        if self.wish.manner == Manner::Offline {
            return Ok(Step::Absent);
        }
        let ttl = store.terms.ttl;
        if !self.observation.as_ref().is_some_and(|seen| self.asked || seen.vouches(self.now, ttl))
            || self.must_ask()
        {
            return self.ask(store, caller, displaced);
        }
        if let Some(slot) = found
            && let Some(step) = self.judged(store, slot, caller.as_deref_mut(), displaced)?
        {
            return Ok(step);
        }
        if let Some(arrival) = self.arrival.as_ref()
            && (self.agrees(&arrival.under)?
                || self.observation.as_ref().is_some_and(|seen| arrival.is_newer(seen)))
        {
            return self.share(store, caller, displaced);
        }
        let (session, since) =
            caller.as_ref().map_or((0, self.began), |caller| (caller.id, self.since(caller)));
        let fit = |flight: &H::Flight, born: Nanos, ticket: Ticket| {
            ticket > since && clock::is_within(born, self.now, ttl) && self.may_wait(flight)
        };
        if let Some(observation) = self.observation.as_ref().filter(|_| !self.impatient)
            && let Some((run, flight)) =
                store.flights.find(&self.probe, observation, (&self.leader, fit), &self.verdicts)?
        {
            // A computation waits for what is decided, since it would rest on it.
            if session != 0
                && !self.wish.setting.nested
                && let Some((value, (tag, ticket))) = store.flights.shown(run, session)
            {
                (self.status.hit, self.status.collapsed) = (true, true);
                store.stats.hits += 1;
                let basis = Basis { tag, ticket, version: observation.version.clone() };
                return Ok(Step::Done(Served { value, basis, behind: None }));
            }
            self.doing = Doing::Waiting;
            return Ok(Step::Wait(flight));
        }
        store.flights.bypass(&self.probe, session, &self.leader, &self.verdicts)?;
        let old = found.and_then(|slot| store.live.get(slot));
        let due = old.is_some_and(|look| self.is_due(look.entry, caller.as_deref()));
        Ok(self.compute(store, found, (session, due), displaced))
    }

    /// Where the key's entry lies. As a rule none has come or gone since the plan looked for it, so it need not again.
    pub(super) fn find(&mut self, store: &Store<H>) -> Decided<H, Option<Slot>> {
        if let Some((found, changes)) = self.found
            && changes == store.live.changes
        {
            return Ok(found);
        }
        let found = store.find(&self.probe, &self.verdicts)?;
        self.found = Some((found, store.live.changes));
        Ok(found)
    }

    /// The rows for which no version is needed: what the session knows, what it takes as it is, what never changes, and what stands in for a
    /// source that failed just now.
    fn unasked(
        &mut self,
        store: &mut Store<H>,
        slot: Slot,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, Option<NextStep<H>>> {
        let Some(Look { entry, stamp }) = store.live.get(slot) else { return Ok(None) };
        let (fresh, immutable) = (entry.is_fresh(self.now, &store.terms), stamp.version.is_immutable());
        let due = self.is_due(entry, caller.as_deref());
        if let Some(caller) = caller.as_deref_mut().filter(|_| fresh && self.wish.manner != Manner::Now) {
            if store.live.is_noted(entry, caller.id) {
                return Ok(Some(self.serve(store, slot, false, Some(caller))));
            }
            if !due && entry.stored < caller.id {
                let reader = caller.known.readers.get(store.id);
                let first = reader.and_then(|reader| reader.first.as_deref());
                let moved = reader.is_some_and(|reader| !reader.knows_by_version());
                let new = reader.is_some_and(Reader::is_new);
                let agreed = self.agrees(stamp)?;
                if agreed || self.agreed_first(first, stamp)? {
                    if agreed {
                        self.raise(store, slot);
                    }
                    if self.given.is_some() || moved {
                        self.remember(store, slot, caller, moved, displaced)?;
                    } else if new {
                        store.note(slot, caller.id);
                    }
                    return Ok(Some(self.serve(store, slot, agreed, Some(caller))));
                }
            }
        }
        let offline = self.wish.manner == Manner::Offline;
        if offline || immutable && self.wish.manner != Manner::Now && !(self.wish.named && due) {
            if let Some(caller) = caller.as_deref_mut() {
                self.remember(store, slot, caller, true, displaced)?;
            }
            return Ok(Some(self.serve(store, slot, false, caller)));
        }
        if self.wish.manner == Manner::Called
            && !due
            && store.troubled(slot, self.now)
            && is_allowed(store.stale_since(slot, self.now), self.now, store.terms.stale_if_error)
        {
            return self.stale(store, slot, caller, (false, "stale-if-error"), displaced).map(Some);
        }
        Ok(None)
    }

    /// The rows for an entry whose version can be compared.
    fn judged(
        &mut self,
        store: &mut Store<H>,
        slot: Slot,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, Option<NextStep<H>>> {
        let Some(Look { entry, stamp }) = store.live.get(slot) else { return Ok(None) };
        if self.is_due(entry, caller.as_deref()) {
            return Ok(None);
        }
        let Some(observation) = self.observation.as_ref() else { return Ok(None) };
        let (agreed, at) = (self.agrees(stamp)?, observation.at);
        let (since, newer) = (observation.since, stamp.is_newer(observation));
        if agreed && entry.is_verified_by(observation, &store.terms) {
            let fresh = entry.is_fresh(self.now, &store.terms);
            if let Some((entry, _)) = store.live.get_mut(slot).filter(|_| !fresh) {
                entry.born = at;
            }
        }
        if agreed {
            store.live.verify(slot, since);
        }
        let fresh = store.live.get(slot).is_some_and(|look| look.entry.is_fresh(self.now, &store.terms));
        if fresh && (agreed || newer) {
            if agreed {
                self.raise(store, slot);
            }
            if let Some(caller) = caller.as_deref_mut() {
                self.remember(store, slot, caller, true, displaced)?;
            }
            return Ok(Some(self.serve(store, slot, agreed, caller)));
        }
        let allowed = store.terms.stale_while_revalidate;
        if self.wish.manner == Manner::Called
            && !self.wish.setting.alone
            && is_allowed(store.stale_since(slot, self.now), self.now, allowed)
        {
            return self.stale(store, slot, caller, (true, "stale-while-revalidate"), displaced).map(Some);
        }
        Ok(None)
    }

    /// Whether an entry is to be renewed whatever its version.
    pub(super) fn is_due(&self, entry: &Stored<H>, caller: Option<&Caller<'_, H>>) -> bool {
        match (self.wish.manner, self.wish.refresh) {
            (Manner::Now, _) => entry.began() <= self.began,
            (Manner::Called, Refresh::Soft | Refresh::Hard) => {
                caller.is_some_and(|caller| entry.began() <= caller.began)
            }
            _ => false,
        }
    }

    /// Only flights that began after this are good enough.
    fn since(&self, caller: &Caller<'_, H>) -> Ticket {
        if self.refreshes() { self.began.max(caller.began) } else { self.began }
    }

    /// Whether the version has to be asked anew, though the session knows of one.
    fn must_ask(&self) -> bool {
        self.wish.manner == Manner::Now && !self.asked
    }

    /// Asks the version, or waits for whoever in the session does.
    pub(super) fn ask(
        &mut self,
        store: &mut Store<H>,
        caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let Some(caller) = caller.filter(|_| !self.must_ask()) else { return Ok(self.asks(None)) };
        if self.adopt(store, caller, displaced)? {
            return self.decide(store, Some(caller), displaced);
        }
        if self.impatient {
            return Ok(self.asks(None));
        }
        let fit = |flight: &H::Flight| self.may_wait(flight);
        let fit = (&self.leader, fit);
        match caller.known.asking(&self.scope, self.given.as_ref(), fit, &self.verdicts)? {
            Asks::Nobody => {}
            Asks::Itself => return Ok(self.asks(None)),
            Asks::Another(flight, since) => {
                (self.doing, self.asks_since) = (Doing::Asking, since);
                return Ok(Step::Wait(flight));
            }
        }
        let flight = H::Flight::begin(&self.leader);
        let step = self.asks(Some(flight.clone()));
        caller.known.ask(&self.scope, self.given.as_ref(), (&flight, self.asks_since));
        self.asking = Some(flight);
        Ok(step)
    }

    /// Has the version asked, from now on.
    pub(super) fn asks(&mut self, flight: Option<H::Flight>) -> NextStep<H> {
        (self.doing, self.asks_since) = (Doing::Asking, ticket::draw());
        Step::Ask(flight)
    }

    /// Begins to compute.
    pub(super) fn compute(
        &mut self,
        store: &mut Store<H>,
        old: Option<Slot>,
        (session, due): (Ticket, bool),
        displaced: &mut Displaced<H>,
    ) -> NextStep<H> {
        if let Some(arrival) = self.arrival.take() {
            displaced.push(Leaving::Landed(arrival.landed));
            displaced.push(Leaving::Object(arrival.under.version));
        }
        let Some(observation) = self.observation.as_mut() else { return self.asks(None) };
        let flight = H::Flight::begin(&self.leader);
        self.born = self.now;
        let (led, course) = ((&flight, &self.leader), (session, self.now));
        self.run = store.flights.begin(&self.probe, observation, led, course, &self.verdicts, displaced);
        if store.terms.constant {
            (observation.since, observation.ticket, observation.until) = (self.run, self.run, self.run);
        }
        self.doing = Doing::Computing;
        self.validation.asks_again = store.terms.lag.retries > 0;
        let old = old.and_then(|slot| store.live.get(slot));
        self.status.forward = Some(match old {
            _ if store.terms.maxsize == Some(0) => Forward::Bypass,
            None => Forward::Miss,
            Some(_) if due => Forward::Request,
            Some(_) => Forward::Stale,
        });
        if let Some(Look { entry, stamp }) = old
            && store.terms.revalidates
            && !(due && self.wish.refresh == Refresh::Hard)
        {
            self.previous = Some((entry.value.clone(), stamp.version.clone()));
        }
        store.stats.misses += u64::from(self.previous.is_none());
        Step::Compute(flight)
    }

    /// Makes the session a reader of the function, tells it of a new observation, and goes by the one it has.
    fn meet(
        &mut self,
        store: &mut Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let reader =
            caller.known.readers.get_or_insert_with(store.id, || store.join(caller.id, caller.session));
        if self.announce {
            self.tell(store, caller, displaced)?;
        } else if self.observation.is_none() {
            self.observation = reader.seen.get(self.given.as_ref(), &self.verdicts)?.map(|seen| seen.clone());
        }
        Ok(())
    }

    /// Tells the session of a new observation.
    pub(super) fn tell(
        &mut self,
        store: &mut Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        if !self.announce {
            return Ok(());
        }
        let (given, verdicts, terms) = (self.given.as_ref(), &self.verdicts, store.terms);
        if !terms.constant {
            let answers = caller.known.answers(&self.scope, displaced);
            let first = answers.get(given, verdicts)?;
            // An answer that was wanted anew takes the place of the one before.
            let anew = self.wish.manner == Manner::Now || self.retries > 0;
            let first =
                first.filter(|first| !anew && (terms.ttl.is_none() || first.vouches(self.now, terms.ttl)));
            match (first, self.observation.as_ref()) {
                // Another caller in the session was faster. The session goes by one answer.
                (Some(first), _) => {
                    let ours = self.observation.replace(first.clone());
                    displaced.extend(ours.map(Leaving::Observation));
                }
                (None, Some(ours)) => answers.put(given, ours, terms.answers(), verdicts, displaced)?,
                (None, None) => {}
            }
        }
        self.go_by(store, caller, displaced)?;
        let glance = &mut store.glances[ticket::lane(caller.id)];
        if glance.session == caller.id {
            // The hit path is to go by the same.
            *glance = Glance::default();
        }
        self.end_asking(caller, displaced);
        self.announce = false;
        Ok(())
    }

    /// Lets the session judge this function's entries by the plan's observation from now on.
    fn go_by(
        &self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        let reader = caller.known.readers.get_mut(store.id);
        let Some((observation, reader)) = self.observation.as_ref().zip(reader) else { return Ok(()) };
        let (given, bound, verdicts) = (self.given.as_ref(), store.terms.answers(), &self.verdicts);
        // Nobody wished for another answer than the first.
        if self.retries > 0
            && let Some(before) = reader.seen.peek(given, verdicts)?
            && !verdicts.same(&before.version, &observation.version)?
            && reader.first(given, verdicts)?.is_none()
        {
            let first = reader.first.get_or_insert_default();
            first.put(given, before, bound, verdicts, displaced)?;
        }
        reader.seen.put(given, observation, bound, verdicts, displaced)
    }

    /// Goes by an observation that another function of the scope made in this session, if it is young enough.
    fn adopt(
        &mut self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        let answers = caller.known.answers(&self.scope, displaced);
        let current = answers.get(self.given.as_ref(), &self.verdicts)?;
        let Some(current) = current.filter(|current| current.vouches(self.now, store.terms.ttl)) else {
            return Ok(false);
        };
        let old = self.observation.replace(current.clone());
        displaced.extend(old.map(Leaving::Observation));
        self.go_by(store, caller, displaced)?;
        Ok(true)
    }

    /// Whether a version is the observed one.
    pub(super) fn agrees(&self, stamp: &Stamp<H::Object>) -> Result<bool, Unsure<H::Object>> {
        let Some(observation) = self.observation.as_ref() else {
            return Ok(false);
        };
        self.agrees_with(stamp, observation)
    }

    /// Whether a version is the one by which the session went first, if it goes by another now: of its `first` answers.
    pub(super) fn agreed_first(
        &self,
        first: Option<&Answers<H>>,
        stamp: &Stamp<H::Object>,
    ) -> Decided<H, bool> {
        let Some(first) = first else { return Ok(false) };
        let seen = first.peek(self.given.as_ref(), &self.verdicts)?;
        seen.map_or(Ok(false), |seen| self.agrees_with(stamp, seen))
    }

    pub(super) fn agrees_with(
        &self,
        stamp: &Stamp<H::Object>,
        observation: &Observation<H::Object>,
    ) -> Result<bool, Unsure<H::Object>> {
        Ok(stamp.tag == observation.tag || self.verdicts.same(&stamp.version, &observation.version)?)
    }
}
