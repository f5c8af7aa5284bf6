//! `VersionUnknown`: how a version function says that nobody can tell the version now.

use pyo3::prelude::*;

use crate::py::interpreter::fallible::imported;
use crate::py::objects::object::Object;

/// Whether an error says so. Without memory to tell it is as any other.
#[cold]
pub(super) fn is_told(py: Python<'_>, error: &PyErr) -> bool {
    let class = imported!(py, "versioned_lru_cache.exceptions", "VersionUnknown");
    class.and_then(|class| error.value(py).is_instance(class)).unwrap_or(false)
}

/// What the call goes by instead: it equals no other version.
#[cold]
pub(super) fn instead(py: Python<'_>) -> PyResult<Object> {
    py.get_type::<PyAny>().call0().map(Object::from)
}
