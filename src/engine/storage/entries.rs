//! The stored entries of one function: an LRU list over a slab, the table of the versions that they share,
//! and what few of them have beside.

use std::collections::BTreeSet;

use crate::engine::clock::{self, Nanos};
use crate::engine::host::Host;
use crate::engine::keys::collisions::{Asked, Crowd, Met};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Object, Probe, Sought};
use crate::engine::order::{ByTicket, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::ends::Ends;
use crate::engine::storage::entry::{Entry, OwnTtl};
use crate::engine::storage::version_table::{Interning, VersionTable};
use crate::engine::tables::column::Column;
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::terms::Terms;
use crate::engine::versions::outage::Outage;
use crate::engine::versions::version_stamp::{StampId, VersionStamp};

/// An entry whose version lies with those of others, and its own ttl in a column: smaller by three words, so
/// that a row fills a line of the processor's cache.
pub type Stored<H> = Entry<H, StampId, ()>;

/// A stored entry and its version.
pub struct Look<'a, H: Host> {
    /// The entry.
    pub entry: &'a Stored<H>,
    /// Its version.
    pub stamp: &'a VersionStamp<H::Object>,
    entries: &'a Entries<H>,
    slot: Slot,
}

impl<H: Host> Look<'_, H> {
    /// The time to live of the entry.
    #[inline]
    #[must_use]
    pub fn ttl(self, terms: &Terms) -> Option<Nanos> {
        if self.entry.course.is_plain() { terms.ttl } else { self.uncommon_ttl(terms) }
    }

    #[cold]
    #[inline(never)]
    fn uncommon_ttl(self, terms: &Terms) -> Option<Nanos> {
        self.entry.course.ttl(terms, self.own_ttl())
    }

    /// How long the entry lives, if it says so itself.
    #[must_use]
    pub fn own_ttl(self) -> OwnTtl {
        self.entries.own_ttls.get(self.slot)
    }

    /// Whether the age of the entry is below its time to live.
    #[inline]
    #[must_use]
    pub fn is_fresh(self, now: Nanos, terms: &Terms) -> bool {
        clock::is_within(self.entry.born, now, self.ttl(terms))
    }

    /// The same now. The clock is only read if that matters.
    #[inline]
    #[must_use]
    pub fn is_fresh_now(self, terms: &Terms) -> bool {
        self.ttl(terms).is_none_or(|ttl| clock::is_within(self.entry.born, clock::now(), Some(ttl)))
    }

    /// When the entry ends, if it does: what never changes does not.
    #[must_use]
    pub fn end(self, terms: &Terms) -> Option<Nanos> {
        let ttl = self.ttl(terms).filter(|_| !self.stamp.version.is_immutable())?;
        Some(self.entry.born.saturating_add(ttl))
    }

    /// When room is to be made of it: at its end, where others need that; else when it can be of no use any
    /// more.
    fn due(self, terms: &Terms) -> Option<Nanos> {
        let end = self.end(terms)?;
        if terms.are_bounded() {
            return Some(end);
        }
        Some(end.saturating_add(terms.use_after(end - self.entry.born)?))
    }
}

impl<H: Host> Clone for Look<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for Look<'_, H> {}

/// An entry that was taken out.
pub struct Taken<H: Host> {
    /// Its hash.
    pub hash: u64,
    /// The entry.
    pub entry: Entry<H>,
    /// The sessions beside the one noted in it that have surely seen it.
    pub(crate) given: BTreeSet<Ticket>,
}

/// What is known of the few entries whose source fails, that are being renewed, or that more than one session
/// needs a note of.
pub struct Aside<F> {
    /// How their function fails.
    pub outage: Option<Outage>,
    /// The refresh that runs behind.
    pub behind: Option<F>,
    /// The sessions beside the one noted in the entry that have surely seen it, and do not know it by its
    /// version.
    pub(crate) given: BTreeSet<Ticket>,
}

impl<F> Default for Aside<F> {
    fn default() -> Self {
        Self { outage: None, behind: None, given: BTreeSet::new() }
    }
}

/// The entries of a function's cache.
pub struct Entries<H: Host> {
    rows: LruSlab<Stored<H>>,
    /// How often an entry came or went.
    pub(crate) changes: u64,
    pub(crate) version_table: VersionTable<H>,
    own_ttls: Column<OwnTtl>,
    /// What the entries weigh, where that is bounded; and together.
    weights: Column<u64>,
    weight: u64,
    ends: Ends,
    /// By when they were stored, which names an entry.
    asides: ByTicket<Aside<H::Flight>>,
}

impl<H: Host> Entries<H> {
    /// None yet. `follows` says that it matters when an entry stopped being fresh.
    pub(crate) fn new(follows: bool) -> Self {
        Self {
            rows: LruSlab::default(),
            changes: 0,
            version_table: VersionTable::new(follows),
            own_ttls: Column::default(),
            weights: Column::default(),
            weight: 0,
            ends: Ends::default(),
            asides: ByTicket::default(),
        }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What all entries weigh together.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where the entry of a key lies.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared.
    #[inline]
    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        comparisons.find(&self.rows, probe, |row| Some(&row.key))
    }

    /// Whether there is an entry of a hash.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.rows.first(hash).is_some()
    }

    /// The address of the key of some arguments, of which none was made; `same` tells what needs no asking.
    ///
    /// # Errors
    /// What has to be asked.
    pub(crate) fn address_of(
        &self,
        hash: u64,
        same: impl Fn(&H::Key) -> Option<bool>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<usize>, Asked<H::Key>> {
        let slot = comparisons.find_arguments(&self.rows, hash, |row| Met::of(&row.key, same(&row.key)))?;
        Ok(slot.and_then(|slot| self.rows.get(slot)).map(|row| row.key.address()))
    }

    /// What is sought, with its entry.
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub fn look<S: Sought<H::Key>>(
        &self,
        hash: u64,
        sought: S,
    ) -> Result<Option<(Slot, Look<'_, H>)>, S::Other> {
        let Some((slot, entry)) = self.rows.first(hash) else { return Ok(None) };
        sought.is(&entry.key)?;
        Ok(self
            .version_table
            .get(entry.stamp)
            .map(|stamp| (slot, Look { entry, stamp, entries: self, slot })))
    }

    /// The entry whose key lies at an address.
    #[inline]
    pub(crate) fn at(&self, hash: u64, address: usize) -> Option<(Slot, Look<'_, H>)> {
        let (first, entry) = self.rows.first(hash)?;
        if entry.key.address() == address {
            let stamp = self.version_table.get(entry.stamp)?;
            return Some((first, Look { entry, stamp, entries: self, slot: first }));
        }
        let slot = self.walk_to(hash, address)?;
        self.get(slot).map(|look| (slot, look))
    }

    #[cold]
    #[inline(never)]
    fn walk_to(&self, hash: u64, address: usize) -> Option<Slot> {
        self.rows.walk(hash, |slot, row| (row.key.address() == address).then_some(slot))
    }

    /// The entry in a slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<Look<'_, H>> {
        let entry = self.rows.get(slot)?;
        Some(Look { entry, stamp: self.version_table.get(entry.stamp)?, entries: self, slot })
    }

    /// The entry in a slot and its version, to be changed: the version for all that are of it.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<(&mut Stored<H>, &mut VersionStamp<H::Object>)> {
        let entry = self.rows.get_mut(slot)?;
        let stamp = self.version_table.get_mut(entry.stamp)?;
        Some((entry, stamp))
    }

    /// Makes an entry the most recently used one.
    #[inline]
    pub fn touch(&mut self, slot: Slot) {
        self.rows.touch(slot);
    }

    /// Puts an entry that weighs so much in the place of the one in `old`, if there is one, as the most
    /// recently used. Returns that.
    pub(crate) fn put(
        &mut self,
        (hash, weight): (u64, u64),
        (entry, interning): (Entry<H>, Interning<'_, H::Key>),
        old: Option<Slot>,
        terms: &Terms,
        drops: &mut DeferredDrops<H>,
    ) -> Option<Taken<H>> {
        let Entry { key, value, stamp, stored, known_in, born, course, own_ttl } = entry;
        // Before the old one goes, and with it what is known of the source that both have.
        let (stamp, version) = self.version_table.intern(stamp, &interning);
        drops.extend(version.map(Leaving::Object));
        self.changes += 1;
        let old = old.and_then(|slot| self.remove(slot, drops));
        let course = course.beside(own_ttl);
        let row = Entry { key, value, stamp, stored, known_in, born, course, own_ttl: () };
        let slot = self.rows.insert(hash, row);
        self.own_ttls.set(slot, own_ttl);
        self.weights.set(slot, weight);
        self.weight += weight;
        if own_ttl.is_some() || terms.ttl.is_some() || terms.settle.is_some() {
            self.note_end(slot, terms);
        }
        old
    }

    /// Lets the age of an entry begin anew.
    pub(crate) fn begin_anew(&mut self, slot: Slot, born: Nanos, terms: &Terms) {
        if let Some((entry, _)) = self.get_mut(slot) {
            entry.born = born;
            self.note_end(slot, terms);
        }
    }

    /// Notes when an entry ends, if it does.
    fn note_end(&mut self, slot: Slot, terms: &Terms) {
        let Some(look) = self.get(slot) else { return };
        let Some(due) = look.due(terms) else { return };
        let stored = look.entry.stored;
        if self.ends.are_mostly_of_the_gone(self.len()) {
            self.ends = Ends::default();
            for slot in self.rows.slots() {
                let due = self.get(slot).and_then(|look| Some((look.entry.stored, look.due(terms)?)));
                if let Some((stored, due)) = due {
                    self.ends.note(slot, stored, due);
                }
            }
            return;
        }
        self.ends.note(slot, stored, due);
    }

    /// How many ends are noted.
    #[cfg(test)]
    pub(crate) fn ends_noted(&self) -> usize {
        self.ends.len()
    }

    /// An entry that has ended by now, where others need its room, or that can be of no use any more; of
    /// several one that is so first. It is to be taken out.
    pub(crate) fn ended(&mut self, now: Nanos, terms: &Terms) -> Option<Slot> {
        loop {
            let (slot, is_it) = self.ends.next(now)?;
            let due = self.get(slot).and_then(|look| Some((look.entry.stored, look.due(terms)?)));
            if due.is_some_and(|(stored, due)| is_it(stored, due)) {
                return Some(slot);
            }
        }
    }

    /// Takes an entry out.
    #[must_use]
    pub fn remove(&mut self, slot: Slot, drops: &mut DeferredDrops<H>) -> Option<Taken<H>> {
        let (hash, row) = self.rows.remove(slot)?;
        let Entry { key, value, stamp, stored, known_in, born, course, own_ttl: () } = row;
        self.changes += 1;
        let own_ttl = self.own_ttls.take(slot);
        self.weight -= self.weights.take(slot);
        let mut given = BTreeSet::new();
        if !self.asides.is_empty()
            && let Some(aside) = self.asides.remove(&stored)
        {
            drops.extend(aside.behind.map(Leaving::Run));
            given = aside.given;
        }
        let stamp = self.version_table.release(stamp, drops)?;
        let course = course.alone();
        let entry = Entry { key, value, stamp, stored, known_in, born, course, own_ttl };
        Some(Taken { hash, entry, given })
    }

    /// Takes the least recently used entry out.
    #[must_use]
    pub fn pop_oldest(&mut self, drops: &mut DeferredDrops<H>) -> Option<Taken<H>> {
        let oldest = self.rows.oldest_slot()?;
        self.remove(oldest, drops)
    }

    /// Takes all entries out whose keys `leaves` accepts; where a hash is given, only those of that are
    /// looked at.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        let slots = self.rows.slots_that(hash, |row| leaves(&row.key));
        for slot in slots {
            let taken = self.remove(slot, drops);
            drops.extend(taken.map(|taken| Leaving::Entry(taken.entry)));
        }
    }

    /// How the function fails for an entry, since an observation found that unchanged, and how the version
    /// function does.
    pub(crate) fn troubles_after(
        &self,
        entry: &Stored<H>,
        verified: Ticket,
    ) -> impl Iterator<Item = Outage> + use<H> {
        let own = self.asides.get(&entry.stored).and_then(|aside| aside.outage);
        let own = own.filter(|outage| outage.ticket >= verified);
        let source = self.version_table.source_of(entry.stamp).and_then(|source| source.outage);
        [own, source].into_iter().flatten()
    }

    /// What is known of an entry whose source fails, or that is being renewed, to be changed.
    pub fn aside_mut(&mut self, slot: Slot) -> Option<&mut Aside<H::Flight>> {
        let stored = self.rows.get(slot)?.stored;
        Some(self.asides.entry(stored).or_default())
    }

    /// Whether a session is noted as one that has surely seen an entry.
    pub(crate) fn is_noted(&self, entry: &Stored<H>, session: Ticket) -> bool {
        entry.known_in == session
            || !self.asides.is_empty()
                && self.asides.get(&entry.stored).is_some_and(|aside| aside.given.contains(&session))
    }

    /// Takes the note of a session aside of the entry that was stored then away.
    pub(crate) fn forget_note(&mut self, stored: Ticket, session: Ticket) {
        if let Some(aside) = self.asides.get_mut(&stored) {
            aside.given.remove(&session);
        }
    }

    /// Notes that an observation found the version of an entry unchanged: it is fresh again, if neither its
    /// version was seen to differ nor its function failed since.
    pub(crate) fn verify(&mut self, slot: Slot, ticket: Ticket) {
        let Some(Entry { stored, stamp, .. }) = self.rows.get(slot) else { return };
        self.version_table.reopen(*stamp, ticket);
        if let Some(aside) = self.asides.get_mut(stored) {
            aside.outage.take_if(|outage| outage.ticket < ticket);
        }
    }

    /// The entries with their versions, most recently used first.
    pub(crate) fn looks(&self) -> impl Iterator<Item = (Slot, Look<'_, H>)> {
        self.rows.slots().filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    /// The entries, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &Stored<H>> {
        self.rows.iter()
    }

    /// The versions, for whoever traces references.
    pub fn versions(&self) -> impl Iterator<Item = &H::Object> {
        self.version_table.versions()
    }

    /// What version functions were given, for the same.
    pub fn givens(&self) -> impl Iterator<Item = &H::Key> {
        self.version_table.givens()
    }
}
