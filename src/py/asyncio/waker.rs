//! What wakes a task that waits for a run, from whichever thread ends that.

use crate::py::interpreter::fallible::{imported, named};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

/// Whether an event loop will never run again.
pub(crate) fn is_closed(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    event_loop.call_method0(named!(event_loop.py(), "is_closed")?)?.is_truthy()
}

/// Resolves a future in its own event loop.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Waker {
    event_loop: Py<PyAny>,
    future: Py<PyAny>,
}

impl Waker {
    /// For a task of `event_loop`, with the future that it waits for.
    pub(crate) fn new<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<(Self, Bound<'py, PyAny>)> {
        let future = event_loop.call_method0(named!(event_loop.py(), "create_future")?)?;
        Ok((Self { event_loop: event_loop.clone().unbind(), future: future.clone().unbind() }, future))
    }
}

#[pymethods]
impl Waker {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.future)
    }

    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (event_loop, future) = (slf.get().event_loop.bind(py), slf.get().future.bind(py));
        let running = imported!(py, "asyncio", "get_running_loop")?.call0();
        if running.is_ok_and(|running| running.is(event_loop)) {
            if !future.call_method0(named!(py, "done")?)?.is_truthy()? {
                future.call_method1(named!(py, "set_result")?, (py.None(),))?;
            }
            return Ok(());
        }
        let told = event_loop.call_method1(named!(py, "call_soon_threadsafe")?, (slf,));
        match told {
            // Who waits in a loop that is closed will never go on.
            Err(_) if is_closed(event_loop)? => Ok(()),
            told => told.map(drop),
        }
    }
}
