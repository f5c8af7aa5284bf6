//! `StopIteration`, by which a coroutine tells its result. Since CPython 3.12 the exception that told one is
//! used again for the next.
#![expect(unsafe_code, reason = "reads and writes the fields of an exception")]

use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::py::interpreter::critical_section::Guarded;

/// A reference that is only touched with the GIL held.
struct Kept(*mut PyObject);

// SAFETY: what is kept here nobody else refers to, and it is only touched in the critical section.
unsafe impl Send for Kept {}

/// The exception that is used again, or null.
static KEPT: Guarded<Kept> = Guarded::new(Kept(ptr::null_mut()));

/// Sets `StopIteration(value)` as the error. Takes the reference.
///
/// # Safety
/// The thread must be attached.
pub(super) unsafe fn raise(value: *mut PyObject) {
    // SAFETY: attached, with a reference that is given up.
    unsafe {
        if value == ffi::Py_None() {
            ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        } else {
            let py = Python::assume_attached();
            // Called, because an exception or a tuple as the value would be taken for the exception or its
            // arguments.
            let error = ffi::PyObject_CallOneArg(ffi::PyExc_StopIteration, value);
            if !error.is_null() {
                PyErr::from_value(Bound::from_owned_ptr(py, error)).restore(py);
            }
        }
        ffi::Py_DECREF(value);
    }
}

/// Sets `StopIteration(value)` as the error. Takes the reference; returns one to the exception, or null.
///
/// # Safety
/// The thread must be attached.
#[cfg(all(Py_3_12, not(Py_GIL_DISABLED)))]
pub(super) unsafe fn raise_kept(value: *mut PyObject) -> *mut PyObject {
    // SAFETY: attached. The class zeroes what it allocates; an exception has arguments, and this one no other
    // value.
    unsafe {
        let py = Python::assume_attached();
        let mut error = KEPT.with(py, |kept| std::mem::replace(&mut kept.0, ptr::null_mut()));
        if error.is_null() {
            error = ffi::PyObject_CallNoArgs(ffi::PyExc_StopIteration);
            if error.is_null() {
                ffi::Py_DECREF(value);
                return error;
            }
        }
        let old = std::mem::replace(&mut (*error.cast::<ffi::PyStopIterationObject>()).value, value);
        ffi::Py_XDECREF(old);
        ffi::PyErr_SetRaisedException(ffi::Py_NewRef(error));
        error
    }
}

/// The same, of an exception that is made anew. Without a GIL none is kept: other threads may be about to
/// refer to it.
///
/// # Safety
/// The thread must be attached.
#[cfg(not(all(Py_3_12, not(Py_GIL_DISABLED))))]
pub(super) unsafe fn raise_kept(value: *mut PyObject) -> *mut PyObject {
    // SAFETY: as the caller says.
    unsafe { raise(value) };
    ptr::null_mut()
}

/// Takes an exception back that [`raise_kept`] returned. It is used again if nobody has it or has written to
/// it.
///
/// # Safety
/// The thread must be attached, and the reference is given up.
pub(super) unsafe fn give_back(error: *mut PyObject) {
    if error.is_null() {
        return;
    }
    // SAFETY: attached, with a reference that is given up. What goes may run foreign code, so it goes first.
    unsafe {
        let stop = error.cast::<ffi::PyStopIterationObject>();
        let fresh = ffi::Py_REFCNT(error) == 1
            && (*stop).dict.is_null()
            && (*stop).traceback.is_null()
            && (*stop).context.is_null()
            && (*stop).cause.is_null();
        if fresh {
            let value = std::mem::replace(&mut (*stop).value, ffi::Py_NewRef(ffi::Py_None()));
            ffi::Py_XDECREF(value);
            let old = KEPT.with(Python::assume_attached(), |kept| std::mem::replace(&mut kept.0, error));
            ffi::Py_XDECREF(old);
        } else {
            ffi::Py_DECREF(error);
        }
    }
}
