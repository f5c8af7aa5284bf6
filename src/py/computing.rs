//! The computations that the running code is part of, so that a result built on an older observation is known as such.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::context;
use super::spare;
use super::sync::Guarded;
use super::wait::Flight;
use crate::engine::ticket::{NEVER, Ticket};

/// How many computations are in progress in the process. While there is none, nobody looks for one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
/// The innermost [`Frame`] of a context.
static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// One to be used again.
static SPARE: Guarded<Option<Py<Frame>>> = Guarded::new(None);

/// One computation. It stays in its context when it is over, since to take it out again would cost as much as to put it in: whoever looks goes on
/// to the nearest one around it that is not over.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(super) struct Frame {
    /// The oldest observation that a cached result used so far vouches for.
    oldest: AtomicU64,
    /// The run that others may wait for, if they may. Given up at the end, as the frame is not.
    flight: Guarded<Option<Flight>>,
    /// The observation under which it runs: what vouches for that same one is not older.
    own: AtomicU64,
    /// Whether it has ended.
    over: AtomicBool,
    /// The computation around this one. Those that are over are left out by and by, so that a chain is no longer than what runs.
    around: Guarded<Option<Py<Self>>>,
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
        Ok(context::get(variable)?.and_then(|frame| frame.cast_into().ok()))
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

    /// One that begins, of a frame that is used again if there is one.
    fn new<'py>(
        py: Python<'py>,
        flight: Option<&Flight>,
        own: Ticket,
        around: Option<Bound<'py, Self>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (flight, around) = (flight.cloned(), around.map(Bound::unbind));
        // Without a GIL none is kept, and its place would only be one to stand in line at.
        let spare = if cfg!(Py_GIL_DISABLED) { None } else { SPARE.with(py, Option::take) };
        let Some(spare) = spare else {
            let frame = Self {
                oldest: AtomicU64::new(NEVER),
                flight: Guarded::new(flight),
                own: AtomicU64::new(own),
                over: AtomicBool::new(false),
                around: Guarded::new(around),
            };
            return Bound::new(py, frame);
        };
        let frame = spare.get();
        frame.oldest.store(NEVER, Ordering::Relaxed);
        frame.own.store(own, Ordering::Relaxed);
        frame.over.store(false, Ordering::Relaxed);
        // It was emptied before.
        let emptied = (
            frame.flight.with(py, |place| std::mem::replace(place, flight)),
            frame.around.with(py, |place| std::mem::replace(place, around)),
        );
        drop(emptied);
        Ok(spare.into_bound(py))
    }

    /// Keeps a frame for the next computation, if it is over and no context has it any more: to make one and to drop one costs as much as the rest.
    fn keep(last: Bound<'_, Self>) {
        if !last.get().is_over() || !spare::is_nobodys(&last) {
            return;
        }
        let py = last.py();
        drop(last.get().around.with(py, Option::take));
        drop(SPARE.with(py, |spare| spare.replace(last.unbind())));
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
    if let Ok(Some(last)) = Frame::last(variable.bind(py))
        && let Some(frame) = Frame::running(&last)
    {
        let frame = frame.get();
        if vouch != frame.own.load(Ordering::Relaxed) {
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

/// A computation that was entered.
pub(super) struct Entered(Py<Frame>);

impl Entered {
    /// Begins a computation in this context, under the observation `own`. `flight` is the run that others may wait for, if they may.
    pub(super) fn new(py: Python<'_>, flight: Option<&Flight>, own: Ticket) -> PyResult<Self> {
        let variable = current(py)?;
        let last = Frame::last(variable)?;
        let around = last.as_ref().and_then(Frame::running);
        let frame = Frame::new(py, flight, own, around)?;
        context::set(variable, frame.as_any())?;
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        last.into_iter().for_each(Frame::keep);
        Ok(Self(frame.unbind()))
    }

    fn end(&self, py: Python<'_>) {
        let frame = self.0.get();
        frame.over.store(true, Ordering::Relaxed);
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
        drop(frame.flight.with(py, Option::take));
    }

    /// Ends it.
    pub(super) fn leave<R>(self, py: Python<'_>, result: PyResult<R>) -> Ended<R> {
        let oldest = self.0.get().oldest.load(Ordering::Relaxed);
        self.end(py);
        // What failed on the strength of something old may decide what the computation around it returns.
        let result = result.inspect_err(|_| note(py, oldest));
        Ended { result, oldest }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.0.get().is_over() {
            Python::attach(|py| self.end(py));
        }
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
    let last = Frame::last(variable.bind(py)).unwrap_or(None);
    let mut next = last.as_ref().and_then(Frame::running);
    while let Some(frame) = next {
        runs.extend(frame.get().flight.with(py, |flight| flight.clone()));
        next = frame.get().around(py);
    }
    runs
}
