//! What left the cache while sessions live that may have seen it there: old versions, as a multi-version
//! store keeps them.
//!
//! Each lies here once, however many sessions it is for, and each session finds its own: what was stored
//! before the session began and left after it was first given a result. So a session takes nothing from
//! others, and a result that refers to its session keeps no chain of them alive.

use std::collections::BTreeSet;

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::Taken;
use crate::engine::storage::entry::Entry;
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;

/// An entry that left the cache.
pub(crate) struct Gone<H: Host> {
    pub(crate) entry: Entry<H>,
    left: Ticket,
    /// Sessions that have surely seen it.
    pub(crate) given: BTreeSet<Ticket>,
    /// Sessions that were given something else in its place.
    passed: Vec<Ticket>,
}

impl<H: Host> Gone<H> {
    /// Whether it is for a session that began at `id` and was first given a result at `since`. Of one key one
    /// at most is.
    fn is_for(&self, (id, since): (Ticket, Ticket)) -> bool {
        let may_have_seen = self.entry.stored < id && since < self.left || self.given.contains(&id);
        may_have_seen && !self.passed.contains(&id)
    }
}

/// What left a function's cache, in the order in which it left.
pub struct Evicted<H: Host>(pub(crate) LruSlab<Gone<H>>);

impl<H: Host> Default for Evicted<H> {
    fn default() -> Self {
        Self(LruSlab::default())
    }
}

impl<H: Host> Evicted<H> {
    /// Takes an entry that leaves now; of more than `most` the first goes. `passed` is the session in whose
    /// favour it was replaced.
    pub(crate) fn push(
        &mut self,
        Taken { hash, entry, given }: Taken<H>,
        passed: Option<Ticket>,
        most: usize,
        drops: &mut DeferredDrops<H>,
    ) {
        let passed = passed.into_iter().collect();
        self.0.insert(hash, Gone { entry, left: order::draw(), given, passed });
        while self.0.len() > most {
            drops.extend(self.0.pop_oldest().map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
    }

    /// Lets go of what left before the oldest reader began.
    pub(crate) fn prune(&mut self, oldest: Ticket, drops: &mut DeferredDrops<H>) {
        while self.0.oldest().is_some_and(|gone| gone.left < oldest) {
            drops.extend(self.0.pop_oldest().map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
    }

    pub(crate) fn slot(
        &self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<Slot>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let found =
            comparisons.find(&self.0, probe, |gone| Some(&gone.entry.key).filter(|_| gone.is_for(reader)))?;
        // What was found before may have been passed over since.
        Ok(found.filter(|slot| self.0.get(*slot).is_some_and(|gone| gone.is_for(reader))))
    }

    /// What is here of a key for a session, told by when it began and was first given a result.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<&Gone<H>>> {
        let slot = self.slot(probe, reader, comparisons)?;
        Ok(slot.and_then(|slot| self.0.get(slot)))
    }

    /// Sees to it that a session does not go back to what is here of a key.
    pub(crate) fn pass_over(
        &mut self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        comparisons: &Comparisons<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        if let Some(slot) = self.slot(probe, reader, comparisons)?
            && let Some(gone) = self.0.get_mut(slot)
        {
            gone.passed.push(reader.0);
        }
        Ok(())
    }

    /// Takes a key out, for all sessions.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn invalidate(
        &mut self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        while let Some(slot) = comparisons.find(&self.0, probe, |gone| Some(&gone.entry.key))? {
            drops.extend(self.0.remove(slot).map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
        Ok(())
    }

    /// Takes out what `leaves` accepts; all of one hash, if there is one.
    pub(crate) fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        let gone = self.0.strike(hash, |gone| leaves(&gone.entry.key));
        drops.extend(gone.into_iter().map(|gone| Leaving::Entry(gone.entry)));
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, for whoever traces references.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.0.iter().map(|gone| &gone.entry)
    }
}
