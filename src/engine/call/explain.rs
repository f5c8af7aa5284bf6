//! What a call would do, told without doing it: the verdict in the words of RFC 9211.

use crate::engine::call::plan::Plan;
use crate::engine::call::verdict::{How, Verdict};
use crate::engine::clock;
use crate::engine::function_cache::context::Context;
use crate::engine::host::Decided;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::{Detail, Forward, Logged, Status};
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::tables::index::Slot;
use crate::engine::versions::observation::CompactObservation;

impl<H: SessionHost> Plan<H> {
    /// What the call would do. Asks nothing, computes nothing and moves nothing; what its session has seen is
    /// noted.
    ///
    /// # Errors
    /// [`super::Unsure`] when that depends on two objects not yet compared.
    pub fn explain(&mut self, cx: &mut Context<'_, H>) -> Decided<H, Status> {
        cx.now = clock::now();
        if let Some(caller) = cx.caller.as_ref().filter(|_| self.observation.is_none()) {
            let (name, given) = ((cx.cache.id, &self.request.scope), self.request.given.as_ref());
            let seen = caller.memory.seen(name, given, &self.comparisons)?;
            self.observation = seen.map(CompactObservation::to_observation);
        }
        loop {
            self.compare(cx)?;
            let found = self.find(cx.cache)?;
            let verdict = self.verdict(cx, found)?;
            if verdict == Verdict::Ask
                && let Some(answer) = self.answered(cx)?.map(CompactObservation::to_observation)
            {
                let before = self.observation.replace(answer);
                cx.drops.extend(before.map(Leaving::Observation));
                continue;
            }
            let look = found.and_then(|slot| cx.cache.entries.get(slot));
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
        let cache = &*cx.cache;
        let forward = verdict.forward(cache.terms.maxsize);
        let hit = forward.is_none() && verdict != Verdict::Ask;
        let base = Status { hit, forward, detail: verdict.detail(), ..Status::default() };
        if let Verdict::Kept(kept) = verdict {
            let Some(entry) = self.kept_entry(cx, kept)? else {
                unreachable!("the verdict has found it there")
            };
            let only = !entry.stamp.lags && !order::is_drawn(entry.stamp.ticket);
            let detail = if only { Detail::SessionOnly } else { base.detail };
            let ttl = entry.ttl(&cache.terms);
            return Ok(Status { expires: ttl.map(|ttl| entry.born.saturating_add(ttl)), detail, ..base });
        }
        let look = found.and_then(|slot| cache.entries.get(slot));
        let expires = look.and_then(|look| Some(look.entry.born.saturating_add(look.ttl(&cache.terms)?)));
        let Verdict::Forwarded { how, .. } = verdict else { return Ok(Status { expires, ..base }) };
        let stored = forward != Some(Forward::Bypass) && how != How::Compute { hasty: true };
        let collapsed = matches!(how, How::Shown(_) | How::Wait(_));
        Ok(Status { expires, stored, collapsed, ..base })
    }
}

impl<H: SessionHost> Context<'_, H> {
    /// Notes what a call of a key of that hash did, in its session, which has been given a result.
    pub(crate) fn log(&mut self, key: u64, status: Status) {
        let Some(caller) = &mut self.caller else { return };
        if let Some(reader) = caller.memory.readers.get_mut(self.cache.id) {
            reader.given();
        }
        caller.memory.log.push(Logged::new(self.cache.id, key, status));
    }
}
