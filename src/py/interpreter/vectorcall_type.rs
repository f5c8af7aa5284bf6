//! Types whose instances CPython calls by vectorcall.
//!
//! PyO3 gives its classes no vectorcall, so the type that is instantiated is a heap type derived from one:
//! the class's memory, and behind it the pointer that CPython calls.
#![expect(unsafe_code, reason = "defines a type by CPython's own means")]

#[cfg(not(Py_3_13))]
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::mem::size_of;
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// What a type adds to the class it is derived from.
pub(crate) struct DerivedType {
    pub(crate) name: &'static CStr,
    pub(crate) doc: &'static CStr,
    pub(crate) new: ffi::newfunc,
    /// Its own methods, which live for ever.
    pub(crate) methods: *mut ffi::PyMethodDef,
    pub(crate) getattr: Option<ffi::getattrofunc>,
    /// Flags beyond those that all have.
    pub(crate) flags: c_ulong,
}

/// # Safety
/// `new` must fill instances by [`fill`].
pub(crate) unsafe fn derive(base: &Bound<'_, PyType>, derived: &DerivedType) -> PyResult<Py<PyType>> {
    // SAFETY: a type object is alive as long as its reference.
    let offset = unsafe { (*base.as_type_ptr()).tp_basicsize };
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
    let end = ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() };
    let getattr = derived
        .getattr
        .map_or(end, |getattr| ffi::PyType_Slot { slot: ffi::Py_tp_getattro, pfunc: getattr as *mut c_void });
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: ffi::Py_tp_methods, pfunc: derived.methods.cast() },
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_new, pfunc: derived.new as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_doc, pfunc: derived.doc.as_ptr().cast_mut().cast() },
        getattr,
        end,
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_VECTORCALL | derived.flags;
    let size = offset + size_of::<ffi::vectorcallfunc>().cast_signed();
    let mut spec = ffi::PyType_Spec {
        name: derived.name.as_ptr(),
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

/// How far this thread is with [`fill`], of an instance of a class.
#[cfg(not(Py_3_13))]
#[derive(Clone, Copy)]
enum Filling {
    Not,
    Begun(*mut ffi::PyTypeObject),
    /// The class shows no dict, until the object is filled in, and the garbage collector may have been on.
    Bare(*mut ffi::PyTypeObject, ffi::Py_ssize_t, bool),
}

#[cfg(not(Py_3_13))]
thread_local! {
    static FILLING: Cell<Filling> = const { Cell::new(Filling::Not) };
}

/// Says that an instance with a dict is allocated next and filled in, without Python code in between. CPython
/// 3.11 and 3.12 make the dict with the object, before PyO3 has filled that in: memory that runs out then, or
/// a collection, would come upon an object of nulls. So the class has no dict for that moment, and the
/// object's is made when it is needed, as in other versions; and the collector is off, whose finalizers would
/// find other instances without theirs.
#[cfg_attr(Py_3_13, expect(clippy::missing_const_for_fn, reason = "it is none before"))]
pub(crate) fn is_next(_py: Python<'_>) {
    #[cfg(not(Py_3_13))]
    if let Filling::Begun(class) = FILLING.get() {
        // SAFETY: attached, with the class that CPython makes an instance of; nobody else looks at it until
        // that is done.
        unsafe {
            let place = std::mem::replace(&mut (*class).tp_dictoffset, 0);
            FILLING.set(Filling::Bare(class, place, ffi::PyGC_Disable() == 1));
        }
    }
}

/// `tp_new` of a derived type: as the base, then the pointer, which `choose` picks for the object.
///
/// # Safety
/// To be called as CPython calls `tp_new`, with a class that [`derive`] made.
pub(crate) unsafe fn fill(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    choose: impl FnOnce(*mut PyObject) -> ffi::vectorcallfunc,
) -> *mut PyObject {
    // SAFETY: the caller says so, and PyO3 has given the base a `tp_new`.
    unsafe {
        let base = (*class).tp_base;
        let Some(base_new) = (*base).tp_new else { return ptr::null_mut() };
        #[cfg(not(Py_3_13))]
        let before = FILLING.replace(Filling::Begun(class));
        let object = base_new(class, args, kwargs);
        #[cfg(not(Py_3_13))]
        if let Filling::Bare(class, place, collects) = FILLING.replace(before) {
            (*class).tp_dictoffset = place;
            if collects {
                ffi::PyGC_Enable();
            }
        }
        if !object.is_null() {
            let place = object.byte_offset((*base).tp_basicsize).cast::<ffi::vectorcallfunc>();
            place.write(choose(object));
        }
        object
    }
}

/// Lets calls of an object leave its count of references alone, which threads that call it at the same time
/// would have in common. In return the object lives until the garbage collector looks for it.
///
/// # Safety
/// The object must be alive.
#[cfg(Py_GIL_DISABLED)]
pub(crate) unsafe fn defer_counting(object: *mut PyObject) {
    unsafe extern "C" {
        fn PyUnstable_Object_EnableDeferredRefcount(object: *mut PyObject) -> c_int;
    }

    // SAFETY: CPython has it since 3.14, and without a GIL there is no older one. It refuses what it can't
    // do, which costs only time.
    unsafe { PyUnstable_Object_EnableDeferredRefcount(object) };
}
