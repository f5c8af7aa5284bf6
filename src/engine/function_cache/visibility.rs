//! Which sessions may see which results of a function: they join, are noted in what they are given, and
//! leave.

use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::Ticket;
use crate::engine::session::answers::Scope;
use crate::engine::session::audience::{Audience, SessionHost};
use crate::engine::session::reader::Reader;
use crate::engine::session::recognition::ReaderView;
use crate::engine::storage::deferred_drops::DeferredDrops;
use crate::engine::storage::entries::{Aside, Look};
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::CompactObservation;

/// From how many notes on those of sessions that have ended are looked for.
const FEW: usize = 8;

impl<H: SessionHost> FunctionCache<H> {
    /// Makes a session one of the readers.
    pub(crate) fn join(&mut self, id: Ticket, session: &H::Session) -> Reader<H> {
        self.readers.all.insert(id, session.clone());
        Reader::of(self.function.clone(), self.terms.answers())
    }

    /// Lets a session go that has ended, or is another now. What left the cache before the oldest began that
    /// is there still is for nobody.
    pub fn leave(&mut self, id: Ticket, drops: &mut DeferredDrops<H>) {
        self.readers.forget(id);
        let oldest = self.readers.oldest(drops);
        self.evicted.prune(oldest, drops);
    }

    /// Notes a session in an entry that it is given, in place of none that is there still: it keeps that when
    /// it leaves the cache.
    pub(crate) fn note(&mut self, slot: Slot, id: Ticket) {
        if let Some((entry, _)) = self.entries.get_mut(slot)
            && !self.readers.has(entry.known_in)
        {
            entry.known_in = id;
        }
    }

    /// Notes a session aside of an entry whose own note another needs: it finds that in what left, when it
    /// leaves the cache.
    pub(crate) fn note_aside(&mut self, slot: Slot, id: Ticket) {
        let Some(Aside { given, .. }) = self.entries.aside_mut(slot) else { return };
        given.insert(id);
        if given.len() > FEW && given.len().is_power_of_two() {
            given.retain(|id| self.readers.has(*id));
        }
    }

    /// Takes a session's note away.
    pub(crate) fn unnote(&mut self, slot: Slot, id: Ticket) {
        match self.entries.get_mut(slot) {
            Some((entry, _)) if entry.known_in == id => entry.known_in = 0,
            Some((entry, _)) => {
                let stored = entry.stored;
                self.entries.forget_note(stored, id);
            }
            None => {}
        }
    }

    /// Runs `act` on the session `id` as a reader of this function, if it is still there.
    pub(crate) fn reach<R>(
        &self,
        id: Ticket,
        drops: &mut DeferredDrops<H>,
        act: impl FnOnce(&mut Reader<H>, &mut DeferredDrops<H>) -> R,
    ) -> Option<R> {
        let session = self.readers.all.get(&id)?;
        session.reach(id, drops, |memory, drops| Some(act(memory.readers.get_mut(self.id)?, drops)))?
    }

    /// Runs `act` on each session that keeps something of this function.
    ///
    /// # Errors
    /// The first that `act` returns.
    pub(crate) fn reach_keepers<E>(
        &self,
        drops: &mut DeferredDrops<H>,
        mut act: impl FnMut(&mut Reader<H>, &mut DeferredDrops<H>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut keepers = self.readers.keepers.iter();
        keepers.try_for_each(|id| self.reach(*id, drops, &mut act).unwrap_or(Ok(())))
    }

    /// Forgets what sessions were answered for instances of a hash that have died.
    pub(crate) fn forget_the_dead(&self, hash: u64, drops: &mut DeferredDrops<H>) {
        for (id, session) in &self.readers.all {
            session.reach(*id, drops, |memory, drops| memory.forget_the_dead(self.id, hash, drops));
        }
    }

    /// Makes all sessions forget this function.
    pub(crate) fn part(&mut self, drops: &mut DeferredDrops<H>) {
        for (id, session) in std::mem::take(&mut self.readers).all {
            session.reach(id, drops, |memory, drops| {
                if let Some(reader) = memory.readers.remove(self.id) {
                    reader.leave(drops);
                }
            });
        }
    }

    /// Whether the note of an entry can be given to another session: the one that has it does not need it to
    /// know the entry again, or has ended.
    pub(crate) fn is_note_free(
        &self,
        Look { entry, stamp, .. }: Look<'_, H>,
        (scope, given): (&Scope, Option<&Probe<H::Key>>),
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<bool, Unsure<H::Object>> {
        let Some(session) = self.readers.all.get(&entry.known_in) else { return Ok(true) };
        let needed = session.reach(entry.known_in, drops, |memory, _| {
            let Some(reader) = memory.readers.get(self.id) else { return Ok(false) };
            // What it was given under a later version than its first, it knows by its notes.
            let seen = match reader.first(given, comparisons)? {
                Some(_) => None,
                None => memory.seen((self.id, scope), given, comparisons)?.map(CompactObservation::named),
            };
            let view = ReaderView { id: entry.known_in, seen, reader: Some(reader), given, comparisons };
            Ok(view.recognises(entry.stored, stamp, false)?.is_none())
        });
        Ok(!needed.transpose()?.unwrap_or(false))
    }
}
