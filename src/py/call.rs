//! The callable as a type with vectorcall, and the hit path.
//!
//! PyO3 gives its classes no vectorcall, so the type that is instantiated is a heap type derived from one: the class's memory, and
//! behind it the pointer that CPython calls.
#![expect(unsafe_code, reason = "defines a type by CPython's own means, and answers hits without a detour")]

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::binding::Glance;
use super::cached::Cached;
use super::computing;
use super::key::Arguments;
use crate::engine::clock;

static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The class of decorated functions.
pub(super) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = CLASS.get_or_try_init(py, || {
        let base = py.get_type::<Cached>();
        // SAFETY: the base is a type that PyO3 has made ready, and the spec describes what `new` lays out.
        unsafe { derive(&base) }
    })?;
    Ok(class.bind(py))
}

/// Where the vectorcall pointer lies: behind the base's memory.
fn offset(base: &Bound<'_, PyType>) -> isize {
    // SAFETY: a type object is alive as long as its reference.
    unsafe { (*base.as_type_ptr()).tp_basicsize }
}

/// # Safety
/// `base` must be the class of [`Cached`].
unsafe fn derive(base: &Bound<'_, PyType>) -> PyResult<Py<PyType>> {
    let offset = offset(base);
    // CPython copies name and members, but for the names of members, which are static.
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        // SAFETY: a null name ends the list.
        unsafe { std::mem::zeroed() },
    ];
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_new, pfunc: new as *mut c_void },
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_VECTORCALL
        | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR
        | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    let size = offset + size_of::<ffi::vectorcallfunc>().cast_signed();
    let mut spec = ffi::PyType_Spec {
        name: c"versioned_lru_cache.CachedFunction".as_ptr(),
        basicsize: c_int::try_from(size).unwrap_or(c_int::MAX),
        itemsize: 0,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the flags of a spec are an int, those of a type a long"
        )]
        flags: flags as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec is complete, and CPython copies what it keeps of it.
    unsafe {
        let class = ffi::PyType_FromSpecWithBases(&raw mut spec, base.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(base.py(), class)?.cast_into_unchecked::<PyType>().unbind())
    }
}

/// `tp_new`: as the base, then the pointer.
unsafe extern "C" fn new(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it attached, with the class that `derive` made, whose base PyO3 has given a `tp_new`.
    unsafe {
        let base = (*class).tp_base;
        let Some(base_new) = (*base).tp_new else { return ptr::null_mut() };
        // CPython 3.11 and 3.12 make the instance's dict while the object is tracked already and PyO3 has not filled it in yet;
        // a collection that this allocation starts would trace an object of nulls.
        #[cfg(not(Py_3_13))]
        let collecting = ffi::PyGC_Disable() == 1;
        let object = base_new(class, args, kwargs);
        #[cfg(not(Py_3_13))]
        if collecting {
            ffi::PyGC_Enable();
        }
        if !object.is_null() {
            let place = object.byte_offset((*base).tp_basicsize).cast::<ffi::vectorcallfunc>();
            place.write(vectorcall);
        }
        object
    }
}

/// What CPython calls.
unsafe extern "C" fn vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it attached, on an instance of the class above and with a vectorcall's arguments.
    let (py, cached, arguments) = unsafe {
        let py = Python::assume_attached();
        let callable = Borrowed::from_ptr(py, callable).cast_unchecked::<Cached>();
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        (py, callable.get(), Arguments::from_vector(args, count, names))
    };
    match hit(py, cached, arguments) {
        Some(value) => value,
        None => miss(cached, arguments),
    }
}

/// Answers a call whose result the session surely knows; null is an error that is set.
#[inline]
fn hit(py: Python<'_>, cached: &Cached, arguments: Arguments<'_>) -> Option<*mut PyObject> {
    if cached.key.is_some() || !(arguments.names.is_null() || arguments.has_plain_names()) {
        return None;
    }
    let Some(hash) = arguments.hash(cached.rules, &cached.seed) else {
        // SAFETY: attached, with an error set. Of an argument without a hash the whole call says more; any other error stands.
        unsafe {
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_TypeError) == 0 {
                return Some(ptr::null_mut());
            }
            ffi::PyErr_Clear();
        }
        return None;
    };
    let Glance::Session(id) = cached.binding.glance(py) else {
        return None;
    };
    let (value, vouch) = cached.function.store.with(py, |store| {
        let constant = store.terms.constant;
        let entry = store.glance(hash, id, clock::latest, |key| key.is_natively(arguments))?;
        let value = entry.value.as_ptr();
        // SAFETY: the entry holds a reference, and we are attached.
        unsafe { ffi::Py_INCREF(value) };
        Some((value, entry.vouch(constant)))
    })?;
    computing::note(py, vouch);
    Some(value)
}

/// Answers any other call. A panic becomes an exception, as in all of PyO3.
#[cold]
#[inline(never)]
fn miss(cached: &Cached, arguments: Arguments<'_>) -> *mut PyObject {
    Python::attach(|py| {
        let answer = catch_unwind(AssertUnwindSafe(|| cached.call(py, arguments)));
        let answer = answer.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            Err(PanicException::new_err(text.to_owned()))
        });
        match answer {
            Ok(value) => value.into_ptr(),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    })
}
