//! What is stored, what a version function answered, and what is to be dropped.

use std::sync::Arc;

use super::clock::{self, Nanos};
use super::evicted::Evicted;
use super::flight::{Going, Landed};
use super::live::Live;
use super::reads::{Basis, Own, ReadSet};
use super::rows::Rows;
use super::session::Answers;
use super::stamp::Stamp;
use super::store::Terms;
use super::ticket::{LONG_AGO, NEVER, Ticket};
use super::{Audience, Host, Object};

/// One successful run of a version function.
#[derive(Clone, Debug)]
pub struct Observation<O> {
    /// What it answered.
    pub version: O,
    /// Names the version: equal tags mean equal versions. Two tags of equal versions become one when they meet.
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
    /// What a computation under it notes its reads by. One that `asks_again` for its version will go by a newer one then.
    pub(super) fn own(&self, asks_again: bool) -> Own {
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

/// One stored result.
pub struct Entry<H: Host, S = Stamp<<H as Host>::Object>> {
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
}

/// How a computation went, in a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course(u32);

impl Course {
    const SETTLES: u32 = 1 << 31;

    /// A computation that began and was stored at these places; `settles` says that nobody knows yet whether it is what was announced.
    #[must_use]
    pub fn new(began: Ticket, stored: Ticket, settles: bool) -> Self {
        let draws = u32::try_from(stored.saturating_sub(began) / 2).unwrap_or(u32::MAX);
        Self(draws.min(Self::SETTLES - 1) | if settles { Self::SETTLES } else { 0 })
    }

    /// Whether its time to live is that of a result which may lag behind its version.
    #[inline]
    #[must_use]
    pub fn settles(self) -> bool {
        self.0 & Self::SETTLES != 0
    }

    /// Where it began, if it was stored there; or before, if it took very long.
    fn began(self, stored: Ticket) -> Ticket {
        match u64::from(self.0 & !Self::SETTLES) {
            draws if draws < u64::from(Self::SETTLES - 1) => stored.saturating_sub(2 * draws),
            _ => 0,
        }
    }
}

impl<H: Host, S: Clone> Clone for Entry<H, S> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: self.value.clone(), stamp: self.stamp.clone(), ..*self }
    }
}

impl<H: Host, S> Entry<H, S> {
    /// Whether its age is below its time to live.
    #[inline]
    #[must_use]
    pub fn is_fresh(&self, now: Nanos, terms: &Terms) -> bool {
        clock::is_within(self.born, now, self.ttl(terms))
    }

    /// The same now. The clock is only read if that matters.
    #[must_use]
    pub fn is_fresh_now(&self, terms: &Terms) -> bool {
        self.ttl(terms).is_none_or(|ttl| clock::is_within(self.born, clock::now(), Some(ttl)))
    }

    /// Its time to live.
    #[inline]
    #[must_use]
    pub fn ttl(&self, terms: &Terms) -> Option<Nanos> {
        if self.course.settles() { terms.settle.min(terms.ttl).or(terms.settle) } else { terms.ttl }
    }

    /// Whether an observation that agrees lets its age begin anew.
    pub(super) fn is_verified_by<O>(&self, observation: &Observation<O>, terms: &Terms) -> bool {
        terms.verifies && observation.at > self.born && !self.course.settles()
    }

    /// When its computation began, in the order of events.
    #[must_use]
    pub fn began(&self) -> Ticket {
        self.course.began(self.stored)
    }

    /// The observation that the value vouches for to whoever builds on it. What never changes never grows old.
    #[inline]
    #[must_use]
    pub fn vouch(&self, stamp: &Stamp<H::Object>, constant: bool) -> Ticket {
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
    pub fn basis(&self, stamp: &Stamp<H::Object>, constant: bool) -> Basis<H::Object> {
        Basis { tag: stamp.tag, ticket: self.vouch(stamp, constant), version: stamp.version.clone() }
    }
}

/// What left its place in a critical section.
pub enum Leaving<H: Host> {
    /// A single entry.
    Entry(Entry<H>),
    /// A version or a result.
    Object(H::Object),
    /// An answer of a version function.
    Observation(Observation<H::Object>),
    /// Arguments.
    Key(H::Key),
    /// A whole shelf.
    Shelf(Box<Rows<Entry<H>>>),
    /// All entries of a store.
    Store(Box<Live<H>>),
    /// All that left a store.
    Evicted(Box<Evicted<H>>),
    /// Answers of a version function.
    Answers(Answers<H>),
    /// A computation that is over.
    Computation(Going<H>),
    /// A result that somebody had yet to take.
    Landed(Arc<Landed<H>>),
    /// A run of which nobody needs to know any more.
    Run(H::Flight),
    /// A session that was held for a moment.
    Held(<H::Session as Audience<H>>::Held),
}

/// What left its place in a critical section, to be dropped after it: a destructor may run foreign code. One list, as a call that computes has
/// something of several kinds to let go.
pub struct Displaced<H: Host>(Vec<Leaving<H>>);

impl<H: Host> Default for Displaced<H> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<H: Host> Displaced<H> {
    /// Takes one thing more.
    #[inline]
    pub fn push(&mut self, leaving: Leaving<H>) {
        if self.0.capacity() == 0 {
            // At once as many as most calls need.
            self.0 = Vec::with_capacity(4);
        }
        self.0.push(leaving);
    }

    /// How many single entries there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.iter().filter(|leaving| matches!(leaving, Leaving::Entry(_))).count()
    }
}

impl<H: Host> Extend<Leaving<H>> for Displaced<H> {
    #[inline]
    fn extend<I: IntoIterator<Item = Leaving<H>>>(&mut self, leaving: I) {
        leaving.into_iter().for_each(|leaving| self.push(leaving));
    }
}
