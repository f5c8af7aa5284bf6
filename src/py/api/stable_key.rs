//! `_core.stable_key(...)` and `_core.stable_key_of(...)`: canonical keys, for the stores and the tests.
#![expect(clippy::doc_markdown, reason = "docstrings are Python's, as help() shows them")]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::py::arguments::call_arguments::{Rules, with_arguments};
use crate::py::arguments::stable_key::{Place, Refused, encode};
use crate::py::arguments::stable_refusal;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::Bytes;

/// The canonical key of arguments as they are passed.
///
/// Args:
///     args: The positional ones.
///     kwargs: Those that have names.
///     typed: Whether arguments of different types are different.
///     ordered: Whether the order of the names counts.
///
/// Returns:
///     Bytes that are equal where the arguments are, in any process.
///
/// Raises:
///     TypeError: An argument has no canonical key.
#[pyfunction]
#[pyo3(signature = (args, kwargs, typed, ordered, /))]
pub(crate) fn stable_key(
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
    typed: bool,
    ordered: bool,
) -> PyResult<Bytes> {
    let py = args.py();
    let told = |place: Place, refused: &Refused| {
        let argument = match place {
            Place::Positional(place) => format!("argument {}", place + 1),
            Place::Named(name) => format!("argument {name:?}"),
        };
        stable_refusal::of_argument(py, "stable_key", &argument, refused)
    };
    let rules = Rules { typed, ordered };
    with_arguments(args, Some(kwargs), false, |arguments| encode(py, arguments, rules, told).map(Bytes))
}

/// The canonical key of a call: of its bound arguments, or of what ``key=`` makes of them.
///
/// Args:
///     function: A cached function; a method's arguments begin with the instance.
///     args: The positional arguments.
///     kwargs: Those that have names.
///
/// Returns:
///     Bytes that are equal where the keys are, in any process.
///
/// Raises:
///     TypeError: An argument has no canonical key.
#[pyfunction]
#[pyo3(signature = (function, args, kwargs, /))]
pub(crate) fn stable_key_of(
    function: &Bound<'_, Cached>,
    args: &Bound<'_, PyTuple>,
    kwargs: &Bound<'_, PyDict>,
) -> PyResult<Bytes> {
    let (py, cached) = (function.py(), function.get());
    let probe = cached.probe_of(py, args, Some(kwargs))?;
    cached.stable_key(py, &probe.key).map(Bytes)
}
