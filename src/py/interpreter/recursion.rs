//! Deep recursion is an error, not a crash.
#![expect(unsafe_code, reason = "the interpreter's count of nested calls is kept by hand")]

use pyo3::exceptions::PyRecursionError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::fallible;
use crate::py::flight::enclosing_runs::Nest;

/// How much of the C stack a call must find free, in bytes: enough for the interpreter to raise an error and clean up, and half of
/// the smallest that threads are given (musl).
const STACK: usize = 64 * 1024;

/// Raises an error where the C stack is nearly full. The interpreter's count does not know how large our frames are, and a user may have raised
/// its limit.
pub(crate) fn check_stack(py: Python<'_>) -> PyResult<()> {
    if stacker::remaining_stack().is_some_and(|left| left < STACK) {
        return Err(fallible::error::<PyRecursionError>(
            py,
            "maximum recursion depth exceeded in a cached function",
        ));
    }
    Ok(())
}

/// Raises an error where code is part of more runs of tasks than the interpreter allows nested calls: each has a stack of its own, so that
/// nothing else would end a coroutine function that awaits itself.
pub(crate) fn check_nest(py: Python<'_>, inside: Option<&Nest>) -> PyResult<()> {
    // SAFETY: only reads a number, attached as whoever holds an error to raise.
    let limit = usize::try_from(unsafe { ffi::Py_GetRecursionLimit() }).unwrap_or(usize::MAX);
    if inside.is_some_and(|inside| inside.is_deeper_than(limit)) {
        return Err(fallible::error::<PyRecursionError>(
            py,
            "maximum recursion depth exceeded in a cached coroutine function",
        ));
    }
    Ok(())
}

/// Leaves the interpreter's count of nested calls.
pub(crate) struct Nested;

impl Nested {
    /// Enters one more nested call.
    pub(crate) fn enter(py: Python<'_>) -> PyResult<Self> {
        check_stack(py)?;
        // SAFETY: attached; the counterpart is in `drop`.
        if unsafe { ffi::Py_EnterRecursiveCall(c" in a cached function".as_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Self)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        // SAFETY: made only after `Py_EnterRecursiveCall` succeeded.
        unsafe { ffi::Py_LeaveRecursiveCall() }
    }
}
