//! The active sessions of a function, an ordered map by when they began: whether an old version is still
//! needed is a question of its range.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::host::Host;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::{Audience, SessionHost};
use crate::engine::storage::deferred_drops::DeferredDrops;

/// The sessions that read a function. Those that ended without a word go when they are the oldest or the
/// newest.
pub(crate) struct Readers<H: Host> {
    pub(crate) all: BTreeMap<Ticket, H::Session>,
    /// Those that keep something of it.
    pub(crate) keepers: BTreeSet<Ticket>,
}

impl<H: SessionHost> Default for Readers<H> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), keepers: BTreeSet::new() }
    }
}

impl<H: SessionHost> Readers<H> {
    /// Whether one is there that began after something was stored, but for some.
    pub(crate) fn has_later(
        &mut self,
        stored: Ticket,
        but: [Ticket; 2],
        drops: &mut DeferredDrops<H>,
    ) -> bool {
        let mut end = order::NEVER;
        while let Some((&id, session)) = self.all.range(stored + 1..end).next_back() {
            if !but.contains(&id) {
                if session.is_alive(id, drops) {
                    return true;
                }
                self.forget(id);
            }
            end = id;
        }
        false
    }

    /// Whether a session is one of them.
    pub(crate) fn has(&self, id: Ticket) -> bool {
        self.all.contains_key(&id)
    }

    /// When the oldest began.
    pub(crate) fn oldest(&mut self, drops: &mut DeferredDrops<H>) -> Ticket {
        while let Some((&id, session)) = self.all.first_key_value() {
            if session.is_alive(id, drops) {
                return id;
            }
            self.forget(id);
        }
        order::NEVER
    }

    pub(crate) fn forget(&mut self, id: Ticket) {
        self.all.remove(&id);
        self.keepers.remove(&id);
    }

    /// Notes that a session keeps something.
    pub(crate) fn keeps(&mut self, id: Ticket) {
        self.keepers.insert(id);
    }
}
