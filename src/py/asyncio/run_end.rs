//! A done callback: the end of the task that runs a coroutine function.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::call::awaited_call::Call;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::named;

/// Called when the task of a run is done, and dropped with that task: whatever way it ends, the run is over.
#[pyclass(frozen, module = "versioned_lru_cache._core", name = "End")]
pub(crate) struct RunEnd(Py<Call>);

impl RunEnd {
    pub(crate) fn of(call: &Bound<'_, Call>) -> Self {
        Self(call.clone().unbind())
    }
}

#[pymethods]
impl RunEnd {
    fn __call__(&self, task: &Bound<'_, PyAny>) {
        let py = task.py();
        let call = self.0.get();
        if call.is_over(py) {
            return;
        }
        let error = match named!(py, "exception").and_then(|name| task.call_method0(name)) {
            Ok(error) if error.is_none() => None,
            Ok(error) => Some(PyErr::from_value(error)),
            // It was cancelled.
            Err(error) => Some(error),
        };
        call.over(py, error);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Drop for RunEnd {
    fn drop(&mut self) {
        attach(|py| self.0.get().over(py, None));
    }
}
