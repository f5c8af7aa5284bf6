//! Acts on the verdict of a call, inside the critical section.

use super::compare::Unsure;
use super::entry::{Displaced, Leaving, Observation};
use super::live::Look;
use super::plan::{Decided, Doing, Manner, NextStep, Plan, Refresh, Served, Step};
use super::reads::Basis;
use super::recognition::Recognition;
use super::rows::Slot;
use super::session::{Asks, Reader};
use super::store::{Caller, Glance, Store};
use super::ticket::{self, Ticket};
use super::verdict::{How, Judged, Verdict};
use super::{Flight, Host};

impl<H: Host> Plan<H> {
    /// Takes note of what was seen, comes to a verdict and acts on it.
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
            if self.wish.manner != Manner::Offline {
                self.drop_expired(store, caller, displaced)?;
            }
        }
        let found = self.find(store)?;
        let verdict = self.verdict(store, found, caller.as_deref())?;
        self.act(verdict, store, caller, displaced)
    }

    /// Does what the verdict says.
    fn act(
        &mut self,
        verdict: Verdict,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        match verdict {
            Verdict::Kept(kept) => match caller {
                Some(caller) => self.serve_kept(store, caller, kept, displaced),
                None => unreachable!("a session keeps it"),
            },
            Verdict::Known(slot, how) => {
                let agreed = how == Recognition::Version;
                if let Some(caller) = caller.as_deref_mut().filter(|_| how != Recognition::Noted) {
                    self.know_again(store, slot, caller, agreed, displaced)?;
                }
                Ok(self.serve(store, slot, agreed, caller))
            }
            Verdict::Offline(slot) | Verdict::Immutable(slot) => {
                if let Some(caller) = caller.as_deref_mut() {
                    self.remember(store, slot, caller, true, displaced)?;
                }
                Ok(self.serve(store, slot, false, caller))
            }
            Verdict::StaleIfError(slot) => {
                self.stale(store, slot, caller, (false, verdict.detail()), displaced)
            }
            Verdict::Absent => Ok(Step::Absent),
            Verdict::Ask => self.ask(store, caller, displaced),
            Verdict::Judged(slot, judged) => {
                let agreed = self.verify(store, slot)?;
                if judged == Judged::Stale {
                    return self.stale(store, slot, caller, (true, verdict.detail()), displaced);
                }
                if agreed {
                    self.raise(store, slot);
                }
                if let Some(caller) = caller.as_deref_mut() {
                    self.remember(store, slot, caller, true, displaced)?;
                }
                Ok(self.serve(store, slot, agreed, caller))
            }
            Verdict::Forwarded { old, due, how, .. } => {
                if let Some(slot) = old.filter(|_| !due) {
                    self.verify(store, slot)?;
                }
                match how {
                    How::Share => self.share(store, caller, displaced),
                    How::Shown(run) => Ok(self.show(store, run, caller.map_or(0, |caller| caller.id))),
                    How::Wait(run) => Ok(self.wait(store, run)),
                    How::Compute { hasty } => {
                        self.impatient |= hasty;
                        let session = caller.map_or(0, |caller| caller.id);
                        store.flights.bypass(&self.probe, session, &self.leader, &self.verdicts)?;
                        self.status.forward = verdict.forward(store.terms.maxsize);
                        Ok(self.compute(store, old, (session, due), displaced))
                    }
                }
            }
        }
    }

    /// Notes that the observation finds the version of an entry unchanged, if it does.
    fn verify(&self, store: &mut Store<H>, slot: Slot) -> Decided<H, bool> {
        let (Some(observation), Some(Look { entry, stamp })) = (&self.observation, store.live.get(slot))
        else {
            return Ok(false);
        };
        if !stamp.is_of(observation, &self.verdicts)? {
            return Ok(false);
        }
        let begins_anew =
            !entry.is_fresh(self.now, &store.terms) && entry.is_verified_by(observation, &store.terms);
        if let Some((entry, _)) = store.live.get_mut(slot).filter(|_| begins_anew) {
            entry.born = observation.at;
        }
        store.live.verify(slot, observation.since);
        Ok(true)
    }

    /// Lets the session go by an entry that it knows by its version.
    fn know_again(
        &self,
        store: &mut Store<H>,
        slot: Slot,
        caller: &mut Caller<'_, H>,
        agreed: bool,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, ()> {
        let reader = caller.known.readers.get(store.id);
        let moved = reader.is_some_and(|reader| !reader.knows_by_version());
        let new = reader.is_some_and(Reader::is_new);
        if agreed {
            self.raise(store, slot);
        }
        if self.given.is_some() || moved {
            self.remember(store, slot, caller, moved, displaced)?;
        } else if new {
            store.note(slot, caller.id);
        }
        Ok(())
    }

    /// Answers with what a run of the same session has made, while that is validated.
    fn show(&mut self, store: &mut Store<H>, run: Ticket, session: Ticket) -> NextStep<H> {
        let Some((value, (tag, ticket))) = store.flights.shown(run, session) else {
            unreachable!("the verdict has seen it")
        };
        let version = self.judged_by().version.clone();
        (self.status.hit, self.status.collapsed) = (true, true);
        store.stats.hits += 1;
        Step::Done(Served { value, basis: Basis { tag, ticket, version }, behind: None })
    }

    /// Waits for another's run.
    fn wait(&mut self, store: &mut Store<H>, run: Ticket) -> NextStep<H> {
        self.doing = Doing::Waiting;
        match store.flights.await_run(run) {
            Some(flight) => Step::Wait(flight),
            None => unreachable!("what is to be waited for goes on"),
        }
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
            Asks::Another(..) if self.wish.setting.hasty => {
                self.impatient = true;
                return Ok(self.asks(None));
            }
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
        let Some(observation) = self.observation.as_mut() else {
            unreachable!("a function runs under an observation")
        };
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

    /// What another function of the scope has observed in this session, if that is young enough.
    pub(super) fn answered<'a>(
        &self,
        store: &Store<H>,
        caller: &'a Caller<'_, H>,
    ) -> Decided<H, Option<&'a Observation<H::Object>>> {
        let Some(answers) = caller.known.answers_of(&self.scope) else { return Ok(None) };
        let answer = answers.peek(self.given.as_ref(), &self.verdicts)?;
        Ok(answer.filter(|answer| answer.vouches(self.now, store.terms.ttl)))
    }

    /// Goes by that.
    fn adopt(
        &mut self,
        store: &Store<H>,
        caller: &mut Caller<'_, H>,
        displaced: &mut Displaced<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        let Some(current) = self.answered(store, caller)? else { return Ok(false) };
        let current = current.clone();
        let old = self.observation.replace(current);
        displaced.extend(old.map(Leaving::Observation));
        self.go_by(store, caller, displaced)?;
        Ok(true)
    }
}
