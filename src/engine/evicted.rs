//! What left the store while sessions live that may have seen it there: old versions, as a multi-version store keeps them.
//!
//! Each lies here once, however many sessions it is for, and each session finds its own: what was stored before the session began and left after
//! it was first given a result. So a session takes nothing from others, and a result that refers to its session keeps no chain of them alive.

use std::collections::BTreeSet;

use super::Decided;
use super::Host;
use super::compare::{Probe, Unsure, Verdicts};
use super::context::Context;
use super::entry::{Displaced, Entry, Leaving};
use super::live::Taken;
use super::rows::{Rows, Slot};
use super::session::Reader;
use super::store::Store;
use super::ticket::{self, Ticket};

/// How many lie here at most where any number may be stored, if no more are stored.
const MANY: usize = 1024;

/// An entry that left the store.
pub(super) struct Gone<H: Host> {
    pub(super) entry: Entry<H>,
    left: Ticket,
    /// Sessions that have surely seen it.
    pub(super) given: BTreeSet<Ticket>,
    /// Sessions that were given something else in its place.
    passed: Vec<Ticket>,
}

impl<H: Host> Gone<H> {
    /// Whether it is for a session that began at `id` and was first given a result at `since`. Of one key one at most is.
    fn is_for(&self, (id, since): (Ticket, Ticket)) -> bool {
        let may_have_seen = self.entry.stored < id && since < self.left || self.given.contains(&id);
        may_have_seen && !self.passed.contains(&id)
    }
}

/// What left a store, in the order in which it left.
pub struct Evicted<H: Host>(Rows<Gone<H>>);

impl<H: Host> Default for Evicted<H> {
    fn default() -> Self {
        Self(Rows::default())
    }
}

impl<H: Host> Evicted<H> {
    /// Takes an entry that leaves now; of more than `most` the first goes. `passed` is the session in whose favour it was replaced.
    fn push(
        &mut self,
        Taken { hash, entry, given }: Taken<H>,
        passed: Option<Ticket>,
        most: usize,
        displaced: &mut Displaced<H>,
    ) {
        let passed = passed.into_iter().collect();
        self.0.insert(hash, Gone { entry, left: ticket::draw(), given, passed });
        while self.0.len() > most {
            displaced.extend(self.0.pop_oldest().map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
    }

    /// Lets go of what left before the oldest reader began.
    pub(super) fn prune(&mut self, oldest: Ticket, displaced: &mut Displaced<H>) {
        while self.0.oldest().is_some_and(|gone| gone.left < oldest) {
            displaced.extend(self.0.pop_oldest().map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
    }

    fn slot(
        &self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<Slot>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let found =
            verdicts.find(&self.0, probe, |gone| Some(&gone.entry.key).filter(|_| gone.is_for(reader)))?;
        // What was found before may have been passed over since.
        Ok(found.filter(|slot| self.0.get(*slot).is_some_and(|gone| gone.is_for(reader))))
    }

    /// What is here of a key for a session, told by when it began and was first given a result.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(super) fn find(
        &self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        verdicts: &Verdicts<H::Object>,
    ) -> Decided<H, Option<&Gone<H>>> {
        let slot = self.slot(probe, reader, verdicts)?;
        Ok(slot.and_then(|slot| self.0.get(slot)))
    }

    /// Sees to it that a session does not go back to what is here of a key.
    fn pass_over(
        &mut self,
        probe: &Probe<H::Key>,
        reader: (Ticket, Ticket),
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        if let Some(slot) = self.slot(probe, reader, verdicts)?
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
    pub(super) fn invalidate(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
        displaced: &mut Displaced<H>,
    ) -> Result<(), Unsure<H::Object>> {
        while let Some(slot) = verdicts.find(&self.0, probe, |gone| Some(&gone.entry.key))? {
            displaced.extend(self.0.remove(slot).map(|(_, gone)| Leaving::Entry(gone.entry)));
        }
        Ok(())
    }

    /// Takes out what `leaves` accepts; all of one hash, if there is one.
    pub(super) fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        displaced: &mut Displaced<H>,
    ) {
        let gone = self.0.strike(hash, |gone| leaves(&gone.entry.key));
        displaced.extend(gone.into_iter().map(|gone| Leaving::Entry(gone.entry)));
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

impl<H: Host> Store<H> {
    /// What left the store.
    #[must_use]
    pub fn evicted(&self) -> &Evicted<H> {
        &self.evicted
    }
}

impl<H: Host> Context<'_, H> {
    /// Sees to it that the sessions which may have seen an entry find it again though it leaves the store: the one that is
    /// noted in it keeps it, the others that began after it was stored find it in what left. The caller is passed over if
    /// that is `spared`.
    pub(super) fn displace(&mut self, Taken { hash, entry, given }: Taken<H>, spared: bool) {
        let store = &mut *self.store;
        if store.terms.maxsize == Some(0) || !entry.is_fresh_now(&store.terms) {
            self.displaced.push(Leaving::Entry(entry));
            return;
        }
        let caller = self.caller.as_ref();
        let passed = caller.filter(|_| spared).map(|caller| caller.id);
        let holder = Some(entry.known_in).filter(|id| *id != 0 && Some(*id) != passed);
        let new = caller.filter(|caller| caller.known.readers.get(store.id).is_none_or(Reader::is_new));
        let blind = passed.or(new.map(|caller| caller.id)).unwrap_or(0);
        let others = given.iter().any(|id| Some(*id) != passed && store.readers.has(*id))
            || store.readers.has_later(entry.stored, [entry.known_in, blind], self.displaced);
        let mut entry = Some(entry);
        if let Some(holder) = holder {
            let own = if others { entry.clone() } else { entry.take() };
            if let Some(own) = own {
                self.keep_for(holder, (hash, own));
            }
        }
        match entry {
            Some(entry) if others => {
                let store = &mut *self.store;
                let most = store.terms.maxsize.unwrap_or_else(|| store.live.len().max(MANY));
                store.evicted.push(Taken { hash, entry, given }, passed, most, self.displaced);
            }
            entry => self.displaced.extend(entry.map(Leaving::Entry)),
        }
    }

    /// Notes that the caller is given again what left the store, which is as new as `ticket` if that `agreed`. It keeps it,
    /// unless that may lead to another session, which is noted in it and lives: else a chain of sessions would keep each other
    /// alive.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared.
    pub(super) fn give_again(
        &mut self,
        probe: &Probe<H::Key>,
        (ticket, agreed): (Ticket, bool),
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let (store, session) = (&mut *self.store, caller.id);
        let since = caller.known.readers.get(store.id).map_or(ticket::NEVER, |reader| reader.since);
        let slot = store.evicted.slot(probe, (session, since), verdicts)?;
        let Some(gone) = slot.and_then(|slot| store.evicted.0.get_mut(slot)) else { return Ok(()) };
        if agreed {
            gone.entry.stamp.ticket = gone.entry.stamp.ticket.max(ticket);
        }
        if gone.entry.known_in != session && store.readers.has(gone.entry.known_in) {
            gone.given.insert(session);
        } else {
            let own = Entry { known_in: session, ..gone.entry.clone() };
            self.keep_for(session, (probe.hash, own));
        }
        Ok(())
    }

    /// Keeps an entry for the session `id`, which may be the caller's, if it is still there. Its own entry of that key must
    /// have been taken from it.
    pub(super) fn keep_for(&mut self, id: Ticket, (hash, entry): (u64, Entry<H>)) {
        let store = &mut *self.store;
        let (maxsize, mut entry) = (store.terms.maxsize, Some(entry));
        let mut shelve = |reader: &mut Reader<H>, displaced: &mut Displaced<H>| {
            entry.take().map(|entry| reader.shelve(hash, entry, maxsize, displaced))
        };
        let kept = match self.caller.as_mut().filter(|caller| caller.id == id) {
            Some(caller) => {
                let reader = caller.known.readers.get_mut(store.id);
                reader.and_then(|reader| shelve(reader, self.displaced))
            }
            None => store.reach(id, self.displaced, shelve).flatten(),
        };
        if kept.is_some() {
            store.readers.keeps(id);
        }
        self.displaced.extend(entry.map(Leaving::Entry));
    }

    /// Takes from the caller's session what it would find of a key beside what is stored: what it keeps, and what left the
    /// store.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on two objects not yet compared. Asked again with the verdict it goes on.
    pub(super) fn take_from(
        &mut self,
        probe: &Probe<H::Key>,
        verdicts: &Verdicts<H::Object>,
    ) -> Result<(), Unsure<H::Object>> {
        let Some(caller) = &mut self.caller else { return Ok(()) };
        let Some(reader) = caller.known.readers.get_mut(self.store.id) else { return Ok(()) };
        reader.unshelve(probe, verdicts, self.displaced)?;
        self.store.evicted.pass_over(probe, (caller.id, reader.since), verdicts)
    }
}
