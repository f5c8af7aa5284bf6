//! When an old value stands in: for a source that fails, and while a new one is made behind.

use crate::engine::call::plan::{Failing, Failure, Plan};
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::{NextStep, Served, Step};
use crate::engine::call::verdict::Verdict;
use crate::engine::clock::Nanos;
use crate::engine::function_cache::cache::Store;
use crate::engine::function_cache::context::Context;
use crate::engine::host::{Decided, Flight};
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::outage::{Trouble, is_allowed};
use crate::engine::versions::read_log::Basis;

impl<H: SessionHost> Store<H> {
    /// When an entry stopped being fresh: at the end of its ttl, at the first observation that differs or at the first
    /// failure since it was last verified, whichever was first. `agrees` is an observation that verifies it now.
    pub(crate) fn stale_since(
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
    pub(crate) fn troubled(&self, look: Look<'_, H>, now: Nanos) -> bool {
        let mut troubles = self.live.troubles_after(look.entry, 0);
        troubles.any(|trouble| trouble.is_recent(now, self.terms.retry_after))
    }
}

impl<H: SessionHost> Plan<H> {
    /// Notes in the stored versions for which the observation speaks that they are not what was observed.
    pub(crate) fn compare(&self, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some(observation) = self.observation.as_ref() else { return Ok(()) };
        if cx.store.terms.constant || !cx.store.terms.has_stale() {
            return Ok(());
        }
        let stamps = &mut cx.store.live.stamps;
        let found = stamps.find(self.request.given.as_ref(), &self.verdicts)?;
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
        stamps.hear(slot, observation, (&differing, at), cx.displaced);
        Ok(())
    }

    /// Whether another version has been observed since this one was, under which something is to be stored.
    pub(crate) fn is_outlived(
        &self,
        store: &Store<H>,
        version: &H::Object,
        observation: &Observation<H::Object>,
    ) -> Decided<H, bool> {
        if !store.terms.has_stale() {
            // Then nobody notes what was observed.
            return Ok(false);
        }
        let source = store.live.stamps.find(self.request.given.as_ref(), &self.verdicts)?;
        let seen = source.and_then(|slot| store.live.stamps.source(slot)?.seen.as_ref());
        let later = seen.filter(|seen| seen.since > observation.since);
        later.map_or(Ok(false), |later| Ok(!self.verdicts.same(&later.version, version)?))
    }

    /// Begins a refresh behind, unless one goes on or has just failed.
    fn begin_behind(&self, slot: Slot, cx: &mut Context<'_, H>) -> Option<H::Flight> {
        let store = &mut *cx.store;
        if store.live.get(slot).is_none_or(|look| store.troubled(look, cx.now)) {
            return None;
        }
        let aside = store.live.aside_mut(slot)?;
        if aside.behind.as_ref().is_some_and(Flight::is_going) {
            return None;
        }
        let flight = H::Flight::begin(&self.request.leader);
        cx.displaced.extend(aside.behind.replace(flight.clone()).map(Leaving::Run));
        Some(flight)
    }

    /// Answers with an old value, and lets a refresh run behind if it is to be renewed now.
    pub(crate) fn stale(
        &mut self,
        slot: Slot,
        verdict: Verdict,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let due = cx.store.live.get(slot).is_some_and(|look| self.is_due(look, cx));
        if !due {
            self.remember(slot, true, cx)?;
        }
        if let Some(caller) = &mut cx.caller {
            caller.known.stale += 1;
        }
        let renewed = matches!(verdict, Verdict::Judged(..));
        let behind = if renewed { self.begin_behind(slot, cx) } else { None };
        let Some(Look { entry, stamp }) = cx.store.live.get(slot) else {
            unreachable!("the verdict has found it there")
        };
        // To ask for its version again would tell nothing: it is not fresh.
        let basis = entry.basis(stamp, false);
        let basis = Basis { ticket: order::before(basis.ticket), ..basis };
        let served = Served { value: entry.value.clone(), basis, behind };
        self.status.hit = true;
        self.status.detail = verdict.detail();
        cx.store.live.touch(slot);
        cx.store.stats.stale += 1;
        cx.store.stats.hits += 1;
        Ok(Step::Done(served))
    }

    /// Lets an old value stand in for what failed, if there is one and it may.
    pub(crate) fn fall_back(&mut self, failure: Failure, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let stands_in = if failure.stands { self.stands_in(failure, cx)? } else { None };
        let stats = &mut cx.store.stats;
        let Some(step) = stands_in else {
            stats.errors += u64::from(self.is_a_call());
            return Ok(Step::Raise);
        };
        // It was counted as a miss when it began to compute.
        stats.hits -= u64::from(failure.run != 0);
        Ok(step)
    }

    fn stands_in(&mut self, failure: Failure, cx: &mut Context<'_, H>) -> Decided<H, Option<NextStep<H>>> {
        let found = self.find(cx.store)?;
        match failure.what {
            Failing::Version(since) => {
                let stamps = &mut cx.store.live.stamps;
                let source = stamps.find(self.request.given.as_ref(), &self.verdicts)?;
                if let Some(source) = source.and_then(|slot| stamps.source_mut(slot)) {
                    source.fails(cx.now, since);
                }
            }
            Failing::Function => {
                // What was stored meanwhile by a computation that began later shows that all is well.
                let live = &mut cx.store.live;
                let old =
                    found.filter(|slot| live.get(*slot).is_some_and(|look| look.entry.began() < failure.run));
                if let Some(aside) = old.and_then(|slot| live.aside_mut(slot)) {
                    aside.trouble = Some(Trouble::again(aside.trouble, cx.now, order::draw()));
                }
            }
            // Who runs it notes that.
            Failing::Other => {}
        }
        // What the session has come to know meanwhile comes first, as ever.
        let allowed = cx.store.terms.stale_if_error;
        if allowed.is_some()
            && let Some(kept) = self.kept_aside(cx)?
        {
            return self.serve_kept(kept, cx).map(Some);
        }
        let old = found.and_then(|slot| Some((slot, cx.store.live.get(slot)?)));
        if let Some((slot, look)) = old.filter(|_| self.request.wish.manner == Manner::Called)
            && is_allowed(cx.store.stale_since(look, None, cx.now), cx.now, allowed)
        {
            return self.stale(slot, Verdict::StaleIfError(slot), cx).map(Some);
        }
        Ok(None)
    }
}
