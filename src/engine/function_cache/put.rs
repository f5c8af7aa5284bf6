//! Stores an entry, as a call does or `cache_put`, and evicts what is too much.

use crate::engine::clock;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::storage::version_table::Interning;
use crate::engine::tables::index::Slot;
use crate::engine::versions::version_stamp::VersionStamp;

/// Of what whoever puts a result is part.
pub struct Putter<'a, H: Host> {
    /// Who that is, with the runs around it.
    pub leader: &'a <H::Flight as Flight>::Leader,
    /// The oldest of what it has read until now, if not all of that holds still.
    pub rests_on: Option<Ticket>,
}

impl<H: SessionHost> Context<'_, H> {
    /// Stores a new entry in place of the one in `old`, and evicts what is too much.
    pub(crate) fn store(&mut self, hash: u64, entry: (Entry<H>, Interning<'_, H::Key>), old: Option<Slot>) {
        if let Some(replaced) = self.cache.entries.put(hash, entry, old, self.drops) {
            self.displace(replaced, true);
        }
        while self.cache.terms.maxsize.is_some_and(|maxsize| self.cache.entries.len() > maxsize) {
            let Some(victim) = self.cache.entries.pop_oldest(self.drops) else {
                break;
            };
            self.cache.stats.evictions += 1;
            self.displace(victim, false);
        }
    }

    /// Stores a value as made from `version` just now. `given` is what the version function would be given.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared, before anything has changed but what the
    /// session keeps.
    pub fn put(
        &mut self,
        (probe, given): (&Probe<H::Key>, Option<&Probe<H::Key>>),
        (value, version): (&H::Object, &H::Object),
        putter: &Putter<'_, H>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let session = self.session();
        let cache = &mut *self.cache;
        let old = cache.find(probe, comparisons)?;
        let slot = cache.flights.bypass(probe, session, putter.leader, comparisons)?;
        let interning = cache.entries.version_table.interning(given, version, comparisons)?;
        if let Some(caller) = &mut self.caller {
            let (id, session) = (caller.id, caller.session);
            caller.memory.readers.get_or_insert_with(cache.id, || cache.join(id, session)).given();
        }
        self.take_from(probe, comparisons)?;
        let cache = &mut *self.cache;
        if cache.terms.maxsize == Some(0) {
            return Ok(());
        }
        let stored = order::draw();
        let ticket = putter.rests_on.map_or(stored, order::before);
        let mut entry = Entry {
            key: probe.key.clone(),
            value: value.clone(),
            stamp: VersionStamp { version: version.clone(), tag: stored, ticket, lags: false },
            stored,
            known_in: session,
            born: clock::now(),
            course: Course::default(),
        };
        if putter.rests_on.is_some() {
            cache.stats.not_stored += 1;
            cache.flights.supersede(slot, (0, session), putter.leader);
            entry.stored = 0;
            self.keep_in_place(old, (probe.hash, entry));
            return Ok(());
        }
        self.store(probe.hash, (entry, interning), old);
        Ok(())
    }

    /// Keeps a result for the caller's session, if there is one: it does not take what is stored for what it
    /// knows.
    pub(crate) fn keep_in_place(&mut self, old: Option<Slot>, (hash, result): (u64, Entry<H>)) {
        let Some(caller) = &mut self.caller else {
            self.drops.push(Leaving::Entry(result));
            return;
        };
        let session = caller.id;
        if let Some(reader) = caller.memory.readers.get_mut(self.cache.id) {
            reader.shadows |= old.is_some();
        }
        self.keep_for(session, (hash, result));
        if let Some(slot) = old {
            self.cache.unnote(slot, session);
        }
        let hint = &mut self.cache.hints[order::lane(session)];
        if hint.session == session {
            *hint = SessionHint::default();
        }
    }
}
