//! A session's view of one function: the answer it goes by, and the results pinned for it.

use std::num::NonZeroU32;

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::answers::Answers;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entry::Entry;
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::versions::observation::CompactObservation;

/// Results that one session has surely seen and is to see again, though the cache lost them or never had
/// them. Most sessions need none.
pub type Pinned<H> = Option<Box<LruSlab<Entry<H>>>>;

/// A session as the reader of one function.
pub struct Reader<H: Host> {
    /// The function.
    pub function: H::Function,
    /// The answers by which this function's entries are judged in the session, but for those that are marked
    /// in the table of the scope: ask [`SessionMemory::seen`](super::session_memory::SessionMemory::seen).
    pub seen: Answers<H>,
    /// Those by which they were judged first, where a call has asked again. By these alone the session knows
    /// what was stored when it began: of what it is given under later ones it takes note.
    pub first: Option<Box<Answers<H>>>,
    /// What the session has surely seen: at most `maxsize`, the least recently used goes first.
    pub pinned: Pinned<H>,
    /// When it was first given a result, or put one. What left the cache before is not for it.
    pub(crate) since: Ticket,
    /// Whether something is kept in whose place something else is stored, which the session might take for
    /// what it knows.
    pub(crate) shadows: bool,
    /// How many answers it remembers at most, if not any number.
    pub(crate) answers: Option<NonZeroU32>,
}

impl<H: Host> Reader<H> {
    /// One that has seen nothing yet.
    pub(crate) fn of(function: H::Function, answers: Option<usize>) -> Self {
        Self {
            function,
            seen: Answers::default(),
            first: None,
            pinned: None,
            since: order::NEVER,
            shadows: false,
            answers: answers.and_then(|answers| NonZeroU32::new(u32::try_from(answers).ok()?)),
        }
    }

    /// How many answers it remembers at most.
    pub(crate) fn bound(&self) -> Option<usize> {
        self.answers.map(|answers| answers.get() as usize)
    }

    /// Whether it has been given nothing yet.
    pub(crate) fn is_new(&self) -> bool {
        self.since == order::NEVER
    }

    /// Notes that it has been given a result.
    pub(crate) fn given(&mut self) {
        if self.is_new() {
            self.since = order::draw();
        }
    }

    /// Whether the session knows what was stored when it began by its version alone, with no note of each.
    pub(crate) fn knows_by_version(&self) -> bool {
        self.first.is_none() && !self.shadows
    }

    /// The answer by which the session judged first, if it goes by another because a call has asked again.
    pub(crate) fn first(
        &self,
        given: Option<&Probe<H::Key>>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<&CompactObservation<H::Object>>> {
        self.first.as_ref().map_or(Ok(None), |first| first.peek(given, comparisons))
    }

    /// Keeps an entry that the session has surely seen; of more than `maxsize` the least recently used goes.
    pub(crate) fn pin(
        &mut self,
        hash: u64,
        entry: Entry<H>,
        maxsize: Option<usize>,
        drops: &mut DeferredDrops<H>,
    ) {
        let kept = self.pinned.get_or_insert_default();
        kept.insert(hash, entry);
        if maxsize.is_some_and(|maxsize| kept.len() > maxsize) {
            drops.extend(kept.pop_oldest().map(|(_, oldest)| Leaving::Entry(oldest)));
        }
    }

    /// Where what is kept of a key lies.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Decided<H, Option<(Slot, &Entry<H>)>> {
        let Some(kept) = &self.pinned else { return Ok(None) };
        let slot = comparisons.find(&**kept, probe, |row| Some(&row.key))?;
        Ok(slot.and_then(|slot| Some((slot, kept.get(slot)?))))
    }

    /// Takes what is kept of a key away.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub fn unpin(
        &mut self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        while let Some((slot, _)) = self.find(probe, comparisons)? {
            let gone = self.pinned.as_mut().and_then(|kept| kept.remove(slot));
            drops.extend(gone.map(|(_, entry)| Leaving::Entry(entry)));
        }
        Ok(())
    }

    /// Takes away what `leaves` accepts; all of one hash, if there is one.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        let gone = self.pinned.iter_mut().flat_map(|kept| kept.strike(hash, |entry| leaves(&entry.key)));
        drops.extend(gone.map(Leaving::Entry));
    }

    /// Keeps nothing any more.
    pub fn unpin_all(&mut self, drops: &mut DeferredDrops<H>) {
        drops.extend(self.pinned.take().map(Leaving::Pinned));
    }

    /// Lets go of all.
    pub(crate) fn leave(mut self, drops: &mut DeferredDrops<H>) {
        self.unpin_all(drops);
        drops.push(Leaving::Whole(Box::new(self.seen)));
        drops.extend(self.first.map(|first| Leaving::Whole(first)));
    }

    /// What is kept.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.pinned.iter().flat_map(|kept| kept.iter())
    }
}
