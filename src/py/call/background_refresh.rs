//! A refresh that runs behind, while an old value answers.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::py::flight::wait::Lead;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::named;

/// A refresh of one result, to be run by `_behind.py` or `_async.py`.
#[pyclass(frozen, module = "versioned_lru_cache._core", name = "Behind")]
pub(crate) struct BackgroundRefresh {
    pub(crate) function: Py<Cached>,
    /// The values, the keyword ones last, and the names of those.
    pub(crate) args: Py<PyTuple>,
    pub(crate) names: Option<Py<PyTuple>>,
    /// Until it has ended, no other refresh of the same begins.
    pub(crate) lead: Guarded<Option<Lead>>,
}

impl BackgroundRefresh {
    /// Lets the refresh begin.
    pub(crate) fn begin(
        function: &Bound<'_, Cached>,
        args: Py<PyTuple>,
        names: Option<Py<PyTuple>>,
        lead: Lead,
    ) -> PyResult<()> {
        let py = function.py();
        let behind =
            Self { function: function.clone().unbind(), args, names, lead: Guarded::new(Some(lead)) };
        let (module, begin) = if function.get().coroutine {
            (named!(py, "versioned_lru_cache._async")?, named!(py, "begin_task")?)
        } else {
            (named!(py, "versioned_lru_cache._behind")?, named!(py, "begin")?)
        };
        let behind = Bound::new(py, behind)?;
        let begun = py.import(module).and_then(|module| module.call_method1(begin, (&behind,)));
        // An exception's traceback would hold it for as long as somebody holds that.
        begun.map(drop).inspect_err(|_| behind.get().end(py))
    }

    /// It is over.
    pub(crate) fn end(&self, py: Python<'_>) {
        let lead = self.lead.with(py, Option::take);
        drop(lead);
    }
}
