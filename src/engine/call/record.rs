//! What a call exchanges with a second tier: records that were saved, results that are to be, and leases.

use std::num::NonZeroU64;

use crate::engine::call::failure::Failure;
use crate::engine::clock::Nanos;
use crate::engine::host::Host;
use crate::engine::keys::key::Object;
use crate::engine::storage::entry::{Course, OwnTtl};
use crate::engine::terms::Terms;

/// A result as a second tier has it.
pub struct Record<O> {
    /// The result.
    pub value: O,
    /// The version of the data it was made from.
    pub version: O,
    /// Its age, counted from the start of its computation; `Nanos::MAX` where that is not known.
    pub age: Nanos,
    /// How long it lives, if it said so itself.
    pub own_ttl: OwnTtl,
    /// What it weighs; 0 where that is not bounded.
    pub weight: u64,
}

/// A result that is to be saved.
pub struct Saved<O> {
    /// The result.
    pub value: O,
    /// The version of the data it was made from.
    pub version: O,
    /// When its computation began.
    pub born: Nanos,
    /// How long it lives, if it says so itself.
    pub own_ttl: OwnTtl,
}

/// How long after the start of its computation a result can be of use at most, to whoever loads it; `None` is
/// for ever.
#[must_use]
pub fn longest_use<O: Object>(version: &O, own_ttl: OwnTtl, terms: &Terms) -> Option<Nanos> {
    let ttl = Course::default().ttl(terms, own_ttl).filter(|_| !version.is_immutable())?;
    Some(ttl.saturating_add(terms.use_after(ttl)?))
}

/// How an attempt to acquire a lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The call holds it.
    Held,
    /// Another held it and has let go: there may be a record now.
    Freed,
    /// There is none to be had: the call computes without, and saves nothing.
    Refused,
}

/// What a run knows of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    /// It has not asked for it.
    Unasked,
    /// It holds it.
    Held,
    /// It goes without, as all runs do where there is no second tier.
    Without,
}

/// A look for what the second tier has of a key, of whatever version.
pub(crate) struct Recall<H: Host> {
    /// What failed, if something did.
    pub(crate) failure: Option<Failure>,
    /// How often something had been invalidated when it began.
    pub(crate) strikes: u64,
    /// What it has found.
    pub(crate) record: Option<Record<H::Object>>,
}

impl<O: Object> Record<O> {
    /// Whether its time was over before the clock began.
    pub(crate) fn has_ended_before(&self, now: Nanos, terms: &Terms) -> bool {
        let ttl = Course::default().ttl(terms, self.own_ttl).filter(|_| !self.version.is_immutable());
        self.age > now && ttl.is_some_and(|ttl| ttl <= self.age)
    }

    /// How long it lives: for one that is older than the clock, which began with this boot, so long that it
    /// ends when it would.
    pub(crate) fn own_ttl_at(&self, now: Nanos, terms: &Terms) -> OwnTtl {
        let ttl = Course::default().ttl(terms, self.own_ttl);
        match self.age.checked_sub(now).zip(ttl) {
            Some((before, ttl)) if ttl > self.age => NonZeroU64::new(ttl - before),
            _ => self.own_ttl,
        }
    }
}
