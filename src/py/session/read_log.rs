//! The read log of a session: computations that run in one session share one, and begin and end in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use super::core::ActiveSession;
use crate::engine::order::Ticket;
use crate::engine::{Own, Read};
use crate::py::objects::object::Object;

/// How many sessions are told apart by [`BUSY`].
const LANES: usize = 64;
/// How much is computed in sessions of each lane: where that is nothing, no session need be looked for.
static BUSY: [AtomicUsize; LANES] = [const { AtomicUsize::new(0) }; LANES];

fn busy(session: Ticket) -> &'static AtomicUsize {
    &BUSY[(session / 2) as usize % LANES]
}

/// Whether anything may be computed in a session of that number.
pub(crate) fn is_busy(session: Ticket) -> bool {
    busy(session).load(Ordering::Relaxed) != 0
}

/// Begins a computation in a session's log.
pub(crate) fn begin(py: Python<'_>, session: &ActiveSession, own: Own) -> u64 {
    busy(session.id).fetch_add(1, Ordering::Relaxed);
    session.core.reads.with(py, |log| log.get_or_insert_default().begin(own))
}

/// Ends it. Returns what it has read.
pub(crate) fn end(py: Python<'_>, session: &ActiveSession, start: u64, own: Own) -> Vec<Read<Object>> {
    busy(session.id).fetch_sub(1, Ordering::Relaxed);
    let ended = session.core.reads.with(py, |log| log.as_mut().map(|log| log.end(start, own)));
    ended.map_or_else(Vec::new, |(reads, gone)| {
        drop(gone);
        reads
    })
}
