//! One step of the state machine: acts on the verdict of a call, inside of the critical section.

use crate::engine::call::claim::Found;
use crate::engine::call::plan::{Computation, Phase, Plan, Previous, Question, Request, Source, Stage};
use crate::engine::call::policy::{Manner, Refresh};
use crate::engine::call::protocol::{NextStep, Served, Step};
use crate::engine::call::record::Lease;
use crate::engine::call::verdict::{How, Judged, Verdict};
use crate::engine::flight::flights::{RunId, Shown};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::{Decided, Flight};
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::reader::Reader;
use crate::engine::session::recognition::Recognition;
use crate::engine::session::session_memory::Asks;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::CompactObservation;
use crate::engine::versions::read_log::Basis;
use crate::engine::versions::version_stamp::VersionStamp;

impl<H: SessionHost> Plan<H> {
    /// Takes note of what was seen, comes to a verdict and acts on it.
    pub(crate) fn decide(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        // Whatever becomes of this call, what it has seen is so.
        self.compare(cx)?;
        if self.request.claim.is_some() {
            return self.validate(cx);
        }
        self.meet(cx)?;
        self.drop_expired(cx)?;
        let found = self.find(cx.cache)?;
        let verdict = self.verdict(cx, found)?;
        self.act(verdict, cx)
    }

    /// Does what the verdict says.
    pub(crate) fn act(&mut self, verdict: Verdict, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        match verdict {
            Verdict::Kept(kept) => self.serve_kept(kept, cx),
            Verdict::Known(slot, how) => {
                let agreed = how == Recognition::Version;
                if how != Recognition::Noted {
                    self.know_again(slot, agreed, cx)?;
                }
                Ok(self.serve(slot, agreed, cx))
            }
            Verdict::Offline(slot) | Verdict::Immutable(slot) => {
                self.remember(slot, true, cx)?;
                Ok(self.serve(slot, false, cx))
            }
            Verdict::StaleIfError(slot) => self.stale(slot, verdict, cx),
            Verdict::Absent => Ok(self.recall(None, cx).unwrap_or(Step::Absent)),
            Verdict::Ask => self.ask(cx),
            Verdict::Judged(slot, judged) => {
                let agreed = self.verify(slot, cx)?;
                if judged == Judged::Stale {
                    return self.stale(slot, verdict, cx);
                }
                if agreed {
                    self.raise(cx.cache, slot);
                }
                self.remember(slot, true, cx)?;
                Ok(self.serve(slot, agreed, cx))
            }
            Verdict::Forwarded { old, due, how, .. } => {
                if let Some(slot) = old.filter(|_| !due) {
                    self.verify(slot, cx)?;
                }
                match how {
                    How::Share => self.share(cx),
                    How::Shown(run) => self.show(run, old, cx),
                    How::Wait(run) => Ok(self.wait(run, cx)),
                    How::Compute { hasty } => {
                        let (probe, leader) = (&self.request.probe, &self.request.leader);
                        cx.cache.flights.bypass(probe, cx.session(), leader, &self.comparisons)?;
                        self.waits.impatient |= hasty;
                        self.status.forward = verdict.forward(cx.cache.terms.maxsize);
                        Ok(self.compute(old, due, cx))
                    }
                }
            }
        }
    }

    /// Where the key's entry lies. As a rule none has come or gone since the plan looked for it, so it need
    /// not again.
    pub(crate) fn find(&mut self, cache: &FunctionCache<H>) -> Decided<H, Option<Slot>> {
        if let Some((found, changes)) = self.found
            && changes == cache.entries.changes
        {
            return Ok(found);
        }
        let found = cache.find(&self.request.probe, &self.comparisons)?;
        self.found = Some((found, cache.entries.changes));
        Ok(found)
    }

    /// Notes that the observation finds the version of an entry unchanged, if it does.
    fn verify(&self, slot: Slot, cx: &mut Context<'_, H>) -> Decided<H, bool> {
        let (Some(seen), Some(look)) = (&self.observation, cx.cache.entries.get(slot)) else {
            return Ok(false);
        };
        if self.is_alone() || !look.stamp.is_of(seen, &self.comparisons)? {
            return Ok(false);
        }
        let terms = &cx.cache.terms;
        let begins_anew = !look.is_fresh(cx.now, terms) && look.entry.is_verified_by(seen, terms);
        if begins_anew {
            cx.cache.entries.begin_anew(slot, seen.at, terms);
        }
        cx.cache.entries.verify(slot, seen.since);
        Ok(true)
    }

    /// Lets the session go by an entry that it knows by its version.
    fn know_again(&self, slot: Slot, agreed: bool, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some(caller) = &cx.caller else { unreachable!("a session knows it") };
        let reader = caller.memory.readers.get(cx.cache.id);
        let moved = reader.is_some_and(|reader| !reader.knows_by_version());
        let new = reader.is_some_and(Reader::is_new);
        if agreed {
            self.raise(cx.cache, slot);
        }
        if self.request.given.is_some() || moved {
            self.remember(slot, moved, cx)?;
        } else if new {
            cx.cache.note(slot, caller.id);
        }
        Ok(())
    }

    /// Answers with what a run of the same session has made, while that is validated. Whatever comes of
    /// that, the session goes by it from now on.
    fn show(&mut self, run: RunId, old: Option<Slot>, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let (probe, session) = (&self.request.probe, cx.session());
        cx.take_from(probe, &self.comparisons)?;
        let Some((Shown { value, by: (tag, ticket), own_ttl }, born)) = cx.cache.flights.shown(run, session)
        else {
            unreachable!("the verdict has seen it")
        };
        let stamp = VersionStamp { version: self.judged_by().version.clone(), tag, ticket, lags: false };
        let basis = Basis { tag, ticket, version: stamp.version.clone() };
        let entry = Entry {
            key: probe.key.clone(),
            value: value.clone(),
            stamp,
            stored: 0,
            known_in: session,
            born,
            course: Course::default(),
            own_ttl,
        };
        cx.keep_in_place(old, (probe.hash, entry));
        (self.status.hit, self.status.collapsed) = (true, true);
        cx.cache.stats.hits += 1;
        Ok(Step::Done(Served { value, basis, behind: None }))
    }

    /// Waits for another's run.
    fn wait(&mut self, run: RunId, cx: &mut Context<'_, H>) -> NextStep<H> {
        self.phase = Phase::Waiting;
        match cx.cache.flights.await_run(run) {
            Some(flight) => Step::Wait(flight),
            None => unreachable!("what is to be waited for goes on"),
        }
    }

    /// Asks the version, or waits for whoever in the session does.
    pub(crate) fn ask(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        if cx.caller.is_none() || self.must_ask() {
            return Ok(self.asks(cx));
        }
        if self.adopt(cx)? {
            return self.decide(cx);
        }
        if self.waits.impatient {
            return Ok(self.asks(cx));
        }
        let Some(caller) = &cx.caller else { unreachable!("there is a session") };
        let (scope, given) = (&self.request.scope, self.request.given.as_ref());
        let fit = |flight: &H::Flight| self.may_wait(flight);
        let fit = (&self.request.leader, fit);
        match caller.memory.asking(scope, given, fit, &self.comparisons)? {
            Asks::Nobody => {}
            Asks::Itself => return Ok(self.asks(cx)),
            Asks::Another(..) if self.request.wish.setting.hasty => {
                self.waits.impatient = true;
                return Ok(self.asks(cx));
            }
            Asks::Another(flight, since) => {
                self.phase = Phase::Asking(Question { since, at: cx.now });
                return Ok(Step::Wait(flight));
            }
        }
        let flight = H::Flight::begin(&self.request.leader);
        let question = Question::begin(cx.now);
        self.phase = Phase::Asking(question);
        if let Some(caller) = &mut cx.caller {
            let (scope, given) = (&self.request.scope, self.request.given.as_ref());
            caller.memory.ask(scope, given, (&flight, question.since));
        }
        self.asking = Some(flight.clone());
        Ok(Step::Ask(Some(flight)))
    }

    /// Asks the version by itself: nobody else waits for that.
    fn asks(&mut self, cx: &Context<'_, H>) -> NextStep<H> {
        self.phase = Phase::Asking(Question::begin(cx.now));
        Step::Ask(None)
    }

    /// Begins a run.
    fn compute(&mut self, old: Option<Slot>, due: bool, cx: &mut Context<'_, H>) -> NextStep<H> {
        if let Some(arrival) = self.waits.arrival.take() {
            cx.drops.push(Leaving::Shared(arrival.landed));
            cx.drops.push(Leaving::Object(arrival.under.version));
        }
        let session = cx.session();
        let Some(observation) = self.observation.as_mut() else {
            unreachable!("a function runs under an observation")
        };
        let (cache, request) = (&mut *cx.cache, &self.request);
        let flight = H::Flight::begin(&request.leader);
        let (led, course) = ((&flight, &request.leader), (session, cx.now));
        let run = cache.flights.begin(&request.probe, observation, led, course, &self.comparisons, cx.drops);
        if cache.terms.constant {
            let began = run.ticket;
            (observation.since, observation.ticket, observation.until) = (began, began, began);
        }
        let lease =
            if cache.terms.has_tier && !self.waits.impatient { Lease::Unasked } else { Lease::Without };
        self.phase = Phase::Computing(Computation {
            run,
            born: cx.now,
            previous: None,
            validation: Found::new(cache.terms.lag.retries > 0),
            retries: 0,
            lease,
            is_loaded: false,
            stage: Stage::Ready,
        });
        if lease == Lease::Without {
            return self.run_from(old, due, cx);
        }
        cx.cache.flights.waits_for_lease(run, true);
        self.begin_in_tier(due, cx)
    }

    /// Computes from now on, from what is stored if something takes the function's place.
    pub(crate) fn run_from(&mut self, old: Option<Slot>, due: bool, cx: &mut Context<'_, H>) -> NextStep<H> {
        let hard = due && self.request.wish.refresh == Refresh::Hard;
        let (cache, now) = (&mut *cx.cache, cx.now);
        let old = old.and_then(|slot| cache.entries.get(slot));
        let builds = cache.terms.revalidates && !hard;
        let previous = old.filter(|_| builds).map(|look| {
            let (value, version) = (look.entry.value.clone(), look.stamp.version.clone());
            Previous { value, version, own_ttl: look.own_ttl() }
        });
        cache.stats.misses += u64::from(previous.is_none());
        let computation = self.computing();
        (computation.born, computation.previous, computation.stage) = (now, previous, Stage::Running);
        if cx.cache.terms.has_tier {
            cx.cache.flights.waits_for_lease(computation.run, false);
        }
        match cx.cache.flights.flight(computation.run) {
            Some(flight) => Step::Compute(flight),
            None => unreachable!("it goes on"),
        }
    }

    /// Makes the session a reader of the function, tells it of a new observation, and goes by the one it has.
    fn meet(&mut self, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some(caller) = &mut cx.caller else { return Ok(()) };
        let (id, session) = (caller.id, caller.session);
        caller.memory.readers.get_or_insert_with(cx.cache.id, || cx.cache.join(id, session));
        if self.source == Source::New {
            self.tell(cx, false)?;
        } else if self.observation.is_none() {
            let (name, given) = ((cx.cache.id, &self.request.scope), self.request.given.as_ref());
            let seen = caller.memory.seen_mut(name, given, &self.comparisons)?;
            self.observation = seen.map(|seen| seen.to_observation());
        }
        Ok(())
    }

    /// Tells the session of a new observation. One that was wanted `anew` takes the place of the one before.
    pub(crate) fn tell(&mut self, cx: &mut Context<'_, H>, anew: bool) -> Decided<H, ()> {
        let Some(caller) = cx.caller.as_mut().filter(|_| self.source == Source::New) else { return Ok(()) };
        let Request { scope, given, wish, .. } = &self.request;
        let (comparisons, terms) = (&self.comparisons, cx.cache.terms);
        let mut new = false;
        if !terms.constant {
            let first = caller.memory.answers(scope, cx.drops).get(given.as_ref(), comparisons)?;
            let anew = anew || wish.manner == Manner::Now;
            let first =
                first.filter(|first| !anew && (terms.ttl.is_none() || first.vouches(cx.now, terms.ttl)));
            new = first.is_none();
            if let Some(first) = first {
                // Another caller in the session was faster. The session goes by one answer.
                let ours = self.observation.replace(first.to_observation());
                cx.drops.extend(ours.map(Leaving::Observation));
            }
        }
        if let Some(ours) = &self.observation {
            let (name, asked) = ((cx.cache.id, scope), (given.as_ref(), ours));
            if anew {
                caller.memory.note_first(name, asked, comparisons, cx.drops)?;
            }
            if new {
                caller.memory.answer(name, asked, terms.answers(), comparisons, cx.drops)?;
            }
        }
        self.go_by(cx)?;
        let session = cx.session();
        let hint = &mut cx.cache.hints[order::lane(session)];
        if hint.session == session {
            // The hit path is to go by the same.
            *hint = SessionHint::default();
        }
        self.end_asking(cx);
        self.source = Source::Told;
        Ok(())
    }

    /// Lets the session judge this function's entries by the plan's observation from now on.
    fn go_by(&self, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some((caller, observation)) = cx.caller.as_mut().zip(self.observation.as_ref()) else {
            return Ok(());
        };
        let (name, asked) = ((cx.cache.id, &self.request.scope), (self.request.given.as_ref(), observation));
        caller.memory.go_by(name, asked, &self.comparisons, cx.drops)
    }

    /// Goes by what another function of the scope has observed in this session, if that is young enough.
    fn adopt(&mut self, cx: &mut Context<'_, H>) -> Decided<H, bool> {
        let Some(current) = self.answered(cx)?.map(CompactObservation::to_observation) else {
            return Ok(false);
        };
        let old = self.observation.replace(current);
        cx.drops.extend(old.map(Leaving::Observation));
        self.go_by(cx)?;
        Ok(true)
    }

    /// That observation.
    pub(crate) fn answered<'a>(
        &self,
        cx: &'a Context<'_, H>,
    ) -> Decided<H, Option<&'a CompactObservation<H::Object>>> {
        let Some(caller) = &cx.caller else { return Ok(None) };
        let Some(answers) = caller.memory.answers_of(&self.request.scope) else { return Ok(None) };
        let answer = answers.peek(self.request.given.as_ref(), &self.comparisons)?;
        Ok(answer.filter(|answer| answer.vouches(cx.now, cx.cache.terms.ttl)))
    }
}
