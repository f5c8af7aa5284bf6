//! Python's `==` between a stored key and the one looked for, with a care for whose error it is.
//!
//! `PyObject_RichCompare` would not tell whether the stored object's method raised or the other's. A stored
//! key that can't be compared must not break the look-up of another, so its error counts as no answer; the
//! error of the key looked for goes to its caller.

use pyo3::exceptions::{PyException, PyRecursionError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::native;
use crate::py::interpreter::recursion::{self, Nested};

/// Whether a stored object and the one looked for are equal.
pub(crate) fn both_equal(stored: &Bound<'_, PyAny>, probe: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = stored.py();
    if native::are_tuples(stored, probe) {
        return both_tuples_equal(stored, probe);
    }
    // The interpreter counts the calls of what is written in Python itself.
    recursion::check_stack(py)?;
    // As dict does it: a subclass knows better than its base, then the stored one, then the one looked for.
    let derived = native::is_derived(probe, stored);
    let (first, second) = if derived { (probe, stored) } else { (stored, probe) };
    match native::says_equal(first, second) {
        Ok(Some(equal)) => Ok(equal),
        Ok(None) => second_says_equal(second, first, stored),
        Err(error) if is_no_answer(&error, first, stored) => second_says_equal(second, first, stored),
        Err(error) => Err(error),
    }
}

/// The same where the one that was asked first has not said anything.
#[cold]
fn second_says_equal(
    second: &Bound<'_, PyAny>,
    first: &Bound<'_, PyAny>,
    stored: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match native::says_equal(second, first) {
        Err(error) if is_no_answer(&error, second, stored) => Ok(false),
        said => Ok(said?.unwrap_or(false)),
    }
}

/// Whether an error is no answer: of the stored one. That there is no room on the stack is of this call.
#[cold]
fn is_no_answer(error: &PyErr, asked: &Bound<'_, PyAny>, stored: &Bound<'_, PyAny>) -> bool {
    let py = asked.py();
    asked.is(stored)
        && error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyRecursionError>(py)
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
