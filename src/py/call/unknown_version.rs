//! `VersionUnknown`: how a version function says that nobody can tell the version now.

use pyo3::prelude::*;

use crate::py::interpreter::fallible::imported;
use crate::py::objects::object::Object;

/// Whether an error says so.
#[cold]
pub(super) fn is_told(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    error.value(py).is_instance(imported!(py, "versioned_lru_cache.exceptions", "VersionUnknown")?)
}

/// What the call goes by instead: it equals no other version.
#[cold]
pub(super) fn instead(py: Python<'_>) -> PyResult<Object> {
    py.get_type::<PyAny>().call0().map(Object::from)
}
