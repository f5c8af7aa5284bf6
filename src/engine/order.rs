//! A logical clock: sequence numbers that put events in order. Versions have none, so each session,
//! observation and stored entry draws a ticket.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// A place in the order of events; no two draws are equal, all are even, and 0 is never drawn.
pub type Ticket = u64;

/// Later than every ticket that will be drawn.
pub const NEVER: Ticket = Ticket::MAX;

/// Earlier than every ticket that was drawn.
pub const LONG_AGO: Ticket = 1;

/// What is found by a ticket. Nobody chooses tickets, so they need no secret to lie apart.
pub type ByTicket<T> = HashMap<Ticket, T, BuildHasherDefault<Spread>>;

/// Spreads tickets over a table, which looks at the lowest and at the highest bits.
#[derive(Clone, Copy, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }

    fn write_u64(&mut self, ticket: u64) {
        self.0 = (self.0 ^ ticket).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(2);

/// Draws the next ticket.
#[must_use]
pub fn draw() -> Ticket {
    NEXT.fetch_add(2, Ordering::Relaxed)
}

/// Among how many sessions the lanes are given out.
pub const LANES: usize = 16;

static SESSIONS: AtomicU64 = AtomicU64::new(0);

/// Draws the next ticket for a session: those of sessions that begin one after another are of different
/// lanes, in turn.
#[must_use]
pub fn draw_for_session() -> Ticket {
    let lane = SESSIONS.fetch_add(1, Ordering::Relaxed) % LANES as u64;
    let in_lane = |next: Ticket| next + 2 * ((lane + LANES as u64 - next / 2 % LANES as u64) % LANES as u64);
    let before = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| Some(in_lane(next) + 2));
    before.map_or_else(|next| next, in_lane)
}

/// The lane of a session.
#[inline]
#[must_use]
pub fn lane(session: Ticket) -> usize {
    (session / 2) as usize % LANES
}

/// A place before `ticket` and after any other that was drawn: what lies there is taken for nobody's own.
#[must_use]
pub fn before(ticket: Ticket) -> Ticket {
    ticket.saturating_sub(1) | 1
}

/// Whether a place is one that was drawn, and not one before or between.
#[must_use]
pub fn is_drawn(ticket: Ticket) -> bool {
    ticket.is_multiple_of(2)
}
