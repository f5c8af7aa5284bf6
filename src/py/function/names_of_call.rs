//! A version function about names that a callable makes of a call's arguments: what `versions.counter` and
//! `versions.tags` make of one. Only the callable is Python code.
#![expect(clippy::doc_markdown, reason = "examples in docstrings are Python, as help() shows them")]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::py::arguments::call_arguments::Arguments;
use crate::py::interpreter::fallible::{self, Number, Text, imported};
use crate::py::objects::bumps::{self, Names};

/// A version function about names: what ``versions.counter`` and ``versions.tags`` make of a callable.
///
/// Args:
///     shown: How it was made.
///     make: Takes a call's arguments, and returns a name, or several.
///     checked: Returns as a tuple of names what ``make`` answered, if that is nothing plain.
///     several: Whether ``make`` may answer with several.
#[pyclass(frozen, weakref, module = "versioned_lru_cache.versions", name = "NamesOfCall")]
pub(crate) struct NamesOfCall {
    shown: String,
    make: Py<PyAny>,
    checked: Py<PyAny>,
    several: bool,
}

impl NamesOfCall {
    /// The version of a call's data.
    pub(crate) fn ask<'py>(&self, py: Python<'py>, arguments: Arguments<'_>) -> PyResult<Bound<'py, PyAny>> {
        self.version(&arguments.call(self.make.bind(py))?)
    }

    /// In a frame of its own, which is gone while the callable runs.
    #[inline(never)]
    fn version<'py>(&self, answer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(answer)?;
        let count = Names::new(&names)?.count(answer.py()).0;
        counted(names, count)
    }

    /// The names that the callable answered, each once and sorted.
    fn names<'py>(&self, answer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(names) = bumps::plain_names(answer, self.several)? {
            return Ok(names);
        }
        Ok(self.checked.bind(answer.py()).call1((answer,))?.cast_into::<PyTuple>()?)
    }
}

/// A version says of which names it is: two that nobody has bumped are counted alike.
fn counted(names: Bound<'_, PyTuple>, count: u64) -> PyResult<Bound<'_, PyAny>> {
    let py = names.py();
    let count = Number(count).into_pyobject(py)?;
    Ok(fallible::tuple(py, [names.into_any(), count])?.into_any())
}

#[pymethods]
impl NamesOfCall {
    #[new]
    #[pyo3(signature = (shown, make, checked, several, /))]
    fn new(shown: String, make: Py<PyAny>, checked: Py<PyAny>, several: bool) -> Self {
        Self { shown, make, checked, several }
    }

    /// The version: the names, and how often they were bumped, or more.
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.version(&self.make.bind(args.py()).call(args, kwargs)?)
    }

    /// Say that the data of a call has changed.
    ///
    /// Args:
    ///     args: The arguments of the call.
    ///     kwargs: Those that have names.
    ///
    /// Returns:
    ///     The new version of such a call.
    ///
    /// Example:
    ///     >>> of_member = counter(lambda number: f"member:{number}")
    ///     >>> before = of_member(7)
    ///     >>> of_member.bump(7) == of_member(7) != before
    ///     True
    #[pyo3(signature = (*args, **kwargs))]
    fn bump<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let names = self.names(&self.make.bind(py).call(args, kwargs)?)?;
        let count = Names::new(&names)?.bump(py);
        counted(names, count)
    }

    fn __repr__(&self) -> Text<String> {
        Text(format!("<versions.{}>", self.shown))
    }

    /// What it takes. By this the decorators see whether it is to be asked once per session or per arguments.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        imported!(py, "inspect", "signature")?.call1((&self.make,))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.make)?;
        visit.call(&self.checked)
    }
}
