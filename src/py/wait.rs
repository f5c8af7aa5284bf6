//! Runs that others wait for: of a version function or of a cached function. A waiting thread is detached from the interpreter, hears
//! signals, and never waits in a circle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::session::Host;
use super::sync::Guarded;
use crate::engine::{self, Arrival};

/// How long a waiting thread may be deaf to signals.
const DEAF: Duration = Duration::from_millis(50);

/// Which thread waits for which runs: several, if a signal's handler waits while its thread does.
static WAITING: LazyLock<Guarded<HashMap<ThreadId, Vec<Flight>>>> =
    LazyLock::new(|| Guarded::new(HashMap::new()));

/// Counts the forks between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A fork takes no thread along but the one that forks: whatever the others were doing or waiting for is void.
pub(super) fn forked(py: Python<'_>) {
    FORKS.fetch_add(1, Ordering::Relaxed);
    drop(WAITING.with(py, std::mem::take));
}

/// Who leads a run, or would wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leader {
    Thread,
    /// A task of the event loop at this address.
    Task(usize),
}

/// How a run ended.
enum End {
    /// Without anything for others.
    Void,
    Landed(Arrival<Host>),
    Failed(PyErr),
}

#[derive(Default)]
struct Outcome {
    end: Option<End>,
    /// Called once it has ended.
    callbacks: Vec<Py<PyAny>>,
    /// How many tasks wait.
    tasks: usize,
    /// The task that runs it.
    task: Option<Py<PyAny>>,
}

struct Run {
    leader: Leader,
    thread: ThreadId,
    forks: u32,
    /// Whether it is going on, for those who may not wait for the lock.
    going: AtomicBool,
    outcome: Mutex<Outcome>,
    ended: Condvar,
}

impl Run {
    #[expect(
        clippy::disallowed_methods,
        reason = "held for a moment, by nobody who waits for the interpreter"
    )]
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of_this_process(&self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }
}

/// A run that others may wait for.
#[derive(Clone)]
pub(super) struct Flight(Arc<Run>);

impl engine::Flight for Flight {
    type Leader = Leader;

    fn begin(leader: Leader) -> Self {
        Self(Arc::new(Run {
            leader,
            thread: thread::current().id(),
            forks: FORKS.load(Ordering::Relaxed),
            going: AtomicBool::new(true),
            outcome: Mutex::default(),
            ended: Condvar::new(),
        }))
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_going(&self) -> bool {
        self.0.is_of_this_process() && self.0.going.load(Ordering::Acquire)
    }

    /// Tasks of two event loops do not wait for each other: either loop may stop at any time.
    fn serves(&self, other: Leader) -> bool {
        let foreign = matches!((self.0.leader, other), (Leader::Task(a), Leader::Task(b)) if a != b);
        !foreign && self.is_going()
    }
}

/// How a wait ended.
pub(super) enum Waited {
    /// The run is over. What it has for others.
    Over(Option<Arrival<Host>>),
    /// There was no wait: the leader is this thread, or waits for it, directly or not.
    Circle,
    /// It took too long.
    Late,
}

/// The leader's own hold on a run: wakes those who wait, however the leader ends.
pub(super) struct Lead(pub(super) Flight);

impl Lead {
    /// Ends the run, with what it has for those who waited.
    pub(super) fn land(&self, arrival: Option<Arrival<Host>>) {
        self.end(arrival.map_or(End::Void, End::Landed));
    }

    /// Ends the run with the exception that those who wait get too. What ends a thread or the program is not theirs.
    pub(super) fn fail(&self, py: Python<'_>, error: &PyErr) {
        let theirs = error.is_instance_of::<PyException>(py);
        self.end(if theirs { End::Failed(error.clone_ref(py)) } else { End::Void });
    }

    fn end(&self, how: End) {
        let run = &*self.0.0;
        // In a forked child nobody waits, and the lock may be held for good by a thread that was not taken along.
        if !run.going.swap(false, Ordering::AcqRel) || !run.is_of_this_process() {
            return;
        }
        let mut outcome = run.outcome();
        outcome.end = Some(how);
        let (callbacks, task) = (std::mem::take(&mut outcome.callbacks), outcome.task.take());
        drop(outcome);
        drop(task);
        run.ended.notify_all();
        if !callbacks.is_empty() {
            Python::attach(|py| {
                for callback in callbacks {
                    if let Err(error) = callback.call0(py) {
                        error.write_unraisable(py, Some(callback.bind(py)));
                    }
                }
            });
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.land(None);
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
    /// Waits in this thread until the run is over, or until `deadline`. The leader's exception is raised here too.
    pub(super) fn wait(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Waited> {
        let me = thread::current().id();
        let circle = WAITING.with(py, |waiting| {
            // No circle was ever closed, so this comes to an end.
            let mut reached = vec![self];
            while let Some(flight) = reached.pop() {
                if !engine::Flight::is_going(flight) {
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
            return Ok(Waited::Circle);
        }
        let waiter = Waiter(py);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let going = py.detach(|| {
                let span = left.unwrap_or(DEAF).min(DEAF);
                let wait =
                    self.0.ended.wait_timeout_while(self.0.outcome(), span, |outcome| outcome.end.is_none());
                wait.unwrap_or_else(PoisonError::into_inner).0.end.is_none()
            });
            if !going {
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
    pub(super) fn outcome(&self, py: Python<'_>) -> PyResult<Waited> {
        match &self.0.outcome().end {
            Some(End::Failed(error)) => Err(error.clone_ref(py)),
            Some(End::Landed(arrival)) => Ok(Waited::Over(Some(arrival.clone()))),
            _ => Ok(Waited::Over(None)),
        }
    }

    /// Lets a task wait: calls `callback` when the run is over, in the thread that ends it. Returns whether it is going on.
    pub(super) fn on_end(&self, callback: Py<PyAny>) -> bool {
        let mut outcome = self.0.outcome();
        if outcome.end.is_some() {
            return false;
        }
        outcome.callbacks.push(callback);
        outcome.tasks += 1;
        true
    }

    /// Notes that the run is a task's.
    pub(super) fn runs_in(&self, task: Py<PyAny>) {
        let mut outcome = self.0.outcome();
        if outcome.end.is_none() {
            outcome.task = Some(task);
        }
    }

    /// Ends the wait of a task. The run's own task, if it goes on and nobody waits for it any more.
    pub(super) fn left_by_all(&self) -> Option<Py<PyAny>> {
        let mut outcome = self.0.outcome();
        outcome.tasks -= 1;
        if outcome.tasks == 0 && outcome.end.is_none() { outcome.task.take() } else { None }
    }
}
