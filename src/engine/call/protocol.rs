//! The protocol between a call and whoever drives it: a step says what is to be done, an event what has come
//! of it.

use crate::engine::call::record::{Acquired, Record, Saved};
use crate::engine::clock::Nanos;
use crate::engine::flight::flights::Arrival;
use crate::engine::host::Host;
use crate::engine::keys::comparisons::Unsure;
use crate::engine::keys::key::Object;
use crate::engine::storage::entry::OwnTtl;
use crate::engine::versions::read_log::{Basis, Read};

/// What is to be done next.
pub enum Step<O: Object, F> {
    /// Ask about two objects, then [`Event::Compared`].
    Compare(Unsure<O>),
    /// Run the version function, then [`Event::Observed`]. Others in the session may wait for that.
    Ask(Option<F>),
    /// Wait for what another does, then [`Event::Landed`], or [`Event::Circle`] or [`Event::Late`] if that
    /// can't be.
    Wait(F),
    /// Run the function, or what takes its place if there is something [`Plan::previous`]; then
    /// [`Event::Computed`]. Others may wait for that.
    Compute(F),
    /// Load what the second tier has of the key, then [`Event::Loaded`]. Others may wait for the run, if it
    /// is one.
    Load(Option<F>),
    /// Acquire the second tier's lease for the key and version, then [`Event::Acquired`].
    Acquire,
    /// Save a result to the second tier and give the lease back, then [`Event::Ready`].
    Save(Saved<O>),
    /// Ask whether a version that the function has read holds still, in a session that begins after
    /// [`Plan::own`]; then [`Event::Validated`].
    Validate(Read<O>),
    /// Nothing: so it is with the version that was to be asked about.
    Holds(bool),
    /// Let so much time pass, then [`Event::Ready`].
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

/// What has happened since the last step.
pub enum Event<H: Host> {
    /// Nothing but that it begins, or that time has passed.
    Ready,
    /// Two objects were compared: whether they are equal.
    Compared(Unsure<H::Object>, bool),
    /// The version function has answered. The version is no newer than what was read for it.
    Observed(H::Object, Vec<Read<H::Object>>),
    /// The second tier has this of the key, or nothing.
    Loaded(Option<Record<H::Object>>),
    /// The lease was acquired, or not.
    Acquired(Acquired),
    /// The function has returned.
    Computed(Made<H::Object>),
    /// The run is over for which the call waited, with something for others or nothing.
    Landed(Option<Arrival<H>>),
    /// To wait for this run would never end: the call does itself what that does.
    Circle(H::Flight),
    /// The wait took too long: the call waits for nothing any more, and its result will not be stored.
    Late,
    /// What was read holds, or not; this was read in the session meanwhile.
    Validated(Read<H::Object>, bool, Vec<Read<H::Object>>),
    /// The version function, the function or another's run has failed, after [`Plan::end`].
    Failed {
        /// An old value may stand in for it; whether one does, the next step tells.
        stands: bool,
    },
}

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
    /// How long it lives, if it says so itself.
    pub own_ttl: OwnTtl,
    /// What it weighs; 0 where that is not bounded.
    pub weight: u64,
}
