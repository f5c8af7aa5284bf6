//! The stored entries of one function: an LRU list over a slab, and the table of the versions that they
//! share.

use std::collections::BTreeSet;

use crate::engine::host::Host;
use crate::engine::keys::collisions::{Asked, Crowd, Met};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::{Key, Probe, Sought};
use crate::engine::order::{ByTicket, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entry::Entry;
use crate::engine::storage::version_table::{Interning, VersionTable};
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::versions::outage::Outage;
use crate::engine::versions::version_stamp::{StampId, VersionStamp};

/// An entry whose version lies with those of others: smaller by two words, which an allocator's chunk has no
/// room for.
pub type Stored<H> = Entry<H, StampId>;

/// A stored entry and its version.
pub struct Look<'a, H: Host> {
    /// The entry.
    pub entry: &'a Stored<H>,
    /// Its version.
    pub stamp: &'a VersionStamp<H::Object>,
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
            asides: ByTicket::default(),
        }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
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
        Ok(self.version_table.get(entry.stamp).map(|stamp| (slot, Look { entry, stamp })))
    }

    /// The entry whose key lies at an address.
    #[inline]
    pub(crate) fn at(&self, hash: u64, address: usize) -> Option<(Slot, Look<'_, H>)> {
        let (first, entry) = self.rows.first(hash)?;
        if entry.key.address() == address {
            return self.version_table.get(entry.stamp).map(|stamp| (first, Look { entry, stamp }));
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
        Some(Look { entry, stamp: self.version_table.get(entry.stamp)? })
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

    /// Puts an entry in the place of the one in `old`, if there is one, as the most recently used. Returns
    /// that.
    pub(crate) fn put(
        &mut self,
        hash: u64,
        (entry, interning): (Entry<H>, Interning<'_, H::Key>),
        old: Option<Slot>,
        drops: &mut DeferredDrops<H>,
    ) -> Option<Taken<H>> {
        let Entry { key, value, stamp, stored, known_in, born, course } = entry;
        // Before the old one goes, and with it what is known of the source that both have.
        let (stamp, version) = self.version_table.intern(stamp, &interning);
        drops.extend(version.map(Leaving::Object));
        self.changes += 1;
        let old = old.and_then(|slot| self.remove(slot, drops));
        self.rows.insert(hash, Entry { key, value, stamp, stored, known_in, born, course });
        old
    }

    /// Takes an entry out.
    #[must_use]
    pub fn remove(&mut self, slot: Slot, drops: &mut DeferredDrops<H>) -> Option<Taken<H>> {
        let row = self.rows.remove(slot);
        self.whole(row, drops)
    }

    /// Takes the least recently used entry out.
    #[must_use]
    pub fn pop_oldest(&mut self, drops: &mut DeferredDrops<H>) -> Option<Taken<H>> {
        let row = self.rows.pop_oldest();
        self.whole(row, drops)
    }

    fn whole(&mut self, row: Option<(u64, Stored<H>)>, drops: &mut DeferredDrops<H>) -> Option<Taken<H>> {
        let (hash, Entry { key, value, stamp, stored, known_in, born, course }) = row?;
        self.changes += 1;
        let mut given = BTreeSet::new();
        if !self.asides.is_empty()
            && let Some(aside) = self.asides.remove(&stored)
        {
            drops.extend(aside.behind.map(Leaving::Run));
            given = aside.given;
        }
        let stamp = self.version_table.release(stamp, drops)?;
        Some(Taken { hash, entry: Entry { key, value, stamp, stored, known_in, born, course }, given })
    }

    /// Takes all entries out whose keys `leaves` accepts; where a hash is given, only those of that are
    /// looked at.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        for row in self.rows.strike(hash, |row| leaves(&row.key)) {
            let whole = self.whole(Some((0, row)), drops);
            drops.extend(whole.map(|taken| Leaving::Entry(taken.entry)));
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
