//! Waiting for what another thread does: detached from the interpreter, interruptible, and never in a circle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::sync::Guarded;
use crate::engine;

/// How long the waiter may be deaf to signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// Which thread waits for which.
static WAITING: LazyLock<Guarded<HashMap<ThreadId, ThreadId>>> =
    LazyLock::new(|| Guarded::new(HashMap::new()));

/// How a run ended.
enum End {
    Over,
    Failed(PyErr),
}

struct Run {
    leader: ThreadId,
    /// A fork takes no thread along but the one that forks.
    process: u32,
    /// Whether it is going on, for those who may not wait for the lock.
    going: AtomicBool,
    end: Mutex<Option<End>>,
    ended: Condvar,
}

impl Run {
    #[expect(
        clippy::disallowed_methods,
        reason = "held for a moment, by nobody who waits for the interpreter"
    )]
    fn end(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run of a version function that others in the session may wait for.
#[derive(Clone)]
pub(super) struct Flight(Arc<Run>);

impl engine::Flight for Flight {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_going(&self) -> bool {
        self.0.process == std::process::id() && self.0.going.load(Ordering::Acquire)
    }
}

/// How a wait ended.
pub(super) enum Waited {
    /// The leader is done.
    Over,
    /// There was no wait: the leader is this thread, or waits for it, directly or not.
    Circle,
}

/// The leader's own hold on a flight: wakes those who wait, however the leader ends.
pub(super) struct Lead(pub(super) Flight);

impl Lead {
    pub(super) fn new() -> Self {
        let (leader, process) = (thread::current().id(), std::process::id());
        let run = Run {
            leader,
            process,
            going: AtomicBool::new(true),
            end: Mutex::new(None),
            ended: Condvar::new(),
        };
        Self(Flight(Arc::new(run)))
    }

    /// Ends the flight.
    pub(super) fn land(&self) {
        self.end(End::Over);
    }

    /// Ends the flight with the exception that those who wait get too. What ends a thread or the program is not theirs.
    pub(super) fn fail(&self, py: Python<'_>, error: &PyErr) {
        self.end(if error.is_instance_of::<PyException>(py) {
            End::Failed(error.clone_ref(py))
        } else {
            End::Over
        });
    }

    fn end(&self, how: End) {
        let run = &*self.0.0;
        // In a forked child nobody waits, and the lock may be held for good by a thread that was not taken along.
        if run.going.swap(false, Ordering::AcqRel) && run.process == std::process::id() {
            *run.end() = Some(how);
            run.ended.notify_all();
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.land();
    }
}

/// Leaves the list of those who wait.
struct Waiter<'py>(Python<'py>);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        WAITING.with(self.0, |waiting| waiting.remove(&thread::current().id()));
    }
}

impl Flight {
    /// Waits until the leader is done. Its exception is raised here too.
    pub(super) fn wait(&self, py: Python<'_>) -> PyResult<Waited> {
        let me = thread::current().id();
        let circle = WAITING.with(py, |waiting| {
            let mut next = Some(self.0.leader);
            while let Some(thread) = next {
                if thread == me {
                    return true;
                }
                next = waiting.get(&thread).copied();
            }
            waiting.insert(me, self.0.leader);
            false
        });
        if circle {
            return Ok(Waited::Circle);
        }
        let waiter = Waiter(py);
        loop {
            let going = py.detach(|| {
                let wait = self.0.ended.wait_timeout_while(self.0.end(), PATIENCE, |end| end.is_none());
                wait.unwrap_or_else(PoisonError::into_inner).0.is_none()
            });
            py.check_signals()?;
            if !going {
                break;
            }
        }
        drop(waiter);
        match &*self.0.end() {
            Some(End::Failed(error)) => Err(error.clone_ref(py)),
            _ => Ok(Waited::Over),
        }
    }
}
