//! `f.cache_key(...)`: a hashable name of one call.
#![expect(unsafe_code, reason = "borrows what a key holds")]

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::engine::Probe;
use crate::py::arguments::call_arguments;
use crate::py::arguments::key::Key;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::{self, Text};
use crate::py::interpreter::trashcan;
use crate::py::objects::describe;

/// An opaque, hashable name of one call: what ``cache_key`` returns.
///
/// Example:
///     >>> {square.cache_key(3), square.cache_key(3)} == {square.cache_key(3)}
///     True
#[expect(clippy::doc_markdown, reason = "the example is Python, as help() shows it")]
#[pyclass(frozen, module = "versioned_lru_cache", name = "CacheKey")]
pub(crate) struct CacheKey {
    pub(crate) function: Py<PyAny>,
    pub(crate) probe: Probe<Key>,
}

impl Drop for CacheKey {
    fn drop(&mut self) {
        attach(|py| {
            let function = std::mem::replace(&mut self.function, py.None());
            if let Ok(nothing) = Key::new(py, call_arguments::NONE) {
                trashcan::discard((function, std::mem::replace(&mut self.probe.key, nothing)));
            }
        });
    }
}

#[pymethods]
impl CacheKey {
    #[expect(clippy::doc_markdown, reason = "the example is Python, as help() shows it")]
    /// The positional arguments, bound to the function's parameters; of a method the instance first.
    ///
    /// Example:
    ///     >>> square.cache_key(number=3).args
    ///     (3,)
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Ok(self.probe.key.arguments().to_call(py)?.0)
    }

    #[expect(clippy::doc_markdown, reason = "the example is Python, as help() shows it")]
    /// The arguments that are passed by name.
    ///
    /// Example:
    ///     >>> square.cache_key(number=3).kwargs
    ///     {}
    #[getter]
    fn kwargs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(self.probe.key.arguments().to_whole_call(py)?.1)
    }

    fn __hash__(&self) -> u64 {
        self.probe.hash
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(false);
        };
        let other = other.get();
        if !self.function.is(&other.function) || self.probe.hash != other.probe.hash {
            return Ok(false);
        }
        let equal = |a, b| {
            // SAFETY: both are alive with their keys.
            let [a, b] = [a, b].map(|object| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, object) });
            a.eq(b)
        };
        self.probe.key.arguments().same(other.probe.key.arguments(), self.probe.rules, equal)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let (positional, keywords) = self.probe.key.arguments().to_call(py)?;
        let mut parts = positional
            .iter()
            .map(|value| value.repr().map(|text| text.to_string()))
            .collect::<PyResult<Vec<_>>>()?;
        for (name, value) in keywords.iter().flat_map(pyo3::types::PyDictMethods::iter) {
            parts.push(format!(
                "{}={}",
                name.cast::<PyString>().map_err(|_| fallible::error::<PyTypeError>(py, "no name"))?,
                value.repr()?
            ));
        }
        let function = describe::name_of(self.function.bind(py));
        Ok(Text(format!("<cache key of {function}({})>", parts.join(", "))))
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&*self.probe.key.object())
    }
}
