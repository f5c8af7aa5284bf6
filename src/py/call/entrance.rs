//! Where CPython enters when a decorated function is called: a vectorcall for each place where its session
//! may lie, chosen when it is made.
#![expect(unsafe_code, reason = "is called by CPython")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::hint::assert_unchecked;
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::attempt::{Attempt, AttemptSlot};
use super::computation;
use super::hit::{hit_of_many, hit_of_none, hit_of_one};
use super::long_way::{call_alone, call_at_length, call_function_slowly};
use super::recorded_hit::call_and_record;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::function::cached::Cached;
use crate::py::session::binding::Binding;
use crate::py::session::fast_lookup::{self, Locator};

/// What CPython calls when a plain function is called, chosen when that is made.
#[inline]
pub(crate) fn entrance(cached: &Cached) -> ffi::vectorcallfunc {
    if !cached.has_hits() {
        return call_function_slowly;
    }
    match cached.binding {
        Binding::Ambient => call_function::<fast_lookup::Ambient>,
        Binding::Mapping(_) => call_function::<fast_lookup::Mapping>,
        Binding::Variable(_) => call_function::<fast_lookup::Variable>,
        Binding::Proxy(_) => call_function::<fast_lookup::Proxied>,
        Binding::Provider(_) => call_function_slowly,
    }
}

/// Nothing but a choice, so that each way has the registers for itself.
unsafe extern "C" fn call_function<P: Locator>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    unsafe {
        if computation::is_going_on() {
            return call_and_record(callable, args, nargsf, names);
        }
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        let method = || function(callable).is_method();
        if !names.is_null() {
            let call =
                if method() { call_with_many::<P, true, true> } else { call_with_many::<P, false, true> };
            return call(callable, args, count, names);
        }
        match count {
            0 => call_with_none::<P>(callable, args),
            1 if !method() => call_with_one::<P>(callable, args),
            _ if !method() => call_with_many::<P, false, false>(callable, args, count, names),
            _ => call_with_many::<P, true, false>(callable, args, count, names),
        }
    }
}

/// The function itself.
///
/// # Safety
/// The object must be an instance of the class above that outlives the answer.
#[inline(always)]
unsafe fn function<'a>(callable: *mut PyObject) -> &'a Cached {
    // SAFETY: the caller says so.
    unsafe {
        assert_unchecked(!callable.is_null());
        Borrowed::from_ptr(Python::assume_attached(), callable).cast_unchecked::<Cached>().get()
    }
}

/// What becomes of a call that is no hit.
///
/// # Safety
/// As of a vectorcall; something must have been left of what was tried.
#[inline(always)]
unsafe fn call_further<P: Locator>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
    tried: AttemptSlot,
) -> *mut PyObject {
    // SAFETY: the caller says so.
    unsafe {
        let alone = tried.is_alone::<P>(&function(callable).binding);
        let Attempt { hash, comparisons } = tried.take();
        if alone {
            return call_alone(callable, args, count, names, hash);
        }
        call_at_length(callable, args, count, names, hash, comparisons)
    }
}

/// The same without arguments.
#[inline(never)]
unsafe extern "C" fn call_with_none<P: Locator>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let mut tried = AttemptSlot::new();
        hit_of_none::<P>(Python::assume_attached(), function(callable), &mut tried)
            .unwrap_or_else(|| call_further::<P>(callable, args, 0, ptr::null_mut(), tried))
    }
}

/// The same with a single argument, which has no name and is no instance.
#[inline(never)]
unsafe extern "C" fn call_with_one<P: Locator>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let mut tried = AttemptSlot::new();
        hit_of_one::<P>(Python::assume_attached(), function(callable), *args, &mut tried)
            .unwrap_or_else(|| call_further::<P>(callable, args, 1, ptr::null_mut(), tried))
    }
}

/// The same with more arguments.
#[inline(never)]
unsafe extern "C" fn call_with_many<P: Locator, const METHOD: bool, const NAMED: bool>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let names = if NAMED { names } else { ptr::null_mut() };
        assert_unchecked(names.is_null() != NAMED);
        let mut tried = AttemptSlot::new();
        let hit = match Arguments::some(args, count, names, METHOD) {
            Some(arguments) => {
                let (py, cached) = (Python::assume_attached(), function(callable));
                hit_of_many::<P, METHOD, NAMED>(py, cached, arguments, &mut tried)
            }
            None => tried.leave_early(Attempt::NOTHING),
        };
        hit.unwrap_or_else(|| call_further::<P>(callable, args, count, names, tried))
    }
}
