//! A retry loop: a lookup that is repeated until all comparisons that it depends on were made, outside of the
//! critical section.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::engine::{Comparisons, Unsure};
use crate::py::arguments::key;
use crate::py::interpreter::fallible;
use crate::py::objects::object::Object;

/// How many turns one lookup may take before it is given up: keys that change the cache while they are
/// compared could go on for ever. A turn is many comparisons where many keys have one hash, and only where
/// something changes it takes another.
pub(super) const PATIENCE: usize = 2_000;

/// Repeats a lookup until all that it needs to know about equality has been asked.
pub(crate) fn settle<R>(
    py: Python<'_>,
    mut look: impl FnMut(&Comparisons<Object>) -> Result<R, Unsure<Object>>,
) -> PyResult<R> {
    let mut comparisons = Comparisons::default();
    for _ in 0..PATIENCE {
        match look(&comparisons) {
            Ok(found) => return Ok(found),
            Err(mut unsure) => {
                let equal = key::equal(py, &mut unsure)?;
                comparisons.learn(unsure, equal);
            }
        }
    }
    Err(restless(py))
}

/// That it was given up.
pub(super) fn restless(py: Python<'_>) -> PyErr {
    fallible::error::<PyRuntimeError>(
        py,
        "the cache changed each time two keys were compared; let the keys' __eq__ leave the cache alone",
    )
}
