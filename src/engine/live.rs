//! The entries of a store, in order of use, and the versions that they share.

use super::Host;
use super::entry::{Displaced, Entry};
use super::stamp::{Place, Stamp, Stamps};
use super::table::{Slot, Table};

/// An entry whose version lies with those of others: smaller by two words, which an allocator's chunk has no room for.
pub type Stored<H> = Entry<H, Place>;

impl<H: Host> Stored<H> {
    /// A copy for elsewhere.
    #[must_use]
    pub fn with(&self, stamp: &Stamp<H::Object>) -> Entry<H> {
        let Self { stored, known_in, born, .. } = *self;
        Entry {
            key: self.key.clone(),
            value: self.value.clone(),
            stamp: stamp.clone(),
            stored,
            known_in,
            born,
        }
    }
}

/// A stored entry and its version.
pub struct Look<'a, H: Host> {
    /// The entry.
    pub entry: &'a Stored<H>,
    /// Its version.
    pub stamp: &'a Stamp<H::Object>,
}

impl<H: Host> Clone for Look<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for Look<'_, H> {}

/// The entries of a store.
pub struct Live<H: Host> {
    rows: Table<Stored<H>>,
    stamps: Stamps<H::Object>,
}

impl<H: Host> Default for Live<H> {
    fn default() -> Self {
        Self { rows: Table::default(), stamps: Stamps::default() }
    }
}

impl<H: Host> Live<H> {
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

    /// Finds the entry whose key `same` accepts.
    ///
    /// # Errors
    /// What `same` returns as an error.
    #[inline]
    pub fn find<E>(
        &self,
        hash: u64,
        mut same: impl FnMut(&H::Key) -> Result<bool, E>,
    ) -> Result<Option<Slot>, E> {
        self.rows.find(hash, |row| same(&row.key))
    }

    /// The entry in a slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<Look<'_, H>> {
        let entry = self.rows.get(slot)?;
        Some(Look { entry, stamp: self.stamps.get(entry.stamp)? })
    }

    /// The entry in a slot and its version, to be changed: the version for all that are of it.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<(&mut Stored<H>, &mut Stamp<H::Object>)> {
        let entry = self.rows.get_mut(slot)?;
        let stamp = self.stamps.get_mut(entry.stamp)?;
        Some((entry, stamp))
    }

    /// Makes an entry the most recently used one.
    #[inline]
    pub fn touch(&mut self, slot: Slot) {
        self.rows.touch(slot);
    }

    /// The version stored last for what the version function was given, by its hash.
    #[must_use]
    pub fn latest(&self, given: u64) -> Option<&Stamp<H::Object>> {
        self.stamps.latest(given)
    }

    /// Adds an entry as the most recently used one. `agrees` says that its version is the latest.
    pub fn insert(
        &mut self,
        hash: u64,
        entry: Entry<H>,
        (given, agrees): (u64, bool),
        displaced: &mut Displaced<H>,
    ) {
        let agrees = agrees && self.stamps.latest(given).is_some();
        let Entry { key, value, stamp, stored, known_in, born } = entry;
        let (stamp, version) = self.stamps.take(stamp, given, agrees);
        displaced.objects.extend(version);
        self.rows.insert(hash, Entry { key, value, stamp, stored, known_in, born });
    }

    /// Takes an entry out, with its hash.
    #[must_use]
    pub fn remove(&mut self, slot: Slot) -> Option<(u64, Entry<H>)> {
        let row = self.rows.remove(slot);
        self.whole(row)
    }

    /// Takes the least recently used entry out, with its hash.
    #[must_use]
    pub fn pop_oldest(&mut self) -> Option<(u64, Entry<H>)> {
        let row = self.rows.pop_oldest();
        self.whole(row)
    }

    fn whole(&mut self, row: Option<(u64, Stored<H>)>) -> Option<(u64, Entry<H>)> {
        let (hash, Entry { key, value, stamp, stored, known_in, born }) = row?;
        let stamp = self.stamps.give(stamp)?;
        Some((hash, Entry { key, value, stamp, stored, known_in, born }))
    }

    /// Takes all entries out whose keys `leaves` accepts; where a hash is given, only those of that are looked at.
    pub fn strike(&mut self, hash: Option<u64>, leaves: impl Fn(&H::Key) -> bool) -> Vec<Entry<H>> {
        let rows = self.rows.strike(hash, |row| leaves(&row.key));
        rows.into_iter().filter_map(|row| self.whole(Some((0, row)))).map(|(_, entry)| entry).collect()
    }

    /// The entries, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &Stored<H>> {
        self.rows.iter()
    }

    /// The versions.
    pub fn versions(&self) -> impl Iterator<Item = &H::Object> {
        self.stamps.iter().map(|stamp| &stamp.version)
    }
}
