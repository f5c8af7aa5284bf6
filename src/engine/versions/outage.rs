//! The outage of a source: when it began to fail, and how long an old value may stand in (`stale-if-error`,
//! RFC 5861, section 4).

use crate::engine::clock::{self, Nanos};
use crate::engine::order::Ticket;

/// A source that fails: a function for some arguments, or a version function.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// When it first failed since it last was well.
    pub first: Nanos,
    /// When it last failed.
    pub last: Nanos,
    /// Its place in the order of events: only what was observed later shows that the source is well.
    pub ticket: Ticket,
}

impl Outage {
    /// A failure now of what began at `ticket`, after what there was before.
    pub(crate) fn again(before: Option<Self>, now: Nanos, ticket: Ticket) -> Self {
        Self { first: before.map_or(now, |before| before.first), last: now, ticket }
    }

    /// Whether the source is not to be asked again yet.
    pub(crate) fn is_recent(&self, now: Nanos, retry_after: Nanos) -> bool {
        clock::is_within(self.last, now, Some(retry_after))
    }
}

/// Whether an old value may still be used `allowed` after it stopped being fresh at `since`. `Nanos::MAX` is
/// for ever.
pub(crate) fn is_allowed(since: Nanos, now: Nanos, allowed: Option<Nanos>) -> bool {
    allowed.is_some_and(|allowed| allowed == Nanos::MAX || clock::is_within(since, now, Some(allowed)))
}
