//! When an old value stands in: for a source that fails, and while a new one is made behind.

use super::clock::Nanos;
use super::entry::{Displaced, Leaving, Observation};
use super::live::Look;
use super::plan::{Decided, Doing, Manner, NextStep, Plan, Served, Step};
use super::reads::Basis;
use super::rows::Slot;
use super::store::{Caller, Store};
use super::ticket;
use super::trouble::{Trouble, is_allowed};
use super::{Flight, Host};

impl<H: Host> Store<H> {
    /// When an entry stopped being fresh: at the end of its ttl, at the first observation that differs or at the first
    /// failure since it was last verified, whichever was first. `agrees` is an observation that verifies it now.
    pub(super) fn stale_since(
        &self,
        Look { entry, stamp }: Look<'_, H>,
        agrees: Option<&Observation<H::Object>>,
        now: Nanos,
    ) -> Nanos {
        let born = match agrees.filter(|seen| entry.is_verified_by(*seen, &self.terms)) {
            Some(seen) if !entry.is_fresh(now, &self.terms) => seen.at,
            _ => entry.born,
        };
        let end = entry.ttl(&self.terms).map(|ttl| born.saturating_add(ttl)).filter(|end| *end <= now);
        let verified = agrees.is_some_and(|seen| self.live.stamps.is_newest(entry.stamp, seen.since));
        let differs = (stamp.differs != 0 && !verified).then_some(stamp.differs);
        // A failure before the computation began says nothing of its result.
        let first = |trouble: Trouble| if trouble.first < born { trouble.last } else { trouble.first };
        let since = agrees.map_or(0, |seen| seen.since);
        let failures = self.live.troubles_after(entry, since).map(first);
        failures.chain(end).chain(differs).min().unwrap_or(now)
    }

    /// Whether the source of an entry failed so short a time ago that it is left alone.
    pub(super) fn troubled(&self, look: Look<'_, H>, now: Nanos) -> bool {
        let mut troubles = self.live.troubles_after(look.entry, 0);
        troubles.any(|trouble| trouble.is_recent(now, self.terms.retry_after))
    }
}

impl<H: Host> Plan<H> {
    /// Notes in the stored versions for which the observation speaks that they are not what was observed.
    pub(super) fn compare(&self, store: &mut Store<H>, displaced: &mut Displaced<H>) -> Decided<H, ()> {
        let Some(observation) = self.observation.as_ref() else { return Ok(()) };
        if store.terms.constant || !store.terms.has_stale() {
            return Ok(());
        }
        let stamps = &mut store.live.stamps;
        let found = stamps.find(self.given.as_ref(), &self.verdicts)?;
        let Some((slot, source)) = found.and_then(|slot| Some((slot, stamps.source(slot)?))) else {
            return Ok(());
        };
        if source.seen.as_ref().is_some_and(|seen| seen.since > observation.since) {
            return Ok(());
        }
        // What is not verified by this has not been fresh since its version could not be asked.
        let at = source.trouble.map_or(observation.at, |trouble| trouble.first.min(observation.at));
        let mut differing = Vec::new();
        for (place, stamp) in stamps.open(slot) {
            if stamp.ticket < observation.since && !stamp.is_of(observation, &self.verdicts)? {
                differing.push(place);
            }
        }
        // Only now, when nothing depends on a comparison any more.
        stamps.hear(slot, observation, (&differing, at), displaced);
        Ok(())
    }

    /// Whether another version has been observed since this one was, under which something is to be stored.
    pub(super) fn is_outlived(
        &self,
        store: &Store<H>,
        version: &H::Object,
        observation: &Observation<H::Object>,
    ) -> Decided<H, bool> {
        if !store.terms.has_stale() {
            // Then nobody notes what was observed.
            return Ok(false);
        }
        let source = store.live.stamps.find(self.given.as_ref(), &self.verdicts)?;
        let seen = source.and_then(|slot| store.live.stamps.source(slot)?.seen.as_ref());
        let later = seen.filter(|seen| seen.since > observation.since);
        later.map_or(Ok(false), |later| Ok(!self.verdicts.same(&later.version, version)?))
    }

    /// Begins a refresh behind, unless one goes on or has just failed.
    pub(super) fn begin_behind(
        &self,
        store: &mut Store<H>,
        slot: Slot,
        displaced: &mut Displaced<H>,
    ) -> Option<H::Flight> {
        if store.live.get(slot).is_none_or(|look| store.troubled(look, self.now)) {
            return None;
        }
        let aside = store.live.aside_mut(slot)?;
        if aside.behind.as_ref().is_some_and(Flight::is_going) {
            return None;
        }
        let flight = H::Flight::begin(&self.leader);
        displaced.extend(aside.behind.replace(flight.clone()).map(Leaving::Run));
        Some(flight)
    }

    /// Answers with an old value, and lets a refresh run behind if it is to be renewed now.
    pub(super) fn stale(
        &mut self,
        store: &mut Store<H>,
        slot: Slot,
        caller: Option<&mut Caller<'_, H>>,
        (renewed, detail): (bool, &'static str),
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let due = store.live.get(slot).is_some_and(|look| self.is_due(look, caller.as_deref()));
        if let Some(caller) = caller {
            if !due {
                self.remember(store, slot, caller, true, displaced)?;
            }
            caller.known.stale += 1;
        }
        let behind = if renewed { self.begin_behind(store, slot, displaced) } else { None };
        let Some(Look { entry, stamp }) = store.live.get(slot) else { return Ok(Step::Raise) };
        // To ask for its version again would tell nothing: it is not fresh.
        let basis = entry.basis(stamp, false);
        let basis = Basis { ticket: ticket::before(basis.ticket), ..basis };
        let served = Served { value: entry.value.clone(), basis, behind };
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
        mut caller: Option<&mut Caller<'_, H>>,
        stands: bool,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        let now = self.now;
        if stands {
            let found = self.find(store)?;
            match self.doing {
                Doing::Asking => {
                    let source = store.live.stamps.find(self.given.as_ref(), &self.verdicts)?;
                    if let Some(source) = source.and_then(|slot| store.live.stamps.source_mut(slot)) {
                        source.fails(now, self.asks_since);
                    }
                }
                Doing::Computing => {
                    // What was stored meanwhile by a computation that began later shows that all is well.
                    let old = found.filter(|slot| {
                        store.live.get(*slot).is_some_and(|look| look.entry.began() < self.run)
                    });
                    if let Some(aside) = old.and_then(|slot| store.live.aside_mut(slot)) {
                        aside.trouble = Some(Trouble::again(aside.trouble, now, ticket::draw()));
                    }
                }
                // Who runs it notes that.
                Doing::Waiting => {}
            }
            // What the session has come to know meanwhile comes first, as ever.
            if store.terms.stale_if_error.is_some()
                && let Some(caller) = caller.as_deref_mut()
                && let Some(kept) = self.kept_aside(store, caller)?
            {
                let step = self.serve_kept(store, caller, kept, displaced)?;
                self.failure = None;
                store.stats.hits -= u64::from(self.run != 0);
                return Ok(step);
            }
            let old = found.and_then(|slot| Some((slot, store.live.get(slot)?)));
            if let Some((slot, look)) = old.filter(|_| self.wish.manner == Manner::Called)
                && is_allowed(store.stale_since(look, None, now), now, store.terms.stale_if_error)
            {
                // Not before nothing depends on a comparison any more: the call would begin anew, and ask what has just failed.
                let step = self.stale(store, slot, caller, (false, "stale-if-error"), displaced)?;
                self.failure = None;
                return Ok(step);
            }
        }
        store.stats.errors += u64::from(self.is_a_call());
        Ok(Step::Raise)
    }
}
