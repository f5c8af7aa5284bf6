//! Garbage collections before CPython 3.12, where one may run in the midst of any allocation, also one of `ContextVar.set`. If a finalizer
//! then sets a variable too, the tree of values that the interrupted call reads is freed. So while a collection goes on we hold the tree of
//! before each change of ours.
#![expect(unsafe_code, reason = "PyO3 does not wrap copies of a context")]

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyTuple};

use super::sync::Guarded;

/// Whether one goes on.
static GOING: AtomicBool = AtomicBool::new(false);
/// Copies of contexts, each with the tree that its original had.
static HELD: Guarded<Vec<Py<PyAny>>> = Guarded::new(Vec::new());

/// Has the collector tell of its beginnings and ends.
pub(super) fn watch(py: Python<'_>) -> PyResult<()> {
    let heard = PyCFunction::new_closure(py, None, None, |args: &Bound<'_, PyTuple>, _| {
        let begins = args.get_item(0).and_then(|phase| phase.eq("start")).unwrap_or(false);
        GOING.store(begins, Ordering::Relaxed);
    })?;
    py.import("gc")?.getattr("callbacks")?.call_method1("append", (heard,)).map(drop)
}

/// To be called before a variable is set: while a collection goes on, the tree is held. What is set when none goes on interrupts nobody, so then
/// those that were held may go.
pub(super) fn hold(py: Python<'_>) -> PyResult<()> {
    if GOING.load(Ordering::Relaxed) {
        // SAFETY: attached; the copy is a new reference or an error.
        let copy = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent())? };
        HELD.with(py, |held| held.push(copy.unbind()));
    } else if HELD.with(py, |held| !held.is_empty()) {
        drop(HELD.with(py, std::mem::take));
    }
    Ok(())
}
