//! The second tier, a store that several processes share: what a call does with it before it computes and
//! after.
//!
//! A run loads first. A record of the version that was asked for, and young enough, is placed as if it had
//! been computed when it was. Else the run acquires the lease for its key and version, looks once more,
//! computes, and saves what was stored in memory too. A record decides nothing by itself: it is compared with
//! what this process was answered, as any entry is.

use std::num::NonZeroU64;

use crate::engine::call::plan::{Phase, Plan, Stage};
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::{Made, NextStep, Step};
use crate::engine::call::record::{Acquired, Lease, Record};
use crate::engine::call::verdict::Verdict;
use crate::engine::clock::Nanos;
use crate::engine::function_cache::context::Context;
use crate::engine::host::Decided;
use crate::engine::keys::key::Object;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::Detail;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::versions::version_stamp::VersionStamp;

/// What becomes of a record.
enum Fit {
    /// It is the result, as of a computation that began then.
    Result(Nanos),
    /// It is old, and may be of use where a new one can't be had.
    Old,
}

impl<H: SessionHost> Plan<H> {
    /// Begins what a run does before it computes. `due` is a result that is made anew in any case.
    pub(crate) fn begin_in_tier(&mut self, due: bool, cx: &Context<'_, H>) -> NextStep<H> {
        if due || self.request.wish.manner == Manner::Now { self.acquire() } else { self.load(cx) }
    }

    fn load(&mut self, cx: &Context<'_, H>) -> NextStep<H> {
        let computation = self.computing();
        computation.stage = Stage::Loading;
        match cx.cache.flights.flight(computation.run) {
            Some(flight) => Step::Load(Some(flight)),
            None => unreachable!("it goes on"),
        }
    }

    fn acquire(&mut self) -> NextStep<H> {
        self.computing().stage = Stage::Acquiring;
        Step::Acquire
    }

    /// Goes on after an attempt to acquire the lease.
    pub(crate) fn acquired(
        &mut self,
        acquired: Acquired,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let due = self.is_due_now(cx)?;
        let computation = self.computing();
        computation.lease = match acquired {
            Acquired::Held => Lease::Held,
            Acquired::Freed => Lease::Unasked,
            Acquired::Refused => Lease::Without,
        };
        match acquired {
            Acquired::Held | Acquired::Freed if !due => Ok(self.load(cx)),
            Acquired::Freed => Ok(self.acquire()),
            Acquired::Held | Acquired::Refused => {
                computation.stage = Stage::Ready;
                self.go_on(cx)
            }
        }
    }

    /// Goes on with what was loaded, if anything.
    pub(crate) fn loaded(
        &mut self,
        record: Option<Record<H::Object>>,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let Some(record) = record else { return self.go_past_the_tier(cx) };
        let terms = &cx.cache.terms;
        let useful = terms.revalidates || terms.has_stale();
        let fit = match self.fit(&record, cx) {
            Ok(Fit::Old) if useful && !self.is_struck(cx) => self.keep_old(&record, cx).map(|_| Fit::Old),
            fit => fit,
        };
        let fit = match fit {
            Ok(fit) => fit,
            Err(unsure) => {
                self.computing().stage = Stage::Loaded(Some(record));
                return Err(unsure);
            }
        };
        match fit {
            Fit::Result(born) => {
                cx.cache.stats.hits += 1;
                cx.cache.stats.store_hits += 1;
                let computation = self.computing();
                (computation.born, computation.is_loaded) = (born, true);
                (self.status.hit, self.status.forward) = (true, None);
                self.status.detail = Detail::Loaded;
                let own_ttl = record.own_ttl_at(cx.now, &cx.cache.terms);
                let Record { value, version, weight, .. } = record;
                let seen = version.is_immutable().then(|| version.clone());
                cx.drops.push(Leaving::Object(version));
                let made =
                    Made { value, reads: Vec::new(), wanted: true, seen, renewed: false, own_ttl, weight };
                self.computing().stage = Stage::Made(made, false);
                self.go_on(cx)
            }
            Fit::Old => {
                cx.drops.extend([record.value, record.version].map(Leaving::Object));
                self.go_past_the_tier(cx)
            }
        }
    }

    /// Whether a record is what the call looks for, or only old.
    fn fit(&self, record: &Record<H::Object>, cx: &Context<'_, H>) -> Decided<H, Fit> {
        let (seen, terms) = (self.judged_by(), &cx.cache.terms);
        let wish = &self.request.wish;
        let (born, immutable) = (cx.now.saturating_sub(record.age), record.version.is_immutable());
        // When another process made it is known by clocks only, so it may be from before the session began.
        if self.refreshes() && (wish.named || !immutable) {
            return Ok(Fit::Old);
        }
        if immutable {
            return Ok(Fit::Result(born));
        }
        if !self.comparisons.same(&seen.version, &record.version)? {
            return Ok(Fit::Old);
        }
        let ttl = Course::default().ttl(terms, record.own_ttl);
        Ok(match ttl {
            Some(ttl) if record.age >= ttl && terms.verifies && seen.at > born => Fit::Result(seen.at),
            Some(ttl) if record.age >= ttl => Fit::Old,
            _ => Fit::Result(born),
        })
    }

    /// Whether the key was invalidated since the run began.
    fn is_struck(&self, cx: &Context<'_, H>) -> bool {
        self.computation().is_some_and(|computation| cx.cache.flights.marks(computation.run).struck)
    }

    /// Takes an old record into memory, unless something is stored of its key or that has no room for it.
    /// Whether it has.
    pub(crate) fn keep_old(
        &mut self,
        record: &Record<H::Object>,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, bool> {
        let terms = &cx.cache.terms;
        let fits = terms.maxsize != Some(0) && !terms.is_too_heavy(record.weight);
        // Since when it is stale can't be told by a clock that is younger.
        let ended = record.has_ended_before(cx.now, terms);
        if !fits || ended && terms.has_stale() || self.find(cx.cache)?.is_some() {
            return Ok(false);
        }
        let Record { value, version, age, weight, .. } = record;
        let own_ttl = if ended { NonZeroU64::new(1) } else { record.own_ttl_at(cx.now, terms) };
        let (version_table, given) = (&cx.cache.entries.version_table, self.request.given.as_ref());
        let interning = version_table.interning(given, version, &self.comparisons)?;
        let stored = order::draw();
        cx.cache.timed |= own_ttl.is_some();
        let entry = Entry {
            key: self.request.probe.key.clone(),
            value: value.clone(),
            stamp: VersionStamp {
                version: version.clone(),
                tag: order::draw(),
                ticket: order::LONG_AGO,
                lags: false,
            },
            stored,
            known_in: 0,
            born: cx.now.saturating_sub(*age),
            course: Course::new(0, stored, false),
            own_ttl,
        };
        cx.store((self.request.probe.hash, *weight), (entry, interning), None);
        Ok(true)
    }

    /// Goes on where no record is the result: an old one may serve, else the call acquires the lease, and
    /// computes when it has it.
    fn go_past_the_tier(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        if cx.cache.terms.has_stale() {
            self.computing().stage = Stage::Loaded(None);
            let found = self.find(cx.cache)?;
            let verdict = self.verdict(cx, found)?;
            if !matches!(verdict, Verdict::Forwarded { .. }) {
                self.end(cx);
                self.phase = Phase::Deciding;
                return self.act(verdict, cx);
            }
        }
        if self.computing().lease == Lease::Unasked {
            return Ok(self.acquire());
        }
        cx.cache.stats.store_misses += 1;
        self.computing().stage = Stage::Ready;
        self.go_on(cx)
    }

    /// Whether what is stored of the key is renewed whatever its version.
    fn is_due_now(&mut self, cx: &Context<'_, H>) -> Decided<H, bool> {
        if self.request.wish.manner == Manner::Now {
            return Ok(true);
        }
        let found = self.find(cx.cache)?.and_then(|slot| cx.cache.entries.get(slot));
        Ok(found.is_some_and(|look| self.is_due(look, cx)))
    }

    /// Computes from now on.
    pub(crate) fn run(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        self.computing().stage = Stage::Ready;
        let old = self.find(cx.cache)?;
        let due = self.is_due_now(cx)?;
        Ok(self.run_from(old, due, cx))
    }
}
