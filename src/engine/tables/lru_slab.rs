//! An LRU list over a slab: rows in order of use, in one block of memory, found by an index of hashes.
//!
//! A row fills a line of the processor's cache: what it holds, its hash, and the places of its neighbours in
//! the order of use. What was stored one after another lies one after another, and so does the order of a
//! walk over it. Only the index, which has four bytes for a row, is in an order of its own.

use crate::engine::keys::collisions::{Census, Crowd};
use crate::engine::tables::index::{HEAD, Index, Slot};

#[repr(align(64))]
struct Row<T> {
    /// Nothing in the head, and in a row that was taken out.
    held: Option<T>,
    hash: u64,
    newer: Slot,
    /// In a row that was taken out the next of those, or the head.
    older: Slot,
}

/// Rows in order of use.
pub struct LruSlab<T> {
    ring: Vec<Row<T>>,
    index: Index,
    /// The row that was taken out last, or the head.
    free: Slot,
    /// The row that followed the one used last when that was used before (itself, if it was used twice), or
    /// the head: a guess at what is sought next, since whoever comes again often comes in the same order.
    /// Where it holds, the index need not be asked.
    next: Slot,
    census: Census,
}

impl<T> Default for LruSlab<T> {
    fn default() -> Self {
        Self { ring: Vec::new(), index: Index::default(), free: HEAD, next: HEAD, census: Census::default() }
    }
}

impl<T> Crowd for LruSlab<T> {
    type Slot = Slot;
    type Row = T;

    fn census(&self) -> Census {
        self.census
    }

    fn expected(&self, hash: u64) -> Option<(Slot, &T)> {
        Some((self.next, self.of_hash(hash, self.next)?))
    }

    fn walk<'a, R>(&'a self, hash: u64, mut visit: impl FnMut(Slot, &'a T) -> Option<R>) -> Option<R> {
        self.index.find(hash, |slot| visit(slot, self.of_hash(hash, slot)?))
    }
}

impl<T> LruSlab<T> {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row with a hash, or one of those with it, with what it holds.
    #[must_use]
    #[inline]
    pub fn first(&self, hash: u64) -> Option<(Slot, &T)> {
        match self.of_hash(hash, self.next) {
            Some(held) => Some((self.next, held)),
            None => self.index.find(hash, |slot| Some((slot, self.of_hash(hash, slot)?))),
        }
    }

    /// The row with a hash that `same` accepts.
    ///
    /// # Errors
    /// What `same` returns as an error.
    pub fn find<E>(&self, hash: u64, mut same: impl FnMut(&T) -> Result<bool, E>) -> Result<Option<Slot>, E> {
        let mut asked = |slot| match same(self.of_hash(hash, slot)?) {
            Ok(same) => same.then_some(Ok(slot)),
            Err(error) => Some(Err(error)),
        };
        let found = asked(self.next).or_else(|| self.index.find(hash, asked));
        found.transpose()
    }

    /// What lies in a slot, if it has that hash.
    #[inline]
    fn of_hash(&self, hash: u64, slot: Slot) -> Option<&T> {
        self.ring.get(slot.place()).filter(|row| row.hash == hash)?.held.as_ref()
    }

    /// What lies in a slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.ring.get(slot.place())?.held.as_ref()
    }

    /// The same, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.ring.get_mut(slot.place())?.held.as_mut()
    }

    /// Makes a row the most recently used one.
    #[inline]
    pub fn touch(&mut self, slot: Slot) {
        self.next = slot;
        if self.ring.first().is_some_and(|head| head.older != slot) {
            self.next = self.ring[slot.place()].newer;
            self.unlink(slot);
            self.link(slot);
        }
    }

    /// Adds a row as the most recently used one.
    pub fn insert(&mut self, hash: u64, held: T) -> Slot {
        self.census.changed();
        if self.ring.is_empty() {
            self.ring.push(Row { held: None, hash: 0, newer: HEAD, older: HEAD });
        }
        if self.index.is_full() {
            let slots = (0..).map(Slot).zip(&self.ring);
            self.index.grow(slots.filter(|(_, row)| row.held.is_some()).map(|(slot, row)| (row.hash, slot)));
        }
        let row = Row { held: Some(held), hash, newer: HEAD, older: HEAD };
        let slot = if self.free == HEAD {
            self.ring.push(row);
            Slot(u32::try_from(self.ring.len() - 1).unwrap_or(u32::MAX))
        } else {
            let slot = self.free;
            self.free = std::mem::replace(&mut self.ring[slot.place()], row).older;
            slot
        };
        self.index.insert(hash, slot);
        self.link(slot);
        slot
    }

    /// Takes a row out, with its hash.
    #[must_use]
    pub fn remove(&mut self, slot: Slot) -> Option<(u64, T)> {
        let row = self.ring.get_mut(slot.place())?;
        let (hash, held) = (row.hash, row.held.take()?);
        self.census.changed();
        self.index.remove(hash, slot);
        self.unlink(slot);
        self.ring[slot.place()].older = std::mem::replace(&mut self.free, slot);
        Some((hash, held))
    }

    /// What the least recently used row holds.
    #[must_use]
    pub fn oldest(&self) -> Option<&T> {
        self.get(self.oldest_slot()?)
    }

    /// Where it lies.
    pub(crate) fn oldest_slot(&self) -> Option<Slot> {
        self.ring.first().map(|head| head.newer).filter(|oldest| *oldest != HEAD)
    }

    /// Takes the least recently used row out, with its hash.
    #[must_use]
    pub fn pop_oldest(&mut self) -> Option<(u64, T)> {
        self.remove(self.oldest_slot()?)
    }

    /// Takes all rows out that `leaves` accepts; where a hash is given, only rows of that are looked at.
    pub fn strike(&mut self, hash: Option<u64>, leaves: impl Fn(&T) -> bool) -> Vec<T> {
        let slots = self.slots_that(hash, leaves);
        slots.into_iter().filter_map(|slot| self.remove(slot)).map(|(_, held)| held).collect()
    }

    /// Where those lie.
    pub(crate) fn slots_that(&self, hash: Option<u64>, leaves: impl Fn(&T) -> bool) -> Vec<Slot> {
        let mut slots = hash.map_or_else(|| self.slots().collect::<Vec<_>>(), |hash| self.slots_of(hash));
        slots.retain(|slot| self.get(*slot).is_some_and(&leaves));
        slots
    }

    /// The rows of a hash.
    pub(crate) fn slots_of(&self, hash: u64) -> Vec<Slot> {
        let mut slots = Vec::new();
        self.walk(hash, |slot, _| {
            slots.push(slot);
            None::<()>
        });
        slots
    }

    /// What the rows hold, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots().filter_map(|slot| self.get(slot))
    }

    /// The same with their hashes.
    pub(crate) fn hashed(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots().filter_map(|slot| {
            let row = self.ring.get(slot.place())?;
            Some((row.hash, row.held.as_ref()?))
        })
    }

    /// The rows, most recently used first.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        let older = |slot: Slot| Some(self.ring.get(slot.place())?.older).filter(|older| *older != HEAD);
        std::iter::successors(older(HEAD), move |slot| older(*slot))
    }

    #[inline]
    fn unlink(&mut self, slot: Slot) {
        let Row { newer, older, .. } = self.ring[slot.place()];
        self.ring[newer.place()].older = older;
        self.ring[older.place()].newer = newer;
    }

    #[inline]
    fn link(&mut self, slot: Slot) {
        let newest = std::mem::replace(&mut self.ring[HEAD.place()].older, slot);
        self.ring[newest.place()].newer = slot;
        let row = &mut self.ring[slot.place()];
        (row.newer, row.older) = (HEAD, newest);
    }
}

#[cfg(test)]
mod tests {
    use super::LruSlab;
    use super::Slot;

    type Named = (u64, u32);

    fn find(rows: &LruSlab<Named>, (hash, name): Named) -> Option<Slot> {
        rows.find::<()>(hash, |row| Ok(row.1 == name)).unwrap_or(None)
    }

    #[test]
    fn a_row_fills_a_line_of_the_cache() {
        assert_eq!(size_of::<super::Row<[std::num::NonZeroU64; 6]>>(), 64);
    }

    /// Against a list, the newest last; few hashes, so that many rows have one in common.
    #[test]
    fn rows_are_found_and_leave_in_order_of_use() {
        let mut rows = LruSlab::default();
        let mut model: Vec<Named> = Vec::new();
        let mut random = 1_u64;
        for name in 0..20_000 {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let (act, which) = (random >> 60, usize::try_from(random >> 32 & 0xFF).unwrap_or(0));
            let chosen = (!model.is_empty()).then(|| which % model.len());
            match (act, chosen) {
                (0..=5, _) => {
                    let row = (random >> 40 & 0x1F, name);
                    rows.insert(row.0, row);
                    model.push(row);
                }
                (6..=9, Some(chosen)) => {
                    let row = model.remove(chosen);
                    model.push(row);
                    let Some(slot) = find(&rows, row) else { panic!("{row:?} is lost") };
                    rows.touch(slot);
                }
                (10..=11, Some(chosen)) => {
                    let row = model.remove(chosen);
                    assert_eq!(find(&rows, row).and_then(|slot| rows.remove(slot)), Some((row.0, row)));
                    assert_eq!(find(&rows, row), None);
                }
                (12..=13, _) => {
                    let oldest = (!model.is_empty()).then(|| model.remove(0));
                    assert_eq!(rows.pop_oldest(), oldest.map(|row| (row.0, row)));
                }
                (14, Some(chosen)) => {
                    let hash = model[chosen].0;
                    assert_eq!(rows.first(hash).map(|(_, row)| row.0), Some(hash));
                    let mut gone = rows.strike(Some(hash), |row| row.1 % 2 == 0);
                    gone.sort_unstable_by_key(|row| model.iter().position(|other| other == row));
                    assert!(model.extract_if(.., |row| row.0 == hash && row.1 % 2 == 0).eq(gone));
                }
                _ if name % 50 == 0 => {
                    let gone = rows.strike(None, |row| row.1 % 3 == 0);
                    assert!(model.extract_if(.., |row| row.1 % 3 == 0).eq(gone.into_iter().rev()));
                }
                _ => {}
            }
            assert_eq!(rows.len(), model.len());
            assert!(rows.iter().eq(model.iter().rev()), "in order of use after {name} steps");
        }
        assert!(model.len() > 10, "enough happened");
    }

    #[test]
    fn who_comes_again_in_the_same_order_is_expected() {
        let mut rows = LruSlab::default();
        let names: Vec<Named> = (0..100).map(|name| (u64::from(name % 40) * 7, name)).collect();
        for name in &names {
            rows.insert(name.0, *name);
        }
        let order: Vec<_> = (0..80).map(|place| names[place * 37 % 100]).collect();
        for lap in 0..3 {
            for (place, name) in order.iter().enumerate() {
                let Some(found) = find(&rows, *name) else { panic!("{name:?} is lost") };
                assert!(lap == 0 || place == 0 || found == rows.next, "{name:?} was not expected");
                rows.touch(found);
            }
        }
        let Some(last) = find(&rows, order[79]) else { panic!("it is lost") };
        rows.touch(last);
        assert_eq!(rows.next, last, "who comes twice may come again");
    }

    #[test]
    fn the_place_of_what_left_is_used_again() {
        let mut rows = LruSlab::default();
        for name in 0..1_000_u32 {
            rows.insert(u64::from(name), (0, name));
            if name >= 3 {
                let _ = rows.pop_oldest();
            }
        }
        assert_eq!((rows.len(), rows.ring.len()), (3, 5));
    }
}
