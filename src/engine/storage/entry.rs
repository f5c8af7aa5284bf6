//! A cache entry: a stored result, with the version and the time that decide how long it is good.

use std::num::NonZeroU64;

use crate::engine::clock::{self, Nanos};
use crate::engine::host::Host;
use crate::engine::keys::key::Object;
use crate::engine::order::{LONG_AGO, NEVER, Ticket};
use crate::engine::terms::Terms;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::read_log::Basis;
use crate::engine::versions::version_stamp::VersionStamp;

/// How long a result lives at most, in nanoseconds, if it says so itself.
pub type OwnTtl = Option<NonZeroU64>;

/// One stored result. Where its version and its own ttl lie aside, it has a place in their stead, or nothing.
pub struct Entry<H: Host, S = VersionStamp<<H as Host>::Object>, T = OwnTtl> {
    /// The arguments.
    pub key: H::Key,
    /// The result.
    pub value: H::Object,
    /// The version of the data it was made from.
    pub stamp: S,
    /// When it was stored, in the order of events; 0 for a result that only its session keeps.
    pub stored: Ticket,
    /// The session that has surely seen it; 0 for none.
    pub known_in: Ticket,
    /// When its computation began, or its version was found unchanged since.
    pub born: Nanos,
    /// How its computation went.
    pub course: Course,
    /// How long it lives, if it says so itself.
    pub own_ttl: T,
}

/// How a computation went, in a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course(u32);

impl Course {
    const SETTLES: u32 = 1 << 31;
    const HAS_OWN_TTL: u32 = 1 << 30;
    const DRAWS: u32 = Self::HAS_OWN_TTL - 1;

    /// A computation that began and was stored at these places; `settles` says that nobody knows yet whether
    /// it is what was announced.
    #[must_use]
    pub fn new(began: Ticket, stored: Ticket, settles: bool) -> Self {
        let draws = u32::try_from(stored.saturating_sub(began) / 2).unwrap_or(u32::MAX);
        Self(draws.min(Self::DRAWS) | if settles { Self::SETTLES } else { 0 })
    }

    /// The same of a result whose own ttl lies aside, if it has one.
    pub(crate) fn beside(self, own_ttl: OwnTtl) -> Self {
        Self(if own_ttl.is_some() { self.0 | Self::HAS_OWN_TTL } else { self.0 })
    }

    /// The same with nothing aside.
    pub(crate) fn alone(self) -> Self {
        Self(self.0 & !Self::HAS_OWN_TTL)
    }

    /// Whether its time to live is surely its function's.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.0 & (Self::SETTLES | Self::HAS_OWN_TTL) == 0
    }

    /// Its time to live: the shortest of all that bound it.
    pub(crate) fn ttl(self, terms: &Terms, own_ttl: OwnTtl) -> Option<Nanos> {
        let settle = terms.settle.filter(|_| self.settles());
        [terms.ttl, settle, own_ttl.map(NonZeroU64::get)].into_iter().flatten().min()
    }

    /// Whether its time to live is that of a result which may lag behind its version.
    #[inline]
    #[must_use]
    pub fn settles(self) -> bool {
        self.0 & Self::SETTLES != 0
    }

    /// Where it began, if it was stored there; or before, if it took very long.
    fn began(self, stored: Ticket) -> Ticket {
        match u64::from(self.0 & Self::DRAWS) {
            draws if draws < u64::from(Self::DRAWS) => stored.saturating_sub(2 * draws),
            _ => 0,
        }
    }
}

impl<H: Host, S: Clone, T: Copy> Clone for Entry<H, S, T> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: self.value.clone(), stamp: self.stamp.clone(), ..*self }
    }
}

impl<H: Host, S> Entry<H, S> {
    /// Its time to live.
    #[must_use]
    pub fn ttl(&self, terms: &Terms) -> Option<Nanos> {
        self.course.ttl(terms, self.own_ttl)
    }

    /// Whether its age is below its time to live.
    #[must_use]
    pub fn is_fresh(&self, now: Nanos, terms: &Terms) -> bool {
        clock::is_within(self.born, now, self.ttl(terms))
    }

    /// The same now. The clock is only read if that matters.
    #[must_use]
    pub fn is_fresh_now(&self, terms: &Terms) -> bool {
        self.ttl(terms).is_none_or(|ttl| clock::is_within(self.born, clock::now(), Some(ttl)))
    }
}

impl<H: Host, S, T> Entry<H, S, T> {
    /// Whether an observation that agrees lets its age begin anew.
    pub(crate) fn is_verified_by<O>(&self, observation: &Observation<O>, terms: &Terms) -> bool {
        terms.verifies && observation.at > self.born && !self.course.settles()
    }

    /// When its computation began, in the order of events.
    #[must_use]
    pub fn began(&self) -> Ticket {
        self.course.began(self.stored)
    }

    /// Whether it was loaded from a store, and so made before all that has a place in the order of events.
    pub(crate) fn is_loaded(&self) -> bool {
        self.began() <= LONG_AGO
    }

    /// The observation that the value vouches for to whoever builds on it. What never changes never grows
    /// old.
    #[inline]
    #[must_use]
    pub fn vouch(&self, stamp: &VersionStamp<H::Object>, constant: bool) -> Ticket {
        match () {
            () if self.stored != 0 && (constant || stamp.version.is_immutable()) => NEVER,
            // It is older than what was announced, and nobody knows how much.
            () if stamp.lags => LONG_AGO,
            () => stamp.ticket,
        }
    }

    /// By what it is served, to whoever builds on it.
    #[inline]
    #[must_use]
    pub fn basis(&self, stamp: &VersionStamp<H::Object>, constant: bool) -> Basis<H::Object> {
        Basis { tag: stamp.tag, ticket: self.vouch(stamp, constant), version: stamp.version.clone() }
    }
}
