//! Validation, the last phase of optimistic concurrency control: whether the versions that a computation has
//! read still hold when it has ended.
//!
//! Each is asked by a call of its own ([`Plan::about`]), in a session that begins after the computation's
//! observation and that its own session knows nothing of: what holds there is as new as that observation.

use crate::engine::call::claim::Claim;
use crate::engine::call::plan::{Computation, Phase, Plan, Stage};
use crate::engine::call::protocol::{Made, NextStep, Step};
use crate::engine::function_cache::context::Context;
use crate::engine::host::{Decided, Host};
use crate::engine::keys::key::Object;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;
use crate::engine::versions::read_log::{Read, oldest};

impl<O> Made<O> {
    /// Lets go of what is not to be an answer.
    pub(crate) fn leave<H: Host<Object = O>>(self, drops: &mut DeferredDrops<H>)
    where
        O: Object,
    {
        drops.push(Leaving::Object(self.value));
        drops.extend(self.seen.map(Leaving::Object));
        drops.extend(self.reads);
    }
}

impl<H: SessionHost> Plan<H> {
    /// The next thing that was read and is to be asked about. All that can be told without that is told
    /// before.
    pub(crate) fn unvalidated(
        &mut self,
        reads: &mut Vec<Read<H::Object>>,
        drops: &mut DeferredDrops<H>,
    ) -> Option<Read<H::Object>> {
        let Phase::Computing(Computation { validation: found, .. }) = &mut self.phase else {
            unreachable!("it computes")
        };
        let observation = self.observation.as_ref()?;
        if !found.gathered {
            found.gathered = true;
            reads.extend(observation.reads.iter().flatten().cloned());
        }
        let own = observation.own(false);
        if found.shown_by == (0, 0) && !reads.is_empty() {
            let ticket = order::before(observation.ticket.min(oldest(reads)));
            found.shown_by = (order::draw(), ticket);
        }
        while let Some(read) = reads.pop() {
            let holds = read.can_be_asked() && found.held.contains(&read.tag);
            // Who was shown what this call made has read nothing else.
            let own_result = read.tag == found.shown_by.0;
            if holds || own_result || !own.is_newer_than(read.tag, read.ticket) {
                drops.push(Leaving::Object(read.call));
            } else if read.can_be_asked() && found.culprit.is_none() {
                return Some(read);
            } else {
                // One that does not hold is enough; of the others it only matters how old they are.
                found.oldest = found.oldest.min(read.ticket);
                drops.extend(found.culprit.replace(read).map(|read| Leaving::Object(read.call)));
            }
        }
        None
    }

    /// Takes the answer to [`super::Step::Validate`]: whether the version holds. `more` was read in the
    /// session meanwhile.
    pub(crate) fn validated(&mut self, read: Read<H::Object>, holds: bool, more: Vec<Read<H::Object>>) {
        let Phase::Computing(Computation { validation, stage: Stage::Made(made, _), .. }) = &mut self.phase
        else {
            unreachable!("what a computation has read is asked about when its function has returned")
        };
        made.reads.extend(more);
        if holds {
            validation.held.push(read.tag);
        } else {
            validation.oldest = validation.oldest.min(read.ticket);
            validation.culprit = Some(read);
        }
    }

    /// Whether the version that is to be asked about holds: nobody is asked if another has found so since.
    pub(crate) fn validate(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        self.tell(cx, false)?;
        let found = self.find(cx.cache)?;
        let Some(claim) = self.request.claim.clone() else {
            unreachable!("a call that validates has a claim")
        };
        let decided = self.holds(found, &claim, cx);
        cx.drops.push(Leaving::Object(claim.version));
        match decided? {
            Some(holds) => Ok(Step::Holds(holds)),
            None => self.ask(cx),
        }
    }

    fn holds(
        &self,
        found: Option<Slot>,
        claim: &Claim<H::Object>,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, Option<bool>> {
        let look = found.and_then(|slot| Some((slot, cx.cache.entries.get(slot)?)));
        let mut same = false;
        if let Some((_, Look { stamp, .. })) = look {
            same = !stamp.lags
                && (stamp.tag == claim.tag || self.comparisons.same(&stamp.version, &claim.version)?);
            if same && stamp.ticket > claim.since {
                return Ok(Some(true));
            }
        }
        let Some(observation) = self.vouching(cx) else { return Ok(None) };
        // One that rests on something stale tells nothing of now.
        let holds = observation.ticket > claim.since
            && (observation.tag == claim.tag
                || self.comparisons.same(&claim.version, &observation.version)?);
        if let (true, true, Some(slot)) = (holds, same, found) {
            // So that the next need not ask.
            self.raise(cx.cache, slot);
        }
        Ok(Some(holds))
    }
}
