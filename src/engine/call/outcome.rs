//! What a computation has come to: it is tried again, validated, or over, and its result stored, kept or let
//! go.

use crate::engine::call::disposition::{Disposition, Finished};
use crate::engine::call::plan::{Plan, Question, Stage};
use crate::engine::call::protocol::{Made, NextStep, Served, Step};
use crate::engine::call::record::Saved;
use crate::engine::flight::flights::{Arrival, Shown};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::Decided;
use crate::engine::keys::key::Object;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::Detail;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::terms::Terms;
use crate::engine::versions::read_log::Basis;
use crate::engine::versions::version_stamp::VersionStamp;

/// What the session goes by in place of what was made, if anything, and by what the answer is served.
type Placed<O> = (Option<O>, Basis<O>);

impl<H: SessionHost> Plan<H> {
    /// Goes on with a computation whose function has returned, or for which time has passed.
    pub(crate) fn go_on(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let computation = self.computing();
        match std::mem::replace(&mut computation.stage, Stage::Running) {
            Stage::Loading | Stage::Acquiring | Stage::Running | Stage::Asking(..) => {
                unreachable!("it goes on when that has come to its end")
            }
            Stage::Loaded(record) => self.loaded(record, cx),
            Stage::Acquired(acquired) => self.acquired(acquired, cx).inspect_err(|_| {
                self.computing().stage = Stage::Acquired(acquired);
            }),
            Stage::Ready => self.run(cx),
            Stage::Saving(served) => Ok(Step::Done(served)),
            Stage::Sleeping(made) => {
                computation.stage = Stage::Asking(made, Question::begin(cx.now));
                Ok(Step::Ask(None))
            }
            Stage::Made(made, asked_again) => {
                let anew = computation.retries > 0;
                if let Err(unsure) = self.compare(cx).and_then(|()| self.tell(cx, anew)) {
                    self.computing().stage = Stage::Made(made, asked_again);
                    return Err(unsure);
                }
                self.keep(made, asked_again, cx)
            }
        }
    }

    /// Has a result tried again if it lags behind its version, or validated if it rests on something older;
    /// else it is placed, and is the answer.
    fn keep(
        &mut self,
        mut made: Made<H::Object>,
        asked_again: bool,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let lags = match self.lags(cx.cache, &made) {
            Ok(lags) => lags,
            Err(unsure) => {
                self.computing().stage = Stage::Made(made, asked_again);
                return Err(unsure);
            }
        };
        if lags && asked_again {
            made.leave(cx.drops);
            return Ok(self.compute_again(cx));
        }
        let (lag, computation) = (cx.cache.terms.lag, self.computing());
        if lags && computation.retries < lag.retries {
            let delay = lag.delay.saturating_mul(1 << computation.retries.min(32));
            computation.retries += 1;
            computation.stage = Stage::Sleeping(made);
            return Ok(Step::Sleep(delay));
        }
        if let Some(read) = self.unvalidated(&mut made.reads, cx.drops) {
            let computation = self.computing();
            let own_ttl = computation.own_ttl(&made, &cx.cache.terms);
            let shown = Shown { value: made.value.clone(), by: computation.validation.shown_by, own_ttl };
            cx.cache.flights.show(computation.run, shown, cx.drops);
            computation.stage = Stage::Made(made, asked_again);
            return Ok(Step::Validate(read));
        }
        match self.place(&made, lags, cx) {
            Ok(placed) => {
                let saved = self.saved(&made, &cx.cache.terms);
                let served = self.over(made, placed, cx);
                Ok(match saved {
                    None => Step::Done(served),
                    Some(saved) => {
                        self.computing().stage = Stage::Saving(served);
                        Step::Save(saved)
                    }
                })
            }
            Err(unsure) => {
                self.computing().stage = Stage::Made(made, asked_again);
                Err(unsure)
            }
        }
    }

    /// What the second tier is given of a result: what is stored here, by a run that holds the lease.
    fn saved(&self, made: &Made<H::Object>, terms: &Terms) -> Option<Saved<H::Object>> {
        let computation = self.computation().filter(|run| self.status.stored && run.is_to_be_saved())?;
        let version = made.seen.as_ref().unwrap_or(&self.judged_by().version).clone();
        let own_ttl = computation.own_ttl(made, terms);
        Some(Saved { value: made.value.clone(), version, born: computation.born, own_ttl })
    }

    /// Ends a computation. The answer.
    fn over(
        &mut self,
        made: Made<H::Object>,
        (known, basis): Placed<H::Object>,
        cx: &mut Context<'_, H>,
    ) -> Served<H::Object, H::Flight> {
        let computation = self.computing();
        if computation.previous.is_some() {
            let stats = &mut cx.cache.stats;
            *(if made.renewed { &mut stats.revalidated } else { &mut stats.misses }) += 1;
        }
        cx.cache.flights.end(computation.run, cx.drops);
        let Made { value, reads, seen, .. } = made;
        cx.drops.extend(reads);
        cx.drops.extend(seen.map(Leaving::Object));
        let value = match known {
            Some(known) => {
                cx.drops.push(Leaving::Object(value));
                known
            }
            None => value,
        };
        Served { value, basis, behind: None }
    }

    /// Whether a result is not yet of the version that was announced, as it says itself.
    fn lags(&self, cache: &FunctionCache<H>, made: &Made<H::Object>) -> Decided<H, bool> {
        let (Some(seen), Some(asked)) = (&made.seen, &self.observation) else { return Ok(false) };
        let visible = self.is_alone()
            || seen.is_immutable()
            || self.comparisons.same(&asked.version, seen)?
            || cache.terms.lag.ordered
                && !asked.version.is_immutable()
                && self.comparisons.at_least(seen, &asked.version)?;
        Ok(!visible)
    }

    /// Computes again, because the version was asked again and the result still differs from that.
    fn compute_again(&mut self, cx: &mut Context<'_, H>) -> NextStep<H> {
        let computation = self.computing();
        computation.born = cx.now;
        let run = computation.run;
        // Who asks from now on waits for this attempt.
        cx.cache.flights.goes_by(run, self.judged_by(), cx.drops);
        match cx.cache.flights.flight(run) {
            Some(flight) => Step::Compute(flight),
            None => unreachable!("it goes on"),
        }
    }

    /// Does with a result what its disposition says. Returns what the session has come to know in its place,
    /// if anything, and by what the answer is served.
    fn place(
        &mut self,
        made: &Made<H::Object>,
        lags: bool,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, Placed<H::Object>> {
        let old = self.find(cx.cache)?;
        let Some(computation) = self.computation() else { unreachable!("it computes") };
        cx.cache.timed |= made.own_ttl.is_some();
        let finished = Finished::new(self, computation, (made, lags), old, cx.cache)?;
        let disposition = finished.disposition(cx)?;
        let landing = finished.land(cx);
        let stored = matches!(disposition, Disposition::Store);
        let only = matches!(disposition, Disposition::KeepForSession) && finished.tainted;
        let placed = match disposition {
            Disposition::Store => finished.store(cx),
            Disposition::KeepForSession => finished.keep_for_session(cx),
            Disposition::Discard { counted } => {
                cx.cache.stats.not_stored += u64::from(counted);
                Ok((None, finished.basis()))
            }
            Disposition::SupersededBy { value, basis, above: None } => Ok((Some(value), basis)),
            Disposition::SupersededBy { value, basis, above: Some(slot) } => {
                match self.remember(slot, true, cx) {
                    Ok(()) => {
                        cx.cache.stats.not_stored += 1;
                        Ok((Some(value), basis))
                    }
                    Err(unsure) => {
                        cx.drops.extend([value, basis.version].map(Leaving::Object));
                        Err(unsure)
                    }
                }
            }
        };
        if landing.is_some() {
            self.landing = landing;
        }
        let placed = placed?;
        self.status.stored = stored;
        if only {
            self.status.detail = Detail::SessionOnly;
        }
        Ok(placed)
    }
}

impl<H: SessionHost> Finished<'_, H> {
    /// Hands the result to those who wait for it, once. What rests on something older than the call's
    /// observation is not for others.
    fn land(&self, cx: &mut Context<'_, H>) -> Option<Arrival<H>> {
        if self.plan.landing.is_some() || self.tainted || !self.marks.awaited {
            return None;
        }
        let entry = self.entry(cx.cache, cx.session(), 0);
        let keep = self.is_for_others(cx.cache);
        let landed = cx.cache.flights.land((self.plan.request.probe.hash, entry), keep);
        Some(Arrival { landed, under: VersionStamp::of(self.seen), vouch: self.vouch })
    }

    fn store(&self, cx: &mut Context<'_, H>) -> Decided<H, Placed<H::Object>> {
        let plan = self.plan;
        let (request, session) = (&plan.request, cx.session());
        let interning = cx.cache.entries.version_table.interning(
            request.given.as_ref(),
            self.version(),
            &plan.comparisons,
        )?;
        cx.take_from(&request.probe, &plan.comparisons)?;
        if plan.knows_by_version(cx) {
            cx.cache.hints[order::lane(session)] = SessionHint::of(session, self.seen);
        }
        let entry = self.entry(cx.cache, session, order::draw());
        let named = (request.probe.hash, self.made.weight);
        cx.store(named, (entry, interning.outlived(self.differs)), self.current);
        Ok((None, self.basis()))
    }

    fn keep_for_session(&self, cx: &mut Context<'_, H>) -> Decided<H, Placed<H::Object>> {
        let (request, session, run) = (&self.plan.request, cx.session(), self.computation.run);
        cx.take_from(&request.probe, &self.plan.comparisons)?;
        cx.cache.stats.not_stored += 1;
        let slot = cx.cache.flights.slot(run);
        cx.cache.flights.supersede(slot, (run.ticket, session), &request.leader);
        let entry = self.entry(cx.cache, session, 0);
        cx.keep_in_place(self.current, (request.probe.hash, entry));
        Ok((None, self.basis()))
    }
}
