//! What the pool and the event loops call of a refresh that runs in the background.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::engine::{Manner, Wish};
use crate::py::arguments::call_arguments;
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::Call;
use crate::py::call::background_refresh::BackgroundRefresh;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::Text;

const WISH: Wish = Wish::of(Manner::Behind);

#[pymethods]
impl BackgroundRefresh {
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
        Cached::call(function, arguments, WISH, Attempt::NOTHING).map(drop)
    }

    /// The call of a coroutine function, for a task to drive.
    fn call(&self, py: Python<'_>) -> Call {
        let names = self.names.as_ref().map(|names| names.clone_ref(py));
        Call::new(self.function.clone_ref(py), self.args.clone_ref(py), names, WISH, Attempt::NOTHING)
    }

    /// It failed.
    fn failed(&self, py: Python<'_>) {
        self.function.get().function.cache.with(py, |cache| cache.stats.refresh_errors += 1);
    }

    /// It is over.
    #[pyo3(name = "end")]
    fn end_refresh(&self, py: Python<'_>) {
        self.end(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.args)?;
        visit.call(&self.names)?;
        self.lead.trace(|lead| lead.as_ref().map_or(Ok(()), |lead| lead.traverse(&visit)))
    }
}
