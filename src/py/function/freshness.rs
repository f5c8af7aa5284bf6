//! The options that say how fresh a result has to be, and what a function may return to tell.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::cached::{Cached, Version};
use crate::engine::clock::Nanos;
use crate::engine::{Lag, Made, Terms};
use crate::py::arguments::misuse::Misuse;
use crate::py::interpreter::fallible::{self, imported, named};
use crate::py::objects::object::Object;
use crate::py::objects::{describe, sentinels, unfinished};

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

/// The class of results that say their version.
pub(crate) fn versioned(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    imported!(py, "versioned_lru_cache._results", "Versioned")
}

impl Cached {
    /// What a function, or what took its place, has made: with `previous` in hand, the old result as it was shown it.
    pub(crate) fn made(
        &self,
        value: Bound<'_, PyAny>,
        previous: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Made<Object>> {
        let py = value.py();
        if value.is(sentinels::not_modified(py)?) {
            let Some(previous) = previous else {
                return Err(fallible::error::<PyTypeError>(
                    py,
                    Misuse::NothingBefore { function: self.function.name.clone() }.to_string(),
                ));
            };
            let value = previous.getattr(named!(py, "value")?)?.into();
            return Ok(Made { value, reads: Vec::new(), wanted: true, seen: None, renewed: true });
        }
        if let Some(kind) = unfinished::used_up(&value)? {
            let misuse = Misuse::UsedUp { function: self.function.name.clone(), kind };
            return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
        }
        let renewed = previous.is_some_and(|previous| previous.is(&value));
        let told = value.is_instance_of::<PyTuple>() && value.is_instance(versioned(py)?)?;
        if !told {
            if self.freshness.order.is_some() {
                let misuse = Misuse::Unordered {
                    function: self.function.name.clone(),
                    value: describe::shown(&value),
                };
                return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
            }
            let wanted = self.wants(&value)?;
            return Ok(Made { value: value.into(), reads: Vec::new(), wanted, seen: None, renewed });
        }
        let (value, seen) = (value.getattr(named!(py, "value")?)?, value.getattr(named!(py, "version")?)?);
        self.check_version(&seen, || "returned with its result".to_owned())?;
        if let Version::Constant(constant) = &self.version
            && !sentinels::is_immutable(seen.as_ptr())
            && !seen.eq(constant.version.bind(py))?
        {
            return Err(fallible::error::<PyValueError>(
                py,
                format!(
                    "{} returned a result of version {}, but its version is always {}; give it a version function, or return the \
                 value alone",
                    self.function.name,
                    describe::shown(&seen),
                    describe::shown(constant.version.bind(py))
                ),
            ));
        }
        let wanted = renewed || self.wants(&value)?;
        Ok(Made { value: value.into(), reads: Vec::new(), wanted, seen: Some(seen.into()), renewed })
    }
}
