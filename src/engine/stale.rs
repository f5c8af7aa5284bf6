//! When an old value stands in: for a source that fails, and while a new one is made behind.

use super::clock::Nanos;
use super::entry::Displaced;
use super::live::{Look, Stored};
use super::plan::{Decided, Manner, NextStep, Plan, Served, Step};
use super::store::{Caller, Store};
use super::table::Slot;
use super::trouble::{Trouble, is_allowed};
use super::{Flight, Host};

impl<H: Host> Plan<H> {
    /// Notes in the stored versions that they are not what was observed, or still are. `slot` is the entry at hand, if there is one.
    pub(super) fn compare(&self, store: &mut Store<H>, slot: Option<Slot>) -> Decided<H, ()> {
        let Some(observation) = self.observation.as_ref().filter(|_| store.terms.has_stale()) else {
            return Ok(());
        };
        // What a version function says of some arguments is noted in the entry at hand; what it says of all, in all.
        let own = slot.and_then(|slot| store.live.get(slot)).map(|look| look.entry.stamp);
        if self.given.is_some() && own.is_none() {
            return Ok(());
        }
        // An entry that is not verified by this has not been fresh since its version could not be asked.
        let trouble = if self.given.is_none() && self.asked { store.trouble } else { None };
        let at = trouble.map_or(observation.at, |trouble| trouble.first.min(observation.at)).max(1);
        if let Some(place) = own.filter(|_| self.given.is_some()) {
            let Some(stamp) = store.live.stamp_mut(place) else { return Ok(()) };
            if stamp.ticket < observation.ticket {
                let agrees = self.agrees_with(stamp, observation)?;
                stamp.heed(agrees, at);
                if let Some(slot) = slot.filter(|_| agrees) {
                    store.live.is_well(slot);
                }
            }
            return Ok(());
        }
        for stamp in store.live.stamps_mut(0) {
            if stamp.ticket < observation.ticket {
                let agrees = self.agrees_with(stamp, observation)?;
                stamp.heed(agrees, at);
            }
        }
        // Only now, when nothing depends on a comparison any more.
        if self.asked {
            store.trouble = None;
        }
        Ok(())
    }

    /// When an entry stopped being fresh: at the end of its ttl, at the first observation that differs or at the first failure since it was last
    /// verified, whichever was first.
    pub(super) fn stale_since(&self, store: &Store<H>, slot: Slot, now: Nanos) -> Nanos {
        let Some(Look { entry, stamp }) = store.live.get(slot) else { return 0 };
        let end = entry.ttl(&store.terms).map(|ttl| entry.born.saturating_add(ttl)).filter(|end| *end <= now);
        let differs = (stamp.differs != 0).then_some(stamp.differs);
        // A failure before the computation began says nothing of its result.
        let first = |trouble: Trouble| if trouble.first < entry.born { trouble.last } else { trouble.first };
        let failures = self.troubles(store, entry).map(first);
        failures.chain(end).chain(differs).min().unwrap_or(now)
    }

    /// How the function fails for an entry, and how the version function does.
    fn troubles(&self, store: &Store<H>, entry: &Stored<H>) -> impl Iterator<Item = Trouble> + use<H> {
        let own = store.live.aside(entry).and_then(|aside| aside.trouble);
        [own, store.trouble.filter(|_| self.given.is_none())].into_iter().flatten()
    }

    /// Whether the source of an entry failed so short a time ago that it is left alone.
    pub(super) fn troubled(&self, store: &Store<H>, slot: Slot, now: Nanos) -> bool {
        let look = store.live.get(slot);
        let mut troubles = look.into_iter().flat_map(|look| self.troubles(store, look.entry));
        troubles.any(|trouble| trouble.is_recent(now, store.terms.retry_after))
    }

    /// Begins a refresh behind, unless one goes on or has just failed.
    pub(super) fn begin_behind(
        &self,
        store: &mut Store<H>,
        slot: Slot,
        now: Nanos,
        displaced: &mut Displaced<H>,
    ) -> Option<H::Flight> {
        if self.troubled(store, slot, now) {
            return None;
        }
        let aside = store.live.aside_mut(slot)?;
        if aside.behind.as_ref().is_some_and(Flight::is_going) {
            return None;
        }
        let flight = H::Flight::begin(self.leader);
        displaced.runs.extend(aside.behind.replace(flight.clone()));
        Some(flight)
    }

    /// Answers with an old value, and lets a refresh run behind if it is to be renewed now.
    pub(super) fn stale(
        &mut self,
        store: &mut Store<H>,
        slot: Slot,
        caller: Option<&mut Caller<'_, H>>,
        (renewed_at, detail): (Option<Nanos>, &'static str),
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let due = store.live.get(slot).is_some_and(|look| self.is_due(look.entry, caller.as_deref()));
        if let Some(caller) = caller {
            if !due {
                self.remember(store, slot, caller, true, displaced)?;
            }
            caller.known.stale += 1;
        }
        let behind = renewed_at.and_then(|now| self.begin_behind(store, slot, now, displaced));
        let Some(Look { entry, stamp }) = store.live.get(slot) else { return Ok(Step::Raise) };
        let served = Served { value: entry.value.clone(), vouch: entry.vouch(stamp, false), behind };
        self.status.hit = true;
        self.status.detail = detail;
        store.live.touch(slot);
        store.stats.stale += 1;
        store.stats.hits += u64::from(self.run == 0);
        Ok(Step::Done(served))
    }

    /// Lets an old value stand in for what failed, if there is one and it may.
    pub(super) fn fall_back(
        &mut self,
        store: &mut Store<H>,
        caller: Option<&mut Caller<'_, H>>,
        stands: bool,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let now = super::clock::now();
        if stands {
            let found = store.find(&self.probe, &self.verdicts)?;
            if self.run == 0 && self.given.is_none() {
                store.trouble = Some(Trouble::again(store.trouble, now));
            } else if let Some(aside) = found.and_then(|slot| store.live.aside_mut(slot)) {
                aside.trouble = Some(Trouble::again(aside.trouble, now));
            }
            if let Some(slot) = found.filter(|_| self.wish.manner == Manner::Called)
                && is_allowed(self.stale_since(store, slot, now), now, store.terms.stale_if_error)
            {
                self.failure = None;
                return self.stale(store, slot, caller, (None, "stale-if-error"), displaced);
            }
        }
        store.stats.errors += u64::from(self.wish.manner != Manner::Behind);
        Ok(Step::Raise)
    }
}
