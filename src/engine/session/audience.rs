//! How others reach a session: by a weak hold, which says when it has ended.

use crate::engine::host::Host;
use crate::engine::order::Ticket;
use crate::engine::session::session_memory::SessionMemory;
use crate::engine::storage::deferred_drops::DeferredDrops;

/// A weak hold on a session, by which a function's cache reaches what the session remembers.
pub trait Audience<H: Host>: Clone {
    /// Runs `act` on what the session `id` remembers. `None` when that session has ended.
    fn reach<R>(
        &self,
        id: Ticket,
        drops: &mut DeferredDrops<H>,
        act: impl FnOnce(&mut SessionMemory<H>, &mut DeferredDrops<H>) -> R,
    ) -> Option<R>;

    /// Whether the session `id` is still there.
    fn is_alive(&self, id: Ticket, drops: &mut DeferredDrops<H>) -> bool;
}

/// A host whose sessions can be reached, as what several sessions read must be able to.
pub trait SessionHost: Host<Session: Audience<Self>> {}

impl<H: Host<Session: Audience<H>>> SessionHost for H {}
