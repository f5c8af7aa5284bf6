//! A scope as Python holds it.

use pyo3::prelude::*;

use crate::engine::Scope;

/// What the answers of one version function have in common, wherever that is used.
#[pyclass(frozen, weakref, module = "versioned_lru_cache._core", name = "Scope")]
pub(crate) struct SharedScope(pub(crate) Scope);

#[pymethods]
impl SharedScope {
    #[new]
    fn new() -> Self {
        Self(Scope::default())
    }
}
