//! Runs that others wait for: of a version function or of a cached function. A waiting thread is detached
//! from the interpreter, hears signals, and never waits in a circle.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::prelude::*;
use pyo3::types::PyTraceback;
use pyo3::{PyTraverseError, PyVisit};

use crate::concurrency::completion::Completion;
use crate::engine::Arrival;
use crate::py::interpreter::critical_section::{Guarded, attach};
use crate::py::interpreter::fallible::{imported, named};
use crate::py::interpreter::fork;
use crate::py::objects::host::Host;

/// How long the main thread may be deaf to signals while it waits.
const DEAF: Duration = Duration::from_millis(50);
/// How long another thread sleeps at a time: it hears no signals.
const LONG: Duration = Duration::from_hours(1);

/// Whether this is the thread to which Python gives signals.
fn hears_signals(py: Python<'_>) -> PyResult<bool> {
    let main = imported!(py, "threading", "main_thread")?.call0()?.getattr(named!(py, "ident")?)?;
    main.eq(imported!(py, "threading", "get_ident")?.call0()?)
}

/// Which thread waits for which runs: several, if a signal's handler waits while its thread does.
static WAITING: LazyLock<Guarded<HashMap<ThreadId, Vec<Flight>>>> =
    LazyLock::new(|| Guarded::new(HashMap::new()));

/// How a run ended.
enum End {
    /// Without anything for others.
    Void,
    Landed(Arrival<Host>),
    /// With the traceback as it was then: each who raises it adds to it.
    Failed(Py<PyBaseException>, Option<Py<PyTraceback>>),
}

pub(crate) struct Run {
    /// The event loop of the task that leads it; none is a thread.
    pub(super) task: Option<usize>,
    pub(super) thread: ThreadId,
    forks: u32,
    /// Callbacks and the task that runs it are Python's.
    completion: Completion<End, Py<PyAny>, Py<PyAny>>,
}

impl Run {
    /// One that begins in this process.
    pub(super) fn begin(task: Option<usize>, thread: ThreadId) -> Self {
        Self { task, thread, forks: fork::count(), completion: Completion::default() }
    }

    /// Whether it is going on, in this process.
    fn goes_on(&self) -> bool {
        self.is_of_this_process() && self.completion.is_going()
    }

    fn is_of_this_process(&self) -> bool {
        self.forks == fork::count()
    }
}

/// A run that others may wait for.
#[derive(Clone)]
pub(crate) struct Flight(pub(super) Arc<Run>);

/// How a wait ended.
pub(crate) enum Waited {
    /// The run is over. What it has for others.
    Over(Option<Arrival<Host>>),
    /// There was no wait for this run: its leader is this thread, or waits for it, directly or not.
    Circle(Flight),
    /// It took too long.
    Late,
}

/// The leader's own hold on a run: wakes those who wait, however the leader ends.
pub(crate) struct Lead(pub(crate) Flight);

impl Lead {
    /// Ends the run, with what it has for those who waited.
    pub(crate) fn land(&self, arrival: Option<Arrival<Host>>) {
        self.end(arrival.map_or(End::Void, End::Landed));
    }

    /// Ends the run with the exception that those who wait get too. What ends a thread or the program is not
    /// theirs.
    pub(crate) fn fail(&self, py: Python<'_>, error: &PyErr) {
        let theirs = error.is_instance_of::<PyException>(py);
        self.end(if theirs {
            End::Failed(error.value(py).clone().unbind(), error.traceback(py).map(Bound::unbind))
        } else {
            End::Void
        });
    }

    fn end(&self, how: End) {
        let run = &*self.0.0;
        // In a forked child nobody waits, and the lock may be held for good by a thread that was not taken
        // along.
        if !run.is_of_this_process() {
            return;
        }
        let callbacks = run.completion.end(how);
        if !callbacks.is_empty() {
            attach(|py| {
                for callback in callbacks {
                    if let Err(error) = callback.call0(py) {
                        error.write_unraisable(py, Some(callback.bind(py)));
                    }
                }
            });
        }
    }
}

impl Lead {
    /// Shows the garbage collector what hangs on the run: only its one leader does.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let run = &*self.0.0;
        // In a forked child the lock may be held for good.
        if !run.is_of_this_process() {
            return Ok(());
        }
        run.completion.trace(|end, callbacks, task| {
            if let Some(End::Failed(error, traceback)) = end {
                visit.call(error)?;
                visit.call(traceback)?;
            }
            for callback in callbacks {
                visit.call(callback)?;
            }
            task.map_or(Ok(()), |task| visit.call(task))
        })
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // As a rule it has ended.
        if self.0.goes_on() {
            self.land(None);
        }
    }
}

/// Leaves the list of those who wait.
struct Waiter<'py>(Python<'py>);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let me = thread::current().id();
        let left = WAITING.with(self.0, |waiting| {
            let runs = waiting.get_mut(&me)?;
            let left = runs.pop();
            if runs.is_empty() {
                waiting.remove(&me);
            }
            left
        });
        drop(left);
    }
}

impl Flight {
    /// Where it lies.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    pub(crate) fn weak(&self) -> Weak<Run> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn of(run: &Weak<Run>) -> Option<Self> {
        run.upgrade().map(Self)
    }

    /// Whether it is going on, in this process.
    pub(crate) fn goes_on(&self) -> bool {
        self.0.goes_on()
    }

    /// Waits in this thread until the run is over, or until `deadline`. The leader's exception is raised here
    /// too.
    pub(crate) fn wait(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Waited> {
        let me = thread::current().id();
        let circle = WAITING.with(py, |waiting| {
            // No circle was ever closed, so this comes to an end.
            let mut reached = vec![self];
            while let Some(flight) = reached.pop() {
                if !flight.goes_on() {
                    continue;
                }
                if flight.0.thread == me {
                    return true;
                }
                reached.extend(waiting.get(&flight.0.thread).into_iter().flatten());
            }
            waiting.entry(me).or_default().push(self.clone());
            false
        });
        if circle {
            return Ok(Waited::Circle(self.clone()));
        }
        let waiter = Waiter(py);
        let sleep = if hears_signals(py)? { DEAF } else { LONG };
        loop {
            if !self.0.is_of_this_process() {
                // A signal's handler has forked. Nobody ends the run here, and its lock may be held for good.
                return Ok(Waited::Over(None));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let span = left.unwrap_or(sleep).min(sleep);
            let going = py.detach(|| self.0.completion.wait(span));
            if !going {
                self.0.completion.pass_on();
                break;
            }
            py.check_signals()?;
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Waited::Late);
            }
        }
        drop(waiter);
        self.outcome(py)
    }

    /// What the run has for others, when it is over.
    pub(crate) fn outcome(&self, py: Python<'_>) -> PyResult<Waited> {
        // What a traceback gives up may run foreign code, so it is not set while others may want to look.
        let ended = self.0.completion.look(|end| match end {
            Some(End::Failed(error, traceback)) => {
                Err((error.clone_ref(py), traceback.as_ref().map(|traceback| traceback.clone_ref(py))))
            }
            Some(End::Landed(arrival)) => Ok(Waited::Over(Some(arrival.clone()))),
            _ => Ok(Waited::Over(None)),
        });
        ended.map_err(|(error, traceback)| {
            let error = PyErr::from_value(error.into_bound(py).into_any());
            error.set_traceback(py, traceback.map(|traceback| traceback.into_bound(py)));
            error
        })
    }

    /// Lets a task wait: calls `callback` when the run is over, in the thread that ends it. Returns the
    /// number of the wait, unless it is over.
    pub(crate) fn on_end(&self, callback: Py<PyAny>) -> Option<u64> {
        self.0.completion.on_end(callback)
    }

    /// Notes that the run is a task's.
    pub(crate) fn runs_in(&self, task: Py<PyAny>) {
        self.0.completion.runs_in(task);
    }

    /// Whether a task is there to hear how it ends.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.completion.has_tasks()
    }

    /// Ends the wait of a task, which has looked at the outcome. The run's own task, if it goes on and nobody
    /// waits for it any more.
    pub(crate) fn leave(&self, number: u64) -> Option<Py<PyAny>> {
        let (callback, end, task) = self.0.completion.leave(number);
        drop((callback, end));
        task
    }
}
