//! Hits while something is computed, which may rest on them: the hit path at leisure, apart from the one that
//! is counted in instructions.
#![expect(unsafe_code, reason = "is called by CPython, and reads arguments where they lie")]

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::asked_hit;
use super::attempt::{Attempt, AttemptSlot};
use super::cache_lookup;
use super::computation;
use super::hit::{find_after_comparing, without_hash};
use super::long_way::{call_alone, call_at_length, called};
use super::read_set::ServedCall;
use super::switched_off;
use crate::engine::Look;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::matchers::AnyArguments;
use crate::py::arguments::parameters::Room;
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::objects::host::Host;
use crate::py::session::dict_lookup::Located;
use crate::py::session::fast_lookup::{Anywhere, Locator};

/// What CPython's call becomes while something is computed.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn call_and_record(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as CPython calls a vectorcall.
    unsafe {
        match look(callable, args, nargsf, names) {
            Looked::Answered(answer) => answer,
            Looked::Alone(hash) => call_alone::<true>(callable, args, nargsf, names, hash),
            Looked::Nothing(Attempt { hash, comparisons }) => {
                call_at_length(callable, args, nargsf, names, hash, comparisons)
            }
        }
    }
}

/// What a look for a hit has found.
enum Looked {
    /// The answer; null is an error that is set.
    Answered(*mut PyObject),
    /// Nothing, for a call that is made in no session and by no computation, of arguments of that hash.
    Alone(u64),
    /// Nothing.
    Nothing(Attempt),
}

/// Looks for a hit, in a frame that is gone when the function runs.
///
/// # Safety
/// As of a vectorcall.
#[inline(never)]
unsafe fn look(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> Looked {
    // SAFETY: the caller says so. We are attached; PyO3 does not know that, and would let go of what is noted
    // only when it does.
    unsafe {
        let (function, arguments) = called(callable, args, nargsf, names);
        match Python::attach_unchecked(|_| hit_and_record(function, arguments)) {
            Ok(answer) => Looked::Answered(answer),
            Err(tried) => match tried.only_hash() {
                Some(hash) if asked_hit::is_alone(function.get(), function.py()) => Looked::Alone(hash),
                _ => Looked::Nothing(tried),
            },
        }
    }
}

/// Answers a call whose result the session surely knows, and notes that; null is an error that is set. Where
/// a version is asked about nothing is known: what the session knows must not answer.
#[cold]
#[inline(never)]
pub(crate) fn hit_and_record(
    function: Borrowed<'_, '_, Cached>,
    written: Arguments<'_>,
) -> Result<*mut PyObject, Attempt> {
    let (py, cached) = (function.py(), function.get());
    if computation::validation(py).is_some() || switched_off::is_off(py) {
        return Err(Attempt::NOTHING);
    }
    let mut room = Room::new();
    // What can't be bound for want of memory is for the whole call.
    let Ok(arguments) = cached.placed(py, written, &mut room) else { return Err(Attempt::NOTHING) };
    let Some(hash) = arguments.hash(cached.rules, cached.seed) else {
        let mut tried = AttemptSlot::new();
        // SAFETY: it leaves what is known where it has no answer.
        return without_hash(&mut tried).ok_or_else(|| unsafe { tried.take() });
    };
    let Located::Session(session) = Anywhere::locate(&cached.binding, py) else {
        return Err(Attempt::of(hash));
    };
    let cache = &cached.function.cache;
    let constant = matches!(cached.version, Version::Constant(_));
    let take =
        |Look { entry, stamp, .. }: Look<'_, Host>| (entry.value.clone(), entry.basis(stamp, constant));
    let sought = AnyArguments { arguments, rules: cached.rules };
    let found = if let Ok(found) = cache_lookup::find(py, cache, (hash, session), sought, take) {
        found.ok_or(Ok(Attempt::of(hash)))
    } else {
        let find = |address| cache_lookup::find_held(py, cache, (hash, address), session, take);
        find_after_comparing(py, cached, arguments, (hash, None), find)
    };
    match found {
        Ok((value, basis)) => {
            ServedCall { function, arguments, session, active: None }.note(py, &basis);
            Ok(value.0.into_ptr())
        }
        Err(Ok(tried)) => Err(tried),
        Err(Err(error)) => {
            error.restore(py);
            Ok(std::ptr::null_mut())
        }
    }
}
