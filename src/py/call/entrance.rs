//! Where CPython enters when a decorated function is called: a vectorcall for each place where its session
//! may lie, chosen when it is made.
#![expect(unsafe_code, reason = "is called by CPython")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::hint::assert_unchecked;
use std::{ptr, slice};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::attempt::{Attempt, AttemptSlot};
use super::computation;
use super::hit::{Hit, hit, hit_of_many, hit_of_none, hit_of_one};
use super::long_way::{call_alone, call_at_length, call_function_slowly};
use super::recorded_hit::call_and_record;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::parameters::{self, Room};
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible;
use crate::py::session::binding::Binding;
use crate::py::session::fast_lookup::{self, Anywhere, Locator, Placed};

/// What CPython calls when a plain function is called, chosen when that is made.
#[inline]
pub(crate) fn entrance(cached: &Cached) -> ffi::vectorcallfunc {
    if cached.copies.is_some() { call_and_copy } else { entrance_to_stored(cached) }
}

/// The same of a function whose callers are handed a copy.
unsafe extern "C" fn call_and_copy(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it; the answer is new, or null for an error that is set.
    unsafe {
        let cached = function(callable);
        let answer = entrance_to_stored(cached)(callable, args, nargsf, names);
        if answer.is_null() {
            return answer;
        }
        attach(|py| fallible::answered(py, || cached.copied(Bound::from_owned_ptr(py, answer))))
    }
}

/// What answers with the very result that is stored.
#[inline]
fn entrance_to_stored(cached: &Cached) -> ffi::vectorcallfunc {
    if !cached.has_hits() {
        return call_function_slowly;
    }
    let fills = cached.parameters.as_ref().is_some_and(|parameters| parameters.may_fill);
    match cached.binding {
        Binding::Ambient => chosen::<fast_lookup::Ambient>(fills),
        Binding::Mapping(_) => chosen::<fast_lookup::Mapping>(fills),
        Binding::Variable(_) => chosen::<fast_lookup::Variable>(fills),
        Binding::Proxy(_) => chosen::<fast_lookup::Proxied>(fills),
        Binding::Provider(_) => call_function_slowly,
    }
}

/// What is called for a function of which a call may leave something out, or for another.
#[inline]
fn chosen<P: Locator>(fills: bool) -> ffi::vectorcallfunc {
    if fills { call_function::<P, true> } else { call_function::<P, false> }
}

/// Nothing but a choice, so that each way has the registers for itself.
unsafe extern "C" fn call_function<P: Locator, const FILLS: bool>(
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
        if !names.is_null() || FILLS && !takes_whole(callable, count) {
            return call_placed::<P>(callable, args, count, names);
        }
        match count {
            0 => call_with_none::<P>(callable, args),
            1 if !method() => call_with_one::<P>(callable, args),
            _ if !method() => call_with_many::<P, false>(callable, args, count),
            _ => call_with_many::<P, true>(callable, args, count),
        }
    }
}

/// Whether a call of so many positional arguments leaves nothing out.
///
/// # Safety
/// As of a vectorcall.
#[inline(always)]
unsafe fn takes_whole(callable: *mut PyObject, count: usize) -> bool {
    // SAFETY: the caller says so.
    let parameters = unsafe { &function(callable).parameters };
    parameters.as_ref().is_none_or(|parameters| parameters.takes_whole(count))
}

/// A call with names, or one that leaves something out: its arguments come to their places before anything
/// is looked for.
#[inline(never)]
unsafe extern "C" fn call_placed<P: Locator>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let (py, cached) = (Python::assume_attached(), function(callable));
        let mut few = parameters::NO_FEW;
        let known = match &cached.parameters {
            Some(parameters) => parameters.place_known(args, count, names, &mut few),
            None => as_written(args, count, names).filter(|_| count > 0 || !cached.is_method()),
        };
        let mut tried = AttemptSlot::new();
        // Each has its own end, so that a hit need not be told from none again.
        macro_rules! answer {
            ($hit:expr) => {
                match $hit {
                    Some(found) => found,
                    None => call_further::<P, true>(callable, args, count, names, tried),
                }
            };
        }
        let Some((values, bound)) = known else {
            return answer!(hit_after_placing(callable, args, (count, names), &mut tried));
        };
        if !bound.is_null() || values.len() == 1 || cached.is_method() {
            return answer!(hit_of_other::<P>(py, cached, (values, bound), &mut tried));
        }
        answer!(hit_of_many::<Placed<P>, false, false>(py, cached, (values, bound), &mut tried))
    }
}

/// A call with names of a function that takes whatever there is: its values and their names.
///
/// # Safety
/// As of a vectorcall.
#[inline]
unsafe fn as_written<'a>(
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> Option<(&'a [*mut PyObject], *mut PyObject)> {
    // SAFETY: the caller says so.
    let written = unsafe { Arguments::from_vector(args, count, names, false) };
    (!written.names.is_null()).then_some((written.values, written.names))
}

/// The hit of such a call of a method, with a keyword, or of one argument. In a function of its own: together
/// with the other it would share code that does not know what it looks for.
#[inline(never)]
fn hit_of_other<P: Locator>(
    py: Python<'_>,
    cached: &Cached,
    bound: (&[*mut PyObject], *mut PyObject),
    tried: &mut AttemptSlot,
) -> Hit {
    match (cached.is_method(), bound.1.is_null()) {
        (true, true) => hit_of_many::<Placed<P>, true, false>(py, cached, bound, tried),
        (false, true) => hit_of_one::<Placed<P>>(py, cached, bound.0[0], tried),
        (true, false) => hit_of_many::<Placed<P>, true, true>(py, cached, bound, tried),
        (false, false) => hit_of_many::<Placed<P>, false, true>(py, cached, bound, tried),
    }
}

/// The same where it is not known yet how the call is bound, or where that takes more room.
#[cold]
#[inline(never)]
unsafe fn hit_after_placing(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    (count, names): (usize, *mut PyObject),
    tried: &mut AttemptSlot,
) -> Hit {
    // SAFETY: as above. We are attached, but PyO3 does not know it, and would let go of what was made only
    // when it does.
    unsafe {
        let (py, cached) = (Python::assume_attached(), function(callable));
        let written = Arguments::from_vector(args, count, names, cached.is_method());
        let place = |_: Python<'_>| {
            let mut room = Room::new();
            // What can't be bound for want of memory is for the whole call.
            let placed = cached.placed(py, written, &mut room).ok();
            placed.map(|arguments| hit::<Placed<Anywhere>>(py, cached, arguments))
        };
        match Python::attach_unchecked(place) {
            Some(Ok(found)) => Some(found),
            Some(Err((learned, _))) => tried.leave_early(learned),
            None => tried.leave_early(Attempt::NOTHING),
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
unsafe fn call_further<P: Locator, const PLACES: bool>(
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
            return call_alone::<PLACES>(callable, args, count, names, hash);
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
            .unwrap_or_else(|| call_further::<P, false>(callable, args, 0, ptr::null_mut(), tried))
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
            .unwrap_or_else(|| call_further::<P, false>(callable, args, 1, ptr::null_mut(), tried))
    }
}

/// The same with more arguments, none of which has a name.
#[inline(never)]
unsafe extern "C" fn call_with_many<P: Locator, const METHOD: bool>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let mut tried = AttemptSlot::new();
        let hit = if METHOD && count == 0 {
            // A method without an instance.
            tried.leave_early(Attempt::NOTHING)
        } else {
            assert_unchecked(count > 0);
            let values = slice::from_raw_parts(args, count);
            let (py, cached) = (Python::assume_attached(), function(callable));
            hit_of_many::<P, METHOD, false>(py, cached, (values, ptr::null_mut()), &mut tried)
        };
        hit.unwrap_or_else(|| call_further::<P, false>(callable, args, count, ptr::null_mut(), tried))
    }
}
