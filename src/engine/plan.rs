//! A call as a machine that asks for one thing at a time.
//!
//! Whoever drives it calls [`Plan::next`] inside the critical section and does what the step says outside of it. What a step is depends on
//! the table of the design, which `decide` goes through from its top to its end.

use super::clock::Nanos;
use super::compare::{Probe, Unsure, Verdicts};
use super::entry::{Displaced, Observation};
use super::flight::Arrival;
use super::reads::{Basis, Read, oldest};
use super::rows::Slot;
use super::session::Scope;
use super::status::Status;
use super::store::{Caller, Store};
use super::ticket::{self, Ticket};
use super::validate::{Claim, Found};
use super::{Flight, Host, Object};

/// What is to be done next.
pub enum Step<O: Object, F> {
    /// Ask about two objects, then [`Plan::learn`].
    Compare(Unsure<O>),
    /// Run the version function, then [`Plan::observed`]. Others in the session may wait for that.
    Ask(Option<F>),
    /// Wait for what another does; then [`Plan::landed`] if that brought a result. If it can't be waited for, [`Plan::insist`].
    Wait(F),
    /// Run the function, or what takes its place if there is something [`Plan::previous`]; then [`Plan::computed`]. Others may wait for that.
    Compute(F),
    /// Ask whether a version that the function has read holds still, in a session that begins after [`Plan::own`]; then [`Plan::validated`].
    Validate(Read<O>),
    /// Nothing: so it is with the version that was to be asked about.
    Holds(bool),
    /// Let so much time pass.
    Sleep(Nanos),
    /// Nothing: this is the answer.
    Done(Served<O, F>),
    /// Say that there is no answer: the session takes only what is there.
    Absent,
    /// Raise what failed.
    Raise,
}

/// [`Step`] for a host.
pub type NextStep<H> = Step<<H as Host>::Object, <H as Host>::Flight>;

/// What was decided, unless that depends on a comparison.
pub(super) type Decided<H, T> = Result<T, Unsure<<H as Host>::Object>>;

/// The answer of a call.
pub struct Served<O, F> {
    /// The result.
    pub value: O,
    /// By what it is served, to a computation that builds on it.
    pub basis: Basis<O>,
    /// A refresh that is to run behind, with this to tell when it is over.
    pub behind: Option<F>,
}

/// What a function made.
pub struct Made<O> {
    /// The result.
    pub value: O,
    /// What was read on the way that may be older.
    pub reads: Vec<Read<O>>,
    /// `cache_if` would have it.
    pub wanted: bool,
    /// The version of which it says it is.
    pub seen: Option<O>,
    /// It is what was there before.
    pub renewed: bool,
}

/// Whether a call is to renew what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// Only if it has to.
    #[default]
    No,
    /// Yes; what is there may be found to be good still.
    Soft,
    /// Yes, from nothing.
    Hard,
}

/// How a result is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// By a call.
    #[default]
    Called,
    /// By a call in a session that takes what is there.
    Offline,
    /// Made anew, now.
    Now,
    /// By a refresh behind: nobody waits for it.
    Behind,
    /// Not at all: a version is asked about, for a computation that has read it.
    Validating,
}

/// Where a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// A computation makes it.
    pub nested: bool,
    /// No refresh can run behind there: the call itself makes what one would renew.
    pub alone: bool,
    /// The call waits for nobody.
    pub hasty: bool,
}

/// What is wanted of a result beyond the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How it is wanted.
    pub manner: Manner,
    /// Whether the session renews it, if it was made before that began.
    pub refresh: Refresh,
    /// Whether the session names it, so that it is renewed though it never changes.
    pub named: bool,
    /// Whether the session has wishes of any kind. Then the hit path knows only what was noted for it.
    pub special: bool,
    /// Where the call is made.
    pub setting: Setting,
}

impl Wish {
    /// Nothing beyond how it is wanted.
    #[must_use]
    pub const fn of(manner: Manner) -> Self {
        let setting = Setting { nested: false, alone: false, hasty: false };
        Self { manner, refresh: Refresh::No, named: false, special: false, setting }
    }
}

/// Where a call is that tries again because its result lags behind its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The result is new.
    Made,
    /// It lags: time passes.
    Sleeps,
    /// The version is asked anew.
    Asks,
    /// It was asked anew.
    Asked,
}

/// What a call has the host do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Run the version function, or wait for another's run of it.
    Asking,
    /// Run the function.
    Computing,
    /// Wait for another's run of the function.
    Waiting,
}

/// One call.
pub struct Plan<H: Host> {
    pub(super) probe: Probe<H::Key>,
    /// What the version function is given, where its answer depends on that.
    pub(super) given: Option<Probe<H::Key>>,
    pub(super) scope: Scope,
    pub(super) wish: Wish,
    /// When the call began, in the order of events; 0 where that does not matter.
    pub(super) began: Ticket,
    pub(super) verdicts: Verdicts<H::Object>,
    pub(super) observation: Option<Observation<H::Object>>,
    /// The observation was made during this call, so its age does not matter.
    pub(super) asked: bool,
    /// The session does not know the observation yet.
    pub(super) announce: bool,
    pub(super) leader: <H::Flight as Flight>::Leader,
    /// What others in the session wait for while this call asks.
    pub(super) asking: Option<H::Flight>,
    /// What it can't wait for, because that would never end.
    circular: Vec<H::Flight>,
    /// What fails now is this.
    pub(super) doing: Doing,
    /// Drawn before the run of the version function that this call makes or waits for.
    pub(super) asks_since: Ticket,
    /// It waits for nothing any more, because that took too long.
    pub(super) impatient: bool,
    /// What the flight brought for which this call waited.
    pub(super) arrival: Option<Arrival<H>>,
    /// What this call's own flight brings to those who wait for it.
    pub(super) landing: Option<Arrival<H>>,
    /// When the step began that is taken, or was taken last.
    pub(super) now: Nanos,
    pub(super) born: Nanos,
    pub(super) run: Ticket,
    /// Where the key's entry lies, if there is one, and how often entries had come or gone when it was looked for.
    pub(super) found: Option<(Option<Slot>, u64)>,
    /// The old value and its version, for what takes the function's place.
    pub(super) previous: Option<(H::Object, H::Object)>,
    pub(super) made: Option<Made<H::Object>>,
    /// What was found of the versions that it has read.
    pub(super) validation: Found<H::Object>,
    /// The version to be asked about.
    pub(super) claim: Option<Claim<H::Object>>,
    pub(super) attempt: Attempt,
    pub(super) retries: u32,
    /// Something failed; whether an old value may stand in for that.
    pub(super) failure: Option<bool>,
    /// What the call did.
    pub(super) status: Status,
    /// To be dropped outside of the critical section, with the plan.
    pub(super) displaced: Displaced<H>,
}

impl<H: Host> Plan<H> {
    /// A call with the arguments in `probe`. `constant` is the observation of a version that is never asked.
    #[must_use]
    pub fn new(
        probe: Probe<H::Key>,
        given: Option<Probe<H::Key>>,
        scope: Scope,
        constant: Option<Observation<H::Object>>,
        leader: <H::Flight as Flight>::Leader,
        wish: Wish,
    ) -> Self {
        Self {
            probe,
            given,
            scope,
            wish,
            began: if wish.manner == Manner::Now { ticket::draw() } else { 0 },
            verdicts: Verdicts::default(),
            announce: constant.is_some(),
            asked: constant.is_some(),
            observation: constant,
            leader,
            asking: None,
            circular: Vec::new(),
            doing: Doing::Asking,
            asks_since: 0,
            impatient: false,
            arrival: None,
            landing: None,
            now: 0,
            born: 0,
            run: 0,
            found: None,
            previous: None,
            made: None,
            validation: Found::default(),
            claim: None,
            attempt: Attempt::Made,
            retries: 0,
            failure: None,
            status: Status::default(),
            displaced: Displaced::default(),
        }
    }

    /// Takes what is known of the key before.
    pub fn know(&mut self, mut verdicts: Verdicts<H::Object>) {
        verdicts.belong_to(&self.probe.key);
        self.verdicts = verdicts;
    }

    /// Takes the answer to [`Step::Compare`].
    pub fn learn(&mut self, pair: Unsure<H::Object>, answer: bool) {
        self.verdicts.learn(pair, answer);
    }

    /// Takes the answer to [`Step::Ask`]: the version, which is no newer than what was read for it.
    pub fn observed(&mut self, version: H::Object, reads: Vec<Read<H::Object>>) {
        let (since, until, at) = (self.asks_since, ticket::draw(), self.now);
        let ticket = since.min(oldest(&reads));
        let reads = (!reads.is_empty()).then(|| reads.into_boxed_slice());
        self.observation = Some(Observation { version, tag: since, since, ticket, until, at, reads });
        self.asked = true;
        self.announce = true;
        if self.attempt == Attempt::Asks {
            self.attempt = Attempt::Asked;
        }
    }

    /// Takes the place of [`Step::Wait`] where that would never end: does itself what another does.
    pub fn insist(&mut self, flight: H::Flight) {
        self.circular.push(flight);
    }

    /// As [`Plan::insist`], because the wait took too long. The result will not be stored.
    pub fn lose_patience(&mut self) {
        self.impatient = true;
    }

    /// Takes what the flight brought for which this call waited.
    pub fn landed(&mut self, arrival: Arrival<H>) {
        self.arrival = Some(arrival);
    }

    /// What is to be given to those who waited for this call's result, if somebody did and it is for others.
    pub fn landing(&mut self) -> Option<Arrival<H>> {
        self.landing.take()
    }

    /// What [`Step::Compute`] is to be made from, if something takes the function's place: the old value and its version.
    #[must_use]
    pub fn previous(&self) -> Option<&(H::Object, H::Object)> {
        self.previous.as_ref()
    }

    /// Takes the answer to [`Step::Compute`].
    pub fn computed(&mut self, made: Made<H::Object>) {
        self.made = Some(made);
        self.attempt = Attempt::Made;
        self.validation = self.validation.of_the_next();
    }

    /// Takes the failure of the version function, of the function or of another's flight, after [`Plan::end`]. `stands` says that an old value
    /// may stand in for it; whether one does, the next step tells.
    pub fn failed(&mut self, stands: bool) {
        self.failure = Some(stands);
    }

    /// The basis of something that was found to be of the observed version: it is as new as the observation, if not newer.
    pub(super) fn vouched(&self, basis: Basis<H::Object>) -> Basis<H::Object> {
        match self.observation.as_ref().filter(|seen| basis.ticket <= seen.until) {
            Some(seen) => Basis { ticket: seen.ticket, ..basis },
            None => basis,
        }
    }

    /// Whether what vouches for `oldest` may be older than what this call goes by.
    #[must_use]
    pub fn rests_on_older(&self, oldest: Ticket) -> bool {
        self.observation.as_ref().is_some_and(|observation| oldest < observation.until)
    }

    /// The keys that the plan owns, for whoever traces references.
    pub fn keys(&self) -> impl Iterator<Item = &H::Key> {
        std::iter::once(&self.probe).chain(&self.given).map(|probe| &probe.key)
    }

    /// The hash of the key.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.probe.hash
    }

    /// The newest that is known of the version under which [`Step::Compute`] runs.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.observation.as_ref().map_or(0, |observation| observation.ticket)
    }

    /// The observation by which the call goes, once it has passed all rows that need none.
    pub(super) fn judged_by(&self) -> &Observation<H::Object> {
        let Some(observation) = self.observation.as_ref() else {
            unreachable!("past the verdict \"ask\" there is an observation")
        };
        observation
    }

    /// Whether this call may wait for a run.
    pub(super) fn may_wait(&self, flight: &H::Flight) -> bool {
        flight.serves(&self.leader) && !self.circular.iter().any(|circular| circular.is(flight))
    }

    /// Gives up what others wait for.
    pub fn end(&mut self, store: &mut Store<H>, caller: Option<&mut Caller<'_, H>>) {
        let mut displaced = std::mem::take(&mut self.displaced);
        store.flights.end(self.run, &mut displaced);
        if let Some(caller) = caller {
            self.end_asking(caller, &mut displaced);
        }
        self.displaced = displaced;
    }

    /// Gives a call up.
    pub fn abandon(&mut self, store: &mut Store<H>, caller: Option<&mut Caller<'_, H>>) {
        store.stats.errors += u64::from(self.is_a_call());
        self.end(store, caller);
    }

    /// Whether somebody called the function.
    pub(super) fn is_a_call(&self) -> bool {
        !matches!(self.wish.manner, Manner::Behind | Manner::Validating)
    }

    /// Nobody waits any more for what this call asked.
    pub(super) fn end_asking(&mut self, caller: &mut Caller<'_, H>, displaced: &mut Displaced<H>) {
        if let Some(flight) = self.asking.take() {
            caller.known.asked(&self.scope, self.given.as_ref(), &flight, displaced);
        }
    }

    /// Decides what is next.
    pub fn next(&mut self, store: &mut Store<H>, mut caller: Option<&mut Caller<'_, H>>) -> NextStep<H> {
        self.now = store.terms.now();
        let mut displaced = std::mem::take(&mut self.displaced);
        let step = match (self.failure, self.made.take()) {
            (Some(stands), made) => {
                if let Some(made) = made {
                    made.leave(&mut displaced);
                }
                self.fall_back(store, caller.as_deref_mut(), stands, &mut displaced)
            }
            (None, None) => self.decide(store, caller.as_deref_mut(), &mut displaced),
            (None, Some(made)) if self.attempt == Attempt::Sleeps => {
                (self.made, self.attempt) = (Some(made), Attempt::Asks);
                Ok(self.asks(None))
            }
            (None, Some(made)) => {
                let told = self.compare(store, &mut displaced).and_then(|()| {
                    caller.as_deref_mut().map_or(Ok(()), |caller| self.tell(store, caller, &mut displaced))
                });
                match told {
                    Ok(()) => self.keep(store, caller.as_deref_mut(), made, &mut displaced),
                    Err(unsure) => {
                        self.made = Some(made);
                        Err(unsure)
                    }
                }
            }
        };
        self.displaced = displaced;
        if let (Ok(Step::Done(_)), Some(caller)) = (&step, caller) {
            self.log(store, caller);
        }
        step.unwrap_or_else(Step::Compare)
    }

    /// Whether the session renews the result.
    pub(super) fn refreshes(&self) -> bool {
        self.wish.refresh != Refresh::No
    }
}
