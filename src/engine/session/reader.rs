//! A session as the reader of one function: the answer it goes by, and the results pinned for it.

use crate::engine::host::{Decided, Host};
use crate::engine::keys::comparisons::{Unsure, Verdicts};
use crate::engine::keys::key::Probe;
use crate::engine::order;
use crate::engine::order::Ticket;
use crate::engine::session::answers::Answers;
use crate::engine::storage::deferred_drops::{Displaced, Leaving};
use crate::engine::storage::entry::Entry;
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::Rows;
use crate::engine::versions::observation::Observation;

/// Results that one session has surely seen and is to see again, though the store lost them or never had them. Most sessions need none.
pub type Shelf<H> = Option<Box<Rows<Entry<H>>>>;

/// A session as the reader of one function.
pub struct Reader<H: Host> {
    /// The function.
    pub function: H::Function,
    /// The answers by which this function's entries are judged in the session.
    pub seen: Answers<H>,
    /// Those by which they were judged first, where a call has asked again. By these alone the session knows what was stored when it began: of
    /// what it is given under later ones it takes note.
    pub first: Option<Box<Answers<H>>>,
    /// What the session has surely seen: at most `maxsize`, the least recently used goes first.
    pub kept: Shelf<H>,
    /// When it was first given a result, or put one. What left the store before is not for it.
    pub(crate) since: Ticket,
    /// Whether something is kept in whose place something else is stored, which the session might take for what it knows.
    pub(crate) shadows: bool,
}

impl<H: Host> Reader<H> {
    /// One that has seen nothing yet.
    pub(crate) fn of(function: H::Function) -> Self {
        Self {
            function,
            seen: Answers::default(),
            first: None,
            kept: None,
            since: order::NEVER,
            shadows: false,
        }
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
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<&Observation<H::Object>>> {
        self.first.as_ref().map_or(Ok(None), |first| first.peek(given, verdicts))
    }

    /// Keeps an entry that the session has surely seen; of more than `maxsize` the least recently used goes.
    pub(crate) fn shelve(
        &mut self,
        hash: u64,
        entry: Entry<H>,
        maxsize: Option<usize>,
        displaced: &mut Displaced<H>,
    ) {
        let kept = self.kept.get_or_insert_default();
        kept.insert(hash, entry);
        if maxsize.is_some_and(|maxsize| kept.len() > maxsize) {
            displaced.extend(kept.pop_oldest().map(|(_, oldest)| Leaving::Entry(oldest)));
        }
    }

    /// Where what is kept of a key lies.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn find(
        &self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<(Slot, &Entry<H>)>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let slot = verdicts.find(&**kept, probe, |row| Some(&row.key))?;
        Ok(slot.and_then(|slot| Some((slot, kept.get(slot)?))))
    }

    /// Takes what is kept of a key away.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub fn unshelve(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        while let Some((slot, _)) = self.find(probe, verdicts)? {
            let gone = self.kept.as_mut().and_then(|kept| kept.remove(slot));
            displaced.extend(gone.map(|(_, entry)| Leaving::Entry(entry)));
        }
        Ok(())
    }

    /// Takes away what `leaves` accepts; all of one hash, if there is one.
    pub fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        displaced: &mut Displaced<H>,
    ) {
        let gone = self.kept.iter_mut().flat_map(|kept| kept.strike(hash, |entry| leaves(&entry.key)));
        displaced.extend(gone.map(Leaving::Entry));
    }

    /// Keeps nothing any more.
    pub fn clear_shelf(&mut self, displaced: &mut Displaced<H>) {
        displaced.extend(self.kept.take().map(Leaving::Shelf));
    }

    /// Lets go of all.
    pub(crate) fn leave(mut self, displaced: &mut Displaced<H>) {
        self.clear_shelf(displaced);
        displaced.push(Leaving::Whole(Box::new(self.seen)));
        displaced.extend(self.first.map(|first| Leaving::Whole(first)));
    }

    /// What is kept.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<H>> {
        self.kept.iter().flat_map(|kept| kept.iter())
    }
}
