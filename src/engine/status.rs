//! What a call did or would do, in the words of RFC 9211 (Cache-Status).

use super::Decided;
use super::Host;
use super::clock::{self, Nanos};
use super::context::Context;
use super::entry::{Entry, Leaving};
use super::plan::Plan;
use super::rows::Slot;
use super::store::Terms;
use super::ticket::{self, Ticket};
use super::verdict::{How, Verdict};

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
    /// What the call would do. Asks nothing, computes nothing and moves nothing; what its session has seen is noted.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub fn explain(&mut self, cx: &mut Context<'_, H>) -> Decided<H, Status> {
        cx.now = clock::now();
        if let Some(caller) = cx.caller.as_ref().filter(|_| self.observation.is_none()) {
            let reader = caller.known.readers.get(cx.store.id);
            let given = self.request.given.as_ref();
            let seen = reader.map_or(Ok(None), |reader| reader.seen.peek(given, &self.verdicts))?;
            self.observation = seen.cloned();
        }
        loop {
            self.compare(cx)?;
            let found = self.find(cx.store)?;
            let verdict = self.verdict(cx, found)?;
            if verdict == Verdict::Ask
                && let Some(answer) = self.answered(cx)?.cloned()
            {
                let before = self.observation.replace(answer);
                cx.displaced.extend(before.map(Leaving::Observation));
                continue;
            }
            let look = found.and_then(|slot| cx.store.live.get(slot));
            let due = look.is_some_and(|look| self.is_due(look, cx));
            let verdict = match verdict {
                // Whatever the version is.
                Verdict::Ask if due || look.is_none() => {
                    let how = How::Compute { hasty: false };
                    Verdict::Forwarded { old: found, due, agreed: false, how }
                }
                verdict => verdict,
            };
            return self.told(verdict, found, cx);
        }
    }

    /// A verdict in the words of RFC 9211.
    fn told(&self, verdict: Verdict, found: Option<Slot>, cx: &Context<'_, H>) -> Decided<H, Status> {
        let store = &*cx.store;
        let forward = verdict.forward(store.terms.maxsize);
        let hit = forward.is_none() && verdict != Verdict::Ask;
        let base = Status { hit, forward, detail: verdict.detail(), ..Status::default() };
        if let Verdict::Kept(kept) = verdict {
            let Some(entry) = self.kept_entry(cx, kept)? else {
                unreachable!("the verdict has found it there")
            };
            let only = !entry.stamp.lags && !ticket::is_drawn(entry.stamp.ticket);
            let detail = if only { "session-only" } else { base.detail };
            return Ok(Status { expires: expires(entry, &store.terms), detail, ..base });
        }
        let entry = found.and_then(|slot| store.live.get(slot)).map(|look| look.entry);
        let expires = entry.and_then(|entry| expires(entry, &store.terms));
        let Verdict::Forwarded { how, .. } = verdict else { return Ok(Status { expires, ..base }) };
        let stored = forward != Some(Forward::Bypass) && how != How::Compute { hasty: true };
        let collapsed = matches!(how, How::Shown(_) | How::Wait(_));
        Ok(Status { expires, stored, collapsed, ..base })
    }

    /// Notes what the call did, in its session, which has been given a result.
    pub(super) fn log(&self, cx: &mut Context<'_, H>) {
        let Some(caller) = &mut cx.caller else { return };
        if let Some(reader) = caller.known.readers.get_mut(cx.store.id) {
            reader.given();
        }
        let log = &mut caller.known.log;
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(Logged { function: cx.store.id, key: self.request.probe.hash, status: self.status });
    }
}

fn expires<H: Host, S>(entry: &Entry<H, S>, terms: &Terms) -> Option<Nanos> {
    entry.ttl(terms).map(|ttl| entry.born.saturating_add(ttl))
}
