//! Python's `==` between a stored key and the one looked for, with a care for whose error it is.
//!
//! `PyObject_RichCompare` would not tell whether the stored object's method raised or the other's. A stored key that can't be compared
//! must not break the look-up of another, so its error counts as no answer; the error of the key looked for goes to its caller.

use pyo3::exceptions::{PyException, PyRecursionError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::native;
use super::nested::{self, Nested};
use super::object::Object;
use crate::engine::Unsure;

/// Whether two objects are equal, or two keys, one of which is stored.
pub(super) fn equal(py: Python<'_>, unsure: &mut Unsure<Object>) -> PyResult<bool> {
    unsure.ask(
        |key, probe| key.equals(py, probe.key.arguments(), probe.rules),
        |pair| both_equal(pair.stored.bind(py), pair.probe.bind(py)),
    )
}

/// Whether a stored object and the one looked for are equal.
pub(super) fn both_equal(stored: &Bound<'_, PyAny>, probe: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = stored.py();
    if native::are_tuples(stored, probe) {
        return both_tuples_equal(stored, probe);
    }
    // The interpreter counts the calls of what is written in Python itself.
    nested::check_stack(py)?;
    // As dict does it: a subclass knows better than its base, then the stored one, then the one looked for.
    let derived = native::is_derived(probe, stored);
    let order = if derived { [(probe, stored), (stored, probe)] } else { [(stored, probe), (probe, stored)] };
    for (asked, other) in order {
        match native::says_equal(asked, other) {
            Ok(None) => {}
            Ok(Some(equal)) => return Ok(equal),
            // It has not said anything; so the one looked for has its say, or its error is told. That there is no room on the stack is of this call.
            Err(error)
                if asked.is(stored)
                    && error.is_instance_of::<PyException>(py)
                    && !error.is_instance_of::<PyRecursionError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The same for tuples, whose own method would pass on an item's error as its own.
#[cold]
fn both_tuples_equal(stored: &Bound<'_, PyAny>, probe: &Bound<'_, PyAny>) -> PyResult<bool> {
    let _nested = Nested::enter(stored.py())?;
    let (stored, probe) = (stored.cast_exact::<PyTuple>()?, probe.cast_exact::<PyTuple>()?);
    let mut pairs = stored.iter().zip(probe.iter());
    let equal = pairs.try_fold(true, |equal, (stored, probe)| {
        Ok::<_, PyErr>(equal && (stored.is(&probe) || both_equal(&stored, &probe)?))
    });
    Ok(stored.len() == probe.len() && equal?)
}
