//! A read buffer: what hits leave behind where they only look at the cache: which entries were used, in which
//! order, and how many hits there were.

use crate::engine::tables::index::Slot;

/// So many notes are kept at most: each time that they are full, all others have to stay away.
const MOST: usize = 64;

/// The notes of hits.
#[derive(Default)]
pub struct Touches {
    hits: u64,
    slots: Vec<Slot>,
}

impl Touches {
    /// No notes.
    pub const NONE: Self = Self { hits: 0, slots: Vec::new() };

    /// Notes a hit, if there is room.
    #[inline]
    pub(crate) fn note(&mut self, slot: Slot) -> bool {
        if self.slots.last() != Some(&slot) {
            if self.slots.len() == MOST {
                return false;
            }
            if self.slots.capacity() == 0 {
                self.slots.reserve_exact(MOST);
            }
            self.slots.push(slot);
        }
        self.hits += 1;
        true
    }

    /// Gives the notes, oldest first, and how many hits there were; none are left.
    pub(crate) fn drain(&mut self) -> (u64, impl Iterator<Item = Slot>) {
        (std::mem::take(&mut self.hits), self.slots.drain(..))
    }
}
