//! The cache itself: what is stored, who has seen it, and what a call does next.
//!
//! Nothing here knows Python, runs foreign code, waits or reads anything but the clock. Foreign objects are only
//! moved, cloned and compared by identity; what leaves a structure is handed out in a [`Displaced`], to be dropped where
//! a destructor may run.

pub mod clock;
mod compare;
mod context;
mod crowd;
mod decide;
mod disposition;
mod entry;
mod evicted;
#[cfg(test)]
mod fake;
mod few;
mod flight;
#[cfg(test)]
mod flight_tests;
mod index;
mod live;
mod outcome;
mod plan;
mod policy;
mod protocol;
mod pump;
mod put;
mod readers;
mod reads;
mod recognition;
mod rows;
mod serve;
mod session;
mod source;
mod stale;
#[cfg(test)]
mod stale_tests;
mod stamp;
mod stats;
mod status;
mod store;
mod table;
#[cfg(test)]
mod tests;
pub mod ticket;
mod touched;
mod trouble;
mod validate;
#[cfg(test)]
mod validate_tests;
mod verdict;

pub use compare::{Key, Object, Pair, Probe, Question, Sought, Unsure, Verdicts};
pub use context::{Caller, Context};
pub use crowd::Asked;
pub use entry::{Course, Displaced, Entry, Leaving, Observation};
pub use evicted::Evicted;
pub use few::Few;
pub use flight::{Arrival, Flights, Going};
pub use live::{Aside, Live, Look, Stored, Taken};
pub use plan::Plan;
pub use policy::{Manner, Refresh, Setting, Wish};
pub use protocol::{Event, Made, NextStep, Served, Step};
pub use pump::pump;
pub use put::Putter;
pub use reads::{Basis, Noted, Own, Read, ReadLog, ReadSet, oldest};
pub use rows::{Rows, Slot};
pub use session::{Answers, Known, Reader, Scope, Shelf};
pub use stamp::{Place, Stamp, Stamps};
pub use stats::Stats;
pub use status::{Forward, Logged, Status};
pub use store::{Glanced, Lag, Store, Terms};
pub use table::Table;
pub use touched::Touched;
pub use validate::Claim;

/// What was decided, unless that depends on a comparison.
type Decided<H, T> = Result<T, Unsure<<H as Host>::Object>>;

/// What the engine needs to know of the language it serves.
pub trait Host: Sized {
    /// Results and versions.
    type Object: Object<Key = Self::Key>;
    /// Arguments.
    type Key: Key<Object = Self::Object>;
    /// A session that may end at any time.
    type Session: Audience<Self>;
    /// One run of a function that others may wait for.
    type Flight: Flight;
    /// A weak hold on a function, for whoever looks into a session.
    type Function: Clone;
}

/// One run of a function that others may wait for.
pub trait Flight: Clone {
    /// Who leads a run, or would wait for one.
    type Leader;

    /// A run that begins now.
    fn begin(leader: &Self::Leader) -> Self;

    /// Whether both are the same run.
    fn is(&self, other: &Self) -> bool;

    /// Whether it is still going on, in this process.
    fn is_going(&self) -> bool;

    /// Whether somebody is part of it: a wait would never end.
    fn encloses(&self, other: &Self::Leader) -> bool;

    /// Whether it is going on and another may wait for it, who is no part of it.
    fn serves(&self, other: &Self::Leader) -> bool;
}

/// A weak hold on a session, by which a store reaches what the session remembers.
pub trait Audience<H: Host>: Clone {
    /// A strong hold, taken while the session is reached and given up outside the critical section.
    type Held;

    /// Runs `act` on what the session `id` remembers. `None` when that session has ended.
    fn reach<R>(
        &self,
        id: ticket::Ticket,
        displaced: &mut Displaced<H>,
        act: impl FnOnce(&mut Known<H>, &mut Displaced<H>) -> R,
    ) -> Option<R>;

    /// Whether the session `id` is still there.
    fn is_alive(&self, id: ticket::Ticket, displaced: &mut Displaced<H>) -> bool;
}
