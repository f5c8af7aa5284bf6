//! Garbage collections before CPython 3.12, where one may run in the midst of any allocation, also of one in
//! `ContextVar.set`. A finalizer that then sets a variable too frees the tree of values that the interrupted
//! call goes on to read; and its own change is undone at the end of that call, so that what it set dies,
//! while CPython remembers it as what the variable holds. So what runs in a collection holds both for a
//! while.
#![expect(unsafe_code, reason = "PyO3 wraps no contexts")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyTuple};

/// Whether a collection goes on.
static GOING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Copies of contexts, each with the tree that its original had, and what variables were set to.
    static HELD: RefCell<Vec<Py<PyAny>>> = const { RefCell::new(Vec::new()) };
}

/// Has the collector tell of its beginnings and ends.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    let heard = PyCFunction::new_closure(py, None, None, |args: &Bound<'_, PyTuple>, _| {
        // By what tells it from "stop", since there may be no memory to make another text.
        let phase = args.get_item(0).and_then(|phase| phase.len());
        let begins = phase.is_ok_and(|length| length == "start".len());
        GOING.store(begins, Ordering::Relaxed);
    })?;
    py.import("gc")?.getattr("callbacks")?.call_method1("append", (heard,)).map(drop)
}

/// To be called before a variable is changed, with what it is changed to or what holds that. Where no
/// collection goes on this interrupts nobody in its thread, so what was held before may go.
pub(crate) fn hold(new: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = new.py();
    if GOING.load(Ordering::Relaxed) {
        // SAFETY: attached; the copy is a new reference or an error.
        let copy = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent())? };
        HELD.with_borrow_mut(|held| held.extend([copy.unbind(), new.clone().unbind()]));
    } else if HELD.with_borrow(|held| !held.is_empty()) {
        forget(py)?;
    }
    Ok(())
}

#[cold]
fn forget(py: Python<'_>) -> PyResult<()> {
    // SAFETY: attached. In another context nothing is remembered of what variables hold, nor after a return
    // from one.
    unsafe {
        let other = Bound::from_owned_ptr_or_err(py, ffi::PyContext_New())?;
        if ffi::PyContext_Enter(other.as_ptr()) < 0 || ffi::PyContext_Exit(other.as_ptr()) < 0 {
            return Err(PyErr::fetch(py));
        }
    }
    drop(HELD.with_borrow_mut(std::mem::take));
    Ok(())
}
