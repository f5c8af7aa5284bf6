//! A hit outside of any session: what is stored answers if it is of the version that is asked just then.
//!
//! The version function runs between two looks at the cache, so the second makes sure that it sees what the
//! first saw. All that is not so plain is for the state machine, which goes on with the question that was
//! put.

use crate::engine::clock::{self, Nanos};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::keys::key::{Object, Sought};
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;

/// An entry that answers if its version is what the version function answers now.
pub struct Candidate<O> {
    pub(crate) slot: Slot,
    /// Names the entry: its place may have been given to another.
    pub(crate) stored: Ticket,
    /// Its version.
    pub version: O,
    /// Drawn before the version function runs.
    pub since: Ticket,
    /// When that was, if anything depends on it.
    pub at: Option<Nanos>,
}

impl<H: SessionHost> FunctionCache<H> {
    /// Whether nothing of a hash is stored, where nothing else decides what is served.
    pub fn lacks(&self, hash: u64) -> bool {
        self.terms.is_plain() && !self.entries.has(hash)
    }

    /// The entry that is sought, if nothing but its version decides whether it answers. Nothing changes.
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(
        clippy::inline_always,
        reason = "a hit in no session is one function, whose values stay in registers"
    )]
    #[inline(always)]
    pub fn candidate<S: Sought<H::Key>>(
        &self,
        hash: u64,
        sought: S,
    ) -> Result<Option<Candidate<H::Object>>, S::Other> {
        let Some((slot, look)) = self.entries.look(hash, sought)? else { return Ok(None) };
        let Look { entry, stamp, .. } = look;
        let at = self.timed.then(clock::now);
        let terms = &self.terms;
        let plain = !terms.constant && !terms.has_stale() && !terms.lags() && !stamp.lags;
        if !plain || stamp.version.is_immutable() || at.is_some_and(|at| !look.is_fresh(at, &self.terms)) {
            return Ok(None);
        }
        let version = stamp.version.clone();
        Ok(Some(Candidate { slot, stored: entry.stored, version, since: order::draw(), at }))
    }

    /// What `take` makes of an entry whose version was found unchanged, if it is there still, and fresh.
    #[expect(
        clippy::inline_always,
        reason = "a hit in no session is one function, whose values stay in registers"
    )]
    #[inline(always)]
    pub fn answer<R>(
        &mut self,
        candidate: &Candidate<H::Object>,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Option<R> {
        let Candidate { slot, stored, version, since, .. } = candidate;
        let is_it = |look: &Look<'_, H>| {
            let Look { entry, stamp, .. } = look;
            let is_same = entry.stored == *stored && stamp.version.is(version);
            is_same && (!self.timed || look.is_fresh_now(&self.terms))
        };
        let look = self.entries.get(*slot).filter(is_it)?;
        let taken = take(look);
        self.raise(*slot, *since);
        self.entries.touch(*slot);
        self.stats.hits += 1;
        self.stats.version_calls += 1;
        Some(taken)
    }
}
