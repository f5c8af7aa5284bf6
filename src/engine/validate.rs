//! Validations: whether the versions that a computation has read still hold when it has ended.
//!
//! Each is asked by a call of its own ([`Plan::about`]), in a session that begins after the computation's observation and that its own
//! session knows nothing of: what holds there is as new as that observation.

use super::compare::Object;
use super::entry::{Displaced, Leaving, Observation};
use super::live::Look;
use super::plan::{Decided, Doing, Made, Manner, NextStep, Plan, Step};
use super::reads::{Own, Read, oldest};
use super::store::{Caller, Store};
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

impl<O> Default for Found<O> {
    fn default() -> Self {
        Self {
            asks_again: false,
            gathered: false,
            held: Vec::new(),
            oldest: ticket::NEVER,
            culprit: None,
            shown_by: (0, 0),
        }
    }
}

impl<O> Found<O> {
    /// Nothing yet, of what is made next.
    pub(super) fn of_the_next(&self) -> Self {
        Self { asks_again: self.asks_again, ..Self::default() }
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
    /// What now runs for this call: it notes what it reads that is older.
    #[must_use]
    pub fn own(&self) -> Own {
        if self.doing == Doing::Asking {
            return Own { tag: self.asks_since, ticket: self.asks_since, until: self.asks_since };
        }
        let Some(observation) = self.observation.as_ref() else { return Own::default() };
        Own {
            tag: observation.tag,
            ticket: if observation.reads.is_some() { 0 } else { observation.ticket },
            // One that may ask again for its version will go by a newer one then.
            until: if self.validation.asks_again { ticket::NEVER } else { observation.until },
        }
    }

    /// The next thing that was read and is to be asked about. All that can be told without that is told before.
    pub(super) fn unvalidated(
        &mut self,
        reads: &mut Vec<Read<H::Object>>,
        displaced: &mut Displaced<H>,
    ) -> Option<Read<H::Object>> {
        let observation = self.observation.as_ref()?;
        if !self.validation.gathered {
            self.validation.gathered = true;
            reads.extend(observation.reads.iter().flatten().cloned());
        }
        let own = Own { until: observation.until, ..self.own() };
        if self.validation.shown_by == (0, 0) && !reads.is_empty() {
            let ticket = ticket::before(observation.ticket.min(oldest(reads)));
            self.validation.shown_by = (ticket::draw(), ticket);
        }
        while let Some(read) = reads.pop() {
            let holds = read.can_be_asked() && self.validation.held.contains(&read.tag);
            // Who was shown what this call made has read nothing else.
            let own_result = read.tag == self.validation.shown_by.0;
            if holds || own_result || !own.is_newer_than(read.tag, read.ticket) {
                displaced.push(Leaving::Object(read.call));
            } else if read.can_be_asked() && self.validation.culprit.is_none() {
                return Some(read);
            } else {
                // One that does not hold is enough; of the others it only matters how old they are.
                self.validation.oldest = self.validation.oldest.min(read.ticket);
                displaced
                    .extend(self.validation.culprit.replace(read).map(|read| Leaving::Object(read.call)));
            }
        }
        None
    }

    /// Takes the answer to [`Step::Validate`]: whether the version holds. `more` was read in the session meanwhile.
    pub fn validated(&mut self, read: &Read<H::Object>, holds: bool, more: Vec<Read<H::Object>>) {
        if holds {
            self.validation.held.push(read.tag);
        } else {
            self.validation.oldest = self.validation.oldest.min(read.ticket);
            self.validation.culprit = Some(read.clone());
        }
        if let Some(made) = self.made.as_mut() {
            made.reads.extend(more);
        }
    }

    /// Whether the function runs now, and not its version function.
    #[must_use]
    pub fn is_computing(&self) -> bool {
        self.doing == Doing::Computing
    }

    /// The observation by which the call goes is no newer than this.
    #[must_use]
    pub fn observed_until(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.until)
    }

    /// If a result was made: what it rests on and does not hold, so that it is not stored, if anything.
    #[must_use]
    pub fn made_with(&self) -> Option<Option<&Read<H::Object>>> {
        (self.validation.culprit.is_some() || self.status.stored).then_some(self.validation.culprit.as_ref())
    }

    /// Makes the call one that asks about a version, in place of a result.
    pub fn about(&mut self, claim: Claim<H::Object>) {
        self.wish.manner = Manner::Validating;
        self.claim = Some(claim);
    }

    /// The version that is to be asked about, for whoever traces references.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim<H::Object>> {
        self.claim.as_ref()
    }

    /// What the function has read, for the same.
    pub fn reads(&self) -> impl Iterator<Item = &Read<H::Object>> {
        self.made.iter().flat_map(|made| &made.reads).chain(&self.validation.culprit)
    }

    /// Whether the version that is to be asked about holds: nobody is asked if another has found so since.
    pub(super) fn validate(
        &mut self,
        store: &mut Store<H>,
        mut caller: Option<&mut Caller<'_, H>>,
        displaced: &mut Displaced<H>,
    ) -> Decided<H, NextStep<H>> {
        if let Some(caller) = caller.as_deref_mut() {
            self.tell(store, caller, displaced)?;
        }
        let found = self.find(store)?;
        let Some(claim) = self.claim.clone() else { unreachable!("a call that validates has a claim") };
        let decided = self.holds(store, found, &claim);
        displaced.push(Leaving::Object(claim.version));
        match decided? {
            Some(holds) => Ok(Step::Holds(holds)),
            None => self.ask(store, caller, displaced),
        }
    }

    fn holds(
        &self,
        store: &mut Store<H>,
        found: Option<Slot>,
        claim: &Claim<H::Object>,
    ) -> Decided<H, Option<bool>> {
        let look = found.and_then(|slot| Some((slot, store.live.get(slot)?)));
        let mut same = false;
        if let Some((_, Look { stamp, .. })) = look {
            same = !stamp.lags
                && (stamp.tag == claim.tag || self.verdicts.same(&stamp.version, &claim.version)?);
            if same && stamp.ticket > claim.since {
                return Ok(Some(true));
            }
        }
        let (now, ttl) = (self.now, store.terms.ttl);
        let vouches = |seen: &&Observation<H::Object>| self.asked || seen.vouches(now, ttl);
        let Some(observation) = self.observation.as_ref().filter(vouches) else { return Ok(None) };
        // One that rests on something stale tells nothing of now.
        let holds = observation.ticket > claim.since
            && (observation.tag == claim.tag || self.verdicts.same(&claim.version, &observation.version)?);
        if let (true, true, Some(slot)) = (holds, same, found) {
            // So that the next need not ask.
            self.raise(store, slot);
        }
        Ok(Some(holds))
    }
}
