//! Stores an entry, as a call does or `cache_put`, and evicts what is too much.

use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::Glance;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::{Unsure, Verdicts};
use crate::engine::keys::key::Probe;
use crate::engine::order::Ticket;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::storage::version_table::Kin;
use crate::engine::tables::index::Slot;
use crate::engine::versions::version_stamp::Stamp;
use crate::engine::{clock, order};

/// Of what whoever puts a result is part.
pub struct Putter<'a, H: Host> {
    /// Who that is, with the runs around it.
    pub leader: &'a <H::Flight as Flight>::Leader,
    /// The oldest of what it has read until now, if not all of that holds still.
    pub rests_on: Option<Ticket>,
}

impl<H: SessionHost> Context<'_, H> {
    /// Stores a new entry in place of the one in `old`, and evicts what is too much.
    pub(crate) fn store(&mut self, hash: u64, entry: (Entry<H>, Kin<'_, H::Key>), old: Option<Slot>) {
        if let Some(replaced) = self.store.live.put(hash, entry, old, self.displaced) {
            self.displace(replaced, true);
        }
        while self.store.terms.maxsize.is_some_and(|maxsize| self.store.live.len() > maxsize) {
            let Some(victim) = self.store.live.pop_oldest(self.displaced) else {
                break;
            };
            self.store.stats.evictions += 1;
            self.displace(victim, false);
        }
    }

    /// Stores a value as made from `version` just now. `given` is what the version function would be given.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared, before anything has changed but what the session keeps.
    pub fn put(
        &mut self,
        (probe, given): (&Probe<H::Key>, Option<&Probe<H::Key>>),
        (value, version): (&H::Object, &H::Object),
        putter: &Putter<'_, H>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let session = self.session();
        let store = &mut *self.store;
        let old = store.find(probe, verdicts)?;
        let slot = store.flights.bypass(probe, session, putter.leader, verdicts)?;
        let kin = store.live.stamps.kin(given, version, verdicts)?;
        if let Some(caller) = &mut self.caller {
            let (id, session) = (caller.id, caller.session);
            caller.known.readers.get_or_insert_with(store.id, || store.join(id, session)).given();
        }
        self.take_from(probe, verdicts)?;
        let store = &mut *self.store;
        if store.terms.maxsize == Some(0) {
            return Ok(());
        }
        let stored = order::draw();
        let ticket = putter.rests_on.map_or(stored, order::before);
        let mut entry = Entry {
            key: probe.key.clone(),
            value: value.clone(),
            stamp: Stamp { version: version.clone(), tag: stored, ticket, differs: 0, lags: false },
            stored,
            known_in: session,
            born: clock::now(),
            course: Course::default(),
        };
        if putter.rests_on.is_some() {
            store.stats.not_stored += 1;
            store.flights.supersede(slot, (0, session), putter.leader);
            entry.stored = 0;
            self.keep_in_place(old, (probe.hash, entry));
            return Ok(());
        }
        self.store(probe.hash, (entry, kin), old);
        Ok(())
    }

    /// Keeps a result for the caller's session, if there is one: it does not take what is stored for what it knows.
    pub(crate) fn keep_in_place(&mut self, old: Option<Slot>, (hash, result): (u64, Entry<H>)) {
        let Some(caller) = &mut self.caller else {
            self.displaced.push(Leaving::Entry(result));
            return;
        };
        let session = caller.id;
        if let Some(reader) = caller.known.readers.get_mut(self.store.id) {
            reader.shadows |= old.is_some();
        }
        self.keep_for(session, (hash, result));
        if let Some(slot) = old {
            self.store.unnote(slot, session);
        }
        let glance = &mut self.store.glances[order::lane(session)];
        if glance.session == session {
            *glance = Glance::default();
        }
    }
}
