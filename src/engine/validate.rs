//! Validations: whether the versions that a computation has read still hold when it has ended.
//!
//! Each is asked by a call of its own ([`Plan::about`]), in a session that begins after the computation's observation and that its own
//! session knows nothing of: what holds there is as new as that observation.

use super::Decided;
use super::compare::Object;
use super::context::Context;
use super::entry::{Displaced, Leaving};
use super::live::Look;
use super::plan::{Computation, Phase, Plan, Stage};
use super::protocol::{Made, NextStep, Step};
use super::reads::{Read, oldest};
use super::ticket::{self, Ticket};
use super::{Host, Slot};

/// A version that is to be asked about.
#[derive(Clone, Debug)]
pub struct Claim<O> {
    /// The version.
    pub version: O,
    /// Names it.
    pub tag: Ticket,
    /// An answer is good if it was asked for after this.
    pub since: Ticket,
}

/// What a call has found of the versions that its function has read.
pub(super) struct Found<O> {
    /// Whether the call may go by a newer version of its own when it has computed, since its result lags.
    pub(super) asks_again: bool,
    /// Whether what the version function has read was added to what the function has.
    gathered: bool,
    /// Those that hold still.
    held: Vec<Ticket>,
    /// The oldest of those that do not.
    pub(super) oldest: Ticket,
    /// One of them.
    culprit: Option<Read<O>>,
    /// By what tag and ticket the session is served what was made, until that is decided: the tag is nobody else's. 0 before.
    pub(super) shown_by: (Ticket, Ticket),
}

impl<O> Found<O> {
    /// Nothing yet.
    pub(super) fn new(asks_again: bool) -> Self {
        Self {
            asks_again,
            gathered: false,
            held: Vec::new(),
            oldest: ticket::NEVER,
            culprit: None,
            shown_by: (0, 0),
        }
    }

    /// What was read and does not hold, if anything.
    pub(super) fn culprit(&self) -> Option<&Read<O>> {
        self.culprit.as_ref()
    }

    /// Nothing yet, of what is made next.
    pub(super) fn of_the_next(&self) -> Self {
        Self::new(self.asks_again)
    }
}

impl<O> Made<O> {
    /// Lets go of what is not to be an answer.
    pub(super) fn leave<H: Host<Object = O>>(self, displaced: &mut Displaced<H>)
    where
        O: Object,
    {
        displaced.push(Leaving::Object(self.value));
        displaced.extend(self.seen.map(Leaving::Object));
        displaced.extend(self.reads);
    }
}

impl<H: Host> Plan<H> {
    /// The next thing that was read and is to be asked about. All that can be told without that is told before.
    pub(super) fn unvalidated(
        &mut self,
        reads: &mut Vec<Read<H::Object>>,
        displaced: &mut Displaced<H>,
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
            let ticket = ticket::before(observation.ticket.min(oldest(reads)));
            found.shown_by = (ticket::draw(), ticket);
        }
        while let Some(read) = reads.pop() {
            let holds = read.can_be_asked() && found.held.contains(&read.tag);
            // Who was shown what this call made has read nothing else.
            let own_result = read.tag == found.shown_by.0;
            if holds || own_result || !own.is_newer_than(read.tag, read.ticket) {
                displaced.push(Leaving::Object(read.call));
            } else if read.can_be_asked() && found.culprit.is_none() {
                return Some(read);
            } else {
                // One that does not hold is enough; of the others it only matters how old they are.
                found.oldest = found.oldest.min(read.ticket);
                displaced.extend(found.culprit.replace(read).map(|read| Leaving::Object(read.call)));
            }
        }
        None
    }

    /// Takes the answer to [`super::Step::Validate`]: whether the version holds. `more` was read in the session meanwhile.
    pub(super) fn validated(&mut self, read: Read<H::Object>, holds: bool, more: Vec<Read<H::Object>>) {
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
    pub(super) fn validate(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        self.tell(cx, false)?;
        let found = self.find(cx.store)?;
        let Some(claim) = self.request.claim.clone() else {
            unreachable!("a call that validates has a claim")
        };
        let decided = self.holds(found, &claim, cx);
        cx.displaced.push(Leaving::Object(claim.version));
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
        let look = found.and_then(|slot| Some((slot, cx.store.live.get(slot)?)));
        let mut same = false;
        if let Some((_, Look { stamp, .. })) = look {
            same = !stamp.lags
                && (stamp.tag == claim.tag || self.verdicts.same(&stamp.version, &claim.version)?);
            if same && stamp.ticket > claim.since {
                return Ok(Some(true));
            }
        }
        let Some(observation) = self.vouching(cx) else { return Ok(None) };
        // One that rests on something stale tells nothing of now.
        let holds = observation.ticket > claim.since
            && (observation.tag == claim.tag || self.verdicts.same(&claim.version, &observation.version)?);
        if let (true, true, Some(slot)) = (holds, same, found) {
            // So that the next need not ask.
            self.raise(cx.store, slot);
        }
        Ok(Some(holds))
    }
}
