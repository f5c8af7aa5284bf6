//! What the hit path looks for: arguments where they lie, compared with stored keys.
#![expect(unsafe_code, reason = "reads objects and tuples in place")]

use std::hint::assert_unchecked;

use pyo3::ffi::{self, PyObject};

use super::call_arguments::{Arguments, Owner, Rules};
use super::key::{Key, Shape, kind_of};
use crate::engine::Sought;
use crate::py::objects::native;
use crate::py::objects::object::Object;

/// A call without arguments.
#[derive(Clone, Copy)]
pub(crate) struct NoArguments;

impl Sought<Key> for NoArguments {
    type Other = ();

    #[inline]
    fn is(self, key: &Key) -> Result<(), ()> {
        if key.kind().0 == Shape::Nothing { Ok(()) } else { Err(()) }
    }
}

/// A call with a single argument.
#[derive(Clone, Copy)]
pub(crate) struct OneArgument<'a> {
    pub(crate) only: *mut PyObject,
    pub(crate) rules: &'a Rules,
}

impl Sought<Key> for OneArgument<'_> {
    /// The stored argument, if it has to be asked.
    type Other = Option<Object>;

    #[inline]
    fn is(self, key: &Key) -> Result<(), Option<Object>> {
        let Self { only, rules } = self;
        if key.is_object(only) {
            return Ok(());
        }
        let stored = key.as_ptr();
        // SAFETY: both are alive.
        if key.kind().0 != Shape::One || unsafe { rules.typed && ffi::Py_TYPE(stored) != ffi::Py_TYPE(only) }
        {
            return Err(None);
        }
        // SAFETY: as above.
        match unsafe { native::same(stored, only) } {
            Some(true) => Ok(()),
            Some(false) => Err(None),
            None => Err(Some(key.held())),
        }
    }
}

/// A call with more arguments, maybe of a method, maybe with names.
#[derive(Clone, Copy)]
pub(crate) struct ManyArguments<'a, const METHOD: bool, const NAMED: bool> {
    /// Some values at least.
    pub(crate) arguments: &'a Arguments<'a>,
    pub(crate) rules: &'a Rules,
}

impl<const METHOD: bool, const NAMED: bool> Sought<Key> for ManyArguments<'_, METHOD, NAMED> {
    type Other = ();

    #[expect(clippy::inline_always, reason = "the arguments stay in registers")]
    #[inline(always)]
    fn is(self, key: &Key) -> Result<(), ()> {
        if self.is_of_same_objects(key) || is_natively(key, self.arguments, *self.rules) {
            Ok(())
        } else {
            Err(())
        }
    }
}

impl<const METHOD: bool, const NAMED: bool> ManyArguments<'_, METHOD, NAMED> {
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

/// Whether a key is surely that of a call, as far as that can be told without asking Python.
#[inline(never)]
fn is_natively(key: &Key, arguments: &Arguments<'_>, rules: Rules) -> bool {
    key.is_natively(*arguments, rules) == Some(true)
}

/// A call with whatever arguments, at leisure.
#[derive(Clone, Copy)]
pub(crate) struct AnyArguments<'a> {
    pub(crate) arguments: Arguments<'a>,
    pub(crate) rules: Rules,
}

impl Sought<Key> for AnyArguments<'_> {
    type Other = ();

    fn is(self, key: &Key) -> Result<(), ()> {
        let same = self.arguments.only().is_some_and(|only| key.is_object(only));
        if same || is_natively(key, &self.arguments, self.rules) { Ok(()) } else { Err(()) }
    }
}
