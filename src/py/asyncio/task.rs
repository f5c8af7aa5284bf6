//! A call of a coroutine function, as `_async.py` drives it step by step.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use pyo3::{PyTraverseError, PyVisit};

use super::run_end::RunEnd;
use super::wait::{JoinableFlight, TaskWait};
use super::wait_graph;
use crate::engine::ticket::NEVER;
use crate::engine::{Flight as _, Setting, Wish};
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::{Answer, Call, CallState};
use crate::py::call::background_refresh::BackgroundRefresh;
use crate::py::call::computation::{self, Ended, Entered};
use crate::py::call::drive::{Drive, Next};
use crate::py::call::read_set::ServedCall;
use crate::py::flight::enclosing_runs;
use crate::py::flight::leader::Leader;
use crate::py::flight::wait::Waited;
use crate::py::interpreter::fallible::{self, Seconds, Text, named};

/// Who makes a call of a coroutine function in a task of this event loop, or in none, and what is wanted
/// there: a refresh behind is a task of the loop.
pub(crate) fn in_task(event_loop: &Bound<'_, PyAny>, wish: Wish) -> (Leader, Wish) {
    let setting = Setting { alone: event_loop.is_none(), ..wish.setting };
    let leader = Leader::task(event_loop.as_ptr().addr(), computation::inside(event_loop.py()));
    (leader, Wish { setting, ..wish })
}

impl Call {
    /// Leaves the computation that `enter` began.
    fn ended<'py>(
        &self,
        py: Python<'py>,
        value: Bound<'py, PyAny>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Ended<Bound<'py, PyAny>>> {
        let Some(entered) = self.state.with(py, |state| state.entered.take()) else {
            return Err(fallible::error::<PyRuntimeError>(py, "this call is not running anything"));
        };
        Ok(entered.leave(py, error.map_or(Ok(value), |error| Err(PyErr::from_value(error)))))
    }

    fn answer(&self, py: Python<'_>, answer: Answer) {
        let old = self.state.with(py, |state| state.answer.replace(answer));
        drop(old);
    }

    /// Takes how a wait ended.
    fn goes_on(&self, py: Python<'_>, ended: PyResult<Waited>) -> PyResult<()> {
        let taken = self.driving(py, |drive| match ended {
            Ok(waited) => {
                drive.waited(waited);
                Ok(())
            }
            Err(error) => drive.source_failed(self.function.get(), py, error, NEVER),
        });
        taken.inspect_err(|_| self.rest(py))
    }

    /// What is next, after a plain version function has been asked.
    fn step(&self, py: Python<'_>) -> PyResult<&'static str> {
        let function = self.function.get();
        let next = self.driving(py, |drive| {
            loop {
                match drive.next(function, py)? {
                    Next::Ask if !function.version.is_awaited() => {
                        self.with(py, |arguments| drive.ask(function, py, arguments))?;
                    }
                    next => break Ok(next),
                }
            }
        });
        let (name, flight) = match next.inspect_err(|_| self.rest(py))? {
            Next::Ask => ("ask", None),
            Next::Wait(flight) => ("wait", Some(flight)),
            Next::Compute => ("compute", self.driving(py, |drive| Ok(drive.flight().cloned()))?),
            Next::Validate => ("validate", None),
            Next::Sleep(span) => {
                self.state.with(py, |state| state.pause = span);
                ("sleep", None)
            }
            Next::Holds(holds) => {
                let value = PyBool::new(py, holds).to_owned().into_any().unbind();
                self.answer(py, Answer { value, basis: None, active: None });
                ("done", None)
            }
            Next::Done(value, basis, behind) => {
                if let Some(lead) = behind {
                    let names = self.names.as_ref().map(|names| names.clone_ref(py));
                    BackgroundRefresh::begin(self.function.bind(py), self.args.clone_ref(py), names, lead)?;
                }
                let active = self.driving(py, |drive| Ok(drive.active().cloned()))?;
                self.answer(py, Answer { value: value.unbind(), basis: Some(basis), active });
                ("done", None)
            }
            Next::Uncached => ("uncached", None),
        };
        let old = self.state.with(py, |state| std::mem::replace(&mut state.flight, flight));
        drop(old);
        Ok(name)
    }
}

#[pymethods]
impl Call {
    /// The name of the function.
    #[getter]
    fn name(&self) -> Text<&str> {
        Text(&self.function.get().function.name)
    }

    /// Begin, in a task of this event loop or in none. What is to be done next.
    fn begin(&self, py: Python<'_>, event_loop: &Bound<'_, PyAny>) -> PyResult<Text<&'static str>> {
        let tried = self.state.with(py, |state| state.tried.take()).unwrap_or(Attempt::NOTHING);
        let drive = self.with(py, |arguments| {
            let (leader, wish) = in_task(event_loop, self.wish);
            enclosing_runs::check_depth(py, leader.inside.as_ref())?;
            let function = self.function.bind(py);
            if let Some(check) = &self.check {
                return Drive::about(function, arguments, leader, check.claim(py));
            }
            Drive::begin(function, arguments, leader, wish, tried)
        })?;
        self.state.with(py, |state| state.drive = Some(drive));
        self.next(py)
    }

    /// What is to be done next: ``"ask"``, ``"wait"``, ``"compute"``, ``"validate"``, ``"sleep"``,
    /// ``"done"``, or ``"uncached"``.
    fn next(&self, py: Python<'_>) -> PyResult<Text<&'static str>> {
        let is_answered = self.state.with(py, |state| state.answer.is_some());
        let step = if is_answered { "done" } else { self.step(py)? };
        // Here, in the caller's context, and not where it was computed.
        if step == "done" && computation::is_going_on() {
            let answered = |state: &mut CallState| {
                state.answer.as_ref().map(|answer| (answer.basis.clone(), answer.active.clone()))
            };
            if let Some((Some(basis), active)) = self.state.with(py, answered) {
                let (function, active) = (self.function.bind_borrowed(py), active.as_ref());
                let session = active.map_or(0, |active| active.id);
                self.with(py, |arguments| {
                    ServedCall { function, arguments, session, active }.note(py, &basis);
                    Ok(())
                })?;
            }
        }
        Ok(Text(step))
    }

    /// The answer.
    #[getter]
    fn value(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.answer.as_ref().map(|answer| answer.value.clone_ref(py)))
    }

    /// The run that this call leads.
    #[getter]
    fn flight(&self, py: Python<'_>) -> Option<JoinableFlight> {
        self.state.with(py, |state| state.flight.clone()).map(JoinableFlight)
    }

    /// Note that what runs now is part of this call.
    fn enter(&self, py: Python<'_>) -> PyResult<()> {
        let entered = self.driving(py, |drive| Entered::new(py, drive.entrance()))?;
        self.state.with(py, |state| state.entered = Some(entered));
        Ok(())
    }

    /// Call the version function, a coroutine function.
    fn ask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let part = self.driving(py, |drive| Ok(drive.part.as_ref().map(|part| part.bind(py).clone())))?;
        self.with(py, |arguments| self.function.get().put_question(py, arguments, part.as_ref()))
    }

    /// Take how the version function ended. Whether the call goes on: after a failure, with what may stand in
    /// for it.
    #[pyo3(signature = (version, error, /))]
    fn asked<'py>(
        &self,
        py: Python<'py>,
        version: Bound<'py, PyAny>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<bool> {
        let failed = error.is_some();
        let mut ended = self.ended(py, version, error)?;
        ended.result = ended.result.and_then(|version| self.function.get().check_answer(version));
        let taken = self.driving(py, |drive| drive.asked(self.function.get(), py, ended));
        if taken.is_err() {
            self.rest(py);
        }
        if failed { Ok(taken.is_ok()) } else { taken.map(|()| true) }
    }

    /// Call the function.
    fn run<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let previous = self.driving(py, |drive| Ok(drive.previous(py)))?;
        self.with(py, |arguments| self.function.get().run(py, arguments, previous.as_ref()))
    }

    /// Whether what runs is to be awaited.
    #[getter]
    fn is_awaited(&self, py: Python<'_>) -> PyResult<bool> {
        self.driving(py, |drive| Ok(drive.previous(py).is_none() || self.function.get().freshness.awaits))
    }

    /// The call that asks whether what was read holds; ``None`` if nothing can ask for that.
    fn validation(&self, py: Python<'_>) -> PyResult<Option<Self>> {
        self.driving(py, |drive| Ok(drive.check(py).map(|check| Self::about(py, check))))
    }

    /// Take how that ended.
    #[pyo3(signature = (holds, error, /))]
    fn validated(&self, py: Python<'_>, holds: bool, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let holds_here = PyBool::new(py, holds).to_owned().into_any();
        let Ended { result, reads } = self.ended(py, holds_here, error)?;
        let ended = Ended { result: result.map(|_| holds), reads };
        self.driving(py, |drive| drive.validated(self.function.get(), py, ended))
    }

    /// How many seconds to let pass.
    fn pause(&self, py: Python<'_>) -> Seconds {
        Seconds(self.state.with(py, |state| state.pause.as_secs_f64()))
    }

    /// Take how the function ended. What is to be done next, as in `next`; ``"done"`` also if that failed.
    #[pyo3(signature = (value, error, /))]
    fn computed<'py>(
        &self,
        py: Python<'py>,
        value: Bound<'py, PyAny>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Text<&'static str>> {
        let ended = self.ended(py, value, error)?;
        if self.is_over(py) {
            // Its task was destroyed: nobody is there to hear.
            return Ok(Text("done"));
        }
        let taken = self.driving(py, |drive| drive.computed(self.function.get(), py, ended));
        Ok(Text(self.proceed(py, taken.and_then(|()| self.step(py)))))
    }

    /// What is to be done next where the function ran, as after `computed`.
    fn go_on(&self, py: Python<'_>) -> Text<&'static str> {
        Text(self.proceed(py, self.step(py)))
    }

    /// Note that a task runs the function. However that ends, the run ends with it.
    fn runs_in(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, call) = (slf.py(), slf.get());
        let end = Bound::new(py, RunEnd::of(slf))?;
        let flight = call.state.with(py, |state| {
            state.is_run = true;
            state.flight.clone()
        });
        if let Some(flight) = flight {
            flight.runs_in(task.clone().unbind());
        }
        let noted = named!(py, "add_done_callback").and_then(|name| task.call_method1(name, (&end,)));
        noted.map(drop).inspect_err(|error| call.over(py, Some(error.clone_ref(py))))
    }

    /// Note that the caller has come to its end. What it leads and no task runs is over.
    #[pyo3(name = "leave")]
    fn leave_call(&self, py: Python<'_>) {
        self.left(py);
    }

    /// Take what else went wrong where the function ran.
    fn broke(&self, py: Python<'_>, error: Bound<'_, PyAny>) {
        self.proceed(py, Err(PyErr::from_value(error)));
    }

    /// Note that the caller has gone: how the function ends is not for it.
    fn go(&self, py: Python<'_>) {
        let error = self.state.with(py, |state| {
            state.gone = true;
            state.error.take()
        });
        drop(error);
    }

    /// Whether the caller has gone.
    #[getter]
    fn is_left(&self, py: Python<'_>) -> bool {
        self.has_left(py)
    }

    /// Raise what the function raised.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        let error = self.state.with(py, |state| state.error.take());
        error.map_or(Ok(()), |error| Err(PyErr::from_value(error.into_bound(py).into_any())))
    }

    /// Begin to wait for another's run in a task of this event loop. ``None`` if there is nothing to wait for
    /// any more, or if that would never end or takes too long.
    fn join(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Option<TaskWait>> {
        let py = event_loop.py();
        let Some(flight) = self.state.with(py, |state| state.flight.clone()) else { return Ok(None) };
        let inside = computation::inside(py);
        if event_loop.is_none()
            || inside.as_ref().is_some_and(|inside| wait_graph::closes_a_circle(py, &flight, inside))
        {
            self.goes_on(py, Ok(Waited::Circle(flight)))?;
            return Ok(None);
        }
        let deadline = self.driving(py, |drive| Ok(drive.deadline(self.function.get().wait)))?;
        let limit = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
        if limit.is_some_and(|limit| limit.is_zero()) {
            self.goes_on(py, Ok(Waited::Late))?;
            return Ok(None);
        }
        let wait = TaskWait::begin(event_loop, &flight, inside, limit)?;
        if wait.is_none() {
            self.goes_on(py, flight.outcome(py))?;
        }
        Ok(wait)
    }

    /// Take what the run brought that was waited for, if it is over; its exception is raised here too.
    fn waited(&self, wait: &Bound<'_, TaskWait>) -> PyResult<()> {
        let (py, on) = (wait.py(), &wait.get().on);
        self.goes_on(py, if on.is_going() { Ok(Waited::Late) } else { on.outcome(py) })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.args)?;
        visit.call(&self.names)?;
        self.check.iter().try_for_each(|check| visit.call(&check.reading))?;
        self.state.trace(|state| {
            if let Some(answer) = &state.answer {
                visit.call(&answer.value)?;
                answer.basis.iter().try_for_each(|basis| visit.call(&basis.version.0))?;
            }
            visit.call(&state.error)?;
            state.entered.iter().try_for_each(|entered| entered.traverse(&visit))?;
            state.drive.as_ref().map_or(Ok(()), |drive| drive.traverse(&visit))
        })
    }
}
