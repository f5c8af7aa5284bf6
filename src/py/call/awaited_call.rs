//! The state of a call of a coroutine function: what it has come to between the steps that an event loop, or
//! whoever else drives it, takes.

use std::time::Duration;

use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::attempt::Attempt;
use super::check::Check;
use super::computation::Entered;
use super::drive::Drive;
use super::question::Question;
use crate::engine::order::NEVER;
use crate::engine::{Basis, Manner, Wish};
use crate::py::arguments::call_arguments::{self, Arguments};
use crate::py::flight::wait::{self, Waited};
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::{self, Text, imported};
use crate::py::objects::object::Object;
use crate::py::session::core::ActiveSession;

/// What a call has come to.
#[derive(Default)]
pub(crate) struct CallState {
    /// Taken out while it is asked what is next, which may run foreign code.
    pub(crate) drive: Option<Box<Drive>>,
    pub(crate) entered: Option<Entered>,
    pub(crate) flight: Option<wait::Flight>,
    pub(crate) answer: Option<Answer>,
    pub(crate) error: Option<Py<PyBaseException>>,
    /// What is known of the call, until it begins.
    pub(crate) tried: Option<Attempt>,
    /// What was asked for it, until it begins.
    pub(crate) asked: Option<Box<Question>>,
    /// What is being done.
    pub(crate) doing: Doing,
    /// How the wait ended.
    pub(crate) waited: Option<PyResult<Waited>>,
    /// The function runs, or has run: errors are kept for the caller.
    pub(crate) computes: bool,
    /// A task runs the function: by its end the run ends.
    pub(crate) is_run: bool,
    /// The caller was cancelled.
    pub(crate) gone: bool,
    /// How long to let time pass.
    pub(crate) pause: Duration,
}

/// What is being done for a call: what came of it is told to `resume`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing, or nothing any more.
    #[default]
    Nothing,
    /// The version function runs, a coroutine function.
    Asking,
    /// The call waits for another's run.
    Waiting,
    /// The function runs.
    Computing,
    /// What the second tier has is loaded.
    Loading,
    /// Its lease is acquired.
    Acquiring,
    /// The result is saved there.
    Saving,
    /// A version that it has read is asked about.
    Validating,
    /// Time passes.
    Sleeping,
    /// The function is to be called as if there were no cache.
    Uncached,
}

impl Doing {
    /// The name that the driver knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "done",
            Self::Asking => "ask",
            Self::Waiting => "wait",
            Self::Computing => "compute",
            Self::Loading => "load",
            Self::Acquiring => "acquire",
            Self::Saving => "save",
            Self::Validating => "validate",
            Self::Sleeping => "sleep",
            Self::Uncached => "uncached",
        }
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) value: Py<PyAny>,
    /// By what it is served, unless it is only whether a version holds.
    pub(crate) basis: Option<Basis<Object>>,
    /// The call's session.
    pub(crate) active: Option<ActiveSession>,
}

/// A call of a coroutine function.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Call {
    pub(crate) function: Py<Cached>,
    pub(crate) args: Py<PyTuple>,
    pub(crate) names: Option<Py<PyTuple>>,
    pub(crate) wish: Wish,
    /// The version that is to be asked about, in place of a result.
    pub(crate) check: Option<Check>,
    pub(crate) state: Guarded<CallState>,
}

impl Call {
    pub(crate) fn new(
        function: Py<Cached>,
        args: Py<PyTuple>,
        names: Option<Py<PyTuple>>,
        wish: Wish,
        tried: Attempt,
    ) -> Self {
        let state = CallState { tried: Some(tried), ..CallState::default() };
        Self { function, args, names, wish, check: None, state: Guarded::new(state) }
    }

    /// The same, for which the version function was asked before.
    pub(crate) fn after(self, asked: Option<Box<Question>>, py: Python<'_>) -> Self {
        self.state.with(py, |state| state.asked = asked);
        self
    }

    /// A call that asks whether a version holds, of any function.
    pub(crate) fn about(py: Python<'_>, check: Check) -> Self {
        let reading = check.reading.get();
        let names = reading.names.as_ref().map(|names| names.clone_ref(py));
        let wish = Wish::of(Manner::Validating);
        let new = Self::new(
            reading.function.clone_ref(py),
            reading.args.clone_ref(py),
            names,
            wish,
            Attempt::NOTHING,
        );
        Self { check: Some(check), ..new }
    }

    /// The coroutine that drives it.
    pub(crate) fn driver(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Self::driver_of(&Bound::new(py, self)?)
    }

    /// The same for one that is kept.
    pub(crate) fn driver_of<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        imported!(slf.py(), "versioned_lru_cache._async", "drive")?.call1((slf,))
    }

    /// Runs `act` on the arguments.
    pub(crate) fn with<R>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(Arguments<'_>) -> PyResult<R>,
    ) -> PyResult<R> {
        let names = self.names.as_ref().map(|names| names.bind(py));
        act(call_arguments::in_call(self.args.bind(py), names, self.function.get().is_method()))
    }

    /// Takes the drive out for as long as `act` runs.
    pub(crate) fn driving<R>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut Drive) -> PyResult<R>,
    ) -> PyResult<R> {
        let Some(mut drive) = self.state.with(py, |state| state.drive.take()) else {
            return Err(fallible::error::<PyRuntimeError>(py, "this call is not under way"));
        };
        let result = act(&mut drive);
        self.state.with(py, |state| state.drive = Some(drive));
        result
    }

    /// The old result, for what takes the function's place, if that is to run.
    pub(crate) fn previous<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.drive.as_ref().and_then(|drive| drive.previous(py)))
    }

    /// Gives up what the call needed to come to its end.
    pub(crate) fn rest(&self, py: Python<'_>) {
        let (drive, flight) = self.state.with(py, |state| (state.drive.take(), state.flight.take()));
        drop((drive, flight));
    }

    /// Takes what is next where the function ran. An error is for the caller, who is told of the end.
    pub(crate) fn proceed(&self, py: Python<'_>, next: PyResult<Doing>) -> Doing {
        if let Ok(doing) = next
            && doing != Doing::Nothing
        {
            return doing;
        }
        let awaited =
            self.state.with(py, |state| state.flight.as_ref().is_some_and(wait::Flight::is_awaited));
        self.rest(py);
        if let Err(error) = next {
            if !awaited && self.has_left(py) && error.is_instance_of::<PyException>(py) {
                self.tell(py, &error);
            }
            // Nobody is there to raise it if the caller has gone, and kept here it would keep this call by
            // its traceback.
            let error = error.into_value(py);
            let forgotten = self
                .state
                .with(py, |state| if state.gone { Some(error) } else { state.error.replace(error) });
            drop(forgotten);
        }
        Doing::Nothing
    }

    /// Lets the event loop tell of an exception that nobody hears of, as of one of a task.
    fn tell(&self, py: Python<'_>, error: &PyErr) {
        let name = &self.function.get().function.name;
        let told = imported!(py, "versioned_lru_cache._async", "tell")
            .and_then(|tell| tell.call1((Text(name), error.value(py))));
        if told.is_err() {
            // No event loop runs here.
            error.clone_ref(py).write_unraisable(py, Some(self.function.bind(py)));
        }
    }

    /// The caller has come to its end.
    pub(crate) fn left(&self, py: Python<'_>) {
        if !self.state.with(py, |state| state.is_run) {
            self.over(py, None);
        }
    }

    /// Ends the run, if it goes on: nobody is left who would.
    pub(crate) fn over(&self, py: Python<'_>, error: Option<PyErr>) {
        let Some(mut drive) = self.state.with(py, |state| state.drive.take()) else { return };
        match error {
            Some(error) => {
                drive.failed(self.function.get(), py, &error, NEVER);
                self.proceed(py, Err(error));
            }
            None => drive.end(self.function.get(), py),
        }
        drop(drive);
        self.rest(py);
    }

    /// Whether the caller has gone.
    pub(crate) fn has_left(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.gone)
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_over(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.drive.is_none())
    }
}
