//! The computations that the running code is part of: a stack of frames in a context variable, each with the
//! read set of its computation.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::exceptions::PyLookupError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::{PyTraverseError, PyVisit};

use crate::engine::order::Ticket;
use crate::engine::{Noted, Own, Read};
use crate::py::flight::enclosing_runs::EnclosingRuns;
use crate::py::flight::leader::Leader;
use crate::py::flight::wait::Flight;
use crate::py::interpreter::critical_section::{Guarded, attach};
use crate::py::interpreter::{context_variable, fallible};
use crate::py::objects::native;
use crate::py::objects::object::Object;
use crate::py::session::core::{ActiveSession, Log, SessionCore};
use crate::py::session::{read_log, traverse};

/// How many computations are in progress in the process. While there is none, nobody looks for one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
/// The innermost [`Frame`] of a context.
static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// One to be used again.
static SPARE: Guarded<Option<Py<Frame>>> = Guarded::new(None);

/// What a frame is about.
#[derive(Default)]
struct FrameState {
    /// The runs that it is part of, its own first if others may wait for that.
    nest: Option<EnclosingRuns>,
    /// The session in which it runs, with its number then.
    session: Option<ActiveSession>,
    /// In place of every other session, where a version is asked about for a computation that has ended.
    validation: Option<Arc<SessionCore>>,
    /// The observation under which it runs.
    own: Own,
    /// The version of that, where the function runs.
    version: Option<Object>,
    /// Whether it, or one around it, holds a lease of a store.
    leased: bool,
    /// Where it begins in its session's log.
    start: u64,
    /// The same of the sessions for which versions are asked about, where that is why a function runs: other
    /// threads go on in those. What a version function reads there is taken by the computation that asks,
    /// from its own session.
    beside: Vec<(ActiveSession, Option<u64>)>,
}

impl FrameState {
    /// What a computation within it takes over: the session in place of every other, and those for which that
    /// is asked.
    fn inherited(&mut self) -> (Option<Arc<SessionCore>>, Vec<ActiveSession>) {
        let Some(validation) = &self.validation else { return (None, Vec::new()) };
        let own = self.session.iter().filter(|session| !Arc::ptr_eq(&session.core, validation));
        let beside = self.beside.iter().map(|(session, _)| session);
        (Some(validation.clone()), beside.chain(own).cloned().collect())
    }
}

/// One computation. It stays in its context when it is over, since to take it out again would cost as much as
/// to put it in: whoever looks goes on to the nearest one around it that is not over.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Frame {
    /// Given up at the end, as the frame is not.
    state: Guarded<FrameState>,
    /// What its code has read in other sessions than its own.
    reads: Log,
    /// Whether it has ended.
    over: AtomicBool,
    /// The thread that put it into its context.
    home: AtomicUsize,
    /// The computation around this one. Those that are over are left out by and by, so that a chain is no
    /// longer than what runs.
    around: Guarded<Option<Py<Self>>>,
}

#[pymethods]
impl Frame {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.reads.trace(|log| traverse::visit_log(log.as_deref(), &visit))?;
        self.state.trace(|state| state.version.as_ref().map_or(Ok(()), |version| visit.call(&version.0)))?;
        self.around.trace(|around| visit.call(around))
    }
}

impl Frame {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn around<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Self>> {
        self.around.with(py, |around| around.as_ref().map(|around| around.bind(py).clone()))
    }

    /// The one that began last in this context.
    fn last<'py>(variable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Self>>> {
        Ok(context_variable::get(variable)?.and_then(|frame| frame.cast_into().ok()))
    }

    /// The nearest that is not over: this one, or one around it.
    fn running<'py>(last: &Bound<'py, Self>) -> Option<Bound<'py, Self>> {
        let py = last.py();
        if !last.get().is_over() {
            return Some(last.clone());
        }
        let mut running = last.get().around(py);
        let mut skips = false;
        while let Some(ended) = running.take_if(|frame| frame.get().is_over()) {
            running = ended.get().around(py);
            skips = true;
        }
        if skips {
            let nearest = running.clone().map(Bound::unbind);
            drop(last.get().around.with(py, |around| std::mem::replace(around, nearest)));
        }
        running
    }

    /// The innermost that the running code is part of.
    pub(crate) fn innermost(py: Python<'_>) -> Option<Bound<'_, Self>> {
        let last = Self::last(CURRENT.get(py)?.bind(py)).ok()??;
        Self::running(&last)
    }

    /// The session in which it runs, with its number then.
    pub(crate) fn session(&self, py: Python<'_>) -> Option<(Arc<SessionCore>, Ticket)> {
        self.state
            .with(py, |state| state.session.as_ref().map(|ActiveSession { core, id }| (core.clone(), *id)))
    }

    /// When its question was put, if it is a version function that runs.
    pub(crate) fn question(&self, py: Python<'_>) -> Option<Ticket> {
        self.state.with(py, |state| state.version.is_none().then_some(state.own.tag))
    }

    /// Runs `act` on the log of its own, which is begun if there is none.
    pub(crate) fn with_own_log(&self, py: Python<'_>, act: impl FnOnce(&Log)) {
        let own = self.state.with(py, |state| state.own);
        self.reads.with(py, |log| {
            if log.is_none() {
                log.get_or_insert_default().begin(own);
            }
        });
        act(&self.reads);
    }

    /// What it has read until now.
    fn read_until_now(&self, py: Python<'_>) -> Vec<Read<Object>> {
        let (own, start) = self.state.with(py, |state| (state.own, state.start));
        let mut reads =
            self.reads.with(py, |log| log.as_ref().map_or_else(Vec::new, |log| log.since(0, own)));
        if let Some((core, _)) = self.session(py) {
            reads.extend(
                core.reads.with(py, |log| log.as_ref().map_or_else(Vec::new, |log| log.since(start, own))),
            );
        }
        reads
    }

    /// One that begins, of a frame that is used again if there is one.
    fn new<'py>(
        py: Python<'py>,
        state: FrameState,
        around: Option<Bound<'py, Self>>,
    ) -> PyResult<Bound<'py, Self>> {
        let around = around.map(Bound::unbind);
        // Without a GIL none is kept, and its place would only be one to stand in line at.
        let spare = if cfg!(Py_GIL_DISABLED) { None } else { SPARE.with(py, Option::take) };
        let Some(spare) = spare else {
            let frame = Self {
                state: Guarded::new(state),
                reads: Guarded::new(None),
                over: AtomicBool::new(false),
                home: AtomicUsize::new(this_thread()),
                around: Guarded::new(around),
            };
            return Bound::new(py, frame);
        };
        let frame = spare.get();
        frame.over.store(false, Ordering::Relaxed);
        frame.home.store(this_thread(), Ordering::Relaxed);
        // It was emptied before.
        let emptied = (
            frame.state.with(py, |place| std::mem::replace(place, state)),
            frame.around.with(py, |place| std::mem::replace(place, around)),
        );
        drop(emptied);
        Ok(spare.into_bound(py))
    }

    /// One to begin again where it lies: it is over, nothing around it runs, and this thread has put it
    /// there.
    fn to_begin_again(py: Python<'_>) -> Option<Bound<'_, Self>> {
        // Without a GIL another thread might begin it at the same moment.
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let last = Self::last(CURRENT.get(py)?.bind(py)).ok()??;
        let is_own = last.get().home.load(Ordering::Relaxed) == this_thread();
        (is_own && last.get().is_over() && Self::running(&last).is_none()).then_some(last)
    }

    /// Keeps a frame for the next computation, if it is over and no context has it any more: to make one and
    /// to drop one costs as much as the rest.
    fn keep(last: Bound<'_, Self>) {
        if !last.get().is_over() || !native::is_unshared(&last) {
            return;
        }
        let py = last.py();
        drop(last.get().around.with(py, Option::take));
        drop(SPARE.with(py, |spare| spare.replace(last.unbind())));
    }
}

/// A number that no other living thread has.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// The context variable that holds the innermost computation.
fn current(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let variable = CURRENT
        .get_or_try_init(py, || context_variable::new_variable(py, c"versioned_lru_cache computation"))?;
    Ok(variable.bind(py))
}

/// Whether any computation is in progress.
#[inline]
pub(crate) fn is_going_on() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// Lets all calls take the way of those that are recorded, as if a computation were in progress.
pub(super) fn take_the_way_of_recorded_calls() {
    ACTIVE.fetch_add(1, Ordering::Relaxed);
}

/// Takes that back.
pub(super) fn leave_the_way_of_recorded_calls() {
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
}

/// The session that takes the place of every other, where the running code is asked about a version.
pub(crate) fn validation(py: Python<'_>) -> Option<Arc<SessionCore>> {
    if !is_going_on() {
        return None;
    }
    Frame::innermost(py)?.get().state.with(py, |state| state.validation.clone())
}

/// Whether the running code is part of a computation.
pub(crate) fn is_nested(py: Python<'_>) -> bool {
    is_going_on() && Frame::innermost(py).is_some()
}

/// Of what the running code is part: the observation under which the innermost computation runs, and what
/// that has read until now.
pub(crate) struct EnclosingComputation {
    pub(crate) own: Option<Own>,
    pub(crate) reads: Vec<Read<Object>>,
    pub(crate) session: Option<ActiveSession>,
}

impl EnclosingComputation {
    pub(crate) fn here(py: Python<'_>) -> Self {
        let frame = if is_going_on() { Frame::innermost(py) } else { None };
        let Some(frame) = frame else {
            return Self { own: None, reads: Vec::new(), session: None };
        };
        let (own, session) = frame.get().state.with(py, |state| (state.own, state.session.clone()));
        Self { own: Some(own), reads: frame.get().read_until_now(py), session }
    }
}

/// How a computation ended.
pub(crate) struct Ended<R> {
    pub(crate) result: PyResult<R>,
    /// What was read on the way that is older than the observation under which it ran.
    pub(crate) reads: Vec<Read<Object>>,
}

impl Ended<Bound<'_, PyAny>> {
    /// The same, to be kept.
    pub(crate) fn unbind(self) -> Ended<Py<PyAny>> {
        Ended { result: self.result.map(Bound::unbind), reads: self.reads }
    }
}

impl Ended<Py<PyAny>> {
    /// The same, to be gone on with.
    pub(crate) fn bind(self, py: Python<'_>) -> Ended<Bound<'_, PyAny>> {
        Ended { result: self.result.map(|result| result.into_bound(py)), reads: self.reads }
    }
}

/// A computation that was entered.
pub(crate) struct Entered(Py<Frame>);

/// As what a computation is entered.
pub(crate) struct ComputationStart<'a> {
    /// The run that others may wait for, if they may.
    pub(crate) flight: Option<&'a Flight>,
    /// The observation under which it runs.
    pub(crate) own: Own,
    /// The session in which it runs.
    pub(crate) session: Option<&'a ActiveSession>,
    /// The session by which all goes on within, where a version is asked about.
    pub(crate) validation: Option<Arc<SessionCore>>,
    /// The version for which the function runs, and not only its version function.
    pub(crate) computes: Option<Object>,
    /// Whether it holds a lease of a store.
    pub(crate) leased: bool,
}

impl Entered {
    /// Begins a computation in this context.
    pub(crate) fn new(py: Python<'_>, entrance: ComputationStart<'_>) -> PyResult<Self> {
        let variable = current(py)?;
        let last = Frame::last(variable)?;
        let around = last.as_ref().and_then(Frame::running);
        let ComputationStart { flight, own, session, validation, computes: version, leased } = entrance;
        let computes = version.is_some();
        let inherited = around.as_ref().map(|around| {
            around.get().state.with(py, |state| (state.nest.clone(), state.leased, state.inherited()))
        });
        let (outer, leased_outside, (inherited, beside)) = inherited.unwrap_or_default();
        let nest = match flight {
            Some(flight) => Some(EnclosingRuns::new(flight, outer)),
            None => outer,
        };
        let state = FrameState {
            nest,
            session: session.cloned(),
            validation: validation.or(inherited),
            own,
            version,
            leased: leased || leased_outside,
            start: 0,
            beside: Vec::new(),
        };
        let frame = Frame::new(py, state, around)?;
        context_variable::set(variable, frame.as_any())?;
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        if let Some(session) = session {
            let start = read_log::begin(py, session, own);
            frame.get().state.with(py, |state| state.start = start);
        }
        for session in beside {
            let start = computes.then(|| read_log::begin(py, &session, own));
            frame.get().state.with(py, |state| state.beside.push((session, start)));
        }
        last.into_iter().for_each(Frame::keep);
        Ok(Self(frame.unbind()))
    }

    /// Ends it, with what it has read, and the number of its session.
    fn end(&self, py: Python<'_>) -> (Vec<Read<Object>>, Ticket) {
        let frame = self.0.get();
        frame.over.store(true, Ordering::Relaxed);
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
        let FrameState { nest, session, validation, own, version, leased: _, start, beside } =
            frame.state.with(py, std::mem::take);
        let mut reads = Vec::new();
        let mut id = 0;
        if let Some(session) = session {
            id = session.id;
            reads = read_log::end(py, &session, start, own);
        }
        for (session, start) in beside {
            let read = start.map(|start| read_log::end(py, &session, start, own));
            reads.extend(read.into_iter().flatten());
        }
        if let Some(mut log) = frame.reads.with(py, Option::take) {
            reads.extend(log.end(1, own).0);
        }
        drop((nest, validation, version));
        (reads, id)
    }

    /// Ends it.
    pub(crate) fn leave<R>(self, py: Python<'_>, result: PyResult<R>) -> Ended<R> {
        let (reads, session) = self.end(py);
        // What failed on the strength of something old may decide what the computation around it returns.
        let result = result.inspect_err(|_| hand_on(py, session, &reads));
        Ended { result, reads }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.0.get().is_over() {
            attach(|py| drop(self.end(py)));
        }
    }
}

/// Runs `compute` as a computation.
pub(crate) fn within<R>(
    py: Python<'_>,
    entrance: ComputationStart<'_>,
    compute: impl FnOnce() -> PyResult<R>,
) -> PyResult<Ended<R>> {
    let entered = Entered::new(py, entrance)?;
    let result = compute();
    Ok(entered.leave(py, result))
}

/// The frame of a context that is begun again where it lies: to put another into the context costs as much as
/// the question does. Contexts that were copied from this one have the frame, too, so what runs in one of
/// them meanwhile, in another thread, is taken for a part of it: it may note a read too many, never one too
/// few.
struct BegunAgain<'py>(Bound<'py, Frame>);

impl<'py> BegunAgain<'py> {
    fn new(py: Python<'py>, own: Own) -> Option<Self> {
        let frame = Frame::to_begin_again(py)?;
        frame.get().state.with(py, |state| state.own = own);
        frame.get().over.store(false, Ordering::Relaxed);
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        Some(Self(frame))
    }
}

impl Drop for BegunAgain<'_> {
    fn drop(&mut self) {
        self.0.get().over.store(true, Ordering::Relaxed);
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a version function in no session, under the observation that its answer will be.
#[inline]
pub(crate) fn asking<R>(py: Python<'_>, own: Own, ask: impl FnOnce() -> PyResult<R>) -> PyResult<Ended<R>> {
    let Some(begun) = BegunAgain::new(py, own) else { return ask_in_a_frame_of_its_own(own, ask) };
    let result = ask();
    let log = begun.0.get().reads.with(py, Option::take);
    drop(begun);
    let reads = log.map_or_else(Vec::new, |mut log| log.end(1, own).0);
    let result = result.inspect_err(|_| hand_on(py, 0, &reads));
    Ok(Ended { result, reads })
}

#[cold]
#[inline(never)]
fn ask_in_a_frame_of_its_own<R>(own: Own, ask: impl FnOnce() -> PyResult<R>) -> PyResult<Ended<R>> {
    let start = ComputationStart {
        flight: None,
        own,
        session: None,
        validation: None,
        computes: None,
        leased: false,
    };
    attach(|py| within(py, start, ask))
}

/// The version of the data for which the running function's body runs.
///
/// A function that can read its data as of a version reads it so: what it makes is then of that version,
/// though the data changes meanwhile.
///
/// Returns:
///     What the version function answered, or the constant version.
///
/// Raises:
///     LookupError: No cached function's body is running: its version function is, or none.
///
/// Example:
///     >>> from versioned_lru_cache import current_version, versioned_lru_cache
///     >>> texts = {1: "old", 2: "new"}
///     >>> @versioned_lru_cache(lambda: max(texts))
///     ... def text() -> str:
///     ...     return texts[current_version()]
///     >>> text()
///     'new'
#[expect(clippy::doc_markdown, reason = "the example is Python, as help() shows it")]
#[pyfunction]
pub(crate) fn current_version(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let frame = if is_going_on() { Frame::innermost(py) } else { None };
    let version = frame.and_then(|frame| frame.get().state.with(py, |state| state.version.clone()));
    version.map(|version| version.0).ok_or_else(|| {
        fallible::error::<PyLookupError>(
            py,
            "current_version() was called where no cached function's body runs; call it in the body of a \
             function that is decorated with a version",
        )
    })
}

/// Whether the running code is part of a computation that holds a lease of a store: it waits for no other
/// lease, whose holder might wait for this one in another process.
pub(crate) fn holds_lease(py: Python<'_>) -> bool {
    is_going_on()
        && Frame::innermost(py).is_some_and(|frame| frame.get().state.with(py, |state| state.leased))
}

/// The runs that the running code is part of.
pub(crate) fn inside(py: Python<'_>) -> Option<EnclosingRuns> {
    if !is_going_on() {
        return None;
    }
    Frame::innermost(py)?.get().state.with(py, |state| state.nest.clone())
}

/// The running thread as one that would lead a run, or wait for one.
pub(crate) fn leader(py: Python<'_>) -> Leader {
    Leader::thread(inside(py))
}

/// Hands what a computation has read on to the one around it, unless they have their log in common: that one
/// may return something else on the strength of it.
pub(crate) fn hand_on(py: Python<'_>, session: Ticket, reads: &[Read<Object>]) {
    if reads.is_empty() {
        return;
    }
    let Some(frame) = Frame::innermost(py) else { return };
    if session != 0 && frame.get().session(py).is_some_and(|(_, id)| id == session) {
        return;
    }
    frame.get().with_own_log(py, |log| {
        for read in reads {
            let gone = log.with(py, |log| {
                let log = log.as_mut()?;
                (log.note(read.tag, read.ticket) == Noted::New).then(|| log.write(read.clone()))
            });
            drop(gone);
        }
    });
}
