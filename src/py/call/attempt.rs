//! The remainder of a lookup: what the hit path has learned of a call that it did not answer, so that nothing
//! is asked twice.
#![expect(unsafe_code, reason = "room that a hit does not touch")]

use std::mem::MaybeUninit;

use crate::engine::Comparisons;
use crate::engine::order::{NEVER, Ticket};
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::objects::object::Object;
use crate::py::session::binding::Binding;
use crate::py::session::fast_lookup::Locator;

/// The hash of no arguments, which nobody needs to be told; of others once in the age of the world, and then
/// it is asked for again.
const UNKNOWN: u64 = 0;

/// What is known of a call before its plan is made.
pub(crate) struct Attempt {
    /// The hash of its arguments, or [`UNKNOWN`]: a word less on the hit path than an option.
    pub(crate) hash: u64,
    /// What its arguments were found to equal and not to.
    pub(crate) comparisons: Option<Box<Comparisons<Object>>>,
}

impl Attempt {
    pub(crate) const NOTHING: Self = Self { hash: UNKNOWN, comparisons: None };

    /// What is known of most calls.
    #[inline]
    pub(crate) const fn of(hash: u64) -> Self {
        Self { hash, comparisons: None }
    }

    /// The hash, if that and nothing else is known.
    #[inline]
    pub(crate) fn only_hash(&self) -> Option<u64> {
        self.hash().filter(|_| self.comparisons.is_none())
    }

    /// The hash, if it is known.
    #[inline]
    pub(crate) fn hash(&self) -> Option<u64> {
        (self.hash != UNKNOWN).then_some(self.hash)
    }
}

/// Room for that on the hit path: a hit leaves it as it is but for a word, and has nothing to drop.
pub(crate) struct AttemptSlot {
    attempt: MaybeUninit<Attempt>,
    /// The session in which the call is made, 0 for none, where that is told.
    session: MaybeUninit<Ticket>,
}

impl AttemptSlot {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { attempt: MaybeUninit::uninit(), session: MaybeUninit::uninit() }
    }

    /// Notes the session of the call, 0 for none, where that is told. Whether the version is to be asked
    /// first, since there is none.
    #[inline]
    pub(crate) fn in_session<P: Locator>(&mut self, cached: &Cached, session: Ticket) -> bool {
        if P::MAY_TELL_OF_NONE {
            self.session.write(session);
        }
        P::MAY_TELL_OF_NONE
            && session == 0
            && P::tells_of_none(&cached.binding)
            && matches!(cached.version, Version::Asked(_))
    }

    /// Takes what is known before a session was found, for the long way.
    #[inline]
    pub(crate) fn leave_early<T>(&mut self, tried: Attempt) -> Option<T> {
        // Whether there is one is not known.
        self.session.write(NEVER);
        self.leave(tried)
    }

    /// The same with a session.
    #[inline]
    pub(crate) fn leave<T>(&mut self, tried: Attempt) -> Option<T> {
        self.attempt.write(tried);
        None
    }

    /// What was left here.
    ///
    /// # Safety
    /// Something must have been left.
    #[inline]
    pub(crate) unsafe fn take(self) -> Attempt {
        // SAFETY: the caller says so.
        unsafe { self.attempt.assume_init() }
    }

    /// Whether the call is surely made in no session, and nothing but the hash of its arguments is known.
    ///
    /// # Safety
    /// As above, after a session was looked for by `P`, or left early.
    #[inline]
    pub(crate) unsafe fn is_alone<P: Locator>(&self, binding: &Binding) -> bool {
        // SAFETY: the caller says so.
        P::tells_of_none(binding)
            && unsafe {
                self.session.assume_init() == 0 && self.attempt.assume_init_ref().comparisons.is_none()
            }
    }
}
