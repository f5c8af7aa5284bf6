//! What the hit path looks for: arguments where they lie, compared with stored keys.
#![expect(unsafe_code, reason = "reads objects and tuples in place")]

use pyo3::ffi::{self, PyObject};

use super::arguments::{Arguments, Owner, Rules};
use super::key::{Key, Shape};
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
pub(super) struct One {
    pub(super) only: *mut PyObject,
    pub(super) rules: Rules,
}

impl Sought<Key> for One {
    type Untold = Unsure<Object>;

    #[inline]
    fn is(self, key: &Key) -> Result<bool, Unsure<Object>> {
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
        unsafe { native::same(stored, only) }.map_or_else(|| self.compared(key), Ok)
    }
}

/// A call with more arguments.
#[derive(Clone, Copy)]
pub(super) struct Many<'a> {
    pub(super) arguments: Arguments<'a>,
    pub(super) rules: Rules,
}

impl Sought<Key> for Many<'_> {
    type Untold = Unsure<Object>;

    #[expect(clippy::inline_always, reason = "the arguments stay in registers")]
    #[inline(always)]
    fn is(self, key: &Key) -> Result<bool, Unsure<Object>> {
        if is_of_same_objects(key, self.arguments) { Ok(true) } else { is_natively(key, self) }
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

impl One {
    /// What only the objects' own `==` can tell.
    #[cold]
    fn compared(self, key: &Key) -> Result<bool, Unsure<Object>> {
        key.is(Arguments::of_one(&self.only), self.rules, &Verdicts::default())
    }
}

/// Whether a key is that of a call, as far as that can be told without asking Python.
#[inline(never)]
fn is_natively(key: &Key, Many { arguments, rules }: Many<'_>) -> Result<bool, Unsure<Object>> {
    key.is(arguments, rules, &Verdicts::default())
}

/// Whether a key is made of the very objects of a call, as it is where a program has them at hand.
#[expect(clippy::inline_always, reason = "the arguments stay in registers")]
#[inline(always)]
fn is_of_same_objects(key: &Key, sought: Arguments<'_>) -> bool {
    let (shape, owner) = key.kind();
    if shape != Shape::Values && shape != Shape::Named {
        return false;
    }
    // SAFETY: the object is a tuple that the key owns.
    let mut mine = unsafe { native::items(key.as_ptr()) };
    let mut theirs = sought.values;
    if shape == Shape::Named {
        let Some((names, rest)) = mine.split_last() else { return false };
        // Each place of the program that calls has a tuple of its own, with the same interned names.
        // SAFETY: the last value is a tuple, alive with the key.
        if *names != sought.names && unsafe { native::items(*names) } != sought.names() {
            return false;
        }
        mine = rest;
    } else if !sought.names.is_null() {
        return false;
    }
    if owner == Owner::Watched && sought.owner == Owner::Instance {
        let ([watching, my_rest @ ..], [instance, their_rest @ ..]) = (mine, theirs) else { return false };
        // SAFETY: the first value is a weak reference, alive with the key.
        if unsafe { native::referent(*watching) } != *instance {
            return false;
        }
        (mine, theirs) = (my_rest, their_rest);
    } else if owner != sought.owner {
        return false;
    }
    mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(mine, theirs)| mine == theirs)
}
