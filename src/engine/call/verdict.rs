//! The decision table of a call: what it does next, by the first row that fits.
//!
//! Nothing changes here. [`Plan`] acts on a verdict, and `cache_explain` tells it. The rows are those of
//! docs/freshness.md, in its order.

use crate::engine::call::plan::{Plan, Source};
use crate::engine::call::policy::{Manner, Refresh};
use crate::engine::clock;
use crate::engine::flight::flights::{InProgress, RunId};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::{Caller, Context};
use crate::engine::host::Decided;
use crate::engine::keys::key::Object;
use crate::engine::order::{self, Ticket};
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::{Detail, Forward};
use crate::engine::session::recognition::{ReaderView, Recognition};
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::outage::is_allowed;

/// What a call does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Serve again what the session has seen and the cache has no more.
    Kept(Kept),
    /// Serve what is stored: the session knows it.
    Known(Slot, Recognition),
    /// Serve what is stored, as it is: the session takes that.
    Offline(Slot),
    /// Serve what is stored: it never changes.
    Immutable(Slot),
    /// Serve what is stored, though it is not fresh: its source failed just now.
    StaleIfError(Slot),
    /// Say that nothing is stored, to a session that takes only that.
    Absent,
    /// Ask for the version.
    Ask,
    /// Serve what is stored, after a look at its version.
    Judged(Slot, Judged),
    /// Go past what is stored, as there is nothing or it is not good enough.
    Forwarded {
        /// Where the entry of the key lies.
        old: Option<Slot>,
        /// The session renews it whatever its version.
        due: bool,
        /// It is of the version that was asked for, only too old.
        agreed: bool,
        /// What is done instead.
        how: How,
    },
}

/// Where that lies which the session sees again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// With what it keeps for itself.
    Own(Slot),
    /// With what left the cache; whether that is of the version by which the session goes now.
    Evicted {
        /// It is.
        agreed: bool,
    },
}

/// What a look at the version of an entry has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is the one that was asked for.
    Equal,
    /// It is, which lets its age begin anew.
    Verified,
    /// It was observed later than the one that was asked for.
    Newer,
    /// It is good enough while a new result is made behind.
    Stale,
}

/// How a call comes to a result that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It takes what the run brought for which it has waited.
    Share,
    /// It takes what a run of its session has made and has yet to validate.
    Shown(RunId),
    /// It waits for a run.
    Wait(RunId),
    /// It computes.
    Compute {
        /// There is a run to wait for, but it waits for nobody.
        hasty: bool,
    },
}

impl Verdict {
    /// More of it.
    pub(crate) fn detail(self) -> Detail {
        match self {
            Self::Kept(_) | Self::Known(..) => Detail::Known,
            Self::Offline(_) | Self::Absent => Detail::Offline,
            Self::Immutable(_) => Detail::Immutable,
            Self::StaleIfError(_) => Detail::StaleIfError,
            Self::Ask => Detail::Asks,
            Self::Judged(_, Judged::Equal) => Detail::Equal,
            Self::Judged(_, Judged::Verified) => Detail::Verified,
            Self::Judged(_, Judged::Newer) => Detail::Newer,
            Self::Judged(_, Judged::Stale) => Detail::StaleWhileRevalidate,
            Self::Forwarded { old: None, .. } => Detail::None,
            Self::Forwarded { due: true, .. } => Detail::Refresh,
            Self::Forwarded { agreed: true, .. } => Detail::Expired,
            Self::Forwarded { .. } => Detail::Changed,
        }
    }

    /// Why the call is not answered with what is there, if it is not.
    pub(crate) fn forward(self, maxsize: Option<usize>) -> Option<Forward> {
        match self {
            Self::Forwarded { .. } if maxsize == Some(0) => Some(Forward::Bypass),
            Self::Absent | Self::Forwarded { old: None, .. } => Some(Forward::Miss),
            Self::Forwarded { due: true, .. } => Some(Forward::Request),
            Self::Forwarded { .. } => Some(Forward::Stale),
            _ => None,
        }
    }
}

impl<H: SessionHost> Plan<H> {
    /// What the call does next. `found` is where the entry of its key lies.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub(crate) fn verdict(&self, cx: &Context<'_, H>, found: Option<Slot>) -> Decided<H, Verdict> {
        if let Some(kept) = self.kept_aside(cx)? {
            return Ok(Verdict::Kept(kept));
        }
        let cache = &*cx.cache;
        let found = found.and_then(|slot| Some((slot, cache.entries.get(slot)?)));
        if let Some((slot, look)) = found
            && let Some(verdict) = self.unasked(slot, look, cx)?
        {
            return Ok(verdict);
        }
        if self.request.wish.manner == Manner::Offline {
            return Ok(Verdict::Absent);
        }
        let Some(seen) = self.vouching(cx).filter(|_| !self.must_ask()) else { return Ok(Verdict::Ask) };
        let due = found.is_some_and(|(_, look)| self.is_due(look, cx));
        let mut agreed = false;
        if let Some((slot, look)) = found.filter(|_| !due && !self.is_alone()) {
            agreed = look.stamp.is_of(seen, &self.comparisons)?;
            if let Some(judged) = self.judged(look, seen, agreed, cx) {
                return Ok(Verdict::Judged(slot, judged));
            }
        }
        let how = self.past(seen, cx)?;
        Ok(Verdict::Forwarded { old: found.map(|(slot, _)| slot), due, agreed, how })
    }

    /// What the session is to see again though it is not stored.
    pub(crate) fn kept_aside(&self, cx: &Context<'_, H>) -> Decided<H, Option<Kept>> {
        let (manner, cache) = (self.request.wish.manner, &*cx.cache);
        let Some(caller) = &cx.caller else { return Ok(None) };
        let Some(reader) = caller.memory.readers.get(cache.id) else { return Ok(None) };
        if matches!(manner, Manner::Now | Manner::Validating) {
            return Ok(None);
        }
        if let Some((slot, entry)) = reader.find(&self.request.probe, &self.comparisons)?
            && (entry.is_fresh(cx.now, &cache.terms) || manner == Manner::Offline)
        {
            return Ok(Some(Kept::Own(slot)));
        }
        let evicted = self.among_evicted(cx)?;
        Ok(evicted.map(|(_, how)| Kept::Evicted { agreed: how == Recognition::Version }))
    }

    /// The rows for which no version is needed: what the session knows, what it takes as it is, what never
    /// changes, and what stands in for a source that failed just now.
    fn unasked(&self, slot: Slot, look: Look<'_, H>, cx: &Context<'_, H>) -> Decided<H, Option<Verdict>> {
        let (Look { entry, stamp, .. }, cache) = (look, &*cx.cache);
        let (manner, due) = (self.request.wish.manner, self.is_due(look, cx));
        if let Some(caller) = &cx.caller
            && manner != Manner::Now
            && look.is_fresh(cx.now, &cache.terms)
        {
            let noted = cache.entries.is_noted(entry, caller.id);
            // What is due is known only by a note.
            let stored = if due { order::NEVER } else { entry.stored };
            if let Some(how) = self.memory(cache, caller).recognises(stored, stamp, noted)? {
                return Ok(Some(Verdict::Known(slot, how)));
            }
        }
        if manner == Manner::Offline {
            return Ok(Some(Verdict::Offline(slot)));
        }
        if stamp.version.is_immutable() && manner != Manner::Now && !(self.request.wish.named && due) {
            return Ok(Some(Verdict::Immutable(slot)));
        }
        let stands_in = cache.terms.stale_if_error.is_some()
            && manner == Manner::Called
            && !due
            && cache.troubled(look, cx.now)
            && is_allowed(cache.stale_since(look, None, cx.now), cx.now, cache.terms.stale_if_error);
        Ok(stands_in.then_some(Verdict::StaleIfError(slot)))
    }

    /// The rows for an entry whose version can be compared with the one that was `seen`, and `agreed` with
    /// that or not.
    fn judged(
        &self,
        look: Look<'_, H>,
        seen: &Observation<H::Object>,
        agreed: bool,
        cx: &Context<'_, H>,
    ) -> Option<Judged> {
        let (cache, terms, entry) = (&*cx.cache, &cx.cache.terms, look.entry);
        if look.is_fresh(cx.now, terms) {
            if agreed {
                return Some(Judged::Equal);
            }
            if look.stamp.is_newer(seen) {
                return Some(Judged::Newer);
            }
        } else if agreed
            && entry.is_verified_by(seen, terms)
            && clock::is_within(seen.at, cx.now, look.ttl(terms))
        {
            return Some(Judged::Verified);
        }
        let since = || cache.stale_since(look, agreed.then_some(seen), cx.now);
        let stale = terms.stale_while_revalidate.is_some()
            && self.request.wish.manner == Manner::Called
            && !self.request.wish.setting.alone
            && is_allowed(since(), cx.now, terms.stale_while_revalidate);
        stale.then_some(Judged::Stale)
    }

    /// How the call comes to a result past what is stored.
    fn past(&self, seen: &Observation<H::Object>, cx: &Context<'_, H>) -> Decided<H, How> {
        let (cache, caller) = (&*cx.cache, cx.caller.as_ref());
        if let Some(arrival) = self.waits.arrival.as_ref()
            && (arrival.under.is_of(seen, &self.comparisons)? || arrival.is_newer(seen))
        {
            return Ok(How::Share);
        }
        if self.waits.impatient {
            return Ok(How::Compute { hasty: false });
        }
        let since = caller.map_or(self.request.began, |caller| self.since(caller));
        let fit = |run: &InProgress<H>| {
            run.ticket > since
                && clock::is_within(run.born, cx.now, cache.terms.ttl)
                && !(run.marks.before_lease && self.request.wish.setting.leased)
                && self.may_wait(&run.flight)
        };
        let found =
            cache.flights.fit(&self.request.probe, seen, (&self.request.leader, fit), &self.comparisons)?;
        Ok(match found {
            None => How::Compute { hasty: false },
            // A computation waits for what is decided, since it would rest on it.
            Some(run)
                if !self.request.wish.setting.nested
                    && caller.is_some_and(|caller| cache.flights.shown(run, caller.id).is_some()) =>
            {
                How::Shown(run)
            }
            Some(_) if self.request.wish.setting.hasty => How::Compute { hasty: true },
            Some(run) => How::Wait(run),
        })
    }

    /// The caller's session as it judges results for these arguments.
    pub(crate) fn memory<'a>(
        &'a self,
        cache: &FunctionCache<H>,
        caller: &'a Caller<'_, H>,
    ) -> ReaderView<'a, H> {
        ReaderView {
            id: caller.id,
            seen: self.observation.as_ref().map(Observation::named),
            reader: caller.memory.readers.get(cache.id),
            given: self.request.given.as_ref(),
            comparisons: &self.comparisons,
        }
    }

    /// Whether an entry is to be renewed whatever its version.
    pub(crate) fn is_due(&self, Look { entry, .. }: Look<'_, H>, cx: &Context<'_, H>) -> bool {
        match (self.request.wish.manner, self.request.wish.refresh) {
            (Manner::Now, _) => entry.began() <= self.request.began,
            (Manner::Called, Refresh::Soft | Refresh::Hard) => {
                cx.caller.as_ref().is_some_and(|caller| entry.began() <= caller.began)
            }
            _ => false,
        }
    }

    /// Only flights that began after this are good enough.
    fn since(&self, caller: &Caller<'_, H>) -> Ticket {
        if self.refreshes() { self.request.began.max(caller.began) } else { self.request.began }
    }

    /// Whether the version has to be asked anew, though the session knows of one.
    pub(crate) fn must_ask(&self) -> bool {
        self.request.wish.manner == Manner::Now && !self.has_asked()
    }

    /// The observation by which the call goes, if that is young enough.
    pub(crate) fn vouching(&self, cx: &Context<'_, H>) -> Option<&Observation<H::Object>> {
        let seen = self.observation.as_ref();
        seen.filter(|seen| self.has_asked() || seen.vouches(cx.now, cx.cache.terms.ttl))
    }

    /// Whether this call has asked for that.
    fn has_asked(&self) -> bool {
        self.source != Source::Session
    }
}
