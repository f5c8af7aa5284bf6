//! Rows found by hash and by equality, in order of use.
//!
//! The `lru` crate keeps the order. Its own key is a 64-bit slot number, because its `Eq` can neither fail nor be
//! allowed to run foreign code: equality is decided by the caller's closure. A row lives in the slot of its hash, or, if
//! that is taken by another key of the same hash (`-1` and `-2` in Python), in the n-th next slot of that hash.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use lru::LruCache;

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

impl Slot {
    fn of(hash: u64, step: u32) -> Self {
        Self(hash.wrapping_add(u64::from(step).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
}

/// Rows in order of use.
pub struct Table<T> {
    rows: LruCache<u64, T, BuildHasherDefault<Mixed>>,
    /// The furthest step in use for each hash that more than one row had.
    crowded: HashMap<u64, u32, ahash::RandomState>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: LruCache::unbounded_with_hasher(BuildHasherDefault::default()),
            crowded: HashMap::default(),
        }
    }
}

/// The oldest row first: as a rule that is the order in which they lie in memory, and by hash it would be none.
impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        while self.rows.pop_lru().is_some() {}
    }
}

impl<T> Table<T> {
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

    /// Finds the row with this hash that `same` accepts.
    ///
    /// # Errors
    /// What `same` returns as an error.
    pub fn find<E>(&self, hash: u64, mut same: impl FnMut(&T) -> Result<bool, E>) -> Result<Option<Slot>, E> {
        for step in 0..=self.reach(hash) {
            let slot = Slot::of(hash, step);
            if let Some(row) = self.rows.peek(&slot.0)
                && same(row)?
            {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    fn reach(&self, hash: u64) -> u32 {
        if self.crowded.is_empty() { 0 } else { self.crowded.get(&hash).copied().unwrap_or(0) }
    }

    /// The row in a slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.rows.peek(&slot.0)
    }

    /// The row in a slot, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.rows.peek_mut(&slot.0)
    }

    /// Makes a row the most recently used one.
    #[inline]
    pub fn touch(&mut self, slot: Slot) {
        if self.rows.peek_mru().is_none_or(|(newest, _)| *newest != slot.0) {
            self.rows.promote(&slot.0);
        }
    }

    /// Adds a row as the most recently used one. Its key must not be in the table. The row stays in its slot until it is taken out.
    pub fn insert(&mut self, hash: u64, row: T) -> Slot {
        let mut step = 0;
        while self.rows.contains(&Slot::of(hash, step).0) {
            step += 1;
        }
        if step > 0 {
            let reach = self.crowded.entry(hash).or_insert(0);
            *reach = step.max(*reach);
        }
        let slot = Slot::of(hash, step);
        self.rows.put(slot.0, row);
        slot
    }

    /// Takes a row out.
    #[must_use]
    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        let row = self.rows.pop(&slot.0)?;
        self.thin_out();
        Some(row)
    }

    /// Takes the least recently used row out.
    #[must_use]
    pub fn pop_oldest(&mut self) -> Option<T> {
        let (_, row) = self.rows.pop_lru()?;
        self.thin_out();
        Some(row)
    }

    /// Forgets crowds that have gone, once there are more of them than rows could account for.
    fn thin_out(&mut self) {
        if self.crowded.len() > 16 + self.rows.len() {
            let rows = &self.rows;
            self.crowded
                .retain(|hash, reach| (1..=*reach).any(|step| rows.contains(&Slot::of(*hash, step).0)));
        }
    }

    /// The rows, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn find(table: &Table<(u64, &'static str)>, hash: u64, name: &str) -> Option<super::Slot> {
        table.find::<()>(hash, |row| Ok(row.1 == name)).unwrap_or(None)
    }

    #[test]
    fn rows_of_one_hash_keep_their_own_place_in_the_order() {
        let mut table = Table::default();
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
        let mut table = Table::default();
        table.insert(7, (7, "a"));
        table.insert(9, (9, "b"));
        assert!(find(&table, 7, "other").is_none());
        assert_eq!(table.pop_oldest(), Some((7, "a")));
    }

    #[test]
    fn crowds_that_have_gone_are_forgotten() {
        let mut table = Table::default();
        for hash in 0..1000 {
            table.insert(hash, (hash, "a"));
            table.insert(hash, (hash, "b"));
            let _ = table.pop_oldest();
            let _ = table.pop_oldest();
        }
        assert!(table.is_empty());
        assert!(table.crowded.len() <= 17, "{}", table.crowded.len());
    }
}
