//! The ways to answer a call: a stored result, one that its session keeps, or what another's run has brought.

use crate::engine::call::plan::{Plan, Request};
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::{NextStep, Served, Step};
use crate::engine::call::verdict::Kept;
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::function_cache::context::Context;
use crate::engine::function_cache::evicted::Gone;
use crate::engine::function_cache::session_hint::SessionHint;
use crate::engine::host::Decided;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::recognition::Recognition;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::storage::entry::Entry;
use crate::engine::tables::index::Slot;
use crate::engine::versions::read_log::Basis;

impl<H: SessionHost> Plan<H> {
    /// Serves what the session is to see again though it is not stored. What it finds in what left the cache
    /// it keeps from now on.
    pub(crate) fn serve_kept(&mut self, kept: Kept, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let Some(entry) = self.kept_entry(cx, kept)? else { unreachable!("the verdict has found it there") };
        let value = entry.value.clone();
        let mut basis = entry.basis(&entry.stamp, cx.cache.terms.constant);
        match kept {
            Kept::Own(slot) => {
                let reader = cx.caller.as_mut().and_then(|caller| caller.memory.readers.get_mut(cx.cache.id));
                if let Some(shelf) = reader.and_then(|reader| reader.pinned.as_mut()) {
                    shelf.touch(slot);
                }
            }
            Kept::Evicted { agreed } => {
                cx.give_again(&self.request.probe, (self.ticket(), agreed), &self.comparisons)?;
                if agreed {
                    basis = self.vouched(basis);
                }
            }
        }
        self.status.hit = true;
        cx.cache.stats.hits += 1;
        Ok(Step::Done(Served { value, basis, behind: None }))
    }

    /// What is kept there.
    pub(crate) fn kept_entry<'a>(
        &self,
        cx: &'a Context<'_, H>,
        kept: Kept,
    ) -> Decided<H, Option<&'a Entry<H>>> {
        match kept {
            Kept::Own(slot) => {
                let reader = cx.caller.as_ref().and_then(|caller| caller.memory.readers.get(cx.cache.id));
                Ok(reader.and_then(|reader| reader.pinned.as_ref()?.get(slot)))
            }
            Kept::Evicted { .. } => Ok(self.among_evicted(cx)?.map(|(gone, _)| &gone.entry)),
        }
    }

    /// Lets go of what the session keeps of the key and has expired, unless the call leaves that alone.
    pub(crate) fn drop_expired(&self, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        if !matches!(self.request.wish.manner, Manner::Called | Manner::Behind) {
            return Ok(());
        }
        let reader = cx.caller.as_mut().and_then(|caller| caller.memory.readers.get_mut(cx.cache.id));
        let Some(reader) = reader else { return Ok(()) };
        let kept = reader.find(&self.request.probe, &self.comparisons)?;
        if let Some((slot, _)) = kept.filter(|(_, entry)| !entry.is_fresh(cx.now, &cx.cache.terms)) {
            let expired = reader.pinned.as_mut().and_then(|shelf| shelf.remove(slot));
            cx.drops.extend(expired.map(|(_, entry)| Leaving::Entry(entry)));
        }
        Ok(())
    }

    /// What left the cache and the session may have seen of the key, and how it knows that again.
    pub(crate) fn among_evicted<'a>(
        &self,
        cx: &'a Context<'_, H>,
    ) -> Decided<H, Option<(&'a Gone<H>, Recognition)>> {
        let Some(caller) = &cx.caller else { return Ok(None) };
        let Some(reader) = caller.memory.readers.get(cx.cache.id) else { return Ok(None) };
        let session = (caller.id, reader.since);
        let Some(gone) = cx.cache.evicted.find(&self.request.probe, session, &self.comparisons)? else {
            return Ok(None);
        };
        let (noted, offline) = (gone.given.contains(&caller.id), self.request.wish.manner == Manner::Offline);
        let lives = gone.entry.is_fresh(cx.now, &cx.cache.terms) || noted && offline;
        if !lives || !noted && self.refreshes() {
            return Ok(None);
        }
        let how = self.memory(cx.cache, caller).recognises(gone.entry.stored, &gone.entry.stamp, noted)?;
        Ok(how.map(|how| (gone, how)))
    }

    /// Serves what the run brought for which this call waited.
    pub(crate) fn share(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        cx.take_from(&self.request.probe, &self.comparisons)?;
        let Some(arrival) = self.waits.arrival.take() else { unreachable!("the verdict has looked at it") };
        let landed = &arrival.landed;
        let lags = landed.entry.stamp.lags;
        let basis = Basis { tag: arrival.under.tag, ticket: arrival.vouch, version: arrival.under.version };
        let basis = if lags { basis } else { self.vouched(basis) };
        let value = landed.entry.value.clone();
        (self.status.hit, self.status.collapsed) = (true, true);
        cx.cache.stats.hits += 1;
        if cx.caller.is_some() && landed.is_to_be_kept() {
            let mut kept = Entry { known_in: cx.session(), stored: 0, ..landed.entry.clone() };
            if !lags {
                kept.stamp.ticket = kept.stamp.ticket.max(self.ticket());
            }
            cx.keep_for(cx.session(), (self.request.probe.hash, kept));
        }
        cx.drops.push(Leaving::Shared(arrival.landed));
        Ok(Step::Done(Served { value, basis, behind: None }))
    }

    /// Answers with a stored entry. `agreed` says that its version was found equal to the observed one.
    pub(crate) fn serve(&mut self, slot: Slot, agreed: bool, cx: &mut Context<'_, H>) -> NextStep<H> {
        let by_version = self.knows_by_version(cx);
        let session = cx.session();
        let cache = &mut *cx.cache;
        let constant = cache.terms.constant;
        cache.entries.touch(slot);
        cache.stats.hits += 1;
        self.status.hit = true;
        if let Some(observation) = self.observation.as_ref().filter(|_| agreed) {
            cache.entries.verify(slot, if constant { order::NEVER } else { observation.since });
        }
        let Some((entry, stamp)) = cache.entries.get_mut(slot) else {
            unreachable!("the verdict has found it there")
        };
        let caller = cx.caller.as_mut().filter(|caller| caller.memory.readers.get(cache.id).is_some());
        if let (Some(caller), Some(observation)) = (caller, self.observation.as_mut()) {
            if agreed && stamp.tag != observation.tag {
                // Two tags of one version: the older wins, so that they become one wherever they meet, and a
                // new session's changes nothing for others.
                let tag = stamp.tag.min(observation.tag);
                // Another call may have moved the session on.
                let Request { scope, given, .. } = &self.request;
                let seen = caller.memory.seen_mut((cache.id, scope), given.as_ref(), &self.comparisons);
                if let Ok(Some(seen)) = seen
                    && seen.tag() == observation.tag
                {
                    seen.rename(tag);
                }
                (stamp.tag, observation.tag) = (tag, tag);
            }
            if by_version {
                cache.hints[order::lane(session)] = SessionHint::of(session, observation);
            }
        }
        let (value, basis) = (entry.value.clone(), entry.basis(stamp, constant));
        Step::Done(Served { value, basis: if agreed { self.vouched(basis) } else { basis }, behind: None })
    }

    /// Notes that the observation found the version of an entry unchanged, before it is served or a session
    /// takes a copy.
    pub(crate) fn raise(&self, cache: &mut FunctionCache<H>, slot: Slot) {
        cache.raise(slot, self.ticket());
    }

    /// Whether the hit path may know entries for the session by the version of this call, without a note of
    /// each: the session goes by that.
    pub(crate) fn knows_by_version(&self, cx: &Context<'_, H>) -> bool {
        let reader = cx.caller.as_ref().and_then(|caller| caller.memory.readers.get(cx.cache.id));
        let reader = reader.filter(|reader| reader.knows_by_version());
        let seen = reader.map(|reader| reader.seen.peek(None, &self.comparisons));
        self.request.given.is_none()
            && !self.request.wish.special
            && matches!((seen, &self.observation), (Some(Ok(Some(seen))), Some(own)) if seen.tag() == own.tag)
    }

    /// Sees to it that the session will meet this very entry again, whatever becomes of it: by a note in the
    /// entry, or, if another session needs the place of that, by one aside of it where that is `needed`.
    pub(crate) fn remember(&self, slot: Slot, needed: bool, cx: &mut Context<'_, H>) -> Decided<H, ()> {
        let Some(session) = cx.caller.as_ref().map(|caller| caller.id) else { return Ok(()) };
        let Some(look) = cx.cache.entries.get(slot) else { return Ok(()) };
        if cx.cache.entries.is_noted(look.entry, session) {
            return Ok(());
        }
        let given = self.request.given.as_ref();
        let free = cx.cache.is_note_free(look, (&self.request.scope, given), &self.comparisons, cx.drops)?;
        if !free && !needed {
            return Ok(());
        }
        // What left the cache before is not what the session goes by.
        cx.take_from(&self.request.probe, &self.comparisons)?;
        if !free {
            cx.cache.note_aside(slot, session);
        } else if let Some((entry, _)) = cx.cache.entries.get_mut(slot) {
            entry.known_in = session;
        }
        Ok(())
    }
}
