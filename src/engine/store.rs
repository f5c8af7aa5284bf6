//! The results of one function, and what its methods do to them outside a call.

use std::convert::Infallible;

use super::clock::{self, Nanos};
use super::compare::{Probe, Sought, Unsure, Verdicts};
use super::crowd::Asked;
use super::entry::{Displaced, Leaving, Observation};
use super::evicted::Evicted;
use super::flight::Flights;
use super::live::{Live, Look, Stored};
use super::readers::Readers;
use super::rows::Slot;
use super::stats::Stats;
use super::ticket::{self, Ticket};
use super::touched::Touched;
use super::{Host, Object};

/// What was agreed for a function when it was decorated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// At most so many entries; `None` is unbounded.
    pub maxsize: Option<usize>,
    /// The bound on an entry's age, and on the age of an observation that vouches for one.
    pub ttl: Option<Nanos>,
    /// The version is a constant: never asked, always equal.
    pub constant: bool,
    /// An unchanged version restarts the age of what has expired.
    pub verifies: bool,
    /// Something takes the function's place where there is an old entry.
    pub revalidates: bool,
    /// How long an old value answers for a failing source, after it stopped being fresh; `Nanos::MAX` is for ever.
    pub stale_if_error: Option<Nanos>,
    /// How long an old value answers while a new one is made behind.
    pub stale_while_revalidate: Option<Nanos>,
    /// How long a failing source is left alone.
    pub retry_after: Nanos,
    /// What a lagging source is given.
    pub lag: Lag,
    /// The bound on the age of the first result of a version, if that can't tell its version itself.
    pub settle: Option<Nanos>,
}

/// How a source is treated that announces a version before it shows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    /// How often a call tries again.
    pub retries: u32,
    /// How long it waits before, the first time.
    pub delay: Nanos,
    /// Versions have an order.
    pub ordered: bool,
}

impl Terms {
    /// Whether it matters when an entry stopped being fresh.
    #[must_use]
    pub fn has_stale(&self) -> bool {
        self.stale_if_error.is_some() || self.stale_while_revalidate.is_some()
    }

    /// The present moment; where nothing of these terms depends on it, one shortly before, which is read faster.
    #[must_use]
    pub fn now(&self) -> Nanos {
        let timed = self.ttl.is_some() || self.settle.is_some() || self.has_stale();
        if timed { clock::now() } else { clock::earliest() }
    }

    /// How many answers of its version function a session remembers for one function.
    #[must_use]
    pub fn answers(&self) -> Option<usize> {
        self.maxsize.map(|maxsize| maxsize.max(1024))
    }
}

/// The results of one function.
pub struct Store<H: Host> {
    /// Names the function.
    pub id: Ticket,
    /// How sessions refer to the function.
    pub(super) function: H::Function,
    /// What was agreed.
    pub terms: Terms,
    /// What is counted.
    pub stats: Stats,
    pub(super) live: Live<H>,
    /// What left it, for sessions that may have seen that.
    pub(super) evicted: Evicted<H>,
    pub(super) readers: Readers<H>,
    pub(super) flights: Flights<H>,
    pub(super) glances: [Glance; ticket::LANES],
}

/// The session served last of those in its lane, and the observation it goes by, where that depends on no arguments: what the hit path looks at.
#[derive(Clone, Copy, Default)]
pub(super) struct Glance {
    pub(super) session: Ticket,
    pub(super) tag: Ticket,
    pub(super) ticket: Ticket,
}

/// What the hit path found where it only looks.
pub enum Glanced<R> {
    /// Nothing that the session surely knows.
    Nothing,
    /// What was made of the entry.
    Taken(R),
    /// There is no room for a note.
    Full,
    /// The session has a newer observation of the entry's version, which [`Store::glance`] notes.
    Newer,
}

impl Glance {
    /// What the session goes by.
    pub(super) fn of<O>(session: Ticket, seen: &Observation<O>) -> Self {
        Self { session, tag: seen.tag, ticket: seen.ticket }
    }

    /// Whether the session `id` began after an entry was stored and goes by its version.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    fn agrees<H: Host>(self, Look { entry, stamp }: Look<'_, H>, id: Ticket) -> bool {
        entry.stored < id && self.session == id && self.tag == stamp.tag
    }
}

impl<H: Host> Store<H> {
    /// An empty store.
    #[must_use]
    pub fn new(terms: Terms, function: H::Function) -> Self {
        Self {
            id: ticket::draw(),
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
        let seen = self.glances[ticket::lane(id)];
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
        let seen = self.glances[ticket::lane(id)];
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
    pub(super) fn raise(&mut self, slot: Slot, ticket: Ticket) {
        let place =
            self.live.get(slot).filter(|look| look.stamp.ticket < ticket).map(|look| look.entry.stamp);
        if let Some(place) = place {
            self.live.stamps.agree(place, ticket);
            self.stats.verified += 1;
        }
    }

    pub(super) fn find(
        &self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        self.live.find(probe, verdicts)
    }

    fn empty(&mut self, displaced: &mut Displaced<H>) {
        let live = std::mem::replace(&mut self.live, Live::new(self.terms.has_stale()));
        self.live.changes = live.changes + 1;
        displaced.push(Leaving::Store(Box::new(live)));
        if !self.evicted.is_empty() {
            displaced.push(Leaving::Evicted(Box::new(std::mem::take(&mut self.evicted))));
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
