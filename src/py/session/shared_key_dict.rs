//! The handle in an object's `__dict__` of CPython 3.13, which has no new tag when an attribute is set or
//! deleted: it mostly shares the values with the object. Its keys it shares with all objects of the class, so
//! the handle's place among those is remembered, and the key there tells whether it holds.
//!
//! What it buys: a hit with its session in `flask.g` takes 449 instructions, and 568 by a lookup in the dict
//! (CPython 3.13.0 without PGO, `make bench-check`).
#![expect(unsafe_code, reason = "reads dicts in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::binding;
use super::dict_lookup::{Located, look_up, session_of};

/// The kind of keys that objects share.
const SPLIT: u8 = 2;

/// As in CPython's `pycore_dict.h`, of all 3.13.
#[repr(C)]
struct DictKeys {
    references: isize,
    log2_size: u8,
    log2_index_bytes: u8,
    kind: u8,
    version: u32,
    usable: isize,
    entries: isize,
}

#[repr(C)]
struct DictEntry {
    key: *mut PyObject,
    value: *mut PyObject,
}

#[repr(C)]
struct DictValues {
    state: [u8; 4],
    values: [*mut PyObject; 0],
}

/// The place of the handle that was found last.
static PLACE: AtomicUsize = AtomicUsize::new(0);

/// Whether a dict is one of those.
#[inline(always)]
pub(crate) unsafe fn is(mapping: *mut PyObject) -> bool {
    // SAFETY: the caller passes a dict.
    unsafe { !(*mapping.cast::<ffi::PyDictObject>()).ma_values.is_null() }
}

/// The key in a place, and the value that an object has for it.
#[inline(always)]
unsafe fn item(mapping: *mut PyObject, place: usize) -> Option<(*mut PyObject, *mut PyObject)> {
    // SAFETY: the caller passes a dict with values. If its keys are shared they are followed by a table of
    // indices and, as many as it says, the entries; there are values for all of those.
    unsafe {
        let dict = mapping.cast::<ffi::PyDictObject>();
        let keys = (*dict).ma_keys.cast::<DictKeys>();
        if (*keys).kind != SPLIT || place >= (*keys).entries.cast_unsigned() {
            return None;
        }
        let entries = keys.add(1).byte_add(1 << (*keys).log2_index_bytes).cast::<DictEntry>();
        let values = (&raw const (*(*dict).ma_values.cast::<DictValues>()).values).cast::<*mut PyObject>();
        Some(((*entries.add(place)).key, *values.add(place)))
    }
}

#[inline(always)]
pub(crate) unsafe fn locate(py: Python<'_>, mapping: *mut PyObject) -> Located {
    let name = binding::name(py).as_ptr();
    // SAFETY: the caller passes such a dict; what it holds is alive until the next Python code.
    unsafe {
        match item(mapping, PLACE.load(Ordering::Relaxed)) {
            Some((key, found)) if ptr::eq(key, name) && !found.is_null() => {
                session_of(Borrowed::from_ptr(py, found))
            }
            _ => find(py, mapping, name),
        }
    }
}

/// The same where it is in another place, which is remembered.
#[cold]
unsafe fn find(py: Python<'_>, mapping: *mut PyObject, name: *mut PyObject) -> Located {
    // SAFETY: as above.
    unsafe {
        let mut places = (0..).map_while(|place| item(mapping, place));
        if let Some(place) = places.position(|(key, _)| ptr::eq(key, name)) {
            PLACE.store(place, Ordering::Relaxed);
        }
        look_up(py, mapping).1
    }
}
