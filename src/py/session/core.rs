//! What a session is, apart from the handle that Python holds: a snapshot of the versions it goes by, and of
//! what it was given. Stores hold it weakly, so that a session that nobody uses ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::policy::Policy;
use super::results::FunctionResults;
use super::traverse;
use crate::engine::order::{self, Ticket};
use crate::engine::{self, DeferredDrops, Leaving, ReadLog, SessionMemory};
use crate::py::interpreter::critical_section::{GloballyGuarded, Guarded, attach, attached};
use crate::py::interpreter::trashcan;
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;

/// A read set that computations share, or one's own.
pub(crate) type Log = Guarded<Option<Box<ReadLog<Object>>>>;

/// What a session is, apart from its handle.
pub(crate) struct SessionCore {
    /// Drawn when the session began, and anew when it is renewed.
    id: AtomicU64,
    /// Drawn when the session began.
    pub(crate) began: Ticket,
    /// What it wants beyond the rule.
    pub(crate) policy: Option<Policy>,
    /// What it remembers.
    pub(crate) memory: GloballyGuarded<SessionMemory<Host>>,
    /// What was read in it while something is computed.
    pub(crate) reads: Log,
    /// The session in which versions are asked about that computations of this one have read: the newest, if
    /// there was any need.
    validation: Guarded<Option<Arc<Self>>>,
    /// What stores hold of it.
    pub(crate) itself: SessionRef,
}

/// A session of a call, as it was when the call began.
#[derive(Clone)]
pub(crate) struct ActiveSession {
    pub(crate) core: Arc<SessionCore>,
    pub(crate) id: Ticket,
}

impl SessionCore {
    /// A session that begins now.
    pub(crate) fn begin(policy: Option<Policy>) -> Arc<Self> {
        let began = order::draw_for_session();
        Arc::new_cyclic(|itself| Self {
            id: AtomicU64::new(began),
            began,
            policy,
            memory: GloballyGuarded::new(SessionMemory::default()),
            reads: Guarded::new(None),
            validation: Guarded::new(None),
            itself: SessionRef(itself.clone()),
        })
    }

    /// A session for validations that began after `since`: one that did will do.
    pub(crate) fn validation(&self, py: Python<'_>, since: Ticket) -> Arc<Self> {
        let latest = self.validation.with(py, |latest| latest.clone());
        if let Some(latest) = latest.filter(|latest| latest.began > since) {
            return latest;
        }
        let new = Self::begin(None);
        drop(self.validation.with(py, |latest| latest.replace(new.clone())));
        new
    }

    /// Lets the next validation begin a session anew.
    pub(crate) fn forget_validation(&self, py: Python<'_>) {
        drop(self.validation.with(py, Option::take));
    }

    /// Shows the garbage collector what it holds.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(policy) = &self.policy {
            policy.traverse(visit)?;
        }
        self.memory.trace(|memory| traverse::visit_memory(memory, visit))?;
        self.reads.trace(|log| traverse::visit_log(log.as_deref(), visit))?;
        self.validation.trace(|latest| latest.as_ref().map_or(Ok(()), |latest| latest.traverse(visit)))
    }

    pub(crate) fn id(&self) -> Ticket {
        self.id.load(Ordering::Relaxed)
    }

    /// Ends it: nothing stored is known to it from now on, nothing is kept for it, and calls look for
    /// another.
    pub(crate) fn end(&self, py: Python<'_>) {
        let mut drops = DeferredDrops::default();
        let id = self.memory.with(py, |memory| {
            memory.unpin_all(&mut drops);
            self.id.swap(order::LONG_AGO, Ordering::Relaxed)
        });
        leave(py, id, self.functions(py), &mut drops);
        trashcan::discard(drops);
    }

    /// Lets go of what it knows. Functions that it reads keep nothing for it any more.
    pub(super) fn forget(&self, py: Python<'_>, next: impl FnOnce(Ticket) -> Ticket) {
        let (id, memory) = self.memory.with(py, |memory| {
            let id = self.id();
            self.id.store(next(id), Ordering::Relaxed);
            (id, std::mem::take(memory))
        });
        let mut drops = DeferredDrops::default();
        leave(py, id, functions(&memory), &mut drops);
        trashcan::discard((memory, drops));
    }

    /// Whether the block for which it was open is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.id() == order::LONG_AGO
    }

    /// The functions that the session reads, in the order in which they were decorated.
    pub(super) fn functions(&self, py: Python<'_>) -> Vec<Arc<FunctionResults>> {
        self.memory.with(py, |memory| functions(memory).collect())
    }
}

/// A call that has begun holds it, and goes on with what is known.
impl Drop for SessionCore {
    fn drop(&mut self) {
        attach(|py| self.forget(py, |id| id));
    }
}

fn functions(memory: &SessionMemory<Host>) -> impl Iterator<Item = Arc<FunctionResults>> {
    memory.readers.values().filter_map(|reader| reader.function.upgrade())
}

/// The session `id` reads functions no more.
fn leave(
    py: Python<'_>,
    id: Ticket,
    functions: impl IntoIterator<Item = Arc<FunctionResults>>,
    drops: &mut DeferredDrops<Host>,
) {
    for function in functions {
        function.cache.with(py, |cache| cache.leave(id, drops));
    }
}

/// A weak hold on a session.
#[derive(Clone)]
pub(crate) struct SessionRef(pub(crate) Weak<SessionCore>);

impl engine::Audience<Host> for SessionRef {
    fn reach<R>(
        &self,
        id: Ticket,
        drops: &mut DeferredDrops<Host>,
        act: impl FnOnce(&mut SessionMemory<Host>, &mut DeferredDrops<Host>) -> R,
    ) -> Option<R> {
        let core = self.0.upgrade()?;
        let result = (core.id() == id).then(|| core.memory.with(attached(), |memory| act(memory, drops)));
        drops.push(Leaving::Held(core));
        result
    }

    fn is_alive(&self, id: Ticket, drops: &mut DeferredDrops<Host>) -> bool {
        let Some(core) = self.0.upgrade() else { return false };
        let alive = core.id() == id;
        drops.push(Leaving::Held(core));
        alive
    }
}
