//! The guard of the stack: deep recursion is an error, not a crash.
#![expect(unsafe_code, reason = "the interpreter's count of nested calls is kept by hand")]

use pyo3::exceptions::PyRecursionError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::fallible;

/// How much of the C stack a call must find free, in bytes: enough for the interpreter to raise an error and
/// clean up, and half of the smallest that threads are given (musl).
const STACK: usize = 64 * 1024;

/// Whether the C stack is nearly full.
#[inline]
pub(crate) fn is_stack_low() -> bool {
    stacker::remaining_stack().is_some_and(|left| left < STACK)
}

/// Raises an error where the C stack is nearly full. The interpreter's count does not know how large our
/// frames are, and a user may have raised its limit.
pub(crate) fn check_stack(py: Python<'_>) -> PyResult<()> {
    if is_stack_low() {
        return Err(fallible::error::<PyRecursionError>(
            py,
            "maximum recursion depth exceeded in a cached function",
        ));
    }
    Ok(())
}

/// How many nested calls the interpreter allows.
pub(crate) fn limit(_: Python<'_>) -> usize {
    // SAFETY: only reads a number, attached as the token says.
    usize::try_from(unsafe { ffi::Py_GetRecursionLimit() }).unwrap_or(usize::MAX)
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
