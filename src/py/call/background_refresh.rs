//! A refresh that runs behind, while an old value answers.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use super::attempt::Tried;
use crate::engine::{Manner, Wish};
use crate::py::arguments::call_arguments;
use crate::py::asyncio::task::Call;
use crate::py::flight::wait::Lead;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::{Text, named};

const WISH: Wish = Wish::of(Manner::Behind);

/// A refresh of one result, to be run by `_behind.py` or `_async.py`.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Behind {
    function: Py<Cached>,
    /// The values, the keyword ones last, and the names of those.
    args: Py<PyTuple>,
    names: Option<Py<PyTuple>>,
    /// Until it has ended, no other refresh of the same begins.
    lead: Guarded<Option<Lead>>,
}

impl Behind {
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
}

#[pymethods]
impl Behind {
    /// The name of the function.
    #[getter]
    fn name(&self) -> Text<&str> {
        Text(&self.function.get().function.name)
    }

    /// Run a plain function.
    fn run(&self, py: Python<'_>) -> PyResult<()> {
        let function = self.function.bind(py);
        let names = self.names.as_ref().map(|names| names.bind(py));
        let arguments = call_arguments::in_call(self.args.bind(py), names, function.get().is_method());
        Cached::call(function, arguments, WISH, Tried::NOTHING).map(drop)
    }

    /// The call of a coroutine function, for a task to drive.
    fn call(&self, py: Python<'_>) -> Call {
        let names = self.names.as_ref().map(|names| names.clone_ref(py));
        Call::new(self.function.clone_ref(py), self.args.clone_ref(py), names, WISH, Tried::NOTHING)
    }

    /// It failed.
    fn failed(&self, py: Python<'_>) {
        self.function.get().function.store.with(py, |store| store.stats.refresh_errors += 1);
    }

    /// It is over.
    fn end(&self, py: Python<'_>) {
        let lead = self.lead.with(py, Option::take);
        drop(lead);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.args)?;
        visit.call(&self.names)?;
        self.lead.trace(|lead| lead.as_ref().map_or(Ok(()), |lead| lead.traverse(&visit)))
    }
}
