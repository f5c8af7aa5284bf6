//! Collision chains: searches among things of one hash whose keys only foreign code can compare.
//!
//! Whoever may choose the keys of a cache may choose them of one hash, so a call must not ask more about each
//! than a dict does. A search stops with keys to be asked about, many more each time, and goes on behind
//! them. Where something came or went meanwhile it begins anew, but asks about none again: it takes as many
//! turns as there are changes, and few more, however many keys there are.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::keys::key::Key;
use crate::engine::order::Spread;

/// How many keys are asked about at first.
const FEW: usize = 8;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Names a table, and tells how often something came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    table: u64,
    changes: u64,
}

impl Default for Census {
    fn default() -> Self {
        Self { table: NEXT.fetch_add(1, Ordering::Relaxed), changes: 0 }
    }
}

impl Census {
    /// Notes that something came or went.
    #[inline]
    pub(crate) fn changed(&mut self) {
        self.changes += 1;
    }
}

/// A table of things found by hash.
pub(crate) trait Crowd {
    /// Where something lies, until it is taken out.
    type Slot: Copy + Into<u64> + From<u64>;
    type Row;

    /// What it is, and in which state.
    fn census(&self) -> Census;

    /// The row with that hash which is likely to be sought, if there is one.
    fn expected(&self, _hash: u64) -> Option<(Self::Slot, &Self::Row)> {
        None
    }

    /// What `visit` makes of a row with that hash, the first of which it makes something. The order is the
    /// same until something comes or goes.
    fn walk<'a, R>(
        &'a self,
        hash: u64,
        visit: impl FnMut(Self::Slot, &'a Self::Row) -> Option<R>,
    ) -> Option<R>;
}

/// What a search finds in a row.
pub(crate) enum Met<'a, K> {
    /// What is looked for.
    Same,
    /// Something else.
    Other,
    /// A key that has to be asked.
    Untold(&'a K),
}

impl<'a, K> Met<'a, K> {
    /// What a key is, if that can be told.
    pub(crate) fn of(key: &'a K, same: Option<bool>) -> Self {
        match same {
            Some(true) => Self::Same,
            Some(false) => Self::Other,
            None => Self::Untold(key),
        }
    }
}

/// Stored keys of one hash, to be compared in turn with the one looked for, until one is equal.
pub struct Asked<K> {
    census: Census,
    /// The address of the one looked for.
    probe: usize,
    /// With the number of rows before each.
    keys: Vec<(usize, K)>,
    /// The first of them was expected, wherever it lies.
    expected: bool,
    /// How many rows were looked at.
    walked: usize,
    /// The one found equal.
    equal: Option<usize>,
}

impl<K> Asked<K> {
    /// Keys that lie in no table.
    fn loose(probe: usize, keys: impl Iterator<Item = K>) -> Self {
        let census = Census { table: u64::MAX, changes: 0 };
        Self {
            census,
            probe,
            keys: keys.map(|key| (0, key)).collect(),
            expected: false,
            walked: 0,
            equal: None,
        }
    }

    /// Asks about each until one is equal. Whether one is.
    ///
    /// # Errors
    /// What `equal` returns as an error.
    pub fn ask<E>(&mut self, mut equal: impl FnMut(&K) -> Result<bool, E>) -> Result<bool, E> {
        for (place, (_, key)) in self.keys.iter().enumerate() {
            if equal(key)? {
                self.equal = Some(place);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The one found equal.
    #[must_use]
    pub fn equal(&self) -> Option<&K> {
        self.keys.get(self.equal?).map(|(_, key)| key)
    }
}

/// What is known of one key that is looked for.
struct Compared<K> {
    probe: usize,
    /// What it was compared with first, and differs from.
    first: Option<K>,
    /// What it was found to differ from, held, so that nothing else gets its address.
    different: Vec<K>,
    /// The addresses of those, as far as somebody needed them: where a table has changed, and where another
    /// has the same keys.
    addresses: Option<HashSet<u64, BuildHasherDefault<Spread>>>,
    /// What it was found equal to.
    equal: Vec<K>,
}

impl<K: Key> Compared<K> {
    fn new(probe: usize) -> Self {
        Self { probe, first: None, different: Vec::new(), addresses: None, equal: Vec::new() }
    }

    /// Makes the addresses known, or keeps them so.
    fn index(&mut self) {
        let known = self.addresses.get_or_insert_default();
        let new = self.different.get(known.len()..).unwrap_or_default();
        known.reserve(new.len());
        known.extend(new.iter().map(|key| key.address() as u64));
    }

    fn equals(&self, key: &K) -> bool {
        self.equal.iter().any(|equal| equal.address() == key.address())
    }

    fn differs(&self, key: &K) -> bool {
        self.first.as_ref().is_some_and(|first| first.address() == key.address())
            || self.addresses.as_ref().is_some_and(|known| known.contains(&(key.address() as u64)))
    }
}

/// How far a search has come in a table.
#[derive(Clone, Copy)]
struct Passed {
    census: Census,
    probe: usize,
    stand: Stand,
}

#[derive(Clone, Copy)]
enum Stand {
    /// Of so many rows no more is to be said.
    Walked(usize),
    /// It has found what lies there.
    Found(u64),
    /// There is nothing to be found.
    Nothing,
}

/// What was found about keys of one hash during one call.
pub(crate) struct Searches<K> {
    /// By the key that is looked for: a call has two at most.
    compared: RefCell<Vec<Compared<K>>>,
    passed: RefCell<Vec<Passed>>,
}

impl<K> Default for Searches<K> {
    fn default() -> Self {
        Self { compared: RefCell::default(), passed: RefCell::default() }
    }
}

impl<K: Key> Searches<K> {
    /// Takes that a key differs from arguments of which none was made.
    pub(crate) fn learn_of_first(&mut self, key: K) {
        self.compared.get_mut().push(Compared { first: Some(key), ..Compared::new(NOWHERE) });
    }

    /// Takes what was found about some keys.
    pub(crate) fn learn(&mut self, asked: Asked<K>) {
        let Asked { census, probe, mut keys, expected, mut walked, equal } = asked;
        let compared = self.compared.get_mut();
        let place = compared.iter().position(|compared| compared.probe == probe);
        let place = place.unwrap_or_else(|| {
            compared.push(Compared::new(probe));
            compared.len() - 1
        });
        let compared = &mut compared[place];
        if let Some(place) = equal {
            // Nobody has asked about the ones behind it.
            keys.truncate(place + 1);
            if let Some((before, key)) = keys.pop() {
                walked = before;
                compared.equal.push(key);
            }
        }
        let mut keys = keys.into_iter().map(|(_, key)| key);
        if expected {
            compared.first = keys.next();
        }
        compared.different.extend(keys);
        self.note(Passed { census, probe, stand: Stand::Walked(walked) });
    }

    fn note(&self, now: Passed) {
        let mut passed = self.passed.borrow_mut();
        let before = passed.iter_mut().find(|passed| passed.is_of(now.census, now.probe));
        match before {
            Some(before) => *before = now,
            None => passed.push(now),
        }
    }

    /// From now on what is known of a key that had no address is known of the one at this.
    pub(crate) fn belongs_to(&mut self, address: usize) {
        let compared = self.compared.get_mut().iter_mut().map(|compared| &mut compared.probe);
        let passed = self.passed.get_mut().iter_mut().map(|passed| &mut passed.probe);
        compared.chain(passed).filter(|probe| **probe == NOWHERE).for_each(|probe| *probe = address);
    }

    /// Whether keys that lie in no table are the one at the address `probe`: `told` gets the answer for each.
    /// What can't be told yet is handed out to be asked.
    pub(crate) fn tell<T>(
        &self,
        probe: usize,
        keys: impl Iterator<Item = (T, K, Option<bool>)>,
        mut told: impl FnMut(T, K, bool),
    ) -> Option<Asked<K>> {
        let mut all = self.compared.borrow_mut();
        let mut compared = all.iter_mut().find(|compared| compared.probe == probe);
        let mut untold = Vec::new();
        for (thing, key, same) in keys {
            let same = same.or_else(|| {
                let compared = compared.as_deref_mut()?;
                compared.index();
                if compared.equals(&key) { Some(true) } else { compared.differs(&key).then_some(false) }
            });
            match same {
                Some(same) => told(thing, key, same),
                None => untold.push(key),
            }
        }
        (!untold.is_empty()).then(|| Asked::loose(probe, untold.into_iter()))
    }

    /// Notes where the key at the address `probe` lies now: nobody has to ask about those before it.
    pub(crate) fn found<C: Crowd>(&self, crowd: &C, probe: usize, slot: C::Slot) {
        if self.compared.borrow().iter().any(|compared| compared.probe == probe) {
            self.note(Passed { census: crowd.census(), probe, stand: Stand::Found(slot.into()) });
        }
    }

    /// Searches a table for the key at the address `probe`; `same` says what a row has of it.
    #[inline]
    pub(crate) fn search<C: Crowd>(
        &self,
        crowd: &C,
        (hash, probe): (u64, usize),
        same: impl for<'a> Fn(&'a C::Row) -> Met<'a, K>,
    ) -> Result<Option<C::Slot>, Asked<K>> {
        // Before anything was asked, what has to be asked is all that takes more than a look.
        if self.compared.borrow().is_empty()
            && let Ok(found) = glance(crowd, hash, &same)
        {
            return Ok(found);
        }
        self.search_at_length(crowd, (hash, probe), same)
    }

    /// The same where something was asked, or has to be.
    #[inline(never)]
    pub(crate) fn search_at_length<C: Crowd>(
        &self,
        crowd: &C,
        (hash, probe): (u64, usize),
        same: impl for<'a> Fn(&'a C::Row) -> Met<'a, K>,
    ) -> Result<Option<C::Slot>, Asked<K>> {
        let mut all = self.compared.borrow_mut();
        let mut compared = all.iter_mut().find(|compared| compared.probe == probe);
        let census = crowd.census();
        let (mut skipped, mut expected) = (0, None);
        if let Some(compared) = compared.as_deref_mut() {
            let passed = self.passed.borrow().iter().copied().find(|passed| passed.is_of(census, probe));
            let unchanged = passed.filter(|passed| passed.census == census).map(|passed| passed.stand);
            match unchanged {
                Some(Stand::Found(slot)) => return Ok(Some(slot.into())),
                Some(Stand::Nothing) => return Ok(None),
                Some(Stand::Walked(walked)) => skipped = walked,
                None => {}
            }
            if unchanged.is_none() || compared.addresses.is_some() {
                compared.index();
            }
        } else if let Some((slot, row)) = crowd.expected(hash) {
            match same(row) {
                Met::Same => return Ok(Some(slot)),
                Met::Untold(key) => expected = Some(key),
                Met::Other => {}
            }
        }
        let compared = compared.as_deref();
        let most = compared.map_or(FEW, |compared| FEW.max(3 * compared.different.len()));
        let (mut walked, mut untold) = (0, Vec::new());
        untold.extend(expected.map(|key| (0, key)));
        let found = crowd.walk(hash, |slot, row| {
            walked += 1;
            if walked <= skipped {
                return None;
            }
            match same(row) {
                Met::Same => return Some(Some(slot)),
                Met::Other => {}
                Met::Untold(key) if compared.is_some_and(|compared| compared.equals(key)) => {
                    return Some(Some(slot));
                }
                Met::Untold(key) if compared.is_some_and(|compared| compared.differs(key)) => {}
                Met::Untold(key) if expected.is_some_and(|expected| std::ptr::eq(expected, key)) => {}
                Met::Untold(key) => untold.push((walked - 1, key)),
            }
            (untold.len() == most).then_some(None)
        });
        let found = found.flatten();
        if found.is_none() && !untold.is_empty() {
            // Only now: nothing of the host's may be given up here.
            let keys = untold.into_iter().map(|(before, key)| (before, key.clone())).collect();
            return Err(Asked { census, probe, keys, expected: expected.is_some(), walked, equal: None });
        }
        if compared.is_some() {
            let stand = found.map_or(Stand::Nothing, |slot| Stand::Found(slot.into()));
            self.note(Passed { census, probe, stand });
        }
        Ok(found)
    }
}

/// That a key has to be asked.
struct Untold;

/// Where in a table that lies which is sought, if no key of its hash has to be asked.
#[inline]
fn glance<C: Crowd, K>(
    crowd: &C,
    hash: u64,
    same: impl for<'a> Fn(&'a C::Row) -> Met<'a, K>,
) -> Result<Option<C::Slot>, Untold> {
    let look = |slot: C::Slot, row: &C::Row| match same(row) {
        Met::Same => Some(Ok(slot)),
        Met::Other => None,
        Met::Untold(_) => Some(Err(Untold)),
    };
    let expected = crowd.expected(hash).and_then(|(slot, row)| look(slot, row));
    expected.or_else(|| crowd.walk(hash, look)).transpose()
}

impl Passed {
    fn is_of(&self, census: Census, probe: usize) -> bool {
        self.census.table == census.table && self.probe == probe
    }
}

/// The address of arguments of which no key was made.
pub(crate) const NOWHERE: usize = 0;

#[cfg(test)]
mod tests {
    use super::Crowd;
    use crate::engine::keys::comparisons::Comparisons;
    use crate::engine::tables::lru_slab::LruSlab;
    use crate::engine::tables::lru_table::LruTable;
    use crate::engine::tests::fake::{Number, probe, told};

    /// Looks for a number; how many were asked about, and in how many turns.
    fn find<C: Crowd<Row = Number>>(
        table: &C,
        number: u32,
        comparisons: &mut Comparisons<Number>,
        mut between: impl FnMut(usize),
    ) -> (Option<u32>, usize, usize) {
        let sought = probe(number);
        let (mut asked, mut turns) = (0, 0);
        loop {
            let mut unsure = match comparisons.find(table, &sought, |row| Some(row)) {
                Ok(slot) => {
                    let found = table.walk(sought.hash, |own, row| {
                        (slot.map(C::Slot::into) == Some(own.into())).then(|| row.get())
                    });
                    return (found, asked, turns);
                }
                Err(unsure) => unsure,
            };
            if let crate::engine::Unsure::Keys(keys, _) = &unsure {
                asked += keys.keys.len();
            }
            let answer = told(&mut unsure);
            comparisons.learn(unsure, answer);
            turns += 1;
            between(turns);
        }
    }

    /// Numbers that have to be asked, all of one hash.
    fn numbers() -> impl Iterator<Item = u32> {
        (0..1_000).map(|number| 101 + 10 * number)
    }

    #[test]
    fn a_search_asks_about_each_once_in_few_turns() {
        let (mut rows, mut table) = (LruSlab::default(), LruTable::default());
        for number in numbers() {
            rows.insert(1, Number::new(number));
            table.insert(1, Number::new(number));
        }
        for (number, most) in [(101, 8), (9_081, 1_000), (11, 1_000), (20_001, 1_000)] {
            let there = numbers().any(|other| other == number).then_some(number);
            for (found, asked, turns) in [
                find(&rows, number, &mut Comparisons::default(), |_| ()),
                find(&table, number, &mut Comparisons::default(), |_| ()),
            ] {
                assert_eq!(found, there);
                assert!(asked <= most + 1 && turns <= 6, "{asked} keys in {turns} turns");
            }
        }
    }

    #[test]
    fn what_is_known_of_a_key_holds_in_every_table() {
        let (mut rows, mut table, mut comparisons) =
            (LruSlab::default(), LruTable::default(), Comparisons::default());
        let sought = probe(20_001);
        for number in numbers().map(Number::new) {
            rows.insert(1, number.clone());
            table.insert(1, number);
        }
        let mut unsure = Vec::new();
        while let Err(mut keys) = comparisons.find(&rows, &sought, |row| Some(row)) {
            unsure.push(told(&mut keys));
            comparisons.learn(keys, false);
        }
        assert!(comparisons.find(&table, &sought, |row| Some(row)).is_ok_and(|found| found.is_none()));
        rows.insert(1, Number::new(101));
        let Err(crate::engine::Unsure::Keys(keys, _)) = comparisons.find(&rows, &sought, |row| Some(row))
        else {
            panic!("nobody has compared the new one")
        };
        assert_eq!(keys.keys.len(), 1, "nothing but that");
    }
}
