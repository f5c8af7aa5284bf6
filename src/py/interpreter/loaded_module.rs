//! Modules that are imported already. What would be found in one that is not can't be in use either, so
//! nothing has to be imported to look for it.
#![expect(unsafe_code, reason = "asks for a module that is loaded")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A module, if it is imported already.
pub(crate) fn loaded<'py>(name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = name.py();
    // SAFETY: the answer is a new reference, or null with or without an error.
    let module = unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyImport_GetModule(name.as_ptr())) };
    if module.is_none() && PyErr::occurred(py) { Err(PyErr::fetch(py)) } else { Ok(module) }
}
