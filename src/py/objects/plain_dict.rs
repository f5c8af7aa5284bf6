//! What PyO3 does not offer of plain dicts.
#![expect(unsafe_code, reason = "calls what is another function in each version of CPython")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// What a plain dict holds under a name, which is `value` from now on if there was nothing.
pub(crate) fn set_default<'py>(
    dict: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut found = std::ptr::null_mut();
    // SAFETY: all three are alive; what is found is a new reference, or null with an error.
    unsafe {
        ffi::compat::PyDict_SetDefaultRef(dict.as_ptr(), name.as_ptr(), value.as_ptr(), &raw mut found);
        Bound::from_owned_ptr_or_err(dict.py(), found)
    }
}
