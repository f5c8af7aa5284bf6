//! A call of a coroutine function, as `_async.py` drives it step by step.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use pyo3::{PyTraverseError, PyVisit};

use super::run_end::RunEnd;
use super::wait::{JoinableFlight, TaskWait};
use super::wait_graph;
use crate::engine::order::NEVER;
use crate::engine::{Flight as _, Setting, Wish};
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::{Answer, Call, CallState, Doing};
use crate::py::call::background_refresh::BackgroundRefresh;
use crate::py::call::computation::{self, Ended, Entered};
use crate::py::call::drive::{Drive, Next};
use crate::py::call::read_set::ServedCall;
use crate::py::call::switched_off;
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
    /// Leaves what `start` has begun. It may have failed to begin.
    fn ended<'py>(
        &self,
        py: Python<'py>,
        value: Bound<'py, PyAny>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Ended<Bound<'py, PyAny>>> {
        let result = error.map_or(Ok(value), |error| Err(PyErr::from_value(error)));
        match self.state.with(py, |state| state.entered.take()) {
            Some(entered) => Ok(entered.leave(py, result)),
            None if result.is_err() => Ok(Ended { result, reads: Vec::new() }),
            None => Err(fallible::error::<PyRuntimeError>(py, "this call is not running anything")),
        }
    }

    fn answer(&self, py: Python<'_>, answer: Answer) {
        let old = self.state.with(py, |state| state.answer.replace(answer));
        drop(old);
    }

    /// Takes what came of what was done: what the function or the version function returned or raised.
    fn take<'py>(
        &self,
        py: Python<'py>,
        (doing, value, error): (Doing, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>),
    ) -> PyResult<()> {
        let function = self.function.get();
        match doing {
            Doing::Asking => {
                let mut ended = self.ended(py, value, error)?;
                ended.result = ended.result.and_then(|version| function.check_answer(version));
                self.driving(py, |drive| drive.asked(function, py, ended))
            }
            Doing::Computing => {
                let ended = self.ended(py, value, error)?;
                self.driving(py, |drive| {
                    self.with(py, |arguments| drive.computed((function, py), arguments, ended))
                })
            }
            Doing::Validating => {
                let Ended { result, reads } = self.ended(py, value, error)?;
                let ended = Ended { result: result.and_then(|holds| holds.is_truthy()), reads };
                self.driving(py, |drive| drive.validated(function, py, ended))
            }
            Doing::Waiting => {
                let ended = self.state.with(py, |state| state.waited.take());
                let Some(ended) = ended else { unreachable!("the driver has waited") };
                self.driving(py, |drive| drive.waited(function, py, ended))
            }
            Doing::Loading => {
                let loaded = error.map_or(Ok(()), |error| Err(PyErr::from_value(error)));
                self.driving(py, |drive| {
                    let taken = loaded.and_then(|()| {
                        self.with(py, |arguments| drive.was_loaded(function, &value, arguments))
                    });
                    taken.inspect_err(|error| drive.failed(function, py, error, NEVER))
                })
            }
            Doing::Acquiring => {
                let acquired = error.map_or(Ok(()), |error| Err(PyErr::from_value(error)));
                self.driving(py, |drive| {
                    acquired.inspect_err(|error| drive.failed(function, py, error, NEVER))?;
                    drive.has_acquired(function, &value);
                    Ok(())
                })
            }
            Doing::Saving => self.driving(py, |drive| {
                drive.was_saved();
                error.map_or(Ok(()), |error| Err(PyErr::from_value(error)))
            }),
            Doing::Sleeping => error.map_or(Ok(()), |error| Err(PyErr::from_value(error))),
            Doing::Nothing | Doing::Uncached => {
                Err(fallible::error::<PyRuntimeError>(py, "this call is doing nothing"))
            }
        }
    }

    /// What is next, after a plain version function has been asked.
    fn step(&self, py: Python<'_>) -> PyResult<Doing> {
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
        let (doing, flight) = match next? {
            Next::Ask => (Doing::Asking, None),
            Next::Wait(flight) => (Doing::Waiting, Some(flight)),
            Next::Compute => (Doing::Computing, self.driving(py, |drive| Ok(drive.flight().cloned()))?),
            Next::Load => (Doing::Loading, None),
            Next::Acquire => (Doing::Acquiring, None),
            Next::Save => (Doing::Saving, None),
            Next::Validate => (Doing::Validating, None),
            Next::Sleep(span) => {
                self.state.with(py, |state| state.pause = span);
                (Doing::Sleeping, None)
            }
            Next::Holds(holds) => {
                let value = PyBool::new(py, holds).to_owned().into_any().unbind();
                self.answer(py, Answer { value, basis: None, active: None });
                (Doing::Nothing, None)
            }
            Next::Done(value, basis, behind) => {
                if let Some(lead) = behind {
                    let names = self.names.as_ref().map(|names| names.clone_ref(py));
                    BackgroundRefresh::begin(self.function.bind(py), self.args.clone_ref(py), names, lead)?;
                }
                let active = self.driving(py, |drive| Ok(drive.active().cloned()))?;
                self.answer(py, Answer { value: value.unbind(), basis: Some(basis), active });
                (Doing::Nothing, None)
            }
            Next::Uncached => (Doing::Uncached, None),
        };
        let old = self.state.with(py, |state| {
            state.doing = doing;
            std::mem::replace(&mut state.flight, flight)
        });
        drop(old);
        Ok(doing)
    }

    /// The call of the caller is answered: by what it is served to what builds on it is noted here, in the
    /// caller's context, and not where it was computed.
    fn note(&self, py: Python<'_>) -> PyResult<()> {
        if !computation::is_going_on() {
            return Ok(());
        }
        let answered = |state: &mut CallState| {
            state.answer.as_ref().map(|answer| (answer.basis.clone(), answer.active.clone()))
        };
        let Some((Some(basis), active)) = self.state.with(py, answered) else { return Ok(()) };
        let (function, active) = (self.function.bind_borrowed(py), active.as_ref());
        let session = active.map_or(0, |active| active.id);
        self.with(py, |arguments| {
            ServedCall { function, arguments, session, active }.note(py, &basis);
            Ok(())
        })
    }

    /// What is next for the caller.
    fn next(&self, py: Python<'_>, step: PyResult<Doing>) -> PyResult<Text<&'static str>> {
        let doing = step.inspect_err(|_| self.rest(py))?;
        if doing == Doing::Nothing {
            self.note(py)?;
        }
        Ok(Text(doing.name()))
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
        let (tried, asked) = self.state.with(py, |state| (state.tried.take(), state.asked.take()));
        let tried = tried.unwrap_or(Attempt::NOTHING);
        if switched_off::is_off(py) && self.check.is_none() {
            return Ok(Text(Doing::Uncached.name()));
        }
        let drive = self.with(py, |arguments| {
            let (leader, wish) = in_task(event_loop, self.wish);
            enclosing_runs::check_depth(py, leader.inside.as_ref())?;
            let function = self.function.bind(py);
            if let Some(check) = &self.check {
                return Drive::about(function, arguments, leader, check.claim(py));
            }
            match asked {
                None => Drive::begin(function, arguments, leader, wish, tried),
                Some(question) => {
                    let mut drive = Drive::begin_in(|| Ok(None), function, arguments, leader, wish, tried)?;
                    drive.was_asked(function.get(), py, *question)?;
                    Ok(drive)
                }
            }
        })?;
        self.state.with(py, |state| state.drive = Some(drive));
        self.next(py, self.step(py))
    }

    /// Take what came of what was done: what it returned, or what it raised. What is to be done next:
    /// ``"ask"``, ``"wait"``, ``"compute"``, ``"validate"``, ``"sleep"``, ``"done"`` or ``"uncached"``. What
    /// fails once the function runs is not raised here but by `settle`, in the caller.
    #[pyo3(signature = (value, error, /))]
    fn resume<'py>(
        &self,
        py: Python<'py>,
        value: Bound<'py, PyAny>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Text<&'static str>> {
        let (doing, computes) = self.state.with(py, |state| {
            state.computes |= state.doing == Doing::Computing;
            (std::mem::take(&mut state.doing), state.computes)
        });
        if self.is_over(py) {
            // It was destroyed: nobody is there to hear.
            let Ended { result, .. } = self.ended(py, value, error)?;
            return if computes { Ok(Text("done")) } else { result.map(|_| Text("done")) };
        }
        let step = self.take(py, (doing, value, error)).and_then(|()| self.step(py));
        if computes { Ok(Text(self.proceed(py, step).name())) } else { self.next(py, step) }
    }

    /// The answer.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value =
            self.state.with(py, |state| state.answer.as_ref().map(|answer| answer.value.clone_ref(py)));
        let Some(value) = value else { return Ok(None) };
        self.function.get().copied(value.into_bound(py)).map(Some)
    }

    /// The run that this call leads.
    #[getter]
    fn flight(&self, py: Python<'_>) -> Option<JoinableFlight> {
        self.state.with(py, |state| state.flight.clone()).map(JoinableFlight)
    }

    /// Begin what is to be awaited, as a part of this call: the version function, the function, or the
    /// question whether what was read holds. Its end is for `resume`.
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (doing, function) = (self.state.with(py, |state| state.doing), self.function.get());
        match doing {
            Doing::Loading => return self.driving(py, |drive| drive.load(function, py)),
            Doing::Acquiring => return self.driving(py, |drive| drive.acquire(function, py)),
            Doing::Saving => return self.driving(py, |drive| drive.save(function, py)),
            _ => {}
        }
        let entered = self.driving(py, |drive| Entered::new(py, drive.entrance()))?;
        self.state.with(py, |state| state.entered = Some(entered));
        match doing {
            Doing::Asking => {
                let part =
                    self.driving(py, |drive| Ok(drive.part.as_ref().map(|part| part.bind(py).clone())))?;
                self.with(py, |arguments| function.put_question(py, arguments, part.as_ref()))
            }
            Doing::Validating => {
                let check = self.driving(py, |drive| Ok(drive.check(py)))?;
                let check = check.map(|check| Self::about(py, check).driver(py));
                check.unwrap_or_else(|| Ok(PyBool::new(py, false).to_owned().into_any()))
            }
            _ => self.run(py),
        }
    }

    /// Call the function.
    fn run<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let previous = self.previous(py);
        self.with(py, |arguments| self.function.get().run(py, arguments, previous.as_ref()))
    }

    /// What the call returns where the function was run as if there were no cache.
    fn uncached<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        self.with(py, |arguments| self.function.get().uncached(value, arguments))
    }

    /// Whether what was begun is to be awaited.
    #[getter]
    fn is_awaited(&self, py: Python<'_>) -> PyResult<bool> {
        let doing = self.state.with(py, |state| state.doing);
        self.driving(py, |drive| {
            Ok(match doing {
                Doing::Validating => drive.check(py).is_some(),
                Doing::Computing => drive.previous(py).is_none() || self.function.get().freshness.awaits,
                _ => true,
            })
        })
    }

    /// How many seconds to let pass.
    fn pause(&self, py: Python<'_>) -> Seconds {
        Seconds(self.state.with(py, |state| state.pause.as_secs_f64()))
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

    /// Raise what the function raised. What is to be done next.
    fn settle(&self, py: Python<'_>) -> PyResult<Text<&'static str>> {
        let (error, doing) = self.state.with(py, |state| (state.error.take(), state.doing));
        match error {
            Some(error) => Err(PyErr::from_value(error.into_bound(py).into_any())),
            None => self.next(py, Ok(doing)),
        }
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
            self.has_waited(py, Ok(Waited::Circle(flight)));
            return Ok(None);
        }
        let deadline = self.driving(py, |drive| Ok(drive.deadline(self.function.get().wait)))?;
        let limit = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
        if limit.is_some_and(|limit| limit.is_zero()) {
            self.has_waited(py, Ok(Waited::Late));
            return Ok(None);
        }
        let wait = TaskWait::begin(event_loop, &flight, inside, limit)?;
        if wait.is_none() {
            self.has_waited(py, flight.outcome(py));
        }
        Ok(wait)
    }

    /// Take what the run brought that was waited for, if it is over.
    fn waited(&self, wait: &Bound<'_, TaskWait>) {
        let (py, on) = (wait.py(), &wait.get().on);
        self.has_waited(py, if on.is_going() { Ok(Waited::Late) } else { on.outcome(py) });
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

impl Call {
    fn has_waited(&self, py: Python<'_>, ended: PyResult<Waited>) {
        let old = self.state.with(py, |state| state.waited.replace(ended));
        drop(old);
    }
}
