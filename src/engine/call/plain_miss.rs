//! A miss where nothing of its key is known: nothing of the hash is stored or computed, nor does the session
//! keep anything of it.
//!
//! Then what the plan would do is plain: it computes, and stores what comes of it. The function runs between
//! two looks at the cache. What the second does not find as the first left it, and a result of which more is
//! to be told, is for the plan, which goes on with the computation that has begun.

use crate::engine::call::claim::Found;
use crate::engine::call::plan::{Computation, Phase, Plan, Source, Stage};
use crate::engine::call::policy::{Manner, Wish};
use crate::engine::call::record::Lease;
use crate::engine::clock::Nanos;
use crate::engine::flight::flights::RunId;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, Ticket};
use crate::engine::session::answers::Scope;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::{Forward, Status};
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::versions::observation::{CompactObservation, Observation};
use crate::engine::versions::read_log::{Basis, Own};
use crate::engine::versions::version_stamp::VersionStamp;

/// A computation of which nothing was known when it began.
pub struct PlainMiss<H: Host> {
    probe: Probe<H::Key>,
    run: RunId,
    /// When it began.
    born: Nanos,
    /// The session of its caller; 0 for none.
    session: Ticket,
    /// The observation under which it runs. Its version function has read nothing older.
    seen: Observation<H::Object>,
}

/// A computation, and what others wait for.
type Led<H> = (PlainMiss<H>, <H as Host>::Flight);

impl<H: SessionHost> Context<'_, H> {
    /// Begins to compute what nobody has or makes: in a session by what that goes by, in none by what was
    /// `observed`. The key is handed back where more decides.
    ///
    /// # Errors
    /// The key.
    pub fn begin_plainly(
        &mut self,
        probe: Probe<H::Key>,
        leader: &<H::Flight as Flight>::Leader,
        observed: Option<&Observation<H::Object>>,
    ) -> Result<Led<H>, Probe<H::Key>> {
        let (session, born, terms) = (self.session(), self.now, &self.cache.terms);
        let is_plain =
            terms.is_plain() && self.has_nothing_of(probe.hash) && !self.cache.flights.has(probe.hash);
        let ttl = terms.ttl;
        let seen = match &self.caller {
            None => {
                observed.filter(|seen| is_plain && seen.reads.is_none() && seen.vouches(born, ttl)).cloned()
            }
            Some(caller) => {
                let reader = caller.memory.readers.get(self.cache.id).filter(|_| is_plain);
                let seen = reader.and_then(|reader| reader.seen.only());
                let fit = seen.filter(|seen| seen.reads().next().is_none() && seen.vouches(born, ttl));
                fit.map(CompactObservation::to_observation)
            }
        };
        let Some(mut seen) = seen else { return Err(probe) };
        let cache = &mut *self.cache;
        let flight = H::Flight::begin(leader);
        let led = (&flight, leader);
        let run = cache.flights.begin_first(&probe, &seen, led, (session, born), self.drops);
        if cache.terms.constant {
            (seen.since, seen.ticket, seen.until) = (run.ticket, run.ticket, run.ticket);
        }
        cache.stats.misses += 1;
        Ok((PlainMiss { probe, run, born, session, seen }, flight))
    }

    /// Stores what was made, for which nothing older was read, if all is as it was when that began. Else the
    /// computation is handed back, for the plan.
    pub fn end_plainly(&mut self, miss: PlainMiss<H>, value: H::Object) -> Option<PlainMiss<H>> {
        let (session, hash) = (self.session(), miss.probe.hash);
        let is_as_it_was =
            session == miss.session && self.cache.flights.is_unmarked(miss.run) && self.has_nothing_of(hash);
        let versions = &self.cache.entries.version_table;
        let interning = is_as_it_was.then(|| versions.interning_natively(&miss.seen.version));
        let Some(interning) = interning.flatten() else {
            self.drops.push(Leaving::Object(value));
            return Some(miss);
        };
        let PlainMiss { probe, run, born, seen, .. } = miss;
        if self.goes_by(seen.tag) {
            self.cache.hints[order::lane(session)] = SessionHint::of(session, &seen);
        }
        let Observation { version, tag, since, .. } = seen;
        let stored = order::draw();
        let entry = Entry {
            key: probe.key,
            value,
            stamp: VersionStamp { version, tag, ticket: since, lags: false },
            stored,
            known_in: session,
            born,
            course: Course::new(run.ticket, stored, false),
            own_ttl: None,
        };
        // Only what is bounded by weight is weighed, which is no plain miss.
        self.store((hash, 0), (entry, interning), None);
        self.cache.flights.end(run, self.drops);
        self.log(hash, Status { forward: Some(Forward::Miss), stored: true, ..Status::default() });
        None
    }

    /// Whether nothing of a hash is stored, nor kept for the session.
    fn has_nothing_of(&self, hash: u64) -> bool {
        !self.cache.entries.has(hash) && self.keeps_nothing_of(hash)
    }

    /// Whether the session knows what is of this version by that alone, where the version function is given
    /// nothing.
    fn goes_by(&self, tag: Ticket) -> bool {
        let reader = self.caller.as_ref().and_then(|caller| caller.memory.readers.get(self.cache.id));
        let seen = reader.filter(|reader| reader.knows_by_version()).and_then(|reader| reader.seen.only());
        seen.is_some_and(|seen| seen.tag() == tag)
    }
}

impl<H: SessionHost> PlainMiss<H> {
    /// What its code notes its reads by.
    #[must_use]
    pub fn own(&self) -> Own {
        self.seen.own(false)
    }

    /// The version for which the function runs.
    #[must_use]
    pub fn version(&self) -> H::Object {
        self.seen.version.clone()
    }

    /// By what its result is served, whose version may be a `constant`.
    #[must_use]
    pub fn basis(&self, constant: bool) -> Basis<H::Object> {
        let ticket = if constant { order::NEVER } else { self.seen.since };
        Basis { tag: self.seen.tag, ticket, version: self.seen.version.clone() }
    }

    /// The hash of its key.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.probe.hash
    }

    /// The plan of its call, in the midst of the computation.
    #[must_use]
    pub fn plan(self, scope: Scope, leader: <H::Flight as Flight>::Leader) -> Plan<H> {
        let Self { probe, run, born, session, seen } = self;
        let mut plan = Plan::new(probe, None, scope, Some(seen), leader, Wish::of(Manner::Called));
        if session != 0 {
            // Whence it is.
            plan.source = Source::Session;
        }
        plan.status.forward = Some(Forward::Miss);
        plan.phase = Phase::Computing(Computation {
            run,
            born,
            previous: None,
            validation: Found::new(false),
            retries: 0,
            lease: Lease::Without,
            is_loaded: false,
            stage: Stage::Running,
        });
        plan
    }
}
