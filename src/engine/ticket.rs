//! The order of events. Versions have none, so each session, observation and stored entry draws a ticket.

use std::sync::atomic::{AtomicU64, Ordering};

/// A place in the order of events; no two draws are equal, all are even, and 0 is never drawn.
pub type Ticket = u64;

/// Later than every ticket that will be drawn.
pub const NEVER: Ticket = Ticket::MAX;

/// Earlier than every ticket that was drawn.
pub const LONG_AGO: Ticket = 1;

static NEXT: AtomicU64 = AtomicU64::new(2);

/// Draws the next ticket.
#[must_use]
pub fn draw() -> Ticket {
    NEXT.fetch_add(2, Ordering::Relaxed)
}

/// A place before `ticket` and after any other that was drawn: what lies there is taken for nobody's own.
#[must_use]
pub fn before(ticket: Ticket) -> Ticket {
    ticket.saturating_sub(1) | 1
}
