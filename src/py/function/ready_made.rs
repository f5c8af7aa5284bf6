//! Ready-made version functions, those of `versioned_lru_cache.versions`: what they ask is called without a
//! Python frame of their own.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::shared_scope::SharedScope;
use crate::engine::Scope;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::interpreter::fallible::{self, Text, imported};

/// A version function that shows what it asks.
///
/// Args:
///     shown: What that is.
///     ask: Is called in its place.
///     about: What ``ask`` gets in place of all arguments, if not ``None``.
///     like: Takes what the version function takes; ``None`` is for nothing.
///     local: Whether its answers mean nothing to another process.
#[pyclass(frozen, subclass, weakref, module = "versioned_lru_cache.versions", name = "VersionFunction")]
pub(crate) struct ReadyMade {
    shown: String,
    /// What is called in its place.
    ask: Py<PyAny>,
    /// What that is given, where it does not get what the version function is given.
    about: Option<Py<PyAny>>,
    like: Option<Py<PyAny>>,
    local: bool,
    scope: Scope,
}

impl ReadyMade {
    /// Calls what is called in its place.
    pub(crate) fn ask<'py>(&self, py: Python<'py>, arguments: Arguments<'_>) -> PyResult<Bound<'py, PyAny>> {
        let about = self.about.as_ref().map(Py::as_ptr);
        about.as_ref().map_or(arguments, Arguments::of_one).call(self.ask.bind(py))
    }
}

#[pymethods]
impl ReadyMade {
    #[new]
    #[pyo3(signature = (shown, ask, *, about = None, like = None, local = false))]
    fn new(
        shown: String,
        ask: Py<PyAny>,
        about: Option<Py<PyAny>>,
        like: Option<Py<PyAny>>,
        local: bool,
    ) -> Self {
        Self { shown, ask, about, like, local, scope: Scope::default() }
    }

    /// The version.
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ask = self.ask.bind(args.py());
        match &self.about {
            Some(about) if args.is_empty() && kwargs.is_none_or(PyDictMethods::is_empty) => {
                ask.call1((about,))
            }
            Some(_) => Err(fallible::error::<PyTypeError>(
                args.py(),
                format!("<versions.{}> takes no arguments", self.shown),
            )),
            None => ask.call(args, kwargs),
        }
    }

    /// Whether its answers mean nothing to another process.
    #[getter]
    fn local(&self) -> bool {
        self.local
    }

    /// What its answers have in common, wherever it is used.
    #[getter]
    fn scope(&self) -> SharedScope {
        SharedScope(self.scope.clone())
    }

    fn __repr__(&self) -> Text<String> {
        Text(format!("<versions.{}>", self.shown))
    }

    /// What it takes. By this the decorators see whether it is to be asked once per session or per arguments.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.like {
            None => imported!(py, "inspect", "Signature")?.call0(),
            Some(like) => imported!(py, "inspect", "signature")?.call1((like,)),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.ask)?;
        visit.call(&self.about)?;
        visit.call(&self.like)
    }
}
