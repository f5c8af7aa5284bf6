//! The computations that the running code is part of, so that a result built on an older observation is known as such.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::context;
use super::sync::Guarded;
use super::wait::Flight;
use crate::engine::ticket::{NEVER, Ticket};

/// How many computations are in progress in the process. While there is none, nobody looks for one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
/// The innermost [`Frame`] of a context.
static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// One computation in progress.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(super) struct Frame {
    /// The oldest observation that a cached result used so far vouches for.
    oldest: AtomicU64,
    /// The run that others may wait for, if they may. Given up at the end: a task that the computation leaves behind keeps its context.
    flight: Guarded<Option<Flight>>,
    /// The observation under which it runs: what vouches for that same one is not older.
    own: Ticket,
    /// Whether it has ended.
    over: AtomicBool,
    /// The computation around this one.
    parent: Option<Py<Self>>,
}

impl Frame {
    /// A computation within the one that the context is in, if any.
    fn inside<'py>(
        variable: &Bound<'py, PyAny>,
        flight: Option<&Flight>,
        own: Ticket,
    ) -> PyResult<Bound<'py, Self>> {
        let py = variable.py();
        let mut parent = context::get(variable)?.and_then(|frame| frame.cast_into::<Self>().ok());
        while let Some(ended) = parent.take_if(|parent| parent.get().over.load(Ordering::Relaxed)) {
            parent = ended.get().parent.as_ref().map(|parent| parent.bind(py).clone());
        }
        let frame = Self {
            oldest: AtomicU64::new(NEVER),
            flight: Guarded::new(flight.cloned()),
            own,
            over: AtomicBool::new(false),
            parent: parent.map(Bound::unbind),
        };
        Bound::new(py, frame)
    }
}

/// The context variable that holds the innermost computation.
fn current(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let variable =
        CURRENT.get_or_try_init(py, || context::new_variable(py, c"versioned_lru_cache computation"))?;
    Ok(variable.bind(py))
}

/// Whether any computation is in progress.
#[inline]
pub(super) fn is_going_on() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// Tells the computation that the running code is part of, if any, what a cached result vouches for.
#[inline]
pub(super) fn note(py: Python<'_>, vouch: Ticket) {
    if is_going_on() {
        note_in_context(py, vouch);
    }
}

#[cold]
fn note_in_context(py: Python<'_>, vouch: Ticket) {
    let Some(variable) = CURRENT.get(py) else { return };
    let frame = context::get(variable.bind(py)).unwrap_or(None);
    if let Some(Ok(frame)) = frame.map(Bound::cast_into::<Frame>) {
        let frame = frame.get();
        if vouch != frame.own {
            frame.oldest.fetch_min(vouch, Ordering::Relaxed);
        }
    }
}

/// How a computation ended.
pub(super) struct Ended<R> {
    pub(super) result: PyResult<R>,
    /// The oldest observation that a cached result used on the way vouches for.
    pub(super) oldest: Ticket,
}

/// One of those in progress.
struct Active;

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A computation that was entered, in a context that has to be left.
pub(super) struct Entered {
    frame: Py<Frame>,
    token: Py<PyAny>,
    _active: Active,
}

impl Entered {
    /// Begins a computation in this context, under the observation `own`. `flight` is the run that others may wait for, if they may.
    pub(super) fn new(py: Python<'_>, flight: Option<&Flight>, own: Ticket) -> PyResult<Self> {
        let variable = current(py)?;
        let frame = Frame::inside(variable, flight, own)?;
        let token = context::set(variable, frame.as_any())?;
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        Ok(Self { frame: frame.unbind(), token: token.unbind(), _active: Active })
    }

    /// Ends it.
    pub(super) fn leave<R>(self, py: Python<'_>, result: PyResult<R>) -> Ended<R> {
        if let Some(variable) = CURRENT.get(py) {
            // In another context, as after a greenlet's switch, there is nothing to set back.
            let _ = context::reset(variable.bind(py), self.token.bind(py));
        }
        let frame = self.frame.get();
        let oldest = frame.oldest.load(Ordering::Relaxed);
        frame.over.store(true, Ordering::Relaxed);
        drop(frame.flight.with(py, Option::take));
        drop(self);
        // What failed on the strength of something old may decide what the computation around it returns.
        let result = result.inspect_err(|_| note(py, oldest));
        Ended { result, oldest }
    }
}

/// Runs `compute` as a computation. Returns how it ended and the oldest observation used on the way.
pub(super) fn within<R>(
    py: Python<'_>,
    flight: Option<&Flight>,
    own: Ticket,
    compute: impl FnOnce() -> PyResult<R>,
) -> PyResult<Ended<R>> {
    let entered = Entered::new(py, flight, own)?;
    let result = compute();
    Ok(entered.leave(py, result))
}

/// The runs that the running code is part of.
pub(super) fn around(py: Python<'_>) -> Vec<Flight> {
    let mut runs = Vec::new();
    let Some(variable) = CURRENT.get(py) else { return runs };
    let innermost = context::get(variable.bind(py)).unwrap_or(None);
    let mut next = innermost.and_then(|frame| frame.cast_into::<Frame>().ok()).map(Bound::unbind);
    while let Some(frame) = next {
        runs.extend(frame.get().flight.with(py, |flight| flight.clone()));
        next = frame.get().parent.as_ref().map(|parent| parent.clone_ref(py));
    }
    runs
}
