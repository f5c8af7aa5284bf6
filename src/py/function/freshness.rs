//! The options that say how fresh a result has to be.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3::{PyTraverseError, PyVisit};

use crate::engine::clock::Nanos;
use crate::engine::{Lag, Terms};
use crate::py::interpreter::fallible::named;

/// How often to try again, after how long, how soon a result settles, and the order of versions.
type Lagging = (u32, Nanos, Option<Nanos>, Option<Py<PyAny>>);

/// The callables among them.
pub(crate) struct Freshness {
    /// Takes the function's place where there is an old result.
    pub(crate) revalidate: Option<Py<PyAny>>,
    /// Whether that is a coroutine function.
    pub(crate) awaits: bool,
    /// Which exceptions are failures of the source.
    errors: Py<PyAny>,
    /// Says whether a version is another or above it.
    pub(crate) order: Option<Py<PyAny>>,
}

impl Freshness {
    /// In place of one that is dropped.
    pub(crate) fn nothing(py: Python<'_>) -> Self {
        Self { revalidate: None, awaits: false, errors: py.None(), order: None }
    }

    pub(crate) fn new<'py>(options: &Bound<'py, PyDict>, terms: &mut Terms) -> PyResult<Self> {
        let py = options.py();
        let option = |name: &Bound<'py, PyString>| options.as_any().get_item(name);
        terms.verifies = option(named!(py, "on_expiry")?)?.extract()?;
        terms.stale_if_error = option(named!(py, "stale_if_error")?)?.extract()?;
        terms.stale_while_revalidate = option(named!(py, "stale_while_revalidate")?)?.extract()?;
        terms.retry_after = option(named!(py, "retry_after")?)?.extract()?;
        let revalidate: Option<(Py<PyAny>, bool)> = option(named!(py, "revalidate")?)?.extract()?;
        let (revalidate, awaits) = revalidate.unzip();
        terms.revalidates = revalidate.is_some();
        let lag: Option<Lagging> = option(named!(py, "lag")?)?.extract()?;
        let (retries, delay, settle, order) = lag.unwrap_or_default();
        terms.settle = settle;
        terms.lag = Lag { retries, delay, ordered: order.is_some() };
        let errors = option(named!(py, "errors")?)?.unbind();
        Ok(Self { revalidate, awaits: awaits.unwrap_or(false), errors, order })
    }

    /// Whether an exception is a failure of the source.
    pub(crate) fn counts(&self, py: Python<'_>, error: &PyErr) -> bool {
        error.matches(py, self.errors.bind(py)).unwrap_or(false)
    }

    /// Shows the garbage collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.revalidate)?;
        visit.call(&self.errors)?;
        visit.call(&self.order)
    }
}
