//! A counter as a version function, read without a Python call.
#![expect(clippy::doc_markdown, reason = "examples in docstrings are Python, as help() shows them")]

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::py::interpreter::fallible::{self, Number, Text};

/// A version function that counts: what ``versions.counter`` returns.
///
/// Example:
///     >>> changes()
///     0
#[pyclass(frozen, weakref, module = "versioned_lru_cache.versions", name = "Counter")]
pub(crate) struct Counter {
    name: String,
    count: AtomicU64,
}

impl Counter {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }
}

#[pymethods]
impl Counter {
    #[new]
    #[pyo3(signature = (name, /))]
    fn new(name: String) -> Self {
        Self { name, count: AtomicU64::new(0) }
    }

    /// The version: how often it was bumped.
    fn __call__(&self) -> Number {
        Number(self.count())
    }

    /// Say that the data has changed.
    ///
    /// Returns:
    ///     The new version.
    ///
    /// Example:
    ///     >>> square(3), changes.bump(), square(3), square.cache_info().misses
    ///     (9, 1, 9, 2)
    fn bump(&self) -> Number {
        Number(self.count.fetch_add(1, Ordering::AcqRel) + 1)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let name = fallible::text(py, &self.name)?;
        Ok(Text(format!("<versions.counter({})>", name.repr()?)))
    }
}
