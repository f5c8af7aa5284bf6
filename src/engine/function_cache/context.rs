//! The critical section as a call sees it: the results of the function, the session that calls, the time, and
//! what is let go.

use crate::engine::clock::Nanos;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::host::Host;
use crate::engine::order::Ticket;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::session_memory::SessionMemory;
use crate::engine::storage::deferred_drops::DeferredDrops;

/// A session as the caller of a function: who it is, how others reach it, and what it remembers.
pub struct Caller<'a, H: Host> {
    /// The session's ticket.
    pub id: Ticket,
    /// When the session began; it may have been renewed since.
    pub began: Ticket,
    /// How others reach it.
    pub session: &'a H::Session,
    /// What it remembers.
    pub memory: &'a mut SessionMemory<H>,
}

/// What a step of a call is handed inside of the critical section.
pub struct Context<'a, H: Host> {
    /// The results of the function.
    pub cache: &'a mut FunctionCache<H>,
    /// The session that calls, if one does.
    pub caller: Option<Caller<'a, H>>,
    /// When the step is taken.
    pub now: Nanos,
    /// What leaves its place, to be dropped outside of the critical section.
    pub drops: &'a mut DeferredDrops<H>,
}

impl<'a, H: SessionHost> Context<'a, H> {
    /// The critical section of a function's results, for a session or none.
    #[must_use]
    pub fn new(
        cache: &'a mut FunctionCache<H>,
        caller: Option<Caller<'a, H>>,
        drops: &'a mut DeferredDrops<H>,
    ) -> Self {
        let now = cache.now();
        Self { cache, caller, now, drops }
    }

    /// The session's ticket; 0 for none.
    pub(crate) fn session(&self) -> Ticket {
        self.caller.as_ref().map_or(0, |caller| caller.id)
    }
}
