//! Admission, decided without effects: whether a result is stored, kept for its session only, discarded or
//! superseded, and by what that is told.

use crate::engine::call::plan::{Computation, Plan};
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::Made;
use crate::engine::clock::Nanos;
use crate::engine::flight::flights::{Bypass, Marks};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::{Caller, Context};
use crate::engine::host::{Decided, Host};
use crate::engine::keys::key::Object;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::entries::Look;
use crate::engine::storage::entry::{Course, Entry};
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::read_log::Basis;
use crate::engine::versions::version_stamp::VersionStamp;

/// What becomes of a result.
pub(crate) enum Disposition<H: Host> {
    /// It is stored for all.
    Store,
    /// It is its session's only.
    KeepForSession,
    /// Nobody is to see it again. Whether that is counted: nobody had wished for it.
    Discard {
        /// It is.
        counted: bool,
    },
    /// The session goes by something else, which is the answer in its place.
    SupersededBy {
        /// That.
        value: H::Object,
        /// By what it is served.
        basis: Basis<H::Object>,
        /// It is stored there, under a version above that of the result.
        above: Option<Slot>,
    },
}

/// A result that a computation of this call has made, and what it vouches for.
pub(crate) struct Finished<'a, H: Host> {
    pub(crate) plan: &'a Plan<H>,
    pub(crate) computation: &'a Computation<H>,
    pub(crate) made: &'a Made<H::Object>,
    /// The observation under which it was made.
    pub(crate) seen: &'a Observation<H::Object>,
    /// It is not yet of the version that was announced.
    pub(crate) lags: bool,
    /// It rests on something older than that observation, and is for its session only.
    pub(crate) tainted: bool,
    /// The newest observation that its version agrees with.
    pub(crate) ticket: Ticket,
    /// The same to whoever builds on it.
    pub(crate) vouch: Ticket,
    /// What is stored of the key.
    pub(crate) current: Option<Slot>,
    /// That is of the same observation.
    pub(crate) agreed: bool,
    /// When another version was observed; 0 if none was since.
    pub(crate) differs: Nanos,
    pub(crate) marks: Marks,
}

impl<'a, H: SessionHost> Finished<'a, H> {
    /// Works out what a result vouches for.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn new(
        plan: &'a Plan<H>,
        computation: &'a Computation<H>,
        (made, lags): (&'a Made<H::Object>, bool),
        current: Option<Slot>,
        cache: &FunctionCache<H>,
    ) -> Decided<H, Self> {
        let seen = plan.judged_by();
        let oldest = computation.validation.oldest;
        let tainted = plan.rests_on_older(oldest);
        // Never a ticket that was drawn then: its own version may hold though what it rests on does not.
        // If all holds, then what the version function has read does so, too.
        let ticket = if tainted { order::before(seen.ticket.min(oldest)) } else { seen.since };
        let vouch = match () {
            () if cache.terms.constant && !tainted => order::NEVER,
            () if lags => order::LONG_AGO,
            () => ticket,
        };
        let look = current.and_then(|slot| cache.entries.get(slot));
        let agreed = look.map_or(Ok(false), |look| look.stamp.is_of(seen, &plan.comparisons))?;
        let outlived = plan.is_outlived(cache, made.seen.as_ref().unwrap_or(&seen.version), seen)?;
        let differs = if lags || outlived { seen.at.max(1) } else { 0 };
        let marks = cache.flights.marks(computation.run);
        Ok(Self {
            plan,
            computation,
            made,
            seen,
            lags,
            tainted,
            ticket,
            vouch,
            current,
            agreed,
            differs,
            marks,
        })
    }

    /// The version of which it is.
    pub(crate) fn version(&self) -> &'a H::Object {
        self.made.seen.as_ref().unwrap_or(&self.seen.version)
    }

    /// By what it is served.
    pub(crate) fn basis(&self) -> Basis<H::Object> {
        Basis { tag: self.seen.tag, ticket: self.vouch, version: self.seen.version.clone() }
    }

    /// Whether somebody may see it again.
    pub(crate) fn is_for_others(&self, cache: &FunctionCache<H>) -> bool {
        let fits = cache.terms.maxsize != Some(0) && !cache.terms.is_too_heavy(self.made.weight);
        self.made.wanted && !self.marks.struck && fits
    }

    /// The entry that it would be for a session, or for none, stored then.
    pub(crate) fn entry(&self, cache: &FunctionCache<H>, session: Ticket, stored: Ticket) -> Entry<H> {
        let other = !self.version().is(&self.seen.version);
        let settles =
            self.made.seen.is_none() && !self.made.renewed && !self.agreed && cache.terms.settle.is_some();
        Entry {
            key: self.plan.request.probe.key.clone(),
            value: self.made.value.clone(),
            stamp: VersionStamp {
                version: self.version().clone(),
                tag: if other { order::draw() } else { self.seen.tag },
                ticket: self.ticket,
                lags: self.lags,
            },
            stored,
            known_in: session,
            born: self.computation.born,
            course: Course::new(self.began(), stored, settles),
            own_ttl: self.computation.own_ttl(self.made, &cache.terms),
        }
    }

    /// When its computation began, in the order of events. What was loaded is older than any cut-off.
    fn began(&self) -> Ticket {
        if self.computation.is_loaded { 0 } else { self.computation.run.ticket }
    }

    /// Whether the session keeps this very result.
    fn is_what_was_shown(&self, kept: &Entry<H>) -> bool {
        kept.stamp.tag == self.computation.validation.shown_by.0 && kept.value.is(&self.made.value)
    }

    /// What becomes of it, by the first rule that fits.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn disposition(&self, cx: &Context<'_, H>) -> Decided<H, Disposition<H>> {
        let (plan, cache) = (self.plan, &*cx.cache);
        if !self.is_for_others(cache) {
            let counted = self.made.wanted && cache.terms.maxsize != Some(0);
            return Ok(Disposition::Discard { counted });
        }
        let current = self.current.and_then(|slot| Some((slot, cache.entries.get(slot)?)));
        let Marks { bypass, .. } = self.marks;
        let mut shown = false;
        if let Some(caller) = &cx.caller {
            let kept = plan.kept(cache, caller)?;
            // The session may keep this very result, which it was shown while that was validated.
            shown = kept.is_some_and(|kept| self.is_what_was_shown(kept));
            let kept = kept.filter(|_| !shown);
            if bypass == Bypass::No && plan.request.wish.manner != Manner::Now {
                let known = Plan::known(cache, caller, kept, current.map(|(_, look)| look));
                if let Some((value, basis)) = known {
                    return Ok(Disposition::SupersededBy { value, basis, above: None });
                }
            }
            let own = |(_, Look { entry, .. }): (Slot, Look<'_, H>)| {
                entry.known_in == caller.id && entry.stored > self.computation.run.ticket
            };
            if current.is_some_and(own) && bypass != Bypass::No || kept.is_some() && bypass == Bypass::Kept {
                // The session goes by what the function put, or made when it called itself; this call returns
                // its own.
                return Ok(Disposition::Discard { counted: false });
            }
        }
        if let Some((slot, look)) = current
            && !shown
            && plan.is_behind(cache, self.version(), look)?
        {
            let (value, basis) = (look.entry.value.clone(), look.entry.basis(look.stamp, false));
            return Ok(Disposition::SupersededBy { value, basis, above: Some(slot) });
        }
        // Of one version what was stored meanwhile stays, of two the one that was observed later.
        let outdated = current.is_some_and(|(_, Look { entry, stamp, .. })| {
            // Who wants it anew wants nothing that was begun before, as what was loaded meanwhile was.
            let anew = plan.request.wish.manner == Manner::Now || plan.refreshes() || entry.is_loaded();
            let made = if anew { entry.began() } else { entry.stored };
            if self.agreed { made > self.computation.run.ticket } else { stamp.ticket > self.seen.since }
        });
        let unfit = self.tainted || outdated || plan.waits.impatient;
        Ok(if unfit { Disposition::KeepForSession } else { Disposition::Store })
    }
}

impl<H: SessionHost> Plan<H> {
    /// Whether a version is below the stored one by the order of versions: it is of a node that is behind
    /// others.
    fn is_behind(
        &self,
        cache: &FunctionCache<H>,
        version: &H::Object,
        stored: Look<'_, H>,
    ) -> Decided<H, bool> {
        let stored = &stored.stamp.version;
        // What never changes has no place in an order.
        Ok(cache.terms.lag.ordered
            && !self.is_alone()
            && !version.is_immutable()
            && !stored.is_immutable()
            && !self.comparisons.same(stored, version)?
            && !self.comparisons.at_least(version, stored)?)
    }

    /// What a session has surely seen of the key and does not find in the cache: what it keeps, or what has
    /// left.
    fn kept<'a>(
        &self,
        cache: &'a FunctionCache<H>,
        caller: &'a Caller<'_, H>,
    ) -> Decided<H, Option<&'a Entry<H>>> {
        let Some(reader) = caller.memory.readers.get(cache.id) else { return Ok(None) };
        let probe = &self.request.probe;
        if let Some((_, kept)) = reader.find(probe, &self.comparisons)? {
            return Ok(Some(kept));
        }
        let gone = cache.evicted.find(probe, (caller.id, reader.since), &self.comparisons)?;
        Ok(gone.filter(|gone| gone.given.contains(&caller.id)).map(|gone| &gone.entry))
    }

    /// What the session has come to know of the key while this call computed, by which it goes on: the value
    /// and by what that is served. `kept` is what it keeps of that, `current` is what is stored.
    fn known(
        cache: &FunctionCache<H>,
        caller: &Caller<'_, H>,
        kept: Option<&Entry<H>>,
        current: Option<Look<'_, H>>,
    ) -> Option<(H::Object, Basis<H::Object>)> {
        let constant = cache.terms.constant;
        if let Some(kept) = kept.filter(|kept| kept.is_fresh_now(&cache.terms)) {
            return Some((kept.value.clone(), kept.basis(&kept.stamp, constant)));
        }
        let known = current
            .filter(|look| cache.entries.is_noted(look.entry, caller.id) && look.is_fresh_now(&cache.terms));
        known.map(|Look { entry, stamp, .. }| (entry.value.clone(), entry.basis(stamp, constant)))
    }
}
