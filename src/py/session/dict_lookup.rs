//! The session whose handle lies in a plain dict, looked up without running Python code.
#![expect(unsafe_code, reason = "reads dicts in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use pyo3::PyTypeInfo;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::binding;
use super::handle::Session;
use crate::engine::order::Ticket;

/// What the hit path learns without running Python code.
pub(crate) enum Located {
    /// The session's ticket, or 0 for none.
    Session(Ticket),
    /// Nothing.
    Unknown,
}

/// The session that an object is.
#[inline(always)]
pub(crate) fn session_of(found: Borrowed<'_, '_, PyAny>) -> Located {
    // SAFETY: an object of exactly that type is a session.
    unsafe {
        if ffi::Py_TYPE(found.as_ptr()) == Session::type_object_raw(found.py()) {
            return Located::Session(found.cast_unchecked::<Session>().get().core.id());
        }
    }
    Located::Unknown
}

/// The handle in a plain dict, and the session that it is. With a GIL the handle is alive until the next
/// Python code.
///
/// # Safety
/// The mapping must be a plain dict.
#[cfg_attr(any(Py_3_14, Py_GIL_DISABLED), inline(always))]
#[cfg_attr(not(any(Py_3_14, Py_GIL_DISABLED)), inline(never))]
pub(crate) unsafe fn look_up(py: Python<'_>, mapping: *mut PyObject) -> (*mut PyObject, Located) {
    let name = binding::name(py).as_ptr();
    // SAFETY: a dict, as the caller says, and a str.
    unsafe {
        // With a GIL a borrowed reference saves a fifth of the look-up.
        #[cfg(not(Py_GIL_DISABLED))]
        let found = Borrowed::from_ptr_or_opt(py, ffi::PyDict_GetItemWithError(mapping, name));
        #[cfg(Py_GIL_DISABLED)]
        let found = {
            let mut found = std::ptr::null_mut();
            ffi::PyDict_GetItemRef(mapping, name, &raw mut found);
            Bound::<PyAny>::from_owned_ptr_or_opt(py, found)
        };
        #[cfg(Py_GIL_DISABLED)]
        let found = found.as_ref().map(|found| found.as_borrowed());
        if let Some(found) = found {
            return (found.as_ptr(), session_of(found));
        }
        // A key of the user's whose comparison failed: the whole call will meet that again.
        ffi::PyErr_Clear();
        (std::ptr::null_mut(), Located::Unknown)
    }
}
