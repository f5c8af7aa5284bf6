//! What the hit path looks for: arguments where they lie, compared with stored keys.
#![expect(unsafe_code, reason = "reads objects and tuples in place")]

use std::convert::Infallible;
use std::hint::assert_unchecked;

use pyo3::ffi::{self, PyObject};

use super::arguments::{Arguments, Owner, Rules};
use super::key::{Key, Shape, kind_of};
use super::native;
use super::object::Object;
use crate::engine::{Sought, Unsure, Verdicts};

/// A call without arguments.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

impl Sought<Key> for Nothing {
    type Untold = Unsure<Object>;

    #[inline]
    fn is(self, key: &Key) -> Result<bool, Unsure<Object>> {
        Ok(key.kind().0 == Shape::Nothing)
    }
}

/// A call with a single argument.
#[derive(Clone, Copy)]
pub(super) struct One<'a> {
    pub(super) only: *mut PyObject,
    pub(super) rules: &'a Rules,
}

impl Sought<Key> for One<'_> {
    /// The stored argument.
    type Untold = Object;

    #[inline]
    fn is(self, key: &Key) -> Result<bool, Object> {
        let Self { only, rules } = self;
        if key.is_object(only) {
            return Ok(true);
        }
        let stored = key.as_ptr();
        // SAFETY: both are alive.
        if key.kind().0 != Shape::One || unsafe { rules.typed && ffi::Py_TYPE(stored) != ffi::Py_TYPE(only) }
        {
            return Ok(false);
        }
        // SAFETY: as above.
        unsafe { native::same(stored, only) }.ok_or_else(|| key.held())
    }
}

/// A call with more arguments, maybe of a method, maybe with names.
#[derive(Clone, Copy)]
pub(super) struct Many<'a, const METHOD: bool, const NAMED: bool> {
    /// Some values at least.
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) rules: &'a Rules,
}

impl<const METHOD: bool, const NAMED: bool> Sought<Key> for Many<'_, METHOD, NAMED> {
    type Untold = Unsure<Object>;

    #[expect(clippy::inline_always, reason = "the arguments stay in registers")]
    #[inline(always)]
    fn is(self, key: &Key) -> Result<bool, Unsure<Object>> {
        if self.is_of_same_objects(key) { Ok(true) } else { is_natively(key, self.arguments, *self.rules) }
    }
}

impl<const METHOD: bool, const NAMED: bool> Many<'_, METHOD, NAMED> {
    /// Whether a key is made of the very objects of the call, as it is where a program has them at hand.
    #[expect(clippy::inline_always, reason = "the arguments stay in registers")]
    #[inline(always)]
    fn is_of_same_objects(self, key: &Key) -> bool {
        let shape = if NAMED { Shape::Named } else { Shape::Values };
        let watched = METHOD && key.is_kind(kind_of(shape, Owner::Watched));
        let owner = if METHOD { Owner::Instance } else { Owner::Nobody };
        if !watched && !key.is_kind(kind_of(shape, owner)) {
            return false;
        }
        let theirs = self.arguments.values;
        // SAFETY: the object is a tuple that the key owns, and the arguments are some.
        let mut mine = unsafe {
            assert_unchecked(!theirs.is_empty());
            native::items(key.as_ptr())
        };
        if mine.len() != theirs.len() + usize::from(NAMED) {
            return false;
        }
        if NAMED {
            let (names, sought) = (mine[theirs.len()], self.arguments.names);
            // Each place of the program that calls has a tuple of its own, with the same interned names.
            // SAFETY: both are tuples, alive with the key and the call.
            if names != sought && unsafe { native::items(names) != native::items(sought) } {
                return false;
            }
            mine = &mine[..theirs.len()];
        }
        if watched {
            // SAFETY: the first value is a weak reference, alive with the key.
            unsafe { native::referent(mine[0]) == theirs[0] && mine[1..] == theirs[1..] }
        } else {
            mine == theirs
        }
    }
}

/// A call whose arguments were compared by their own `==`.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) arguments: Arguments<'a>,
    pub(super) rules: Rules,
    pub(super) verdicts: &'a Verdicts<Object>,
}

impl Sought<Key> for Compared<'_> {
    type Untold = Unsure<Object>;

    fn is(self, key: &Key) -> Result<bool, Unsure<Object>> {
        key.is(self.arguments, self.rules, self.verdicts)
    }
}

/// The very object that was found equal to the single argument of a call, and that is held.
#[derive(Clone, Copy)]
pub(super) struct Held(pub(super) *mut PyObject);

impl Sought<Key> for Held {
    type Untold = Infallible;

    #[inline]
    fn is(self, key: &Key) -> Result<bool, Infallible> {
        Ok(key.is_object(self.0))
    }
}

/// Whether a key is that of a call, as far as that can be told without asking Python.
#[inline(never)]
fn is_natively(key: &Key, arguments: &Arguments<'_>, rules: Rules) -> Result<bool, Unsure<Object>> {
    key.is(*arguments, rules, &Verdicts::default())
}
