//! The entries of a store, in order of use, and the versions that they share.

use std::collections::HashMap;

use super::Host;
use super::compare::Sought;
use super::entry::{Displaced, Entry};
use super::stamp::{Place, Stamp, Stamps};
use super::table::{Slot, Table};
use super::ticket::Ticket;
use super::trouble::Trouble;

/// An entry whose version lies with those of others: smaller by two words, which an allocator's chunk has no room for.
pub type Stored<H> = Entry<H, Place>;

impl<H: Host> Stored<H> {
    /// A copy for elsewhere.
    #[must_use]
    pub fn with(&self, stamp: &Stamp<H::Object>) -> Entry<H> {
        let Self { stored, known_in, born, course, .. } = *self;
        let (key, value) = (self.key.clone(), self.value.clone());
        Entry { key, value, stamp: stamp.clone(), stored, known_in, born, course }
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

/// What is known of the few entries whose source fails, or that are being renewed.
pub struct Aside<F> {
    /// How their function fails.
    pub trouble: Option<Trouble>,
    /// The refresh that runs behind.
    pub behind: Option<F>,
}

impl<F> Default for Aside<F> {
    fn default() -> Self {
        Self { trouble: None, behind: None }
    }
}

/// The entries of a store.
pub struct Live<H: Host> {
    rows: Table<Stored<H>>,
    stamps: Stamps<H::Object>,
    /// By when they were stored, which names an entry.
    asides: HashMap<Ticket, Aside<H::Flight>, ahash::RandomState>,
}

impl<H: Host> Default for Live<H> {
    fn default() -> Self {
        Self { rows: Table::default(), stamps: Stamps::default(), asides: HashMap::default() }
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

    /// The same, with the entry.
    ///
    /// # Errors
    /// What `sought` returns as an error.
    #[inline]
    pub fn look<S: Sought<H::Key>>(
        &self,
        hash: u64,
        sought: S,
    ) -> Result<Option<(Slot, Look<'_, H>)>, S::Untold> {
        let slot = Slot::of_hash(hash);
        if let Some(entry) = self.rows.get(slot)
            && sought.is(&entry.key)?
        {
            return Ok(self.stamps.get(entry.stamp).map(|stamp| (slot, Look { entry, stamp })));
        }
        if self.rows.is_crowded() { self.look_in_crowd(hash, sought) } else { Ok(None) }
    }

    /// The same among entries of one hash.
    #[cold]
    fn look_in_crowd<S: Sought<H::Key>>(
        &self,
        hash: u64,
        sought: S,
    ) -> Result<Option<(Slot, Look<'_, H>)>, S::Untold> {
        let slot = self.rows.find(hash, |row| sought.is(&row.key))?;
        Ok(slot.and_then(|slot| Some((slot, self.get(slot)?))))
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
        let agrees = agrees && !entry.stamp.lags && self.stamps.latest(given).is_some();
        let Entry { key, value, stamp, stored, known_in, born, course } = entry;
        let (stamp, version) = self.stamps.take(stamp, given, agrees);
        displaced.objects.extend(version);
        self.rows.insert(hash, Entry { key, value, stamp, stored, known_in, born, course });
    }

    /// Takes an entry out, with its hash.
    #[must_use]
    pub fn remove(&mut self, slot: Slot, displaced: &mut Displaced<H>) -> Option<(u64, Entry<H>)> {
        let row = self.rows.remove(slot);
        self.whole(row, displaced)
    }

    /// Takes the least recently used entry out, with its hash.
    #[must_use]
    pub fn pop_oldest(&mut self, displaced: &mut Displaced<H>) -> Option<(u64, Entry<H>)> {
        let row = self.rows.pop_oldest();
        self.whole(row, displaced)
    }

    fn whole(
        &mut self,
        row: Option<(u64, Stored<H>)>,
        displaced: &mut Displaced<H>,
    ) -> Option<(u64, Entry<H>)> {
        let (hash, Entry { key, value, stamp, stored, known_in, born, course }) = row?;
        displaced.runs.extend(self.asides.remove(&stored).and_then(|aside| aside.behind));
        let stamp = self.stamps.give(stamp)?;
        Some((hash, Entry { key, value, stamp, stored, known_in, born, course }))
    }

    /// Takes all entries out whose keys `leaves` accepts; where a hash is given, only those of that are looked at.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        displaced: &mut Displaced<H>,
    ) {
        for row in self.rows.strike(hash, |row| leaves(&row.key)) {
            let whole = self.whole(Some((0, row)), displaced);
            displaced.entries.extend(whole.map(|(_, entry)| entry));
        }
    }

    /// What is known of an entry whose source fails, or that is being renewed.
    #[must_use]
    pub fn aside(&self, entry: &Stored<H>) -> Option<&Aside<H::Flight>> {
        self.asides.get(&entry.stored)
    }

    /// The same, to be changed.
    pub fn aside_mut(&mut self, slot: Slot) -> Option<&mut Aside<H::Flight>> {
        let stored = self.rows.get(slot)?.stored;
        Some(self.asides.entry(stored).or_default())
    }

    /// The source of an entry is well.
    pub fn is_well(&mut self, slot: Slot) {
        if let Some(entry) = self.rows.get(slot)
            && let Some(aside) = self.asides.get_mut(&entry.stored)
        {
            aside.trouble = None;
        }
    }

    /// The version of an entry, to be changed for all that are of it.
    pub fn stamp_mut(&mut self, place: Place) -> Option<&mut Stamp<H::Object>> {
        self.stamps.get_mut(place)
    }

    /// The versions for what the version function was given, by its hash, to be changed.
    pub fn stamps_mut(&mut self, given: u64) -> impl Iterator<Item = &mut Stamp<H::Object>> {
        self.stamps.all_mut(given)
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
