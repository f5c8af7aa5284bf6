//! An LRU map over the `lru` crate: rows found by hash and by equality, in order of use.
//!
//! The `lru` crate keeps the order. Its own key is a 64-bit slot number, because its `Eq` can neither fail
//! nor be allowed to run foreign code: equality is decided by the caller's closure. A row lives in the slot
//! of its hash, or, if that is taken by another key of the same hash (`-1` and `-2` in Python), in the n-th
//! next slot of that hash.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use lru::LruCache;

use crate::engine::keys::collisions::{Census, Crowd};

/// Slots are hashes already.
#[derive(Clone, Copy, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, slot: u64) {
        self.0 = slot;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Where a row lies, until it is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u64);

/// What lies between two slots of a hash, and what that times makes one.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const INVERSE: u64 = 0xF1DE_83E1_9937_733D;
const _: () = assert!(STEP.wrapping_mul(INVERSE) == 1);

impl From<u64> for Slot {
    fn from(slot: u64) -> Self {
        Self(slot)
    }
}

impl From<Slot> for u64 {
    fn from(slot: Slot) -> Self {
        slot.0
    }
}

impl Slot {
    fn of(hash: u64, step: u32) -> Self {
        Self(hash.wrapping_add(u64::from(step).wrapping_mul(STEP)))
    }

    /// How many steps it is from the slot of a hash.
    fn steps(self, hash: u64) -> u32 {
        u32::try_from(self.0.wrapping_sub(hash).wrapping_mul(INVERSE)).unwrap_or(u32::MAX)
    }
}

struct Row<T> {
    hash: u64,
    held: T,
}

/// Which slots a hash has that more than one row had.
#[derive(Default)]
struct Steps {
    /// The furthest that was in use.
    reach: u32,
    /// Those up to there that are not.
    free: Vec<u32>,
}

/// Rows in order of use.
pub struct LruTable<T> {
    rows: LruCache<u64, Row<T>, BuildHasherDefault<Mixed>>,
    crowded: HashMap<u64, Steps, ahash::RandomState>,
    census: Census,
}

impl<T> Default for LruTable<T> {
    fn default() -> Self {
        Self {
            rows: LruCache::unbounded_with_hasher(BuildHasherDefault::default()),
            crowded: HashMap::default(),
            census: Census::default(),
        }
    }
}

impl<T> Crowd for LruTable<T> {
    type Slot = Slot;
    type Row = T;

    fn census(&self) -> Census {
        self.census
    }

    fn walk<'a, R>(&'a self, hash: u64, mut visit: impl FnMut(Slot, &'a T) -> Option<R>) -> Option<R> {
        (0..=self.reach(hash)).map(|step| Slot::of(hash, step)).find_map(|slot| visit(slot, self.get(slot)?))
    }
}

/// The oldest row first: as a rule that is the order in which they lie in memory, and by hash it would be
/// none.
impl<T> Drop for LruTable<T> {
    fn drop(&mut self) {
        while self.rows.pop_lru().is_some() {}
    }
}

impl<T> LruTable<T> {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn reach(&self, hash: u64) -> u32 {
        if self.crowded.is_empty() { 0 } else { self.crowded.get(&hash).map_or(0, |steps| steps.reach) }
    }

    /// The row in a slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.rows.peek(&slot.0).map(|row| &row.held)
    }

    /// The row in a slot, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.rows.peek_mut(&slot.0).map(|row| &mut row.held)
    }

    /// Adds a row as the most recently used one. Its key must not be in the table. The row stays in its slot
    /// until it is taken out.
    pub fn insert(&mut self, hash: u64, held: T) -> Slot {
        self.census.changed();
        let mut slot = Slot::of(hash, 0);
        while self.rows.contains(&slot.0) {
            let steps = self.crowded.entry(hash).or_default();
            let step = steps.free.pop().unwrap_or_else(|| {
                steps.reach += 1;
                steps.reach
            });
            slot = Slot::of(hash, step);
        }
        self.rows.put(slot.0, Row { hash, held });
        slot
    }

    /// Takes a row out.
    #[must_use]
    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        let row = self.rows.pop(&slot.0)?;
        Some(self.without(slot, row))
    }

    /// Takes the least recently used row out.
    #[must_use]
    pub fn pop_oldest(&mut self) -> Option<T> {
        let (slot, row) = self.rows.pop_lru()?;
        Some(self.without(Slot(slot), row))
    }

    fn without(&mut self, slot: Slot, Row { hash, held }: Row<T>) -> T {
        self.census.changed();
        if !self.crowded.is_empty()
            && let Some(steps) = self.crowded.get_mut(&hash)
        {
            // The one that needs no step is looked at first anyway.
            steps.free.extend(Some(slot.steps(hash)).filter(|step| *step != 0));
            if steps.free.len() == steps.reach as usize {
                self.crowded.remove(&hash);
            }
        }
        held
    }

    /// The rows, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, row)| &row.held)
    }
}

#[cfg(test)]
mod tests {
    use super::Crowd;
    use super::LruTable;

    fn find(table: &LruTable<(u64, &'static str)>, hash: u64, name: &str) -> Option<super::Slot> {
        table.walk(hash, |slot, row| (row.1 == name).then_some(slot))
    }

    #[test]
    fn rows_of_one_hash_keep_their_own_place_in_the_order() {
        let mut table = LruTable::default();
        table.insert(7, (7, "a"));
        table.insert(9, (9, "b"));
        table.insert(7, (7, "c"));
        assert_eq!(table.iter().map(|row| row.1).collect::<Vec<_>>(), ["c", "b", "a"]);
        assert_eq!(table.pop_oldest(), Some((7, "a")));
        let slot = find(&table, 7, "c");
        assert!(slot.is_some_and(|slot| table.get(slot) == Some(&(7, "c"))), "found behind the gap");
        table.insert(7, (7, "d"));
        assert!(find(&table, 7, "d").is_some() && find(&table, 7, "c").is_some());
        assert_eq!(slot.and_then(|slot| table.remove(slot)), Some((7, "c")));
    }

    #[test]
    fn a_lookup_that_finds_another_key_moves_nothing() {
        let mut table = LruTable::default();
        table.insert(7, (7, "a"));
        table.insert(9, (9, "b"));
        assert!(find(&table, 7, "other").is_none());
        assert_eq!(table.pop_oldest(), Some((7, "a")));
    }

    #[test]
    fn crowds_that_have_gone_are_forgotten() {
        let mut table = LruTable::default();
        for hash in 0..1000 {
            table.insert(hash, (hash, "a"));
            table.insert(hash, (hash, "b"));
            let _ = table.pop_oldest();
            let _ = table.pop_oldest();
        }
        assert!(table.is_empty() && table.crowded.is_empty());
    }
}
