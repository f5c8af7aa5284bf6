//! What is said where a call has no canonical key: the argument, the way to the value inside of it, and what
//! to do instead.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::stable_bytes::Refused;
use crate::py::interpreter::fallible;

/// The exception for an argument, or what `key=` returned, that has a value with no canonical encoding.
pub(crate) fn of_argument(py: Python<'_>, function: &str, argument: &str, refused: &Refused) -> PyErr {
    let Refused { value, reason, .. } = refused;
    let path = refused.path();
    let place = if path.is_empty() { "it".to_owned() } else { format!("its {path}") };
    fallible::error::<PyTypeError>(
        py,
        format!(
            "{function}: {argument} cannot be part of a key in a store, since {place} is {value}, {reason}; \
             pass None, numbers, str, bytes, dates, times, UUIDs, Enum members, or tuples, frozensets, named \
             tuples and frozen dataclasses of those, or give key=, a callable that makes a key of those from \
             the arguments"
        ),
    )
}

/// The exception for a method without `key=`.
pub(crate) fn of_instance(py: Python<'_>, function: &str) -> PyErr {
    fallible::error::<PyTypeError>(
        py,
        format!(
            "{function}: the instance of a method cannot be part of a key in a store; give key=, a callable \
             that is given the instance and the arguments, and makes a key of plain values (numbers, str, \
             tuples) from them"
        ),
    )
}
