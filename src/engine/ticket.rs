//! The order of events. Versions have none, so each session, observation and stored entry draws a ticket.

use std::sync::atomic::{AtomicU64, Ordering};

/// A place in the order of events; no two draws are equal, and 0 is never drawn.
pub type Ticket = u64;

/// Later than every ticket that will be drawn.
pub const NEVER: Ticket = Ticket::MAX;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Draws the next ticket.
#[must_use]
pub fn draw() -> Ticket {
    NEXT.fetch_add(1, Ordering::Relaxed)
}
