//! Hits while something is computed, which may rest on them: the hit path at leisure, apart from the one that is counted in instructions.
#![expect(unsafe_code, reason = "is called by CPython, and reads arguments where they lie")]

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::arguments::Arguments;
use super::cached::{Cached, Version};
use super::call::{MOST_COMPARISONS, call_function_slowly, called, without_hash};
use super::compare;
use super::computing;
use super::glance::{Anywhere, Glance, Place};
use super::hits;
use super::reading::Service;
use super::session::Host;
use super::sought::Compared;
use crate::engine::{Look, Verdicts};

/// What CPython's call becomes while something is computed.
#[cold]
#[inline(never)]
pub(super) unsafe extern "C" fn call_and_note(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as CPython calls a vectorcall, attached; PyO3 does not know that, and would let go of what is noted only when it does.
    unsafe {
        let (function, arguments) = called(callable, args, nargsf, names);
        Python::attach_unchecked(|_| hit_and_note(function, arguments))
            .unwrap_or_else(|| call_function_slowly(callable, args, nargsf, names))
    }
}

/// Answers a call whose result the session surely knows, and notes that; null is an error that is set. Where a version is asked about nothing is
/// known: what the session knows must not answer.
#[cold]
#[inline(never)]
pub(super) fn hit_and_note(
    function: Borrowed<'_, '_, Cached>,
    arguments: Arguments<'_>,
) -> Option<*mut PyObject> {
    let (py, cached) = (function.py(), function.get());
    if computing::validation(py).is_some() {
        return None;
    }
    let Some(hash) = arguments.hash(cached.rules, cached.seed) else { return without_hash() };
    let Glance::Session(session) = Anywhere::glance(&cached.binding, py) else { return None };
    let constant = matches!(cached.version, Version::Constant(_));
    let mut verdicts = Verdicts::default();
    for _ in 0..MOST_COMPARISONS {
        let sought = Compared { arguments, rules: cached.rules, verdicts: &verdicts };
        let take =
            |Look { entry, stamp }: Look<'_, Host>| (entry.value.clone(), entry.basis(stamp, constant));
        let pair = match hits::glance(py, &cached.function.store, (hash, session), sought, take) {
            Ok(found) => {
                let (value, basis) = found?;
                Service { function, arguments, session, active: None }.note(py, &basis);
                return Some(value.0.into_ptr());
            }
            Err(pair) => pair,
        };
        match compare::equal(py, &pair) {
            Ok(equal) => verdicts.learn(pair, equal),
            Err(error) => {
                error.restore(py);
                return Some(std::ptr::null_mut());
            }
        }
    }
    None
}
