//! Single-flight: who leads a run, and who may wait for it: nobody whom that would make wait for themselves.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use super::enclosing_runs::EnclosingRuns;
use super::wait::{Flight, Run};
use crate::engine;

thread_local! {
    /// The id of this thread, which its handle is long to give.
    static ME: ThreadId = thread::current().id();
}

/// Who leads a run, or would wait for one.
pub(crate) struct Leader {
    /// The event loop of its task, by its address; none is a thread.
    task: Option<usize>,
    thread: ThreadId,
    /// The runs that it is part of.
    pub(crate) inside: Option<EnclosingRuns>,
}

impl Leader {
    /// This thread, in code that is part of these runs.
    pub(crate) fn thread(inside: Option<EnclosingRuns>) -> Self {
        Self { task: None, thread: ME.with(|me| *me), inside }
    }

    /// A task of the event loop at this address.
    pub(crate) fn task(event_loop: usize, inside: Option<EnclosingRuns>) -> Self {
        Self { task: Some(event_loop), ..Self::thread(inside) }
    }
}

impl engine::Flight for Flight {
    type Leader = Leader;

    fn begin(leader: &Leader) -> Self {
        Self(Arc::new(Run::begin(leader.task, leader.thread)))
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_going(&self) -> bool {
        self.goes_on()
    }

    /// A thread leads it from beneath what the thread does now, or from another place on its stack, to which
    /// it can't go back; nor can a thread go back to its tasks.
    fn encloses(&self, other: &Leader) -> bool {
        let of_thread = self.0.task.is_none() || other.task.is_none();
        of_thread && self.0.thread == other.thread
            || other.inside.as_ref().is_some_and(|inside| inside.contains(self))
    }

    /// Tasks of two event loops do not wait for each other: either loop may stop at any time.
    fn serves(&self, other: &Leader) -> bool {
        let foreign = matches!((self.0.task, other.task), (Some(a), Some(b)) if a != b);
        !foreign && self.goes_on() && !self.encloses(other)
    }
}
