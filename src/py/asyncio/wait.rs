//! The waits of tasks for runs, and a run as a task sees it.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::wait_graph;
use super::waker::{self, Waker};
use crate::py::call::computation::{self};
use crate::py::flight::enclosing_runs::EnclosingRuns;
use crate::py::flight::wait::Flight;
use crate::py::interpreter::fallible::{Seconds, named};

/// A run that tasks wait for.
#[pyclass(frozen, module = "versioned_lru_cache._core", name = "Flight")]
pub(crate) struct JoinableFlight(pub(super) Flight);

#[pymethods]
impl JoinableFlight {
    /// Begin to wait for it in the task of this event loop that leads it.
    fn join(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Option<TaskWait>> {
        TaskWait::begin(event_loop, &self.0, computation::inside(event_loop.py()), None)
    }
}

/// One wait of a task.
#[pyclass(frozen, module = "versioned_lru_cache._core", name = "Wait")]
pub(crate) struct TaskWait {
    /// What it is part of, and may close a circle with.
    inside: Option<EnclosingRuns>,
    /// Among the waits for the run.
    place: u64,
    pub(super) on: Flight,
    limit: Option<Duration>,
    event_loop: Py<PyAny>,
    /// Resolved when the run is over.
    #[pyo3(get)]
    future: Py<PyAny>,
}

impl TaskWait {
    /// Begins to wait in a task of an event loop. `None` if the run is over already.
    pub(super) fn begin(
        event_loop: &Bound<'_, PyAny>,
        on: &Flight,
        inside: Option<EnclosingRuns>,
        limit: Option<Duration>,
    ) -> PyResult<Option<Self>> {
        let py = event_loop.py();
        let (waker, future) = Waker::new(event_loop)?;
        let Some(place) = on.on_end(Bound::new(py, waker)?.into_any().unbind()) else { return Ok(None) };
        if let Some(inside) = &inside {
            wait_graph::begin(py, inside, on);
        }
        let event_loop = event_loop.clone().unbind();
        Ok(Some(Self { inside, place, on: on.clone(), limit, event_loop, future: future.unbind() }))
    }
}

#[pymethods]
impl TaskWait {
    /// How many seconds to wait at most; ``None`` is as long as it takes.
    #[getter]
    fn limit(&self) -> Option<Seconds> {
        self.limit.map(|limit| Seconds(limit.as_secs_f64()))
    }

    /// End to wait, after a look at how the run ended. The task of a run for which nobody waits any more is
    /// cancelled.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(inside) = &self.inside {
            wait_graph::end(py, inside, &self.on);
        }
        let Some(task) = self.on.leave(self.place) else { return Ok(()) };
        match task.call_method0(py, named!(py, "cancel")?) {
            // Its event loop is closed: it goes with that.
            Err(_) if waker::is_closed(self.event_loop.bind(py))? => Ok(()),
            cancelled => cancelled.map(drop),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.future)
    }
}
