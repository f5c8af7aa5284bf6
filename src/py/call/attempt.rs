//! The remainder of a lookup: what the hit path has learned of a call that it did not answer, so that nothing
//! is asked twice.
#![expect(unsafe_code, reason = "room that a hit does not touch")]

use std::mem::MaybeUninit;

use crate::engine::Comparisons;
use crate::py::objects::object::Object;

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

    /// The hash, if it is known.
    pub(crate) fn hash(&self) -> Option<u64> {
        (self.hash != UNKNOWN).then_some(self.hash)
    }
}

/// Room for that on the hit path: a hit leaves it as it is, and has nothing to drop.
pub(crate) struct AttemptSlot(MaybeUninit<Attempt>);

impl AttemptSlot {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    /// Takes what is known, for the long way.
    #[inline]
    pub(crate) fn leave<T>(&mut self, tried: Attempt) -> Option<T> {
        self.0.write(tried);
        None
    }

    /// What was left here.
    ///
    /// # Safety
    /// Something must have been left.
    #[inline]
    pub(crate) unsafe fn take(self) -> Attempt {
        // SAFETY: the caller says so.
        unsafe { self.0.assume_init() }
    }
}
