//! An observation: one successful run of a version function, with its place in the order of events.

use crate::engine::clock::{self, Nanos};
use crate::engine::order::{NEVER, Ticket};
use crate::engine::versions::read_log::{Own, ReadSet};

/// One successful run of a version function.
#[derive(Clone, Debug)]
pub struct Observation<O> {
    /// What it answered.
    pub version: O,
    /// Names the version: equal tags mean equal versions. Two tags of equal versions become one when they
    /// meet.
    pub tag: Ticket,
    /// Drawn before it ran.
    pub since: Ticket,
    /// The same, unless its run has read something that is older: it is surely no older than that.
    pub ticket: Ticket,
    /// Drawn when it had answered. What it saw lies between the two: only what began later is surely newer.
    pub until: Ticket,
    /// When it began to run.
    pub at: Nanos,
    /// What its run has read that is older.
    pub reads: ReadSet<O>,
}

impl<O> Observation<O> {
    /// What a computation under it notes its reads by. One that `asks_again` for its version will go by a
    /// newer one then.
    pub(crate) fn own(&self, asks_again: bool) -> Own {
        Own {
            tag: self.tag,
            ticket: if self.reads.is_some() { 0 } else { self.ticket },
            until: if asks_again { NEVER } else { self.until },
        }
    }

    /// Whether it is younger than `ttl`. An older one says nothing any more.
    #[must_use]
    pub fn vouches(&self, now: Nanos, ttl: Option<Nanos>) -> bool {
        clock::is_within(self.at, now, ttl)
    }
}
