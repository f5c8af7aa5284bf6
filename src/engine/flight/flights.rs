//! Single-flight, the table of computations in progress: who may wait for which, and what they leave to those
//! who waited.
//!
//! There may be as many as a program has tasks, so each is found by its key or by where it lies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use smallvec::{SmallVec, smallvec};

use crate::engine::clock::Nanos;
use crate::engine::host::{Flight, Host};
use crate::engine::keys::comparisons::{Comparisons, Unsure};
use crate::engine::keys::key::Probe;
use crate::engine::order::{self, ByTicket, Ticket};
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entry::{Entry, OwnTtl};
use crate::engine::tables::index::Slot;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::version_stamp::VersionStamp;

/// What a computation brings to those who waited for it.
pub struct Arrival<H: Host> {
    /// The result.
    pub landed: Arc<SharedResult<H>>,
    /// The version that was asked before, by which those who waited know whether it is for them.
    pub under: VersionStamp<H::Object>,
    /// What it vouches for.
    pub vouch: Ticket,
}

impl<H: Host> Clone for Arrival<H> {
    fn clone(&self) -> Self {
        Self { landed: self.landed.clone(), under: self.under.clone(), vouch: self.vouch }
    }
}

impl<H: Host> Arrival<H> {
    /// Whether it is of a later observation than that, and does not lag behind it.
    pub(crate) fn is_newer(&self, seen: &Observation<H::Object>) -> bool {
        self.under.is_newer(seen) && !self.landed.entry.stamp.lags
    }
}

/// A result that somebody has yet to take.
pub struct SharedResult<H: Host> {
    /// As it was stored, or might have been.
    pub(crate) entry: Entry<H>,
    keep: AtomicBool,
}

impl<H: Host> SharedResult<H> {
    /// Whether a session is to remember it: it was not refused, and not struck until now.
    pub(crate) fn is_to_be_kept(&self) -> bool {
        self.keep.load(Ordering::Relaxed)
    }

    fn strike_if(&self, struck: bool) {
        if struck {
            self.keep.store(false, Ordering::Relaxed);
        }
    }
}

/// A result that is not decided yet.
#[derive(Clone)]
pub(crate) struct Shown<O> {
    pub(crate) value: O,
    /// By what tag and ticket it is served.
    pub(crate) by: (Ticket, Ticket),
    /// How long it lives, if it says so itself.
    pub(crate) own_ttl: OwnTtl,
}

/// Names a computation, and says where it lies with those of the same key. That place may be another key's by
/// now, so who looks there looks for the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunId {
    pub(crate) ticket: Ticket,
    slot: Slot,
}

/// A computation in progress.
pub struct InProgress<H: Host> {
    pub(crate) ticket: Ticket,
    tag: Ticket,
    version: H::Object,
    pub(crate) flight: H::Flight,
    /// The session of its caller; 0 for none.
    session: Ticket,
    /// When it began.
    pub(crate) born: Nanos,
    pub(crate) marks: Marks,
    /// What it has made, while that is validated.
    made: Option<Shown<H::Object>>,
}

/// Whether the function called itself in the caller's session with the same arguments, or put a result.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bypass {
    #[default]
    No,
    Yes,
    /// It did, and what came of that the session keeps for itself.
    Kept,
}

/// What happened while a computation went on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Marks {
    /// Its key was cleared or invalidated.
    pub(crate) struck: bool,
    /// Somebody waits for it.
    pub(crate) awaited: bool,
    /// It may wait for a lease of the second tier.
    pub(crate) before_lease: bool,
    /// What its function did meanwhile.
    pub(crate) bypass: Bypass,
}

/// A computation, and those around it of the same key: the function called itself. Who is part of the
/// innermost is part of all, so they are left out at once, however many there are.
struct Stack<H: Host> {
    top: InProgress<H>,
    /// The outermost first.
    below: Vec<InProgress<H>>,
}

impl<H: Host> Stack<H> {
    /// The outermost first.
    fn runs(&self) -> impl DoubleEndedIterator<Item = &InProgress<H>> {
        self.below.iter().chain([&self.top])
    }

    fn runs_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut InProgress<H>> {
        self.below.iter_mut().chain([&mut self.top])
    }
}

/// The computations of one key, in the order in which they began: hardly ever more than one.
struct Group<H: Host> {
    key: H::Key,
    stacks: SmallVec<[Stack<H>; 1]>,
}

impl<H: Host> Group<H> {
    fn runs(&self) -> impl Iterator<Item = &InProgress<H>> {
        self.stacks.iter().flat_map(Stack::runs)
    }

    /// One that ended without a word, of those that nothing lies upon.
    fn over(&self) -> Option<Ticket> {
        self.stacks.iter().map(|stack| &stack.top).find(|top| !top.flight.is_going()).map(|top| top.ticket)
    }

    /// Adds one, on top of those that its leader is part of.
    fn add(&mut self, going: InProgress<H>, leader: &<H::Flight as Flight>::Leader) {
        match self.stacks.iter_mut().find(|stack| stack.top.flight.encloses(leader)) {
            Some(stack) => stack.below.push(std::mem::replace(&mut stack.top, going)),
            None => self.stacks.push(Stack { top: going, below: Vec::new() }),
        }
    }

    /// Takes one out.
    fn take(&mut self, ticket: Ticket) -> Option<InProgress<H>> {
        for (number, stack) in self.stacks.iter_mut().enumerate().rev() {
            if stack.top.ticket == ticket {
                return Some(match stack.below.pop() {
                    Some(next) => std::mem::replace(&mut stack.top, next),
                    None => self.stacks.remove(number).top,
                });
            }
            if let Some(place) = stack.below.iter().rposition(|going| going.ticket == ticket) {
                return Some(stack.below.remove(place));
            }
        }
        None
    }

    fn strike(&mut self) {
        self.stacks.iter_mut().flat_map(Stack::runs_mut).for_each(|going| going.marks.struck = true);
    }
}

/// How many things there may be before those that are over without a word are looked for, at least.
const FEW: usize = 16;

/// The computations of one function that are in progress.
pub struct Flights<H: Host> {
    groups: LruSlab<Group<H>>,
    /// How many there are.
    len: usize,
    /// Those that ended without a word are looked for when there are more than so many.
    most: usize,
    /// By the hashes of their keys.
    landed: ByTicket<Vec<Weak<SharedResult<H>>>>,
    /// How often something was struck.
    pub(crate) strikes: u64,
    /// How many have landed since those were forgotten that nobody has yet to take, and when that is done
    /// again.
    landings: (usize, usize),
}

impl<H: Host> Default for Flights<H> {
    fn default() -> Self {
        Self {
            groups: LruSlab::default(),
            len: 0,
            most: FEW,
            landed: ByTicket::default(),
            strikes: 0,
            landings: (0, FEW),
        }
    }
}

impl<H: Host> Flights<H> {
    /// Notes a computation. Those that ended without a word, with a thread that a fork left behind, are
    /// forgotten: of the same key now, others by and by.
    pub(crate) fn begin(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        (flight, leader): (&H::Flight, &<H::Flight as Flight>::Leader),
        (session, born): (Ticket, Nanos),
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> RunId {
        if self.len >= self.most {
            self.forget_what_is_over(drops);
        }
        // Whoever begins one has looked for others of the key, so nothing is left to ask.
        let mut found = self.group(probe, comparisons).unwrap_or(None);
        while let Some(slot) = found
            && let Some(ticket) = self.groups.get(slot).and_then(Group::over)
        {
            self.end(RunId { ticket, slot }, drops);
            found = found.filter(|slot| self.groups.get(*slot).is_some());
        }
        self.add(found, probe, seen, (flight, leader), (session, born))
    }

    /// Notes the first computation of a hash.
    pub(crate) fn begin_first(
        &mut self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        led: (&H::Flight, &<H::Flight as Flight>::Leader),
        course: (Ticket, Nanos),
        drops: &mut DeferredDrops<H>,
    ) -> RunId {
        if self.len >= self.most {
            self.forget_what_is_over(drops);
        }
        self.add(None, probe, seen, led, course)
    }

    /// Adds a computation to those of its key, if there are any.
    #[inline]
    fn add(
        &mut self,
        found: Option<Slot>,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        (flight, leader): (&H::Flight, &<H::Flight as Flight>::Leader),
        (session, born): (Ticket, Nanos),
    ) -> RunId {
        let ticket = order::draw();
        let going = InProgress {
            ticket,
            tag: seen.tag,
            version: seen.version.clone(),
            flight: flight.clone(),
            session,
            born,
            marks: Marks::default(),
            made: None,
        };
        self.len += 1;
        let slot = if let Some(slot) = found {
            if let Some(group) = self.groups.get_mut(slot) {
                group.add(going, leader);
            }
            slot
        } else {
            let stack = Stack { top: going, below: Vec::new() };
            let group = Group { key: probe.key.clone(), stacks: smallvec![stack] };
            self.groups.insert(probe.hash, group)
        };
        RunId { ticket, slot }
    }

    fn forget_what_is_over(&mut self, drops: &mut DeferredDrops<H>) {
        let groups = self.groups.slots().filter_map(|slot| Some((slot, self.groups.get(slot)?)));
        let runs = groups.flat_map(|(slot, group)| group.runs().map(move |going| (slot, going)));
        let over = runs.filter(|(_, going)| !going.flight.is_going());
        let over: Vec<_> = over.map(|(slot, going)| RunId { ticket: going.ticket, slot }).collect();
        for run in over {
            self.end(run, drops);
        }
        self.most = FEW.max(2 * self.len);
    }

    /// Where the computations of a key lie.
    fn group(
        &self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        if self.groups.is_empty() {
            return Ok(None);
        }
        comparisons.find(&self.groups, probe, |group| Some(&group.key))
    }

    /// Notes whether a computation may wait for a lease of the second tier.
    pub(crate) fn waits_for_lease(&mut self, run: RunId, may: bool) {
        if let Some(going) = self.own_mut(run) {
            going.marks.before_lease = may;
        }
    }

    /// The run of a computation. Somebody waits for it from now on.
    pub(crate) fn await_run(&mut self, run: RunId) -> Option<H::Flight> {
        self.own_mut(run).map(|going| {
            going.marks.awaited = true;
            going.flight.clone()
        })
    }

    /// The computation of a key and version, not struck, that is `fit` to be waited for by when it began.
    pub(crate) fn fit(
        &self,
        probe: &Probe<H::Key>,
        seen: &Observation<H::Object>,
        fit: (&<H::Flight as Flight>::Leader, impl Fn(&InProgress<H>) -> bool),
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<RunId>, Unsure<H::Object>> {
        let (leader, fit) = fit;
        let Some(slot) = self.group(probe, comparisons)? else { return Ok(None) };
        let stacks = self.groups.get(slot).into_iter().flat_map(|group| &group.stacks);
        for going in stacks.filter(|stack| !stack.top.flight.encloses(leader)).flat_map(Stack::runs) {
            if !going.marks.struck
                && fit(going)
                && (going.tag == seen.tag || comparisons.same(&going.version, &seen.version)?)
            {
                return Ok(Some(RunId { ticket: going.ticket, slot }));
            }
        }
        Ok(None)
    }

    /// Shows its own session what a computation has made, while that is validated: whatever comes of that,
    /// the session goes by it.
    pub(crate) fn show(&mut self, run: RunId, made: Shown<H::Object>, drops: &mut DeferredDrops<H>) {
        match self.own_mut(run).filter(|going| going.made.is_none()) {
            Some(going) => going.made = Some(made),
            None => drops.push(Leaving::Object(made.value)),
        }
    }

    /// What a session is shown of a run, and when that began.
    pub(crate) fn shown(&self, run: RunId, session: Ticket) -> Option<(Shown<H::Object>, Nanos)> {
        let going = self.own(run).filter(|going| going.session == session)?;
        Some((going.made.clone()?, going.born))
    }

    /// Of what something is computed.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &H::Key> {
        self.groups.iter().map(|group| &group.key)
    }

    /// Where a computation lies with those of the same key.
    pub(crate) fn slot(&self, run: RunId) -> Option<Slot> {
        self.own(run).map(|_| run.slot)
    }

    fn own(&self, RunId { ticket, slot }: RunId) -> Option<&InProgress<H>> {
        let stacks = self.groups.get(slot)?.stacks.iter().rev();
        stacks.flat_map(|stack| stack.runs().rev()).find(|going| going.ticket == ticket)
    }

    fn own_mut(&mut self, RunId { ticket, slot }: RunId) -> Option<&mut InProgress<H>> {
        let stacks = self.groups.get_mut(slot)?.stacks.iter_mut().rev();
        stacks.flat_map(|stack| stack.runs_mut().rev()).find(|going| going.ticket == ticket)
    }

    /// What happened while a computation went on.
    pub(crate) fn marks(&self, run: RunId) -> Marks {
        self.own(run).map_or_else(Marks::default, |going| going.marks)
    }

    /// Whether it goes on with nothing that happened meanwhile.
    pub(crate) fn is_unmarked(&self, run: RunId) -> bool {
        let marks = self.own(run).map(|going| going.marks);
        marks.is_some_and(|marks| !marks.struck && !marks.awaited && marks.bypass == Bypass::No)
    }

    /// The run of a computation.
    pub(crate) fn flight(&self, run: RunId) -> Option<H::Flight> {
        self.own(run).map(|going| going.flight.clone())
    }

    /// Forgets a computation that is over.
    pub(crate) fn end(&mut self, RunId { ticket, slot }: RunId, drops: &mut DeferredDrops<H>) {
        let Some(group) = self.groups.get_mut(slot) else { return };
        let Some(InProgress { flight, version, made, .. }) = group.take(ticket) else { return };
        self.len -= 1;
        drops.push(Leaving::Computation { flight, version, made: made.map(|made| made.value) });
        if group.stacks.is_empty() {
            drops.extend(self.groups.remove(slot).map(|(_, group)| Leaving::Key(group.key)));
        }
    }

    /// Notes that a computation begins anew under another observation.
    pub(crate) fn goes_by(
        &mut self,
        run: RunId,
        seen: &Observation<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) {
        if let Some(going) = self.own_mut(run) {
            going.tag = seen.tag;
            drops.push(Leaving::Object(std::mem::replace(&mut going.version, seen.version.clone())));
        }
    }

    /// Notes that in a session the function calls itself, or puts a result, while it computes that key: in
    /// those runs that its `leader` is part of. Returns where the computations of the key lie.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn bypass(
        &mut self,
        probe: &Probe<H::Key>,
        session: Ticket,
        leader: &<H::Flight as Flight>::Leader,
        comparisons: &Comparisons<H::Object>,
    ) -> Result<Option<Slot>, Unsure<H::Object>> {
        if session == 0 || self.groups.is_empty() {
            return Ok(None);
        }
        let slot = self.group(probe, comparisons)?;
        self.bypassed(slot, (0, session), leader, Bypass::Yes);
        Ok(slot)
    }

    /// Notes that the session of the runs that lie there goes by what was made within them, in a run of its
    /// `own` if that is not 0.
    pub(crate) fn supersede(
        &mut self,
        slot: Option<Slot>,
        (own, session): (Ticket, Ticket),
        leader: &<H::Flight as Flight>::Leader,
    ) {
        if session != 0 {
            self.bypassed(slot, (own, session), leader, Bypass::Kept);
        }
    }

    fn bypassed(
        &mut self,
        slot: Option<Slot>,
        (own, session): (Ticket, Ticket),
        leader: &<H::Flight as Flight>::Leader,
        bypass: Bypass,
    ) {
        let group = slot.and_then(|slot| self.groups.get_mut(slot));
        for stack in group.into_iter().flat_map(|group| &mut group.stacks) {
            let same = |going: &&mut InProgress<H>| going.session == session && going.ticket != own;
            for going in stack.runs_mut().rev().filter(same) {
                if going.marks.bypass >= bypass {
                    // And so it is with those around it.
                    break;
                }
                if going.flight.encloses(leader) {
                    going.marks.bypass = bypass;
                }
            }
        }
    }

    /// Notes that a computation is over for which somebody waits. Whether its result is to be remembered may
    /// change until it is taken.
    pub(crate) fn land(&mut self, (hash, entry): (u64, Entry<H>), keep: bool) -> Arc<SharedResult<H>> {
        if self.landings.0 >= self.landings.1 {
            self.landed.retain(|_, landed| {
                landed.retain(|landed| landed.strong_count() > 0);
                !landed.is_empty()
            });
            let left = self.landed.values().map(Vec::len).sum();
            self.landings = (left, FEW.max(2 * left));
        }
        self.landings.0 += 1;
        let landed = Arc::new(SharedResult { entry, keep: AtomicBool::new(keep) });
        self.landed.entry(hash).or_default().push(Arc::downgrade(&landed));
        landed
    }

    /// What runs now for keys that `leaves` accepts will not be stored, and nobody begins to wait for it.
    /// Where a hash is given, only keys of that are looked at.
    pub(crate) fn strike(
        &mut self,
        hash: Option<u64>,
        leaves: impl Fn(&H::Key) -> bool,
        drops: &mut DeferredDrops<H>,
    ) {
        self.strikes += 1;
        for slot in hash.map_or_else(|| self.groups.slots().collect(), |hash| self.groups.slots_of(hash)) {
            if let Some(group) = self.groups.get_mut(slot).filter(|group| leaves(&group.key)) {
                group.strike();
            }
        }
        let of_hash = hash.map(|hash| self.landed.get(&hash));
        let all = of_hash.is_none().then(|| self.landed.values()).into_iter().flatten();
        let landed = all.chain(of_hash.flatten()).flatten().filter_map(Weak::upgrade);
        for landed in landed {
            landed.strike_if(leaves(&landed.entry.key));
            // Whoever was to take it may have let go of it meanwhile.
            drops.push(Leaving::Shared(landed));
        }
    }

    /// The same for one key.
    ///
    /// # Errors
    /// [`Unsure`] when that depends on keys not yet compared. Asked again with the verdict it goes on.
    pub(crate) fn strike_key(
        &mut self,
        probe: &Probe<H::Key>,
        comparisons: &Comparisons<H::Object>,
        drops: &mut DeferredDrops<H>,
    ) -> Result<(), Unsure<H::Object>> {
        self.strikes += 1;
        if let Some(group) = self.group(probe, comparisons)?.and_then(|slot| self.groups.get_mut(slot)) {
            group.strike();
        }
        let landed = self.landed.get(&probe.hash).into_iter().flatten().filter_map(Weak::upgrade);
        let landed = landed.map(|landed| (landed.entry.key.clone(), landed));
        comparisons.tell(probe, landed, |landed, key, same| {
            landed.strike_if(same);
            drops.push(Leaving::Shared(landed));
            drops.push(Leaving::Key(key));
        })
    }

    /// Whether something of a hash is computed.
    pub(crate) fn has(&self, hash: u64) -> bool {
        !self.groups.is_empty() && self.groups.first(hash).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is being computed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
