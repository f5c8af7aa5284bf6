//! A hash index with open addressing and partial hashes: where rows lie, by their hashes.
//!
//! A line of the processor's cache holds the slots of up to twelve rows, with eight bits of the hash of each,
//! and a count of the rows that passed it because it was full. So a search waits for memory twice, for a line
//! and for a row: hardly ever does another row have the same eight bits. It goes from line to line until one
//! that nobody passed, and who leaves takes back that he passed, so no marks of those that have gone collect.
//! Folly's F14 tables are made so.

/// How many rows there are for each line at most, that few pass.
const FULL: usize = 10;

/// Where a row lies, until it is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(crate) u32);

impl From<u64> for Slot {
    #[expect(clippy::cast_possible_truncation, reason = "it was a slot before")]
    fn from(slot: u64) -> Self {
        Self(slot as u32)
    }
}

impl From<Slot> for u64 {
    fn from(slot: Slot) -> Self {
        slot.0.into()
    }
}

impl Slot {
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }
}

/// The row that holds nothing and closes the ring: the newest is the next older one, the oldest the next
/// newer one.
pub(crate) const HEAD: Slot = Slot(0);

#[derive(Clone)]
#[repr(align(64))]
struct Line {
    tags: [u8; 12],
    passed: u32,
    /// In the places of their tags; `FREE` where there is none.
    slots: [Slot; 12],
}

/// No row lies where the ring is closed.
const FREE: Slot = HEAD;
const EMPTY: Line = Line { tags: [0; 12], passed: 0, slots: [FREE; 12] };

impl Line {
    fn place_of(&self, slot: Slot) -> Option<usize> {
        self.slots.iter().position(|other| *other == slot)
    }

    /// The tags and slots of the first eight places and of the last four: as many tags as a word has bytes.
    #[inline]
    fn parts(&self) -> [(u64, &[Slot]); 2] {
        let [first @ .., _, _, _, _] = self.tags;
        let [_, _, _, _, _, _, _, _, last @ ..] = self.tags;
        let (first_slots, last_slots) = self.slots.split_at(8);
        [(u64::from_le_bytes(first), first_slots), (u32::from_le_bytes(last).into(), last_slots)]
    }
}

/// The uppermost bit of each byte that is the tag; and perhaps, by what was borrowed, of one above such a
/// byte.
#[inline]
fn like(tags: u64, tag: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let differ = tags ^ (EACH * u64::from(tag));
    differ.wrapping_sub(EACH) & !differ & EACH << 7
}

/// The slots of rows.
#[derive(Default)]
pub(crate) struct Index {
    /// A power of two of them, or none.
    lines: Vec<Line>,
    len: usize,
}

impl Index {
    /// The number of slots.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What `make` makes of a slot, the first of which it makes something. It is given all of a hash, and
    /// hardly ever another: a row's of another hash, or the head.
    #[inline]
    pub(crate) fn find<R>(&self, hash: u64, mut make: impl FnMut(Slot) -> Option<R>) -> Option<R> {
        for place in self.way(hash) {
            let line = &self.lines[place];
            for (tags, slots) in line.parts() {
                let mut like = like(tags, tag(hash));
                while let Some(slot) = slots.get(like.trailing_zeros() as usize / 8) {
                    let made = make(*slot);
                    if made.is_some() {
                        return made;
                    }
                    like &= like - 1;
                }
            }
            if line.passed == 0 {
                break;
            }
        }
        None
    }

    /// Whether there must be more lines for another slot.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        self.len == FULL * self.lines.len()
    }

    /// Takes twice as many lines, for all rows that there are.
    pub(crate) fn grow(&mut self, rows: impl Iterator<Item = (u64, Slot)>) {
        *self = Self { lines: vec![EMPTY; (2 * self.lines.len()).max(1)], len: 0 };
        rows.for_each(|(hash, slot)| self.insert(hash, slot));
    }

    /// Adds the slot of a row. The index must not be full.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot) {
        self.len += 1;
        for place in self.way(hash) {
            let line = &mut self.lines[place];
            if let Some(free) = line.place_of(FREE) {
                (line.tags[free], line.slots[free]) = (tag(hash), slot);
                return;
            }
            line.passed += 1;
        }
    }

    /// Takes out the slot of a row, which must be there.
    pub(crate) fn remove(&mut self, hash: u64, slot: Slot) {
        self.len -= 1;
        for place in self.way(hash) {
            let line = &mut self.lines[place];
            if let Some(found) = line.place_of(slot) {
                line.slots[found] = FREE;
                return;
            }
            line.passed -= 1;
        }
    }

    /// Where the lines of a hash are, each once.
    #[inline]
    fn way(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let lines = self.lines.len();
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are enough for a place")]
        (0..lines).scan(hash as usize, move |place, step| {
            *place = place.wrapping_add(step);
            Some(*place & (lines - 1))
        })
    }
}

/// What a line has of a hash.
#[inline]
fn tag(hash: u64) -> u8 {
    hash.to_be_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::FREE;
    use super::Index;
    use super::Line;
    use super::Slot;

    fn slots(index: &Index, hash: u64) -> Vec<Slot> {
        let mut slots = Vec::new();
        index.find::<()>(hash, |slot| {
            slots.push(slot);
            None
        });
        slots
    }

    fn add(index: &mut Index, rows: &[(u64, Slot)], (hash, slot): (u64, Slot)) {
        if index.is_full() {
            index.grow(rows.iter().copied());
        }
        index.insert(hash, slot);
    }

    #[test]
    fn a_line_fills_a_line_of_the_cache() {
        assert_eq!(size_of::<Line>(), 64);
    }

    /// Hashes of few lines and few tags, among them nothing and those next to each other, so that rows crowd
    /// and pass.
    #[test]
    fn all_of_a_hash_are_found_and_who_leaves_takes_all_back() {
        let (mut index, mut rows, mut random) = (Index::default(), Vec::new(), 1_u64);
        for name in 1..=6_000 {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let row = ((random >> 40 & 3) << 56 | random >> 50 & 7, Slot(name));
            add(&mut index, &rows, row);
            rows.push(row);
            if random >> 33 & 3 != 0 && name < 5_000 {
                let (hash, slot) =
                    rows.swap_remove(usize::try_from(random >> 8 & 0xFFFF).unwrap_or(0) % rows.len());
                index.remove(hash, slot);
                assert!(!slots(&index, hash).contains(&slot), "{slot:?} is still there");
            }
            let found = slots(&index, row.0);
            assert!(
                rows.iter().all(|(hash, slot)| *hash != row.0 || found.contains(slot)),
                "one of {row:?}'s hash is lost"
            );
            assert_eq!(index.len(), rows.len());
        }
        assert!(
            index.lines.len() >= 128 && index.lines.iter().any(|line| line.passed > 100),
            "enough happened"
        );
        for (hash, slot) in rows {
            index.remove(hash, slot);
        }
        assert!(
            index.lines.iter().all(|line| line.passed == 0 && line.slots == [FREE; 12]),
            "a mark was left"
        );
    }

    #[test]
    fn a_search_looks_at_hardly_any_row_but_its_own() {
        let (mut index, mut rows) = (Index::default(), Vec::new());
        for name in 1..=100_000 {
            let row = (u64::from(name).wrapping_mul(0x9E37_79B9_7F4A_7C15), Slot(name));
            add(&mut index, &rows, row);
            rows.push(row);
        }
        let seen: usize = rows.iter().map(|(hash, _)| slots(&index, *hash).len()).sum();
        assert!((100_000..108_000).contains(&seen), "{seen} rows looked at to find 100,000");
    }
}
