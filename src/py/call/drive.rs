//! The driver of a call, a loop around the engine's state machine: does what the engine asks for, outside of
//! the critical section.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::admission::told;
use super::attempt::Attempt;
use super::background_refresh::BackgroundRefresh;
use super::computation::{self, ComputationStart, Ended, Entered};
use super::lease::HeldLease;
use super::question::Question;
use super::read_set::ServedCall;
use super::settle::{PATIENCE, restless};
use super::{switched_off, unknown_version};
use crate::engine::order::{NEVER, Ticket};
use crate::engine::{
    Basis, Claim, Comparisons, Event, Flight as _, Manner, PlainMiss, Plan, Probe, Read, Saved, Setting,
    Status, Step, Wish, clock, oldest,
};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::arguments::parameters::Room;
use crate::py::flight::leader::Leader;
use crate::py::flight::wait::{Flight, Lead, Waited};
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::interpreter::fallible::{Seconds, named};
use crate::py::interpreter::recursion::Nested;
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;
use crate::py::session::core::{ActiveSession, SessionCore};

fn sleep(py: Python<'_>, span: Duration) -> PyResult<Bound<'_, PyAny>> {
    py.import(named!(py, "time")?)?.call_method1(named!(py, "sleep")?, (Seconds(span.as_secs_f64()),))
}

/// What is to be done next for a call, outside of the plan. What came of it is taken by the method that is
/// named.
pub(crate) enum Next<'py> {
    /// Run the version function: [`Drive::asked`].
    Ask,
    /// Wait for another's run: [`Drive::waited`].
    Wait(Flight),
    /// Run the function: [`Drive::computed`].
    Compute,
    /// Load what the second tier has: [`Drive::was_loaded`].
    Load,
    /// Acquire its lease: [`Drive::has_acquired`].
    Acquire,
    /// Save a result to it: [`Drive::was_saved`].
    Save,
    /// Ask about what was read: [`Drive::validated`].
    Validate,
    /// Let so much time pass.
    Sleep(Duration),
    /// Nothing: this is the answer, by what it is served to what builds on it, and a refresh that is to run
    /// behind.
    Done(Bound<'py, PyAny>, Basis<Object>, Option<Lead>),
    /// Nothing: so it is with the version that was to be asked about.
    Holds(bool),
    /// Run the function and return what it does: nothing can be told about the cache.
    Uncached,
}

/// The key of a call, what its version function is given as a key, and what `version_args` made.
type KeyParts = (Probe<Key>, Option<Probe<Key>>, Option<Py<PyTuple>>);

/// A call under way.
pub(crate) struct Drive {
    plan: Plan<Host>,
    session: Option<ActiveSession>,
    /// What `version_args` made of the arguments.
    pub(crate) part: Option<Py<PyTuple>>,
    /// The run of the version function or of the function that this call leads, if others may wait for it.
    lead: Option<Lead>,
    /// How often the plan was asked what is next.
    turns: usize,
    /// Until when to wait for others.
    deadline: Option<Instant>,
    /// What failed, until it is clear whether an old value stands in for it.
    error: Option<Py<PyBaseException>>,
    /// The old result, as `revalidate` is shown it.
    previous: Option<Py<PyAny>>,
    /// What the step is to ask about.
    pub(crate) asked_about: Option<Read<Object>>,
    /// The session in which that is done.
    validation: Option<Arc<SessionCore>>,
    /// The canonical bytes of the key, once the second tier was asked.
    pub(super) stable_key: Option<Py<PyAny>>,
    /// The lease that the call holds there.
    pub(super) lease: Option<HeldLease>,
    /// What is to be saved there.
    pub(super) saved: Option<Saved<Object>>,
}

impl Drive {
    pub(crate) fn begin(
        slf: &Bound<'_, Cached>,
        arguments: Arguments<'_>,
        leader: Leader,
        wish: Wish,
        tried: Attempt,
    ) -> PyResult<Box<Self>> {
        // What runs behind belongs to no session.
        let is_in_one = wish.manner != Manner::Behind;
        let session = || if is_in_one { slf.get().session(slf.py()) } else { Ok(None) };
        Self::begin_in(session, slf, arguments, leader, wish, tried)
    }

    /// The same in a session that is found so.
    pub(crate) fn begin_in(
        find_session: impl FnOnce() -> PyResult<Option<ActiveSession>>,
        slf: &Bound<'_, Cached>,
        arguments: Arguments<'_>,
        leader: Leader,
        wish: Wish,
        tried: Attempt,
    ) -> PyResult<Box<Self>> {
        let (py, cached) = (slf.py(), slf.get());
        let probe = cached.probe(py, arguments, tried.hash())?;
        let (part, given) = cached.given(py, arguments, &probe)?;
        let session = find_session()?;
        let key = (probe, given, part.map(Bound::unbind));
        Self::begin_with(key, session, slf, arguments, (leader, wish), tried.comparisons)
    }

    /// The same with the key, and what the version function is given.
    pub(crate) fn begin_with(
        (probe, given, part): KeyParts,
        session: Option<ActiveSession>,
        slf: &Bound<'_, Cached>,
        arguments: Arguments<'_>,
        (leader, wish): (Leader, Wish),
        comparisons: Option<Box<Comparisons<Object>>>,
    ) -> PyResult<Box<Self>> {
        let (py, cached) = (slf.py(), slf.get());
        let wish = match session.as_ref().and_then(|session| session.core.policy.as_ref()) {
            Some(policy) if wish.manner == Manner::Called => {
                let mut room = Room::new();
                let arguments = cached.placed(py, arguments, &mut room)?;
                Wish { setting: wish.setting, ..policy.wish(slf, arguments)? }
            }
            _ => wish,
        };
        let constant = match &cached.version {
            Version::Constant(observation) => Some(observation.clone()),
            Version::Asked(_) => None,
        };
        let hasty = cached.wait == Some(Duration::ZERO);
        let (nested, leased) = (computation::is_nested(py), computation::holds_lease(py));
        let setting = Setting { nested, hasty, leased, ..wish.setting };
        let wish = Wish { setting, ..wish };
        let plan = Plan::new(probe, given, cached.scope.clone(), constant, leader, wish);
        let mut drive = Self::of(plan, session, part, None);
        if let Some(comparisons) = comparisons {
            drive.plan.know(*comparisons);
        }
        Ok(drive)
    }

    /// A call in the midst of a computation that was begun without a plan.
    pub(crate) fn in_midst(
        cached: &Cached,
        miss: PlainMiss<Host>,
        leader: Leader,
        session: Option<ActiveSession>,
        lead: Lead,
    ) -> Box<Self> {
        Self::of(miss.plan(cached.scope.clone(), leader), session, None, Some(lead))
    }

    fn of(
        plan: Plan<Host>,
        session: Option<ActiveSession>,
        part: Option<Py<PyTuple>>,
        lead: Option<Lead>,
    ) -> Box<Self> {
        Box::new(Self {
            plan,
            session,
            part,
            lead,
            turns: 0,
            deadline: None,
            error: None,
            previous: None,
            asked_about: None,
            validation: None,
            stable_key: None,
            lease: None,
            saved: None,
        })
    }

    /// Takes how the version function ended that was run before there was a plan, outside of any session.
    pub(crate) fn was_asked(&mut self, cached: &Cached, py: Python<'_>, question: Question) -> PyResult<()> {
        let Question { since, at, ended } = question;
        self.plan.begin_asked(since, at.unwrap_or_else(clock::earliest));
        self.asked(cached, py, ended?.bind(py))
    }

    /// The same of one that was run for the whole session, which this call leads.
    pub(crate) fn was_asked_for_all<'py>(
        &mut self,
        cached: &Cached,
        py: Python<'py>,
        question: (Ticket, clock::Nanos),
        lead: Lead,
        ended: Ended<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        self.plan.begin_asked_for_all(question, lead.0.clone());
        self.lead = Some(lead);
        self.asked(cached, py, ended)
    }

    /// A call that asks whether a version holds which a call with these arguments was answered by.
    pub(crate) fn about(
        slf: &Bound<'_, Cached>,
        arguments: Arguments<'_>,
        leader: Leader,
        claim: Claim<Object>,
    ) -> PyResult<Box<Self>> {
        let mut drive = Self::begin(slf, arguments, leader, Wish::of(Manner::Validating), Attempt::NOTHING)?;
        drive.plan.about(claim);
        Ok(drive)
    }

    /// Lets the plan decide what is next.
    pub(crate) fn next<'py>(&mut self, cached: &Cached, py: Python<'py>) -> PyResult<Next<'py>> {
        while self.turns < PATIENCE {
            self.turns += 1;
            let step = cached.enter(py, self.session.as_ref(), |cx| self.plan.next(cx));
            // What this call asked is known to its session now, so whoever waited for that may look.
            match step {
                Step::Compare(mut unsure) => {
                    let answer = cached
                        .compared(py, &mut unsure)
                        .inspect_err(|error| self.failed(cached, py, error, NEVER))?;
                    self.plan.take(Event::Compared(unsure, answer));
                }
                Step::Ask(flight) => {
                    // One that asks again while it computes goes on to lead that.
                    self.lead = flight.map(Lead).or_else(|| self.lead.take());
                    return Ok(Next::Ask);
                }
                Step::Wait(flight) => {
                    self.lead = None;
                    return Ok(Next::Wait(flight));
                }
                Step::Compute(flight) => {
                    self.leads(flight);
                    let shown = self.plan.previous().map(|old| {
                        told(old.value.bind(py), old.version.bind(py), old.own_ttl).map(Bound::unbind)
                    });
                    self.previous = shown.transpose()?;
                    return Ok(Next::Compute);
                }
                Step::Load(flight) => {
                    if let Some(flight) = flight {
                        self.leads(flight);
                    }
                    return Ok(Next::Load);
                }
                Step::Acquire => return Ok(Next::Acquire),
                Step::Save(saved) => {
                    self.saved = Some(saved);
                    return Ok(Next::Save);
                }
                Step::Validate(read) => {
                    self.asked_about = Some(read);
                    self.prepare_validation(py);
                    return Ok(Next::Validate);
                }
                Step::Holds(holds) => {
                    self.lead = None;
                    return Ok(Next::Holds(holds));
                }
                Step::Sleep(nanos) => return Ok(Next::Sleep(Duration::from_nanos(clock::pass(nanos)))),
                Step::Done(served) => {
                    if let Some(lead) = self.lead.take() {
                        lead.land(self.plan.landing());
                    }
                    self.lease = None;
                    self.error = None;
                    if let Some(culprit) = self.plan.made_with() {
                        cached.function.note_result(py, self.plan.hash(), culprit);
                    }
                    let behind = served.behind.map(Lead);
                    return Ok(Next::Done(served.value.0.into_bound(py), served.basis, behind));
                }
                Step::Absent => return Err(cached.not_stored(py)),
                Step::Raise => {
                    let error = self.error.take().map(|error| error.into_bound(py).into_any());
                    return Err(error.map_or_else(|| cached.not_stored(py), PyErr::from_value));
                }
            }
        }
        self.abandon(cached, py);
        Ok(if self.plan.claim().is_some() { Next::Holds(false) } else { Next::Uncached })
    }

    /// Leads a run from now on, if not already.
    fn leads(&mut self, flight: Flight) {
        if self.lead.as_ref().is_none_or(|lead| !lead.0.is(&flight)) {
            self.lead = Some(Lead(flight));
        }
    }

    /// What the call would do, and the hash of its key.
    pub(crate) fn explain(&mut self, cached: &Cached, py: Python<'_>) -> PyResult<(Status, u64)> {
        for _ in 0..PATIENCE {
            let explained = cached.enter(py, self.session.as_ref(), |cx| self.plan.explain(cx));
            match explained {
                Ok(status) => return Ok((status, self.plan.hash())),
                Err(mut unsure) => {
                    let answer = cached.compared(py, &mut unsure)?;
                    self.plan.take(Event::Compared(unsure, answer));
                }
            }
        }
        Err(restless(py))
    }

    /// Runs the version function, a plain one.
    pub(crate) fn ask(&mut self, cached: &Cached, py: Python<'_>, arguments: Arguments<'_>) -> PyResult<()> {
        let part = self.part.as_ref().map(|part| part.bind(py).clone());
        let ended = computation::within(py, self.entrance(), || cached.ask(py, arguments, part.as_ref()))?;
        self.asked(cached, py, ended)
    }

    /// As what the running code is entered that the step asks for.
    pub(crate) fn entrance(&self) -> ComputationStart<'_> {
        ComputationStart {
            flight: self.flight(),
            own: self.plan.own(),
            session: self.session.as_ref(),
            validation: self.validation.clone().filter(|_| self.asked_about.is_some()),
            computes: if self.asked_about.is_none() { self.plan.computes_for() } else { None },
            leased: self.lease.is_some(),
        }
    }

    /// Sees to it that nobody goes by what was answered in the session for validations.
    pub(crate) fn forget_validation(&mut self, py: Python<'_>) {
        self.validation = None;
        if let Some(session) = &self.session {
            session.core.forget_validation(py);
        }
    }

    /// Finds a session for validations that began after the observation by which the call goes.
    fn prepare_validation(&mut self, py: Python<'_>) {
        let since = self.since();
        if self.validation.as_ref().is_none_or(|session| session.began <= since) {
            self.validation = Some(match &self.session {
                Some(session) => session.core.validation(py, since),
                None => SessionCore::begin(None),
            });
        }
    }

    /// The observation by which the call goes is no newer than this.
    pub(crate) fn since(&self) -> Ticket {
        self.plan.observed_until()
    }

    /// Takes whether what was read still holds; `more` was read meanwhile.
    pub(crate) fn has_validated(&mut self, read: Read<Object>, holds: bool, more: Vec<Read<Object>>) {
        self.plan.take(Event::Validated(read, holds, more));
    }

    /// Takes what has come of a step.
    pub(super) fn take(&mut self, event: Event<Host>) {
        self.plan.take(event);
    }

    /// The call's key.
    pub(super) fn key(&self) -> &Key {
        self.plan.key()
    }

    /// The version by which the call goes.
    pub(super) fn version(&self) -> Object {
        self.plan.version()
    }

    /// The session, if there is one.
    pub(crate) fn active(&self) -> Option<&ActiveSession> {
        self.session.as_ref()
    }

    /// Its number; 0 for none.
    pub(crate) fn session_id(&self) -> Ticket {
        self.session.as_ref().map_or(0, |session| session.id)
    }

    /// Runs the function, a plain one.
    #[inline(never)]
    fn compute(&mut self, cached: &Cached, py: Python<'_>, arguments: Arguments<'_>) -> PyResult<()> {
        let entered = self.enter(py)?;
        let result = cached.run(py, arguments, self.previous(py).as_ref());
        self.left((cached, py), arguments, entered, result)
    }

    #[inline(never)]
    fn enter(&self, py: Python<'_>) -> PyResult<Entered> {
        Entered::new(py, self.entrance())
    }

    #[inline(never)]
    fn left<'py>(
        &mut self,
        (cached, py): (&Cached, Python<'py>),
        arguments: Arguments<'_>,
        entered: Entered,
        result: PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let ended = entered.leave(py, result);
        self.computed((cached, py), arguments, ended)
    }

    /// Does what is next beside running the functions. What the call returns, if that is known.
    #[inline(never)]
    fn carry_out<'py>(
        &mut self,
        slf: &Bound<'py, Cached>,
        arguments: Arguments<'_>,
        next: Next<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, cached) = (slf.py(), slf.get());
        match next {
            Next::Ask | Next::Compute => unreachable!("these have their own frame"),
            Next::Wait(flight) => {
                let deadline = self.deadline(cached.wait);
                self.waited(cached, py, flight.wait(py, deadline))?;
            }
            Next::Sleep(span) => {
                let slept = sleep(py, span);
                slept.inspect_err(|_| self.abandon(cached, py))?;
            }
            Next::Validate => self.validate(cached, py)?,
            Next::Load => {
                let found = self.load(cached, py);
                let loaded = found.and_then(|found| self.was_loaded(cached, &found, arguments));
                loaded.inspect_err(|error| self.failed(cached, py, error, NEVER))?;
            }
            Next::Acquire => {
                let answer = self.acquire(cached, py);
                let answer = answer.inspect_err(|error| self.failed(cached, py, error, NEVER))?;
                self.has_acquired(cached, &answer);
            }
            Next::Save => {
                self.save(cached, py)?;
                self.was_saved();
            }
            Next::Holds(holds) => return Ok(Some(PyBool::new(py, holds).to_owned().into_any())),
            Next::Done(value, basis, behind) => {
                if computation::is_going_on() {
                    let (session, active) = (self.session_id(), self.session.as_ref());
                    ServedCall { function: slf.as_borrowed(), arguments, session, active }.note(py, &basis);
                }
                if let Some(lead) = behind {
                    let (args, names) = arguments.to_keep(py)?;
                    BackgroundRefresh::begin(slf, args, names, lead)?;
                }
                return Ok(Some(value));
            }
            Next::Uncached => return cached.run_uncached(py, arguments).map(Some),
        }
        Ok(None)
    }

    /// Takes how the version function ended.
    pub(crate) fn asked<'py>(
        &mut self,
        cached: &Cached,
        py: Python<'py>,
        ended: Ended<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let version = match ended.result {
            Ok(version) => version,
            Err(error) if self.plan.asks_again() && unknown_version::is_told(py, &error) => {
                self.plan.ask_no_more();
                return Ok(());
            }
            Err(error) => return self.source_failed(cached, py, error, NEVER),
        };
        // A validation is counted by the function whose computation needs it.
        let counted = u64::from(self.plan.claim().is_none());
        cached.function.cache.with(py, |cache| cache.stats.version_calls += counted);
        self.plan.take(Event::Observed(version.into(), ended.reads));
        Ok(())
    }

    /// Takes how the function ended that was called with these arguments.
    pub(crate) fn computed<'py>(
        &mut self,
        (cached, py): (&Cached, Python<'py>),
        arguments: Arguments<'_>,
        ended: Ended<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let Ended { result, reads } = ended;
        let value = match result {
            Ok(value) => value,
            Err(error) => return self.source_failed(cached, py, error, oldest(&reads)),
        };
        let previous = self.previous(py);
        let mut made = cached.made(value, previous.as_ref(), arguments).inspect_err(|error| {
            computation::hand_on(py, self.session_id(), &reads);
            self.failed(cached, py, error, oldest(&reads));
        })?;
        made.reads = reads;
        self.plan.take(Event::Computed(made));
        Ok(())
    }

    /// Takes the failure of the version function, of the function or of another's flight. An old value may
    /// stand in for it, which the next step tells.
    pub(crate) fn source_failed(
        &mut self,
        cached: &Cached,
        py: Python<'_>,
        error: PyErr,
        oldest: Ticket,
    ) -> PyResult<()> {
        let terms = cached.function.cache.with(py, |cache| cache.terms);
        let unknown = self.plan.may_go_alone() && unknown_version::is_told(py, &error);
        if !terms.has_stale() && !unknown {
            self.failed(cached, py, &error, oldest);
            return Err(error);
        }
        self.end(cached, py);
        self.tell(py, &error, oldest);
        let stands = cached.freshness.counts(py, &error);
        if unknown {
            self.plan.without_version(unknown_version::instead(py)?);
        }
        self.error = Some(error.into_value(py));
        self.plan.take(Event::Failed { stands });
        Ok(())
    }

    /// Takes how a wait ended.
    pub(crate) fn waited(
        &mut self,
        cached: &Cached,
        py: Python<'_>,
        ended: PyResult<Waited>,
    ) -> PyResult<()> {
        self.plan.take(match ended {
            Ok(Waited::Over(arrival)) => Event::Landed(arrival),
            Ok(Waited::Circle(flight)) => Event::Circle(flight),
            Ok(Waited::Late) => Event::Late,
            Err(error) => return self.source_failed(cached, py, error, NEVER),
        });
        Ok(())
    }

    /// Gives the call up. Those who wait get the exception too, unless it rests on something older than what
    /// they go by.
    pub(crate) fn failed(&mut self, cached: &Cached, py: Python<'_>, error: &PyErr, oldest: Ticket) {
        self.abandon(cached, py);
        self.tell(py, error, oldest);
    }

    /// Tells those who wait.
    fn tell(&mut self, py: Python<'_>, error: &PyErr, oldest: Ticket) {
        if let Some(lead) = self.lead.take() {
            if self.plan.rests_on_older(oldest) { lead.land(None) } else { lead.fail(py, error) }
        }
    }

    /// Gives up what others wait for, without a word.
    pub(crate) fn end(&mut self, cached: &Cached, py: Python<'_>) {
        cached.enter(py, self.session.as_ref(), |cx| self.plan.end(cx));
    }

    pub(crate) fn abandon(&mut self, cached: &Cached, py: Python<'_>) {
        cached.enter(py, self.session.as_ref(), |cx| self.plan.abandon(cx));
    }

    /// Until when to wait for others, counted from the first wait.
    pub(crate) fn deadline(&mut self, wait: Option<Duration>) -> Option<Instant> {
        let wait = wait?;
        Some(*self.deadline.get_or_insert_with(|| Instant::now() + wait))
    }

    /// Shows the garbage collector what the plan holds of the arguments.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.plan.keys().try_for_each(|key| visit.call(&*key.object()))?;
        self.lead.as_ref().map_or(Ok(()), |lead| lead.traverse(visit))?;
        visit.call(&self.part)?;
        self.lease.as_ref().map_or(Ok(()), |lease| lease.traverse(visit))?;
        let saved = self.saved.iter().flat_map(|saved| [&saved.value, &saved.version]);
        saved.into_iter().try_for_each(|object| visit.call(&object.0))?;
        visit.call(&self.previous)?;
        visit.call(&self.error)?;
        self.plan.reads().chain(&self.asked_about).try_for_each(|read| visit.call(&read.call.0))?;
        self.plan.claim().map_or(Ok(()), |claim| visit.call(&claim.version.0))
    }

    /// The old result, for what takes the function's place, if that is to run.
    pub(crate) fn previous<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.previous.as_ref().map(|previous| previous.bind(py).clone())
    }

    /// The run that this call leads.
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.lead.as_ref().map(|lead| &lead.0)
    }
}

impl Cached {
    /// The whole call of a plain function, when the hit path did not answer it.
    pub(crate) fn call<'py>(
        slf: &Bound<'py, Self>,
        arguments: Arguments<'_>,
        wish: Wish,
        tried: Attempt,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let _nested = Nested::enter(py)?;
        if switched_off::is_off(py) {
            return slf.get().run_uncached(py, arguments);
        }
        // What is large lies elsewhere, since a function that calls itself has all of this on the stack at
        // each level.
        let mut drive = Drive::begin(slf, arguments, computation::leader(py), wish, tried)?;
        Self::drive(slf, arguments, &mut drive)
    }

    /// Drives a call to its end. Within whoever begins it, as a frame less on the stack.
    #[expect(clippy::inline_always, reason = "each level of recursion has it on the stack")]
    #[inline(always)]
    pub(crate) fn drive<'py>(
        slf: &Bound<'py, Self>,
        arguments: Arguments<'_>,
        drive: &mut Drive,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, cached) = (slf.py(), slf.get());
        loop {
            match drive.next(cached, py)? {
                // These may call this function again, and have little on the stack meanwhile.
                Next::Ask => drive.ask(cached, py, arguments)?,
                Next::Compute => drive.compute(cached, py, arguments)?,
                next => {
                    if let Some(answer) = drive.carry_out(slf, arguments, next)? {
                        return Ok(answer);
                    }
                }
            }
        }
    }
}
