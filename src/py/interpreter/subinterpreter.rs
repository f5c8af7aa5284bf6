//! In which interpreter of the process the module may be.
#![expect(unsafe_code, reason = "PyO3 has no safe way to ask for the interpreter")]

use super::fallible;
use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Refuses to be imported in a sub-interpreter: what is static here, classes for one, belongs to one
/// interpreter, and before Python 3.12 a thread there would wait for the main interpreter for ever.
/// (`PyGILState_Ensure`).
pub(crate) fn check(py: Python<'_>) -> PyResult<()> {
    // SAFETY: a module is made by a thread that is attached; both only read.
    let is_main = unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() };
    if is_main {
        return Ok(());
    }
    Err(fallible::error::<PyImportError>(
        py,
        "versioned_lru_cache can't be used in a sub-interpreter, only in the main interpreter of a process; \
         under mod_wsgi, whose default is a sub-interpreter, set WSGIApplicationGroup %{GLOBAL}",
    ))
}
