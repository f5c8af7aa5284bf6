//! A call as a state machine that asks for one thing at a time.
//!
//! Whoever drives it hands it an [`Event`] and carries out the [`Step`] that follows, outside of the critical
//! section. What a step is depends on the phase in which the call is, and while it decides on its verdict.

use crate::engine::call::claim::{Claim, Found};
use crate::engine::call::failure::{Failing, Failure};
use crate::engine::call::policy::{Manner, Refresh, Wish};
use crate::engine::call::protocol::{Event, Made, NextStep, Served, Step};
use crate::engine::call::record::{Acquired, Lease, Recall, Record};
use crate::engine::clock::Nanos;
use crate::engine::flight::flights::{Arrival, RunId};
use crate::engine::function_cache::context::Context;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::Comparisons;
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::answers::Scope;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::Status;
use crate::engine::storage::entry::OwnTtl;
use crate::engine::tables::index::Slot;
use crate::engine::terms::Terms;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::read_log::{Basis, Own, Read, oldest};

/// What a call is for. It stays as it is.
pub(crate) struct Request<H: Host> {
    pub(crate) probe: Probe<H::Key>,
    /// What the version function is given, where its answer depends on that.
    pub(crate) given: Option<Probe<H::Key>>,
    pub(crate) scope: Scope,
    pub(crate) wish: Wish,
    /// When the call began, in the order of events; 0 where that does not matter.
    pub(crate) began: Ticket,
    pub(crate) leader: <H::Flight as Flight>::Leader,
    /// The version to be asked about, in place of a result.
    pub(crate) claim: Option<Claim<H::Object>>,
}

/// Whence the observation comes by which a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the session, or there is none yet.
    Session,
    /// From this call, so its age does not matter. The session does not know it yet.
    New,
    /// From this call; the session knows it.
    Told,
    /// From nobody: none could be told.
    Alone,
}

/// What waits have brought.
pub(crate) struct Waits<H: Host> {
    /// What the call can't wait for, because that would never end.
    circular: Vec<H::Flight>,
    /// It waits for nothing any more, because that took too long.
    pub(crate) impatient: bool,
    /// What the run brought for which it waited.
    pub(crate) arrival: Option<Arrival<H>>,
}

/// What a call is about.
pub(crate) enum Phase<H: Host> {
    /// It comes to a verdict.
    Deciding,
    /// The version function runs, or another's run of it is waited for.
    Asking(Question),
    /// It waits for another's run of the function.
    Waiting,
    /// It computes.
    Computing(Computation<H>),
    /// It looks for what the second tier has, of whatever version.
    Recalling(Recall<H>),
    /// Something failed.
    Failed(Failure),
}

/// A run of the version function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// Drawn before it began.
    pub(crate) since: Ticket,
    /// When that was.
    pub(crate) at: Nanos,
}

impl Question {
    /// One that is asked from now on.
    pub(crate) fn begin(now: Nanos) -> Self {
        Self { since: order::draw(), at: now }
    }
}

/// The old result, for what takes the function's place.
pub struct Previous<O> {
    /// The result.
    pub value: O,
    /// Its version.
    pub version: O,
    /// How long it lives, if it says so itself.
    pub own_ttl: OwnTtl,
}

/// A computation of this call.
pub(crate) struct Computation<H: Host> {
    /// Which it is of those in progress.
    pub(crate) run: RunId,
    /// When it began, or began again.
    pub(crate) born: Nanos,
    /// The old result, for what takes the function's place.
    pub(crate) previous: Option<Previous<H::Object>>,
    /// What was found of the versions that it has read.
    pub(crate) validation: Found<H::Object>,
    /// How often it was tried again because its result lagged.
    pub(crate) retries: u32,
    /// What it knows of the second tier's lease.
    pub(crate) lease: Lease,
    /// Its result was loaded from the second tier.
    pub(crate) is_loaded: bool,
    pub(crate) stage: Stage<H>,
}

/// How far a computation has come.
pub(crate) enum Stage<H: Host> {
    /// What the second tier has is loaded.
    Loading,
    /// It has this, or nothing.
    Loaded(Option<Record<H::Object>>),
    /// The lease is acquired.
    Acquiring,
    /// It was, or not.
    Acquired(Acquired),
    /// The function is to run.
    Ready,
    /// The function runs.
    Running,
    /// It has returned this. Whether the version was asked anew since, because the result lagged.
    Made(Made<H::Object>, bool),
    /// The result lags: time passes.
    Sleeping(Made<H::Object>),
    /// The version is asked anew.
    Asking(Made<H::Object>, Question),
    /// The result is saved to the second tier; the answer.
    Saving(Served<H::Object, H::Flight>),
}

/// One call.
pub struct Plan<H: Host> {
    pub(crate) request: Request<H>,
    pub(crate) comparisons: Comparisons<H::Object>,
    /// The version by which it goes, if it has one.
    pub(crate) observation: Option<Observation<H::Object>>,
    pub(crate) source: Source,
    pub(crate) phase: Phase<H>,
    /// What others in the session wait for while this call asks.
    pub(crate) asking: Option<H::Flight>,
    pub(crate) waits: Waits<H>,
    /// What this call's own run brings to those who wait for it.
    pub(crate) landing: Option<Arrival<H>>,
    /// Where the key's entry lies, if there is one, and how often entries had come or gone when it was looked
    /// for.
    pub(crate) found: Option<(Option<Slot>, u64)>,
    /// By what it goes if it fails, since its version can't be told.
    pub(crate) unknown: Option<H::Object>,
    /// It has looked for what the second tier has of whatever version.
    pub(crate) has_recalled: bool,
    /// What the call did.
    pub(crate) status: Status,
}

impl<H: SessionHost> Plan<H> {
    /// A call with the arguments in `probe`. `constant` is the observation of a version that is never asked.
    #[must_use]
    pub fn new(
        probe: Probe<H::Key>,
        given: Option<Probe<H::Key>>,
        scope: Scope,
        constant: Option<Observation<H::Object>>,
        leader: <H::Flight as Flight>::Leader,
        wish: Wish,
    ) -> Self {
        let began = if wish.manner == Manner::Now { order::draw() } else { 0 };
        Self {
            request: Request { probe, given, scope, wish, began, leader, claim: None },
            comparisons: Comparisons::default(),
            source: if constant.is_some() { Source::New } else { Source::Session },
            observation: constant,
            phase: Phase::Deciding,
            asking: None,
            waits: Waits { circular: Vec::new(), impatient: false, arrival: None },
            landing: None,
            found: None,
            unknown: None,
            has_recalled: false,
            status: Status::default(),
        }
    }

    /// Takes what is known of the key before.
    pub fn know(&mut self, mut comparisons: Comparisons<H::Object>) {
        comparisons.belong_to(&self.request.probe.key);
        self.comparisons = comparisons;
    }

    /// Takes that the version function was asked before there was a plan, outside of any session.
    pub fn begin_asked(&mut self, since: Ticket, at: Nanos) {
        self.phase = Phase::Asking(Question { since, at });
    }

    /// Takes that the version function was asked before there was a plan, for the whole session, which waits
    /// for that run.
    pub fn begin_asked_for_all(&mut self, (since, at): (Ticket, Nanos), flight: H::Flight) {
        self.begin_asked(since, at);
        self.asking = Some(flight);
    }

    /// Makes the call one that asks about a version, in place of a result.
    pub fn about(&mut self, claim: Claim<H::Object>) {
        self.request.wish.manner = Manner::Validating;
        self.request.claim = Some(claim);
    }

    /// Takes what has happened, outside of the critical section: something may be dropped here.
    pub fn take(&mut self, event: Event<H>) {
        match event {
            Event::Ready => {}
            Event::Compared(pair, answer) => self.comparisons.learn(pair, answer),
            Event::Observed(version, reads) => self.observed(version, reads),
            Event::Loaded(record) => match &mut self.phase {
                Phase::Recalling(recall) => recall.record = record,
                _ => self.computing().stage = Stage::Loaded(record),
            },
            Event::Acquired(acquired) => self.computing().stage = Stage::Acquired(acquired),
            Event::Computed(made) => {
                let computation = self.computing();
                computation.validation = computation.validation.of_the_next();
                computation.stage = Stage::Made(made, false);
            }
            Event::Landed(arrival) => {
                self.phase = Phase::Deciding;
                if arrival.is_some() {
                    self.waits.arrival = arrival;
                }
            }
            Event::Circle(flight) => {
                self.phase = Phase::Deciding;
                self.waits.circular.push(flight);
            }
            Event::Late => {
                self.phase = Phase::Deciding;
                self.waits.impatient = true;
            }
            Event::Validated(read, holds, more) => self.validated(read, holds, more),
            Event::Failed { stands } => {
                let (what, run) = match &self.phase {
                    Phase::Asking(question) => (Failing::Version(question.since), 0),
                    Phase::Computing(Computation { run, stage: Stage::Asking(_, question), .. }) => {
                        (Failing::Version(question.since), run.ticket)
                    }
                    Phase::Computing(computation) => (Failing::Function, computation.run.ticket),
                    Phase::Deciding | Phase::Waiting | Phase::Recalling(_) | Phase::Failed(_) => {
                        (Failing::Other, 0)
                    }
                };
                self.phase = Phase::Failed(Failure { stands, what, run });
            }
        }
    }

    /// Decides what is next.
    pub fn next(&mut self, cx: &mut Context<'_, H>) -> NextStep<H> {
        let step = match self.phase {
            Phase::Deciding | Phase::Asking(_) | Phase::Waiting => self.decide(cx),
            Phase::Computing(_) => self.go_on(cx),
            Phase::Recalling(_) => self.recalled(cx),
            Phase::Failed(failure) => self.fall_back(failure, cx),
        };
        if let Ok(Step::Done(_)) = &step {
            cx.log(self.request.probe.hash, self.status);
        }
        step.unwrap_or_else(Step::Compare)
    }

    fn observed(&mut self, version: H::Object, reads: Vec<Read<H::Object>>) {
        let question = match std::mem::replace(&mut self.phase, Phase::Deciding) {
            Phase::Asking(question) => question,
            Phase::Computing(mut computation) => {
                let Stage::Asking(made, question) = computation.stage else {
                    unreachable!("only what was asked is answered")
                };
                computation.stage = Stage::Made(made, true);
                self.phase = Phase::Computing(computation);
                question
            }
            _ => unreachable!("only what was asked is answered"),
        };
        let Question { since, at } = question;
        let ticket = since.min(oldest(&reads));
        let reads = (!reads.is_empty()).then(|| reads.into_boxed_slice());
        self.observation =
            Some(Observation { version, tag: since, since, ticket, until: order::draw(), at, reads });
        self.source = Source::New;
    }

    /// What is to be given to those who waited for this call's result, if somebody did and it is for others.
    pub fn landing(&mut self) -> Option<Arrival<H>> {
        self.landing.take()
    }

    /// The computation, if there is one.
    pub(crate) fn computation(&self) -> Option<&Computation<H>> {
        if let Phase::Computing(computation) = &self.phase { Some(computation) } else { None }
    }

    /// The computation, where there must be one.
    pub(crate) fn computing(&mut self) -> &mut Computation<H> {
        if let Phase::Computing(computation) = &mut self.phase {
            computation
        } else {
            unreachable!("it computes")
        }
    }

    /// What [`Step::Compute`] is to be made from, if something takes the function's place.
    #[must_use]
    pub fn previous(&self) -> Option<&Previous<H::Object>> {
        self.computation()?.previous.as_ref()
    }

    /// What now runs for this call: it notes what it reads that is older.
    #[must_use]
    pub fn own(&self) -> Own {
        let computation = self.computation();
        let question = match &self.phase {
            Phase::Asking(question) => Some(question),
            _ => computation.and_then(Computation::question),
        };
        if let Some(Question { since, .. }) = question {
            return Own { tag: *since, ticket: *since, until: *since };
        }
        let asks_again = computation.is_some_and(|computation| computation.validation.asks_again);
        self.observation.as_ref().map_or_else(Own::default, |observation| observation.own(asks_again))
    }

    /// Whether the function runs now, and not its version function.
    #[must_use]
    pub fn is_computing(&self) -> bool {
        self.computation().is_some_and(|computation| computation.question().is_none())
    }

    /// The basis of something that was found to be of the observed version: it is as new as the observation,
    /// if not newer.
    pub(crate) fn vouched(&self, basis: Basis<H::Object>) -> Basis<H::Object> {
        match self.observation.as_ref().filter(|seen| basis.ticket <= seen.until) {
            Some(seen) => Basis { ticket: seen.ticket, ..basis },
            None => basis,
        }
    }

    /// Whether what vouches for `oldest` may be older than what this call goes by.
    #[must_use]
    pub fn rests_on_older(&self, oldest: Ticket) -> bool {
        self.observation.as_ref().is_some_and(|observation| oldest < observation.until)
    }

    /// The keys that the plan owns, for whoever traces references.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        std::iter::once(&self.request.probe).chain(&self.request.given).map(|probe| &probe.key)
    }

    /// What the function has read, for the same.
    pub fn reads(&self) -> impl Iterator<Item = &Read<H::Object>> {
        let computation = self.computation();
        let made = computation.and_then(Computation::made);
        let culprit = computation.and_then(|computation| computation.validation.culprit());
        made.into_iter().flat_map(|made| &made.reads).chain(culprit)
    }

    /// The version that is to be asked about, for the same.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim<H::Object>> {
        self.request.claim.as_ref()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &H::Key {
        &self.request.probe.key
    }

    /// The version by which the call goes, once it has one.
    #[must_use]
    pub fn version(&self) -> H::Object {
        self.judged_by().version.clone()
    }

    /// The hash of the key.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.request.probe.hash
    }

    /// The newest that is known of the version by which the call goes.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.ticket)
    }

    /// The observation by which the call goes is no newer than this.
    #[must_use]
    pub fn observed_until(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.until)
    }

    /// If a result was made: what it rests on and does not hold, so that it is not stored, if anything.
    #[must_use]
    pub fn made_with(&self) -> Option<Option<&Read<H::Object>>> {
        let culprit = self.computation().and_then(|computation| computation.validation.culprit());
        (culprit.is_some() || self.status.stored).then_some(culprit)
    }

    /// The observation by which the call goes, once it has passed all rows that need none.
    pub(crate) fn judged_by(&self) -> &Observation<H::Object> {
        let Some(observation) = self.observation.as_ref() else {
            unreachable!("past the verdict \"ask\" there is an observation")
        };
        observation
    }

    /// The version for which the function runs, while it does.
    pub fn computes_for(&self) -> Option<H::Object> {
        self.is_computing().then(|| self.judged_by().version.clone())
    }

    /// Whether this call may wait for a run.
    pub(crate) fn may_wait(&self, flight: &H::Flight) -> bool {
        flight.serves(&self.request.leader) && !self.waits.circular.iter().any(|circular| circular.is(flight))
    }

    /// Gives up what others wait for.
    pub fn end(&mut self, cx: &mut Context<'_, H>) {
        if let Some(run) = self.computation().map(|computation| computation.run) {
            cx.cache.flights.end(run, cx.drops);
        }
        self.end_asking(cx);
    }

    /// Gives a call up.
    pub fn abandon(&mut self, cx: &mut Context<'_, H>) {
        cx.cache.stats.errors += u64::from(self.is_a_call());
        self.end(cx);
    }

    /// Whether somebody called the function.
    pub(crate) fn is_a_call(&self) -> bool {
        !matches!(self.request.wish.manner, Manner::Behind | Manner::Validating)
    }

    /// Nobody waits any more for what this call asked.
    pub(crate) fn end_asking(&mut self, cx: &mut Context<'_, H>) {
        if let Some(caller) = &mut cx.caller
            && let Some(flight) = self.asking.take()
        {
            let Request { scope, given, .. } = &self.request;
            caller.memory.asked(scope, given.as_ref(), &flight, cx.drops);
        }
    }

    /// Whether the session renews the result.
    pub(crate) fn refreshes(&self) -> bool {
        self.request.wish.refresh != Refresh::No
    }
}

impl<H: SessionHost> Computation<H> {
    /// Whether what it has made is to be saved.
    pub(crate) fn is_to_be_saved(&self) -> bool {
        self.lease == Lease::Held && !self.is_loaded
    }

    /// How long its result lives, if that says so itself. What is good still says what it said before, unless
    /// each result is asked.
    pub(crate) fn own_ttl(&self, made: &Made<H::Object>, terms: &Terms) -> OwnTtl {
        let before = self.previous.as_ref().filter(|_| made.renewed && !terms.varies);
        made.own_ttl.or_else(|| before?.own_ttl)
    }

    /// The run of the version function that it has to wait for.
    fn question(&self) -> Option<&Question> {
        if let Stage::Asking(_, question) = &self.stage { Some(question) } else { None }
    }

    /// What the function has returned.
    fn made(&self) -> Option<&Made<H::Object>> {
        match &self.stage {
            Stage::Made(made, _) | Stage::Sleeping(made) | Stage::Asking(made, _) => Some(made),
            _ => None,
        }
    }
}
