//! What the engine needs to know of the language that it serves.

use crate::engine::keys::comparisons::Unsure;
use crate::engine::keys::key::{Key, Object};

/// What the engine needs to know of the language it serves.
pub trait Host: Sized + 'static {
    /// Results and versions.
    type Object: Object<Key = Self::Key>;
    /// Arguments.
    type Key: Key<Object = Self::Object>;
    /// A session that may end at any time.
    type Session: Clone;
    /// A strong hold on one, taken while it is reached and given up outside of the critical section.
    type Held;
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

/// What was decided, unless that depends on a comparison.
pub(crate) type Decided<H, T> = Result<T, Unsure<<H as Host>::Object>>;
