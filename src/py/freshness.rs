//! What a function may return to tell how fresh its result is.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::cached::{Cached, Version};
use super::error::{self, Misuse};
use super::fallible::{self, imported, named};
use super::marks;
use super::object::Object;
use crate::engine::Made;

/// The class of results that say their version.
pub(super) fn versioned(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    imported!(py, "versioned_lru_cache._results", "Versioned")
}

impl Cached {
    /// What a function, or what took its place, has made: with `previous` in hand, the old result as it was shown it.
    pub(super) fn made(
        &self,
        value: Bound<'_, PyAny>,
        previous: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Made<Object>> {
        let py = value.py();
        if value.is(marks::not_modified(py)?) {
            let Some(previous) = previous else {
                return Err(fallible::error::<PyTypeError>(
                    py,
                    Misuse::NothingBefore { function: self.function.name.clone() }.to_string(),
                ));
            };
            let value = previous.getattr(named!(py, "value")?)?.into();
            return Ok(Made { value, reads: Vec::new(), wanted: true, seen: None, renewed: true });
        }
        if let Some(kind) = error::used_up(&value)? {
            let misuse = Misuse::UsedUp { function: self.function.name.clone(), kind };
            return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
        }
        let renewed = previous.is_some_and(|previous| previous.is(&value));
        let told = value.is_instance_of::<PyTuple>() && value.is_instance(versioned(py)?)?;
        if !told {
            if self.freshness.order.is_some() {
                let misuse =
                    Misuse::Unordered { function: self.function.name.clone(), value: error::shown(&value) };
                return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
            }
            let wanted = self.wants(&value)?;
            return Ok(Made { value: value.into(), reads: Vec::new(), wanted, seen: None, renewed });
        }
        let (value, seen) = (value.getattr(named!(py, "value")?)?, value.getattr(named!(py, "version")?)?);
        self.check_version(&seen, || "returned with its result".to_owned())?;
        if let Version::Constant(constant) = &self.version
            && !marks::is_immutable(seen.as_ptr())
            && !seen.eq(constant.version.bind(py))?
        {
            return Err(fallible::error::<PyValueError>(
                py,
                format!(
                    "{} returned a result of version {}, but its version is always {}; give it a version function, or return the \
                 value alone",
                    self.function.name,
                    error::shown(&seen),
                    error::shown(constant.version.bind(py))
                ),
            ));
        }
        let wanted = renewed || self.wants(&value)?;
        Ok(Made { value: value.into(), reads: Vec::new(), wanted, seen: Some(seen.into()), renewed })
    }
}
