//! The results of one decorated function, with its name: what sessions and weak references to instances hold
//! of it.

use std::collections::VecDeque;

use pyo3::prelude::*;

use crate::concurrency::sharded_lock::ReadBuffered;
use crate::engine::order::Ticket;
use crate::engine::{DeferredDrops, FunctionCache, Touches};
use crate::py::interpreter::critical_section::{Guarded, ReadMostly, attach};
use crate::py::interpreter::trashcan;
use crate::py::objects::host::Host;

/// How many results are remembered for `cache_explain` that were not stored.
const MOST: usize = 16;

impl ReadBuffered for FunctionCache<Host> {
    type Buffer = Touches;

    const EMPTY: Touches = Touches::NONE;

    fn drain(&mut self, touches: &mut Touches) {
        Self::take_up(self, touches);
    }
}

/// The stored results of a decorated function, and its name.
pub(crate) struct FunctionResults {
    pub(crate) id: Ticket,
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) cache: ReadMostly<FunctionCache<Host>>,
    /// What `cache_explain` tells of results that were not stored.
    pub(crate) unvalidated: Guarded<RejectedResults>,
}

impl Drop for FunctionResults {
    fn drop(&mut self) {
        attach(|py| {
            let mut drops = DeferredDrops::default();
            self.cache.with(py, |cache| cache.dissolve(&mut drops));
            trashcan::discard(drops);
        });
    }
}

impl FunctionResults {
    /// What did not hold when a key's result was made last, so that it was not stored.
    pub(crate) fn culprit(&self, py: Python<'_>, hash: u64) -> Option<String> {
        self.unvalidated.with(py, |unvalidated| {
            let found = unvalidated.0.iter().find(|(memory, _)| *memory == hash);
            found.map(|(_, culprit)| culprit.clone())
        })
    }
}

/// The latest results that were not stored because something that they rest on does not hold: by the hash of
/// their keys, with the name of that.
#[derive(Default)]
pub(crate) struct RejectedResults(VecDeque<(u64, String)>);

impl RejectedResults {
    /// Takes note of a result: `culprit` is what does not hold, if anything.
    pub(crate) fn note(&mut self, hash: u64, culprit: Option<String>) {
        if !self.0.is_empty() {
            self.0.retain(|(memory, _)| *memory != hash);
        }
        if let Some(culprit) = culprit {
            self.0.truncate(MOST - 1);
            self.0.push_front((hash, culprit));
        }
    }
}
