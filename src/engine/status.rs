//! What a call did or would do, in the words of RFC 9211 (Cache-Status).

use super::clock::{self, Nanos};
use super::entry::{Entry, Observation};
use super::live::Look;
use super::plan::{Decided, Manner, Plan};
use super::store::{Caller, Store, Terms};
use super::ticket::{self, Ticket};
use super::trouble::is_allowed;
use super::{Flight, Host, Object};

/// Why a call was not answered with what is there (RFC 9211, 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The function stores nothing.
    Bypass,
    /// Nothing is stored.
    Miss,
    /// What is stored is not fresh.
    Stale,
    /// The caller wanted it anew.
    Request,
}

impl Forward {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// What a call did or would do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// It is answered with what is there.
    pub hit: bool,
    /// Why it is not.
    pub forward: Option<Forward>,
    /// When the entry expires.
    pub expires: Option<Nanos>,
    /// The result was stored, or would be unless the function has it otherwise.
    pub stored: bool,
    /// It waited for another's computation.
    pub collapsed: bool,
    /// More, in a word.
    pub detail: &'static str,
}

/// What a call of a session did.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// The function.
    pub function: Ticket,
    /// The hash of the call's key.
    pub key: u64,
    /// What it did.
    pub status: Status,
}

/// How many calls a session remembers.
pub(super) const LOGGED: usize = 100;

impl<H: Host> Plan<H> {
    /// What the call would do. Asks nothing, computes nothing and moves nothing.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub fn explain(
        &mut self,
        store: &Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
    ) -> Decided<H, Status> {
        let now = clock::now();
        if let Some(caller) = caller.as_deref_mut() {
            if self.observation.is_none() {
                let reader = caller.known.readers.get_mut(store.id);
                let seen =
                    reader.map(|reader| reader.seen.get(self.given.as_ref(), &self.verdicts)).transpose()?;
                self.observation = seen.flatten().map(|seen| seen.clone());
            }
            if let Some(status) = self.on_shelf(store, caller, now)? {
                return Ok(status);
            }
        }
        let observed =
            |seen: &Observation<H::Object>| store.terms.constant || seen.vouches(now, store.terms.ttl);
        let observation = self.observation.as_ref().filter(|seen| observed(seen));
        let found = store.find(&self.probe, &self.verdicts)?;
        let Some((slot, Look { entry, stamp })) = found.and_then(|slot| Some((slot, store.live.get(slot)?)))
        else {
            return self.absent(store, observation);
        };
        let fresh = entry.is_fresh(now, &store.terms);
        let base = Status { expires: expires(entry, &store.terms), ..Status::default() };
        let hit = |detail| Status { hit: true, detail, ..base };
        let forward = |reason, detail| Status { forward: Some(reason), stored: true, detail, ..base };
        let agreed = observation.map_or(Ok(false), |seen| self.agrees_with(stamp, seen))?;
        let due = self.is_due(entry, caller.as_deref());
        if let Some(Caller { id, known, .. }) = caller.as_deref().filter(|_| fresh) {
            let first = known.readers.get(store.id).and_then(|reader| reader.first.as_deref());
            if store.live.is_noted(entry, *id)
                || !due && entry.stored < *id && (agreed || self.agreed_first(first, stamp)?)
            {
                return Ok(hit("known"));
            }
        }
        if self.wish.manner == Manner::Offline {
            return Ok(hit("offline"));
        }
        if stamp.version.is_immutable() && !(self.wish.named && due) {
            return Ok(hit("immutable"));
        }
        if due {
            return Ok(forward(Forward::Request, "refresh"));
        }
        let since = store.stale_since(slot, now);
        if store.troubled(slot, now) && is_allowed(since, now, store.terms.stale_if_error) {
            return Ok(hit("stale-if-error"));
        }
        let Some(observation) = observation else { return Ok(Status { detail: "asks", ..base }) };
        if fresh && agreed {
            return Ok(hit("equal"));
        }
        if fresh && stamp.is_newer(observation) {
            return Ok(hit("newer"));
        }
        if agreed && entry.is_verified_by(observation, &store.terms) {
            return Ok(hit("verified"));
        }
        if is_allowed(since, now, store.terms.stale_while_revalidate) {
            return Ok(hit("stale-while-revalidate"));
        }
        let collapsed = self.joins(store, observation)?;
        let stale = forward(Forward::Stale, if agreed { "expired" } else { "changed" });
        Ok(Status { collapsed, ..stale })
    }

    /// What a call does for which nothing is stored.
    fn absent(&self, store: &Store<H>, observation: Option<&Observation<H::Object>>) -> Decided<H, Status> {
        if self.wish.manner == Manner::Offline {
            return Ok(Status { forward: Some(Forward::Miss), detail: "offline", ..Status::default() });
        }
        let reason = if store.terms.maxsize == Some(0) { Forward::Bypass } else { Forward::Miss };
        let collapsed = observation.map_or(Ok(false), |observation| self.joins(store, observation))?;
        let stored = reason == Forward::Miss;
        Ok(Status { forward: Some(reason), stored, collapsed, ..Status::default() })
    }

    fn joins(&self, store: &Store<H>, observation: &Observation<H::Object>) -> Decided<H, bool> {
        let fit = |flight: &H::Flight, _, _| flight.serves(&self.leader);
        Ok(store.flights.fit(&self.probe, observation, (&self.leader, fit), &self.verdicts)?.is_some())
    }

    fn on_shelf(&self, store: &Store<H>, caller: &Caller<'_, H>, now: Nanos) -> Decided<H, Option<Status>> {
        let Some(reader) = caller.known.readers.get(store.id) else { return Ok(None) };
        let kept = reader.find(&self.probe, &self.verdicts)?.map(|(_, entry)| entry);
        let found = match kept.filter(|entry| entry.is_fresh(now, &store.terms)) {
            None => self.among_evicted(store, caller.id, reader, now)?.map(|(gone, _)| &gone.entry),
            kept => kept,
        };
        Ok(found.map(|entry| {
            let only = !entry.stamp.lags && !ticket::is_drawn(entry.stamp.ticket);
            let detail = if only { "session-only" } else { "known" };
            Status { hit: true, expires: expires(entry, &store.terms), detail, ..Status::default() }
        }))
    }

    /// Notes what the call did, in its session, which has been given a result.
    pub(super) fn log(&self, store: &Store<H>, caller: &mut Caller<'_, H>) {
        if let Some(reader) = caller.known.readers.get_mut(store.id) {
            reader.given();
        }
        let log = &mut caller.known.log;
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(Logged { function: store.id, key: self.probe.hash, status: self.status });
    }
}

fn expires<H: Host, S>(entry: &Entry<H, S>, terms: &Terms) -> Option<Nanos> {
    entry.ttl(terms).map(|ttl| entry.born.saturating_add(ttl))
}
