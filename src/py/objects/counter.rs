//! A counter of bumps as a version function, read without a Python call and, as long as nothing is bumped,
//! without a lock: a value that is cached until the epoch ends.
#![expect(clippy::doc_markdown, reason = "examples in docstrings are Python, as help() shows them")]

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::bumps::{self, Names};
use crate::py::interpreter::fallible::{Number, Text};

/// A version function that counts bumps: what ``versions.counter`` and ``versions.tags`` make of names.
///
/// Example:
///     >>> before = changes()
///     >>> changes.bump() == changes() > before
///     True
#[pyclass(frozen, weakref, module = "versioned_lru_cache.versions", name = "Counter")]
pub(crate) struct Counter {
    shown: String,
    names: Names,
    /// The newest epoch in which it was counted, and what came of that. Both only rise, the count first: so
    /// who finds the epoch of now finds a count that is no older.
    counted_in: AtomicU64,
    count: AtomicU64,
}

impl Counter {
    /// How often its names were bumped, or more.
    #[inline]
    pub(crate) fn count(&self, py: Python<'_>) -> u64 {
        if self.counted_in.load(Ordering::Acquire) == bumps::epoch() {
            self.count.load(Ordering::Acquire)
        } else {
            self.count_anew(py)
        }
    }

    #[cold]
    #[inline(never)]
    fn count_anew(&self, py: Python<'_>) -> u64 {
        let (count, epoch) = self.names.count(py);
        self.count.fetch_max(count, Ordering::AcqRel);
        self.counted_in.fetch_max(epoch, Ordering::AcqRel);
        count
    }
}

#[pymethods]
impl Counter {
    #[new]
    #[pyo3(signature = (shown, names, /))]
    fn new(shown: String, names: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let names = Names::new(names)?;
        Ok(Self { shown, names, counted_in: AtomicU64::new(0), count: AtomicU64::new(0) })
    }

    /// The version: how often its names were bumped, or more.
    fn __call__(&self, py: Python<'_>) -> Number {
        Number(self.count(py))
    }

    /// Say that the data has changed.
    ///
    /// Returns:
    ///     The new version.
    ///
    /// Example:
    ///     >>> square(3), changes.bump() == changes(), square(3), square.cache_info().misses
    ///     (9, True, 9, 2)
    fn bump(&self, py: Python<'_>) -> Number {
        Number(self.names.bump(py))
    }

    fn __repr__(&self) -> Text<String> {
        Text(format!("<versions.{}>", self.shown))
    }
}
