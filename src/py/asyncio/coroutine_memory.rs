//! The memory of a coroutine: what it holds, and how it goes.
#![expect(unsafe_code, reason = "an object with room for the arguments, which PyO3 can't define")]

use std::ffi::{CString, c_int, c_void};
use std::{ptr, slice};

use pyo3::exceptions::PyRuntimeWarning;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;

use super::free_list;
use super::stop_iteration;
use crate::py::call::awaited_call::Call;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::trashcan;

/// Not awaited yet.
pub(super) const NEW: u8 = 0;
/// Awaited: what is left to do is the driver's.
pub(super) const DRIVEN: u8 = 1;
/// Over.
pub(super) const OVER: u8 = 2;

/// A coroutine. Behind it lie the values of the arguments, as many as its size says, which it owns.
#[repr(C)]
pub(super) struct Coroutine {
    pub(super) head: ffi::PyVarObject,
    pub(super) function: *mut PyObject,
    /// The names of the keyword arguments, or null.
    pub(super) names: *mut PyObject,
    /// The coroutine that does what is left, or null.
    pub(super) driver: *mut PyObject,
    /// The call that the driver drives, or null: its end must not depend on Python code, for which there may
    /// be no room on the stack.
    pub(super) call: *mut PyObject,
    pub(super) state: u8,
    /// The `StopIteration` that it ended with, or null.
    pub(super) stop: *mut PyObject,
}

/// # Safety
/// `object` must be a coroutine that outlives the answer.
pub(super) unsafe fn values<'a>(object: *mut Coroutine) -> &'a [*mut PyObject] {
    // SAFETY: as many as the size says lie behind it.
    unsafe { slice::from_raw_parts(object.add(1).cast(), (*object).head.ob_size.unsigned_abs()) }
}

/// A reference to the driver, or null.
pub(super) unsafe fn driver(coroutine: *mut Coroutine) -> *mut PyObject {
    // SAFETY: as the callers say; in a critical section nobody takes the driver away between the look and the
    // reference.
    unsafe {
        let object = Borrowed::from_ptr(Python::assume_attached(), coroutine.cast());
        with_critical_section(&object, || ffi::Py_XNewRef((*coroutine).driver))
    }
}

/// Forgets the driver: it is over.
pub(super) unsafe fn end(coroutine: *mut Coroutine) {
    // SAFETY: as the callers say; what goes may run foreign code, so the place is empty before.
    unsafe {
        (*coroutine).state = OVER;
        let object = Borrowed::from_ptr(Python::assume_attached(), coroutine.cast());
        let [driver, call] = with_critical_section(&object, || {
            [&mut (*coroutine).driver, &mut (*coroutine).call]
                .map(|place| std::mem::replace(place, ptr::null_mut()))
        });
        if !call.is_null() {
            attach(|py| {
                let call = Bound::from_owned_ptr(py, call).cast_into_unchecked::<Call>();
                let raised = PyErr::take(py);
                call.get().left(py);
                if let Some(raised) = raised {
                    raised.restore(py);
                }
            });
        }
        ffi::Py_XDECREF(driver);
    }
}

pub(super) unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: as the collector calls it, which visits only what is owned.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        let class = ffi::Py_TYPE(object).cast::<PyObject>();
        let own = [class, (*coroutine).function, (*coroutine).names, (*coroutine).driver, (*coroutine).call];
        for part in own.iter().chain(values(coroutine)).filter(|part| !part.is_null()) {
            let found = visit(*part, arg);
            if found != 0 {
                return found;
            }
        }
        0
    }
}

pub(super) unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: as the collector calls it. The arguments stay: a cycle through them goes through the driver
    // too.
    unsafe { end(object.cast()) };
    0
}

/// Tells of a coroutine that nobody awaited.
pub(super) unsafe extern "C" fn finalize(object: *mut PyObject) {
    // SAFETY: as CPython calls it, which may be with an error set.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        if (*coroutine).state != NEW {
            return;
        }
        (*coroutine).state = OVER;
        let py = Python::assume_attached();
        let pending = PyErr::take(py);
        let function = Borrowed::from_ptr(py, (*coroutine).function).cast_unchecked::<Cached>();
        let text = format!("coroutine '{}' was never awaited", function.get().function.name);
        let warned = CString::new(text)
            .map_err(PyErr::from)
            .and_then(|text| PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1));
        if let Err(error) = warned {
            error.write_unraisable(py, Some(&function));
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    }
}

pub(super) unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: as CPython calls it, on an object that nobody holds any more.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        let awaited = (*coroutine).state != NEW;
        if !awaited && ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        let class = ffi::Py_TYPE(object);
        end(coroutine);
        ffi::Py_DECREF((*coroutine).function);
        ffi::Py_XDECREF((*coroutine).names);
        let values = values(coroutine);
        let last = |value: &*mut PyObject| ffi::Py_REFCNT(*value) == 1 && ffi::PyObject_IS_GC(*value) != 0;
        if values.iter().any(last) {
            // It may be another coroutine, which holds one as well.
            attach(|py| {
                let owned = |value: &*mut PyObject| Bound::from_owned_ptr(py, *value).unbind();
                trashcan::discard(values.iter().map(owned).collect::<Vec<_>>());
            });
        } else {
            for value in values {
                ffi::Py_DECREF(*value);
            }
        }
        stop_iteration::give_back((*coroutine).stop);
        // One that was finalized, here or by the collector, would not be a second time.
        if ffi::PyObject_GC_IsFinalized(object) != 0 || !free_list::keep(coroutine.cast()) {
            ffi::PyObject_GC_Del(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}
