//! Calls into Python that may not return, because the interpreter is ending.
//!
//! Before 3.14 CPython ends a daemon thread that comes back to an ending interpreter by unwinding its stack, which Rust answers by
//! aborting the process. So such a thread is stopped for good when the unwinding comes by, which is what CPython does since 3.14.
#![expect(unsafe_code, reason = "declares C functions as what they are: they may unwind")]

use std::ffi::c_int;

use pyo3::ffi::{self, PyObject, PySendResult};

unsafe extern "C-unwind" {
    #[cfg(Py_3_11)]
    fn PyObject_Vectorcall(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
    ) -> *mut PyObject;
    #[cfg(not(Py_3_11))]
    fn PyObject_VectorcallDict(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        count: usize,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    fn PyIter_Send(iter: *mut PyObject, value: *mut PyObject, result: *mut *mut PyObject) -> PySendResult;
}

/// CPython 3.10 has it in its headers only.
#[cfg(not(Py_3_11))]
#[expect(non_snake_case, reason = "CPython's name")]
unsafe fn PyObject_Vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are those of a vectorcall: one value behind the positional ones for each name.
    unsafe {
        if names.is_null() {
            return PyObject_VectorcallDict(callable, args, count, names);
        }
        let keywords = ffi::PyDict_New();
        for place in 0..ffi::PyTuple_GET_SIZE(names) {
            let value = *args.add(count + place.unsigned_abs());
            if keywords.is_null()
                || ffi::PyDict_SetItem(keywords, ffi::PyTuple_GET_ITEM(names, place), value) < 0
            {
                ffi::Py_XDECREF(keywords);
                return std::ptr::null_mut();
            }
        }
        let answer = PyObject_VectorcallDict(callable, args, count, keywords);
        ffi::Py_XDECREF(keywords);
        answer
    }
}

/// A type's own comparison, which may unwind.
type Compare = unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, c_int) -> *mut PyObject;

/// Calls the slot of a type that compares.
///
/// # Safety
/// As the slot itself: attached, with living objects, the first of the type.
pub(super) unsafe fn compare(
    slot: ffi::richcmpfunc,
    a: *mut PyObject,
    b: *mut PyObject,
    operation: c_int,
) -> *mut PyObject {
    let stop = Stop;
    // SAFETY: the same function, told to be what it is; the caller says the rest.
    let answer = unsafe { std::mem::transmute::<ffi::richcmpfunc, Compare>(slot)(a, b, operation) };
    std::mem::forget(stop);
    answer
}

/// Dropped only by an unwinding.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// # Safety
/// As `PyObject_Vectorcall`.
#[inline]
pub(super) unsafe fn call(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    let stop = Stop;
    // SAFETY: the caller says so.
    let answer = unsafe { PyObject_Vectorcall(callable, args, count, names) };
    std::mem::forget(stop);
    answer
}

/// # Safety
/// As `PyIter_Send`.
#[inline]
pub(super) unsafe fn send(
    iter: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    let stop = Stop;
    // SAFETY: the caller says so.
    let sent = unsafe { PyIter_Send(iter, value, result) };
    std::mem::forget(stop);
    sent
}
