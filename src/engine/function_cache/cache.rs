//! The LRU cache of one function: its hit path, and what its methods do to it outside of a call.

use std::convert::Infallible;

use crate::engine::clock::{self, Nanos};
use crate::engine::flight::flights::Flights;
use crate::engine::function_cache::evicted::Evicted;
use crate::engine::function_cache::readers::Readers;
use crate::engine::function_cache::session_hint::{HitAttempt, SessionHint};
use crate::engine::function_cache::stats::Stats;
use crate::engine::host::Host;
use crate::engine::keys::collisions::Asked;
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Object, Probe, Sought};
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::{Entries, Look};
use crate::engine::storage::touches::Touches;
use crate::engine::tables::index::Slot;
use crate::engine::terms::Terms;

/// The results of one function.
pub struct FunctionCache<H: Host> {
    /// Names the function.
    pub id: Ticket,
    /// How sessions refer to the function.
    pub(crate) function: H::Function,
    /// What was agreed.
    pub terms: Terms,
    /// Whether anything depends on the time: by what was agreed, or since a result said how long it lives.
    pub(crate) timed: bool,
    /// What is counted.
    pub stats: Stats,
    pub(crate) entries: Entries<H>,
    /// What left it, for sessions that may have seen that.
    pub(crate) evicted: Evicted<H>,
    pub(crate) readers: Readers<H>,
    pub(crate) flights: Flights<H>,
    pub(crate) hints: [SessionHint; order::LANES],
}

impl<H: SessionHost> FunctionCache<H> {
    /// An empty cache.
    #[must_use]
    pub fn new(terms: Terms, function: H::Function) -> Self {
        Self {
            id: order::draw(),
            function,
            terms,
            timed: terms.are_timed(),
            stats: Stats::default(),
            entries: Entries::new(terms.has_stale()),
            evicted: Evicted::default(),
            readers: Readers::default(),
            flights: Flights::default(),
            hints: Default::default(),
        }
    }

    /// The present moment; where nothing depends on it, one shortly before, which is read faster.
    #[must_use]
    pub fn now(&self) -> Nanos {
        if self.timed { clock::now() } else { clock::earliest() }
    }

    /// The number of stored entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What left it.
    #[must_use]
    pub fn evicted(&self) -> &Evicted<H> {
        &self.evicted
    }

    /// The stored entries.
    #[must_use]
    pub fn entries(&self) -> &Entries<H> {
        &self.entries
    }

    /// Whether a session does not surely know an entry, as it does if that `agrees` with what it goes by, or
    /// its age at `now` has reached its ttl.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    fn is_no_hit(&self, look: Look<'_, H>, id: Ticket, agrees: bool, now: impl FnOnce() -> Nanos) -> bool {
        let known = if id == 0 { self.terms.constant } else { agrees || look.entry.known_in == id };
        !known || look.ttl(&self.terms).is_some_and(|ttl| now().saturating_sub(look.entry.born) >= ttl)
    }

    /// The hit path: what `take` makes of the entry that is sought, if the session `id` surely knows it and
    /// its age at `now` is below the ttl. `id` 0 is no session, which knows nothing but constants.
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub fn hit<R, S: Sought<H::Key>>(
        &mut self,
        hash: u64,
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        sought: S,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<Option<R>, S::Other> {
        self.hit_by(|entries| entries.look(hash, sought), id, now, take)
    }

    /// The same for the entry whose key lies at an address.
    #[inline]
    pub fn hit_at<R>(
        &mut self,
        (hash, address): (u64, usize),
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Option<R> {
        let Ok(taken) = self.hit_by(|entries| Ok::<_, Infallible>(entries.at(hash, address)), id, now, take);
        taken
    }

    /// The same for the entry that is found so.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    fn hit_by<R, E>(
        &mut self,
        find: impl FnOnce(&Entries<H>) -> Result<Option<(Slot, Look<'_, H>)>, E>,
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<Option<R>, E> {
        let Some((slot, look)) = find(&self.entries)? else { return Ok(None) };
        let seen = self.hints[order::lane(id)];
        let agrees = seen.agrees(look, id);
        if self.is_no_hit(look, id, agrees, now) {
            return Ok(None);
        }
        let taken = if agrees && look.stamp.ticket < seen.ticket {
            self.raise(slot, seen.ticket);
            self.entries.get(slot).map(take)
        } else {
            Some(take(look))
        };
        self.stats.hits += 1;
        self.entries.touch(slot);
        Ok(taken)
    }

    /// The same beside others that look at the cache: what a hit changes is noted in `touches`, for
    /// [`FunctionCache::take_up`].
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub fn hit_beside<R, S: Sought<H::Key>>(
        &self,
        touches: &mut Touches,
        (hash, id): (u64, Ticket),
        now: impl FnOnce() -> Nanos,
        sought: S,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<HitAttempt<R>, S::Other> {
        let Some((slot, look)) = self.entries.look(hash, sought)? else { return Ok(HitAttempt::Nothing) };
        let seen = self.hints[order::lane(id)];
        let agrees = seen.agrees(look, id);
        Ok(match () {
            () if self.is_no_hit(look, id, agrees, now) => HitAttempt::Nothing,
            () if agrees && look.stamp.ticket < seen.ticket => HitAttempt::Newer,
            () if touches.note(slot) => HitAttempt::Taken(take(look)),
            () => HitAttempt::Full,
        })
    }

    /// Takes up what hits have noted since anything else changed: no entry has come or gone meanwhile.
    pub fn take_up(&mut self, touches: &mut Touches) {
        let (hits, slots) = touches.drain();
        self.stats.hits += hits;
        slots.for_each(|slot| self.entries.touch(slot));
    }

    /// The address of the stored key of some arguments, of which none was made; `same` tells what needs no
    /// asking.
    ///
    /// # Errors
    /// What has to be asked.
    pub fn address_of(
        &self,
        hash: u64,
        same: impl Fn(&H::Key) -> Option<bool>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<usize>, Asked<H::Key>> {
        self.entries.address_of(hash, same, comparisons)
    }

    /// Notes that a newer observation found an entry's version unchanged, and so that of all that share it.
    pub(crate) fn raise(&mut self, slot: Slot, ticket: Ticket) {
        let place =
            self.entries.get(slot).filter(|look| look.stamp.ticket < ticket).map(|look| look.entry.stamp);
        if let Some(place) = place {
            self.entries.version_table.agree(place, ticket);
            self.stats.verified += 1;
        }
    }

    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        self.entries.find(probe, comparisons)
    }

    fn empty(&mut self, drops: &mut DeferredDrops<H>) {
        let entries = std::mem::replace(&mut self.entries, Entries::new(self.terms.has_stale()));
        self.entries.changes = entries.changes + 1;
        drops.push(Leaving::Whole(Box::new(entries)));
        if !self.evicted.is_empty() {
            drops.push(Leaving::Whole(Box::new(std::mem::take(&mut self.evicted))));
        }
    }

    /// Empties the cache and what sessions keep of this function; nothing that runs now will be stored.
    /// Counters begin anew.
    pub fn clear(&mut self, drops: &mut DeferredDrops<H>) {
        self.empty(drops);
        let Ok(()) = self.reach_keepers(drops, |reader, drops| {
            reader.unpin_all(drops);
            Ok::<_, Infallible>(())
        });
        self.flights.strike(None, |_| true, drops);
        self.stats = Stats::default();
    }

    /// Removes a key from the cache and from what sessions keep; its computation that runs now will not be
    /// stored. Whether anything was removed.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on;
    /// `drops` tells it what it has removed before.
    pub fn invalidate(
        &mut self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        self.reach_keepers(drops, |reader, drops| reader.unpin(probe, comparisons, drops))?;
        self.evicted.invalidate(probe, comparisons, drops)?;
        if let Some(slot) = self.find(probe, comparisons)? {
            let removed = self.entries.remove(slot, drops);
            drops.extend(removed.map(|taken| Leaving::Entry(taken.entry)));
        }
        self.flights.strike_key(probe, comparisons, drops)?;
        Ok(drops.entries() > 0)
    }

    /// Forgets, in every session, what a condition on keys accepts; what runs now for such a key will not be
    /// stored. Where a hash is given, only keys of that are looked at.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        self.entries.strike(hash, &leaves, drops);
        self.evicted.strike(hash, &leaves, drops);
        let Ok(()) = self.reach_keepers(drops, |reader, drops| {
            reader.strike(hash, &leaves, drops);
            Ok::<_, Infallible>(())
        });
        if let Some(hash) = hash {
            self.forget_the_dead(hash, drops);
        }
        self.flights.strike(hash, leaves, drops);
    }

    /// The fresh entry of a key. Moves nothing.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub fn peek(
        &self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Look<'_, H>>, Unsure<H::Object>> {
        let found = self.find(probe, comparisons)?.and_then(|slot| self.entries.get(slot));
        Ok(found.filter(|look| self.is_shown(*look)))
    }

    /// Whether an entry has not ended, which one of what never changes does not.
    fn is_shown(&self, look: Look<'_, H>) -> bool {
        look.stamp.version.is_immutable() || look.is_fresh_now(&self.terms)
    }

    /// The keys of what is stored and has not ended, the most recently used first.
    #[must_use]
    pub fn keys(&self) -> Vec<H::Key> {
        let shown = self.entries.looks().filter(|(_, look)| self.is_shown(*look));
        shown.map(|(_, look)| look.entry.key.clone()).collect()
    }

    /// All keys of which a result is kept or computed: stored, in what left, in sessions, in progress. The
    /// same may be there several times.
    #[must_use]
    pub fn all_keys(&mut self, drops: &mut DeferredDrops<H>) -> Vec<H::Key> {
        let stored = self.entries.iter().map(|entry| &entry.key);
        let left = self.evicted.iter().map(|entry| &entry.key);
        let mut keys: Vec<_> = stored.chain(left).chain(self.flights.keys()).cloned().collect();
        let Ok(()) = self.reach_keepers(drops, |reader, _| {
            keys.extend(reader.iter().map(|entry| entry.key.clone()));
            Ok::<_, Infallible>(())
        });
        keys
    }

    /// Takes everything out, for good: the function is going.
    pub fn dissolve(&mut self, drops: &mut DeferredDrops<H>) {
        self.empty(drops);
        self.part(drops);
    }
}
