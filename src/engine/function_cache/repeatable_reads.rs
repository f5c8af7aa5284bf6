//! Repeatable reads: a session finds again what it was given, though that leaves the cache.
//!
//! The session noted in an entry pins it. All others find it in what left.

use crate::engine::function_cache::context::Context;
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::session::reader::Reader;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::Taken;
use crate::engine::storage::entry::Entry;

/// How many of what left are kept at most where any number may be stored, if no more are stored.
const MANY: usize = 1024;

impl<H: SessionHost> Context<'_, H> {
    /// Sees to it that the sessions which may have seen an entry find it again though it leaves the cache:
    /// the one that is noted in it keeps it, the others that began after it was stored find it in what left.
    /// The caller is passed over if that is `spared`.
    pub(crate) fn displace(&mut self, Taken { hash, entry, given }: Taken<H>, spared: bool) {
        let cache = &mut *self.cache;
        let has_readers = !cache.readers.all.is_empty();
        if !has_readers || cache.terms.maxsize == Some(0) || !entry.is_fresh_now(&cache.terms) {
            self.drops.push(Leaving::Entry(entry));
            return;
        }
        let caller = self.caller.as_ref();
        let passed = caller.filter(|_| spared).map(|caller| caller.id);
        let holder = Some(entry.known_in).filter(|id| *id != 0 && Some(*id) != passed);
        let new = caller.filter(|caller| caller.memory.readers.get(cache.id).is_none_or(Reader::is_new));
        let blind = passed.or(new.map(|caller| caller.id)).unwrap_or(0);
        let others = given.iter().any(|id| Some(*id) != passed && cache.readers.has(*id))
            || cache.readers.has_later(entry.stored, [entry.known_in, blind], self.drops);
        let mut entry = Some(entry);
        if let Some(holder) = holder {
            let own = if others { entry.clone() } else { entry.take() };
            if let Some(own) = own {
                self.keep_for(holder, (hash, own));
            }
        }
        match entry {
            Some(entry) if others => {
                let cache = &mut *self.cache;
                let most = cache.terms.maxsize.unwrap_or_else(|| cache.entries.len().max(MANY));
                cache.evicted.push(Taken { hash, entry, given }, passed, most, self.drops);
            }
            entry => self.drops.extend(entry.map(Leaving::Entry)),
        }
    }

    /// Whether the caller would find nothing of a hash beside what is stored.
    pub(crate) fn keeps_nothing_of(&self, hash: u64) -> bool {
        let Some(caller) = &self.caller else { return true };
        let reader = caller.memory.readers.get(self.cache.id);
        let pinned = reader.and_then(|reader| reader.pinned.as_ref());
        let evicted = &self.cache.evicted;
        pinned.is_none_or(|pinned| pinned.first(hash).is_none())
            && (evicted.is_empty() || evicted.0.first(hash).is_none())
    }

    /// Notes that the caller is given again what left the cache, which is as new as `ticket` if that
    /// `agreed`. It keeps it, unless that may lead to another session, which is noted in it and lives: else a
    /// chain of sessions would keep each other alive.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn give_again(
        &mut self,
        probe: &Probe<H::Key>,
        (ticket, agreed): (Ticket, bool),
        comparisons: &Comparisons<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let (cache, session) = (&mut *self.cache, caller.id);
        let since = caller.memory.readers.get(cache.id).map_or(order::NEVER, |reader| reader.since);
        let slot = cache.evicted.slot(probe, (session, since), comparisons)?;
        let Some(gone) = slot.and_then(|slot| cache.evicted.0.get_mut(slot)) else { return Ok(()) };
        if agreed {
            gone.entry.stamp.ticket = gone.entry.stamp.ticket.max(ticket);
        }
        if gone.entry.known_in != session && cache.readers.has(gone.entry.known_in) {
            gone.given.insert(session);
        } else {
            let own = Entry { known_in: session, ..gone.entry.clone() };
            self.keep_for(session, (probe.hash, own));
        }
        Ok(())
    }

    /// Keeps an entry for the session `id`, which may be the caller's, if it is still there. Its own entry of
    /// that key must have been taken from it.
    pub(crate) fn keep_for(&mut self, id: Ticket, (hash, entry): (u64, Entry<H>)) {
        let cache = &mut *self.cache;
        let (maxsize, mut entry) = (cache.terms.maxsize, Some(entry));
        let mut pin = |reader: &mut Reader<H>, drops: &mut DeferredDrops<H>| {
            entry.take().map(|entry| reader.pin(hash, entry, maxsize, drops))
        };
        let kept = match self.caller.as_mut().filter(|caller| caller.id == id) {
            Some(caller) => {
                let reader = caller.memory.readers.get_mut(cache.id);
                reader.and_then(|reader| pin(reader, self.drops))
            }
            None => cache.reach(id, self.drops, pin).flatten(),
        };
        if kept.is_some() {
            cache.readers.keeps(id);
        }
        self.drops.extend(entry.map(Leaving::Entry));
    }

    /// Takes from the caller's session what it would find of a key beside what is stored: what it keeps, and
    /// what left the cache.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn take_from(
        &mut self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(caller) = &mut self.caller else { return Ok(()) };
        let Some(reader) = caller.memory.readers.get_mut(self.cache.id) else { return Ok(()) };
        reader.unpin(probe, comparisons, self.drops)?;
        self.cache.evicted.pass_over(probe, (caller.id, reader.since), comparisons)
    }
}
