//! Stores an entry, as a call does or `cache_put`, and makes room: what has ended leaves first, and then what
//! was not used for longest.

use crate::engine::clock;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry, OwnTtl};
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

/// A result that was made elsewhere.
pub struct PutResult<O> {
    /// The result.
    pub value: O,
    /// The version of the data it was made from.
    pub version: O,
    /// How long it lives, if it says so itself.
    pub own_ttl: OwnTtl,
    /// What it weighs.
    pub weight: u64,
}

impl<H: SessionHost> Context<'_, H> {
    /// Stores a new entry, which weighs so much, in place of the one in `old`, and makes room.
    pub(crate) fn store(
        &mut self,
        named: (u64, u64),
        entry: (Entry<H>, Interning<'_, H::Key>),
        old: Option<Slot>,
    ) {
        let cache = &mut *self.cache;
        if let Some(replaced) = cache.entries.put(named, entry, old, &cache.terms, self.drops) {
            self.displace(replaced, true);
        }
        self.make_room();
    }

    /// Lets entries go as long as they are too much, what has ended first. Where nothing bounds them, what
    /// has ended goes as soon as it can be of no use. Each goes once, so that takes no longer than to store
    /// them did.
    fn make_room(&mut self) {
        loop {
            let FunctionCache { entries, terms, stats, .. } = &mut *self.cache;
            let exceeds = terms.are_exceeded_by(entries.len(), entries.weight());
            if terms.are_bounded() && !exceeds {
                return;
            }
            let victim = match entries.ended(self.now, terms) {
                Some(ended) => entries.remove(ended, self.drops),
                None if exceeds => entries.pop_oldest(self.drops),
                None => return,
            };
            stats.evictions += u64::from(exceeds);
            let Some(victim) = victim else { return };
            self.displace(victim, false);
        }
    }

    /// Stores a value as made just now. `given` is what the version function would be given.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared, before anything has changed but what the
    /// session keeps.
    pub fn put(
        &mut self,
        (probe, given): (&Probe<H::Key>, Option<&Probe<H::Key>>),
        result: &PutResult<H::Object>,
        putter: &Putter<'_, H>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let PutResult { value, version, own_ttl, weight } = result;
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
        if cache.terms.is_too_heavy(*weight) {
            cache.stats.not_stored += 1;
            return Ok(());
        }
        cache.timed |= own_ttl.is_some();
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
            own_ttl: *own_ttl,
        };
        if putter.rests_on.is_some() {
            cache.stats.not_stored += 1;
            cache.flights.supersede(slot, (0, session), putter.leader);
            entry.stored = 0;
            self.keep_in_place(old, (probe.hash, entry));
            return Ok(());
        }
        self.store((probe.hash, *weight), (entry, interning), old);
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
