//! Counters of events by name in bounded memory: an LRU map from the hash of a name to its count, and, for
//! counts that left it, one lower bound for each stripe of hashes.
//!
//! What a name is answered never sinks, and each bump of it, or of a name above it, raises it. So equal
//! answers mean that nothing of the kind came between. A count that was forgotten raises the bound of its
//! stripe, and with it the answers for all names of the stripe that are not in the map: for them it looks as
//! if they had been bumped, which costs a computation. No answer is too low, so none is ever stale. Stripes
//! keep such raises rare, and apart in time. (Memory words share version clocks by their hash in the same way
//! in TL2: Dave Dice, Ori Shalev and Nir Shavit, "Transactional Locking II", 2006.)
//!
//! Names are known by their hash alone. Two of one hash are bumped together, which again costs no more than a
//! computation, so no name has to be kept or compared.

use std::hash::BuildHasherDefault;

use ahash::RandomState;
use lru::LruCache;

use crate::engine::order::Spread;

/// Into how many stripes forgotten counts are divided: a raise of one reaches few names.
const STRIPES: usize = 4_096;

/// What parts the segments of a name: `user` is above `user:7`, and above nothing else that begins so.
const SEPARATOR: u8 = b':';

/// Makes hashes of names with secrets of the process, so that nobody can choose names of one hash.
#[derive(Default)]
pub struct NameHasher(RandomState);

impl NameHasher {
    fn name(&self, name: &[u8]) -> u64 {
        self.0.hash_one(name)
    }

    /// The hashes of all names above a name, and last its own.
    pub fn with_those_above(&self, name: &[u8]) -> impl Iterator<Item = u64> {
        let ends = name.iter().enumerate().filter(|(at, byte)| *at > 0 && **byte == SEPARATOR);
        ends.map(|(at, _)| &name[..at]).chain([name]).map(|name| self.name(name))
    }
}

/// How often each name was bumped, or more.
pub struct BumpCounts {
    /// The count of each name that is remembered, that of the newest bump first.
    counts: LruCache<u64, u64, BuildHasherDefault<Spread>>,
    /// The highest count that was forgotten in each stripe.
    bounds: Box<[u64]>,
    max_names: usize,
}

impl BumpCounts {
    /// Nothing bumped, with room for so many names.
    #[must_use]
    pub fn new(max_names: usize) -> Self {
        let counts = LruCache::unbounded_with_hasher(BuildHasherDefault::default());
        Self { counts, bounds: vec![0; STRIPES].into(), max_names }
    }

    fn count(&self, name: u64) -> u64 {
        self.counts.peek(&name).copied().unwrap_or_else(|| self.bounds[stripe(name)])
    }

    /// What the names are answered together: as many bumps as they had, or more. Nothing is added.
    #[must_use]
    pub fn sum(&self, names: &[u64]) -> u64 {
        names.iter().map(|name| self.count(*name)).sum()
    }

    /// Counts a bump of each name.
    pub fn bump(&mut self, names: &[u64]) {
        for name in names {
            let count = self.count(*name) + 1;
            self.counts.put(*name, count);
        }
        self.forget();
    }

    /// Changes how many names are remembered.
    pub fn limit(&mut self, max_names: usize) {
        self.max_names = max_names;
        self.forget();
    }

    /// Forgets the names whose newest bumps are the oldest, down to the bound.
    fn forget(&mut self) {
        while self.counts.len() > self.max_names
            && let Some((name, count)) = self.counts.pop_lru()
        {
            let bound = &mut self.bounds[stripe(name)];
            *bound = count.max(*bound);
        }
    }
}

fn stripe(name: u64) -> usize {
    (name >> 32) as usize % STRIPES
}

#[cfg(test)]
mod tests {
    use super::{BumpCounts, NameHasher};

    #[test]
    fn names_above_end_before_a_separator() {
        let hasher = NameHasher::default();
        let above = |name: &str| hasher.with_those_above(name.as_bytes()).collect::<Vec<_>>();
        let all = |names: &[&str]| names.iter().map(|name| hasher.name(name.as_bytes())).collect::<Vec<_>>();
        assert_eq!(above("user"), all(&["user"]));
        assert_eq!(above("user:7:orders"), all(&["user", "user:7", "user:7:orders"]));
        assert_eq!(above(":a::b:"), all(&[":a", ":a:", ":a::b", ":a::b:"]));
    }

    #[test]
    fn each_bump_raises_what_it_is_about_and_nothing_else() {
        let mut counts = BumpCounts::new(10);
        counts.bump(&[1]);
        counts.bump(&[1, 2]);
        assert_eq!((counts.sum(&[1]), counts.sum(&[2]), counts.sum(&[3])), (2, 1, 0));
        assert_eq!(counts.sum(&[1, 2, 3]), 3);
    }

    #[test]
    fn what_was_forgotten_is_never_answered_lower() {
        let mut counts = BumpCounts::new(2);
        let (name, of_its_stripe, of_another) = (1, 1 + (1 << 63), 2 + (1 << 32));
        (0..3).for_each(|_| counts.bump(&[name]));
        counts.limit(0);
        assert_eq!((counts.sum(&[name]), counts.sum(&[of_its_stripe]), counts.sum(&[of_another])), (3, 3, 0));
        counts.limit(2);
        counts.bump(&[of_its_stripe]);
        assert_eq!((counts.sum(&[name]), counts.sum(&[of_its_stripe])), (3, 4));
        counts.limit(0);
        assert_eq!(counts.sum(&[name]), 4);
    }

    #[test]
    fn the_names_that_were_bumped_last_are_remembered() {
        let mut counts = BumpCounts::new(2);
        counts.bump(&[1]);
        counts.bump(&[2]);
        counts.bump(&[1]);
        assert_eq!(counts.sum(&[9]), 0, "a look adds nothing");
        counts.bump(&[3]);
        assert_eq!(counts.counts.len(), 2);
        assert!(counts.counts.contains(&1) && counts.counts.contains(&3));
    }
}
