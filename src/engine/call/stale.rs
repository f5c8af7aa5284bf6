//! `stale-if-error` and `stale-while-revalidate` (RFC 5861): when an old value stands in, for a source that
//! fails, and while a new one is made behind.

use crate::engine::call::failure::{Failing, Failure};
use crate::engine::call::plan::Plan;
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::{NextStep, Served, Step};
use crate::engine::call::verdict::Verdict;
use crate::engine::clock::Nanos;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::Context;
use crate::engine::host::{Decided, Flight};
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::outage::{Outage, is_allowed};
use crate::engine::versions::read_log::Basis;

impl<H: SessionHost> FunctionCache<H> {
    /// When an entry stopped being fresh: at the end of its ttl, at the first observation that differs or at
    /// the first failure since it was last verified, whichever was first. `agrees` is an observation that
    /// verifies it now.
    pub(crate) fn stale_since(
        &self,
        look: Look<'_, H>,
        agrees: Option<&Observation<H::Object>>,
        now: Nanos,
    ) -> Nanos {
        let entry = look.entry;
        let born = match agrees.filter(|seen| entry.is_verified_by(*seen, &self.terms)) {
            Some(seen) if !look.is_fresh(now, &self.terms) => seen.at,
            _ => entry.born,
        };
        let end = look.ttl(&self.terms).map(|ttl| born.saturating_add(ttl)).filter(|end| *end <= now);
        let verified =
            agrees.is_some_and(|seen| self.entries.version_table.is_newest(entry.stamp, seen.since));
        let differs = self.entries.version_table.differs(entry.stamp);
        let differs = (differs != 0 && !verified).then_some(differs);
        // A failure before the computation began says nothing of its result.
        let first = |outage: Outage| if outage.first < born { outage.last } else { outage.first };
        let since = agrees.map_or(0, |seen| seen.since);
        let failures = self.entries.troubles_after(entry, since).map(first);
        failures.chain(end).chain(differs).min().unwrap_or(now)
    }

    /// Whether the source of an entry failed so short a time ago that it is left alone.
    pub(crate) fn troubled(&self, look: Look<'_, H>, now: Nanos) -> bool {
        let mut troubles = self.entries.troubles_after(look.entry, 0);
        troubles.any(|outage| outage.is_recent(now, self.terms.retry_after))
    }
}

impl<H: SessionHost> Plan<H> {
    /// Notes in the stored versions for which the observation speaks that they are not what was observed.
    pub(crate) fn compare(&self, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some(observation) = self.observation.as_ref().filter(|_| !self.is_alone()) else { return Ok(()) };
        if cx.cache.terms.constant || !cx.cache.terms.has_stale() {
            return Ok(());
        }
        let version_table = &mut cx.cache.entries.version_table;
        let found = version_table.find(self.request.given.as_ref(), &self.comparisons)?;
        let Some((slot, source)) = found.and_then(|slot| Some((slot, version_table.source(slot)?))) else {
            return Ok(());
        };
        if source.seen.as_ref().is_some_and(|seen| seen.since > observation.since) {
            return Ok(());
        }
        // What is not verified by this has not been fresh since its version could not be asked.
        let at = source.outage.map_or(observation.at, |outage| outage.first.min(observation.at));
        let mut differing = Vec::new();
        for (place, stamp) in version_table.open(slot) {
            if stamp.ticket < observation.since && !stamp.is_of(observation, &self.comparisons)? {
                differing.push(place);
            }
        }
        // Only now, when nothing depends on a comparison any more.
        version_table.observe(slot, observation, (&differing, at), cx.drops);
        Ok(())
    }

    /// Whether another version has been observed since this one was, under which something is to be stored.
    pub(crate) fn is_outlived(
        &self,
        cache: &FunctionCache<H>,
        version: &H::Object,
        observation: &Observation<H::Object>,
    ) -> Decided<H, bool> {
        if !cache.terms.has_stale() {
            // Then nobody notes what was observed.
            return Ok(false);
        }
        let source = cache.entries.version_table.find(self.request.given.as_ref(), &self.comparisons)?;
        let seen = source.and_then(|slot| cache.entries.version_table.source(slot)?.seen.as_ref());
        let later = seen.filter(|seen| seen.since > observation.since);
        later.map_or(Ok(false), |later| Ok(!self.comparisons.same(&later.version, version)?))
    }

    /// Begins a refresh behind, unless one goes on or has just failed.
    fn begin_behind(&self, slot: Slot, cx: &mut Context<'_, H>) -> Option<H::Flight> {
        let cache = &mut *cx.cache;
        if cache.entries.get(slot).is_none_or(|look| cache.troubled(look, cx.now)) {
            return None;
        }
        let aside = cache.entries.aside_mut(slot)?;
        if aside.behind.as_ref().is_some_and(Flight::is_going) {
            return None;
        }
        let flight = H::Flight::begin(&self.request.leader);
        cx.drops.extend(aside.behind.replace(flight.clone()).map(Leaving::Run));
        Some(flight)
    }

    /// Answers with an old value, and lets a refresh run behind if it is to be renewed now.
    pub(crate) fn stale(
        &mut self,
        slot: Slot,
        verdict: Verdict,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let due = cx.cache.entries.get(slot).is_some_and(|look| self.is_due(look, cx));
        if !due {
            self.remember(slot, true, cx)?;
        }
        if let Some(caller) = &mut cx.caller {
            caller.memory.stale += 1;
        }
        let renewed = matches!(verdict, Verdict::Judged(..));
        let behind = if renewed { self.begin_behind(slot, cx) } else { None };
        let Some(Look { entry, stamp, .. }) = cx.cache.entries.get(slot) else {
            unreachable!("the verdict has found it there")
        };
        // To ask for its version again would tell nothing: it is not fresh.
        let basis = entry.basis(stamp, false);
        let basis = Basis { ticket: order::before(basis.ticket), ..basis };
        let served = Served { value: entry.value.clone(), basis, behind };
        self.status.hit = true;
        self.status.detail = verdict.detail();
        cx.cache.entries.touch(slot);
        cx.cache.stats.stale += 1;
        cx.cache.stats.hits += 1;
        Ok(Step::Done(served))
    }

    /// Lets an old value stand in for what failed, if there is one and it may.
    pub(crate) fn fall_back(&mut self, failure: Failure, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let stands_in = if failure.stands { self.stands_in(failure, cx)? } else { None };
        let Some(step) = stands_in else {
            if let Some(version) = self.unknown.take() {
                return self.go_alone(version, cx);
            }
            cx.cache.stats.errors += u64::from(self.is_a_call());
            return Ok(Step::Raise);
        };
        // It was counted as a miss when it began to compute.
        cx.cache.stats.hits -= u64::from(failure.run != 0);
        Ok(step)
    }

    fn stands_in(&mut self, failure: Failure, cx: &mut Context<'_, H>) -> Decided<H, Option<NextStep<H>>> {
        let found = self.find(cx.cache)?;
        match failure.what {
            Failing::Version(since) => {
                let version_table = &mut cx.cache.entries.version_table;
                let source = version_table.find(self.request.given.as_ref(), &self.comparisons)?;
                if let Some(source) = source.and_then(|slot| version_table.source_mut(slot)) {
                    source.fails(cx.now, since);
                }
            }
            Failing::Function => {
                // What was stored meanwhile by a computation that began later shows that all is well.
                let entries = &mut cx.cache.entries;
                let old = found
                    .filter(|slot| entries.get(*slot).is_some_and(|look| look.entry.began() < failure.run));
                if let Some(aside) = old.and_then(|slot| entries.aside_mut(slot)) {
                    aside.outage = Some(Outage::again(aside.outage, cx.now, order::draw()));
                }
            }
            // Who runs it notes that.
            Failing::Other => {}
        }
        // What the session has come to know meanwhile comes first, as ever.
        let allowed = cx.cache.terms.stale_if_error;
        if allowed.is_some()
            && let Some(kept) = self.kept_aside(cx)?
        {
            return self.serve_kept(kept, cx).map(Some);
        }
        let old = found.and_then(|slot| Some((slot, cx.cache.entries.get(slot)?)));
        if let Some((slot, look)) = old.filter(|_| self.request.wish.manner == Manner::Called)
            && is_allowed(cx.cache.stale_since(look, None, cx.now), cx.now, allowed)
        {
            return self.stale(slot, Verdict::StaleIfError(slot), cx).map(Some);
        }
        let may_recall = found.is_none()
            && allowed.is_some()
            && failure.run == 0
            && self.request.wish.manner == Manner::Called;
        Ok(if may_recall { self.recall(Some(failure), cx) } else { None })
    }
}
