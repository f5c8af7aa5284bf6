//! Calls that the hit path does not answer: from a vectorcall's arguments to the driver.
#![expect(unsafe_code, reason = "is called by CPython, and reads arguments where they lie")]

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::asked_hit::{self, AskedHit};
use super::attempt::Attempt;
use super::beginning;
use crate::engine::Comparisons;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible;
use crate::py::objects::object::Object;

/// A function and the arguments of its call.
///
/// # Safety
/// To be used as CPython calls a vectorcall, on an instance of the class above.
#[inline]
pub(crate) unsafe fn called<'a>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> (Borrowed<'a, 'a, Cached>, Arguments<'a>) {
    // SAFETY: the caller says so.
    unsafe {
        let callable = Borrowed::from_ptr(Python::assume_attached(), callable).cast_unchecked::<Cached>();
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        (callable, Arguments::from_vector(args, count, names, callable.get().is_method()))
    }
}

/// The whole call of a plain function.
#[inline(never)]
pub(super) unsafe extern "C" fn call_function_slowly(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    let (callable, arguments) = unsafe { called(callable, args, nargsf, names) };
    miss(&callable, arguments, Attempt::NOTHING)
}

/// The same after a look that found nothing, with what was learned of the call: each in a register.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn call_at_length(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
    hash: u64,
    comparisons: Option<Box<Comparisons<Object>>>,
) -> *mut PyObject {
    // SAFETY: the arguments are those of a vectorcall.
    let (callable, arguments) = unsafe { called(callable, args, nargsf, names) };
    miss(&callable, arguments, Attempt { hash, comparisons })
}

/// The same after a look that found no session, of a call whose arguments come to their `PLACES` first or are
/// bound as they are written.
#[inline(never)]
pub(super) unsafe extern "C" fn call_alone<const PLACES: bool>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
    hash: u64,
) -> *mut PyObject {
    // SAFETY: the arguments are those of a vectorcall.
    let (callable, arguments) = unsafe { called(callable, args, nargsf, names) };
    let ask = if PLACES { asked_hit::ask_alone } else { asked_hit::ask_bound };
    match ask(&callable, arguments, hash) {
        AskedHit::Answer(value) => value.into_ptr(),
        asked => go_on(&callable, arguments, hash, asked),
    }
}

/// Answers it where what is stored does not.
#[cold]
#[inline(never)]
fn go_on<'py>(
    cached: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
    asked: AskedHit<'py>,
) -> *mut PyObject {
    attach(|py| fallible::answered(py, || asked_hit::call_after(cached, arguments, hash, asked)))
}

/// Answers any other call. A panic becomes an exception.
#[cold]
#[inline(never)]
fn miss(cached: &Bound<'_, Cached>, arguments: Arguments<'_>, tried: Attempt) -> *mut PyObject {
    attach(|py| fallible::answered(py, || beginning::call(cached, arguments, tried)))
}
