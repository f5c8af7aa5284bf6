//! The results of one function, and what its methods do to them outside a call.

use std::convert::Infallible;

use crate::engine::clock::Nanos;
use crate::engine::flight::flights::Flights;
use crate::engine::function_cache::evicted::Evicted;
use crate::engine::function_cache::readers::Readers;
use crate::engine::function_cache::session_hint::{Glance, Glanced};
use crate::engine::function_cache::stats::Stats;
use crate::engine::host::Host;
use crate::engine::keys::collisions::Asked;
use crate::engine::keys::comparisons::{Unsure, Verdicts};
use crate::engine::keys::key::{Object, Probe, Sought};
use crate::engine::order;
use crate::engine::order::Ticket;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::{Displaced, Leaving};
use crate::engine::storage::entries::{Live, Look, Stored};
use crate::engine::storage::touches::Touched;
use crate::engine::tables::index::Slot;
use crate::engine::terms::Terms;

/// The results of one function.
pub struct Store<H: Host> {
    /// Names the function.
    pub id: Ticket,
    /// How sessions refer to the function.
    pub(crate) function: H::Function,
    /// What was agreed.
    pub terms: Terms,
    /// What is counted.
    pub stats: Stats,
    pub(crate) live: Live<H>,
    /// What left it, for sessions that may have seen that.
    pub(crate) evicted: Evicted<H>,
    pub(crate) readers: Readers<H>,
    pub(crate) flights: Flights<H>,
    pub(crate) glances: [Glance; order::LANES],
}

impl<H: SessionHost> Store<H> {
    /// An empty store.
    #[must_use]
    pub fn new(terms: Terms, function: H::Function) -> Self {
        Self {
            id: order::draw(),
            function,
            terms,
            stats: Stats::default(),
            live: Live::new(terms.has_stale()),
            evicted: Evicted::default(),
            readers: Readers::default(),
            flights: Flights::default(),
            glances: Default::default(),
        }
    }

    /// The number of stored entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// What left it.
    #[must_use]
    pub fn evicted(&self) -> &Evicted<H> {
        &self.evicted
    }

    /// The stored entries.
    #[must_use]
    pub fn live(&self) -> &Live<H> {
        &self.live
    }

    /// Whether a session does not surely know an entry, as it does if that `agrees` with what it goes by, or its age at `now` has reached its ttl.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    fn is_no_hit(&self, entry: &Stored<H>, id: Ticket, agrees: bool, now: impl FnOnce() -> Nanos) -> bool {
        let known = if id == 0 { self.terms.constant } else { agrees || entry.known_in == id };
        !known || entry.ttl(&self.terms).is_some_and(|ttl| now().saturating_sub(entry.born) >= ttl)
    }

    /// The hit path: what `take` makes of the entry that is sought, if the session `id` surely knows it and its age at `now` is below the
    /// ttl. `id` 0 is no session, which knows nothing but constants.
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub fn glance<R, S: Sought<H::Key>>(
        &mut self,
        hash: u64,
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        sought: S,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<Option<R>, S::Other> {
        self.glance_by(|live| live.look(hash, sought), id, now, take)
    }

    /// The same for the entry whose key lies at an address.
    #[inline]
    pub fn glance_at<R>(
        &mut self,
        (hash, address): (u64, usize),
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Option<R> {
        let Ok(taken) = self.glance_by(|live| Ok::<_, Infallible>(live.at(hash, address)), id, now, take);
        taken
    }

    /// The same for the entry that is found so.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    fn glance_by<R, E>(
        &mut self,
        find: impl FnOnce(&Live<H>) -> Result<Option<(Slot, Look<'_, H>)>, E>,
        id: Ticket,
        now: impl FnOnce() -> Nanos,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<Option<R>, E> {
        let Some((slot, look)) = find(&self.live)? else { return Ok(None) };
        let seen = self.glances[order::lane(id)];
        let agrees = seen.agrees(look, id);
        if self.is_no_hit(look.entry, id, agrees, now) {
            return Ok(None);
        }
        let taken = if agrees && look.stamp.ticket < seen.ticket {
            self.raise(slot, seen.ticket);
            self.live.get(slot).map(take)
        } else {
            Some(take(look))
        };
        self.stats.hits += 1;
        self.live.touch(slot);
        Ok(taken)
    }

    /// The same beside others that look at the store: what a hit changes is noted in `touched`, for [`Store::take_up`].
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub fn glance_beside<R, S: Sought<H::Key>>(
        &self,
        touched: &mut Touched,
        (hash, id): (u64, Ticket),
        now: impl FnOnce() -> Nanos,
        sought: S,
        take: impl FnOnce(Look<'_, H>) -> R,
    ) -> Result<Glanced<R>, S::Other> {
        let Some((slot, look)) = self.live.look(hash, sought)? else { return Ok(Glanced::Nothing) };
        let seen = self.glances[order::lane(id)];
        let agrees = seen.agrees(look, id);
        Ok(match () {
            () if self.is_no_hit(look.entry, id, agrees, now) => Glanced::Nothing,
            () if agrees && look.stamp.ticket < seen.ticket => Glanced::Newer,
            () if touched.note(slot) => Glanced::Taken(take(look)),
            () => Glanced::Full,
        })
    }

    /// Takes up what hits have noted since anything else changed: no entry has come or gone meanwhile.
    pub fn take_up(&mut self, touched: &mut Touched) {
        let (hits, slots) = touched.drain();
        self.stats.hits += hits;
        slots.for_each(|slot| self.live.touch(slot));
    }

    /// The address of the stored key of some arguments, of which none was made; `same` tells what needs no asking.
    ///
    /// # Errors
    /// What has to be asked.
    pub fn address_of(
        &self,
        hash: u64,
        same: impl Fn(&H::Key) -> Option<bool>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<usize>, Asked<H::Key>> {
        self.live.address_of(hash, same, verdicts)
    }

    /// Notes that a newer observation found an entry's version unchanged, and so that of all that share it.
    pub(crate) fn raise(&mut self, slot: Slot, ticket: Ticket) {
        let place =
            self.live.get(slot).filter(|look| look.stamp.ticket < ticket).map(|look| look.entry.stamp);
        if let Some(place) = place {
            self.live.stamps.agree(place, ticket);
            self.stats.verified += 1;
        }
    }

    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        self.live.find(probe, verdicts)
    }

    fn empty(&mut self, displaced: &mut Displaced<H>) {
        let live = std::mem::replace(&mut self.live, Live::new(self.terms.has_stale()));
        self.live.changes = live.changes + 1;
        displaced.push(Leaving::Whole(Box::new(live)));
        if !self.evicted.is_empty() {
            displaced.push(Leaving::Whole(Box::new(std::mem::take(&mut self.evicted))));
        }
    }

    /// Empties the store and what sessions keep of this function; nothing that runs now will be stored. Counters begin anew.
    pub fn clear(&mut self, displaced: &mut Displaced<H>) {
        self.empty(displaced);
        let Ok(()) = self.reach_keepers(displaced, |reader, displaced| {
            reader.clear_shelf(displaced);
            Ok::<_, Infallible>(())
        });
        self.flights.strike(None, |_| true, displaced);
        self.stats = Stats::default();
    }

    /// Removes a key from the store and from what sessions keep; its computation that runs now will not be stored.
    /// Whether anything was removed.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on; `displaced` tells it
    /// what it has removed before.
    pub fn invalidate(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        self.reach_keepers(displaced, |reader, displaced| reader.unshelve(probe, verdicts, displaced))?;
        self.evicted.invalidate(probe, verdicts, displaced)?;
        if let Some(slot) = self.find(probe, verdicts)? {
            let removed = self.live.remove(slot, displaced);
            displaced.extend(removed.map(|taken| Leaving::Entry(taken.entry)));
        }
        self.flights.strike_key(probe, verdicts, displaced)?;
        Ok(displaced.entries() > 0)
    }

    /// Forgets, in every session, what a condition on keys accepts; what runs now for such a key will not be stored. Where a hash is given, only
    /// keys of that are looked at.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        displaced: &mut Displaced<H>,
    ) {
        self.live.strike(hash, &leaves, displaced);
        self.evicted.strike(hash, &leaves, displaced);
        let Ok(()) = self.reach_keepers(displaced, |reader, displaced| {
            reader.strike(hash, &leaves, displaced);
            Ok::<_, Infallible>(())
        });
        if let Some(hash) = hash {
            self.forget_the_dead(hash, displaced);
        }
        self.flights.strike(hash, leaves, displaced);
    }

    /// The fresh entry of a key. Moves nothing.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub fn peek(
        &self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<Look<'_, H>>, Unsure<H::Object>> {
        let found = self.find(probe, verdicts)?.and_then(|slot| self.live.get(slot));
        Ok(found
            .filter(|Look { entry, stamp }| stamp.version.is_immutable() || entry.is_fresh_now(&self.terms)))
    }

    /// Takes everything out, for good: the function is going.
    pub fn dissolve(&mut self, displaced: &mut Displaced<H>) {
        self.empty(displaced);
        self.part(displaced);
    }
}
