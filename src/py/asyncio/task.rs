//! A call of a coroutine function, as `_async.py` drives it, and the runs that tasks wait for.

use std::time::Duration;

use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::run_end::End;
use super::wait_graph;
use super::waker::{self, Waker};
use crate::engine::ticket::NEVER;
use crate::engine::{Basis, Flight as _, Manner, Setting, Wish};
use crate::py::arguments::call_arguments::{self, Arguments};
use crate::py::call::attempt::Tried;
use crate::py::call::background_refresh::Behind;
use crate::py::call::computation::{self, Ended, Entered};
use crate::py::call::drive::{Drive, Next};
use crate::py::call::read_set::Service;
use crate::py::call::validation::Check;
use crate::py::flight::enclosing_runs::{self, Nest};
use crate::py::flight::leader::Leader;
use crate::py::flight::wait::{self, Waited};
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::{self, Seconds, Text, imported, named};
use crate::py::objects::object::Object;
use crate::py::session::core::Active;

/// What a call has come to.
#[derive(Default)]
struct State {
    /// Taken out while it is asked what is next, which may run foreign code.
    drive: Option<Box<Drive>>,
    entered: Option<Entered>,
    flight: Option<wait::Flight>,
    answer: Option<Answer>,
    error: Option<Py<PyBaseException>>,
    /// What is known of the call, until it begins.
    tried: Option<Tried>,
    /// A task runs the function: by its end the run ends.
    is_run: bool,
    /// The caller was cancelled.
    gone: bool,
    /// How long to let time pass.
    pause: Duration,
}

/// An answer.
struct Answer {
    value: Py<PyAny>,
    /// By what it is served, unless it is only whether a version holds.
    basis: Option<Basis<Object>>,
    /// The call's session.
    active: Option<Active>,
}

/// A call of a coroutine function.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Call {
    function: Py<Cached>,
    args: Py<PyTuple>,
    names: Option<Py<PyTuple>>,
    wish: Wish,
    /// The version that is to be asked about, in place of a result.
    check: Option<Check>,
    state: Guarded<State>,
}

impl Call {
    pub(crate) fn new(
        function: Py<Cached>,
        args: Py<PyTuple>,
        names: Option<Py<PyTuple>>,
        wish: Wish,
        tried: Tried,
    ) -> Self {
        let state = State { tried: Some(tried), ..State::default() };
        Self { function, args, names, wish, check: None, state: Guarded::new(state) }
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
            Tried::NOTHING,
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
    fn with<R>(&self, py: Python<'_>, act: impl FnOnce(Arguments<'_>) -> PyResult<R>) -> PyResult<R> {
        let names = self.names.as_ref().map(|names| names.bind(py));
        act(call_arguments::in_call(self.args.bind(py), names, self.function.get().is_method()))
    }

    /// Takes the drive out for as long as `act` runs.
    fn driving<R>(&self, py: Python<'_>, act: impl FnOnce(&mut Drive) -> PyResult<R>) -> PyResult<R> {
        let Some(mut drive) = self.state.with(py, |state| state.drive.take()) else {
            return Err(fallible::error::<PyRuntimeError>(py, "this call is not under way"));
        };
        let result = act(&mut drive);
        self.state.with(py, |state| state.drive = Some(drive));
        result
    }

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

    /// Gives up what the call needed to come to its end.
    fn rest(&self, py: Python<'_>) {
        let (drive, flight) = self.state.with(py, |state| (state.drive.take(), state.flight.take()));
        drop((drive, flight));
    }

    /// Takes what is next where the function ran. An error is for the caller, who is told of the end.
    fn proceed(&self, py: Python<'_>, next: PyResult<&'static str>) -> &'static str {
        if let Ok(step) = next
            && step != "done"
        {
            return step;
        }
        let awaited =
            self.state.with(py, |state| state.flight.as_ref().is_some_and(wait::Flight::is_awaited));
        self.rest(py);
        if let Err(error) = next {
            if !awaited && self.is_left(py) && error.is_instance_of::<PyException>(py) {
                self.tell(py, &error);
            }
            // Nobody is there to raise it if the caller has gone, and kept here it would keep this call by its traceback.
            let error = error.into_value(py);
            let forgotten = self
                .state
                .with(py, |state| if state.gone { Some(error) } else { state.error.replace(error) });
            drop(forgotten);
        }
        "done"
    }

    fn answer(&self, py: Python<'_>, answer: Answer) {
        let old = self.state.with(py, |state| state.answer.replace(answer));
        drop(old);
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
                    Behind::begin(self.function.bind(py), self.args.clone_ref(py), names, lead)?;
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
        let tried = self.state.with(py, |state| state.tried.take()).unwrap_or(Tried::NOTHING);
        let drive = self.with(py, |arguments| {
            let leader = Leader::task(event_loop.as_ptr().addr(), computation::inside(py));
            enclosing_runs::check_depth(py, leader.inside.as_ref())?;
            let function = self.function.bind(py);
            if let Some(check) = &self.check {
                return Drive::about(function, arguments, leader, check.claim(py));
            }
            // A refresh behind is a task of the event loop.
            let setting = Setting { alone: event_loop.is_none(), ..self.wish.setting };
            Drive::begin(function, arguments, leader, Wish { setting, ..self.wish }, tried)
        })?;
        self.state.with(py, |state| state.drive = Some(drive));
        self.next(py)
    }

    /// What is to be done next: ``"ask"``, ``"wait"``, ``"compute"``, ``"validate"``, ``"sleep"``, ``"done"``, or ``"uncached"``.
    fn next(&self, py: Python<'_>) -> PyResult<Text<&'static str>> {
        let is_answered = self.state.with(py, |state| state.answer.is_some());
        let step = if is_answered { "done" } else { self.step(py)? };
        // Here, in the caller's context, and not where it was computed.
        if step == "done" && computation::is_going_on() {
            let answered = |state: &mut State| {
                state.answer.as_ref().map(|answer| (answer.basis.clone(), answer.active.clone()))
            };
            if let Some((Some(basis), active)) = self.state.with(py, answered) {
                let (function, active) = (self.function.bind_borrowed(py), active.as_ref());
                let session = active.map_or(0, |active| active.id);
                self.with(py, |arguments| {
                    Service { function, arguments, session, active }.note(py, &basis);
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
    fn flight(&self, py: Python<'_>) -> Option<Flight> {
        self.state.with(py, |state| state.flight.clone()).map(Flight)
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

    /// Take how the version function ended. Whether the call goes on: after a failure, with what may stand in for it.
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
        let end = Bound::new(py, End::of(slf))?;
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
        self.state.with(py, |state| state.gone)
    }

    /// Raise what the function raised.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        let error = self.state.with(py, |state| state.error.take());
        error.map_or(Ok(()), |error| Err(PyErr::from_value(error.into_bound(py).into_any())))
    }

    /// Begin to wait for another's run in a task of this event loop. ``None`` if there is nothing to wait for any more, or if that
    /// would never end or takes too long.
    fn join(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Option<Wait>> {
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
        let wait = Wait::begin(event_loop, &flight, inside, limit)?;
        if wait.is_none() {
            self.goes_on(py, flight.outcome(py))?;
        }
        Ok(wait)
    }

    /// Take what the run brought that was waited for, if it is over; its exception is raised here too.
    fn waited(&self, wait: &Bound<'_, Wait>) -> PyResult<()> {
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

impl Call {
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

    /// Whether nothing is left to be done.
    pub(crate) fn is_over(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.drive.is_none())
    }
}

/// A run that tasks wait for.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Flight(wait::Flight);

#[pymethods]
impl Flight {
    /// Begin to wait for it in the task of this event loop that leads it.
    fn join(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<Option<Wait>> {
        Wait::begin(event_loop, &self.0, computation::inside(event_loop.py()), None)
    }
}

/// One wait of a task.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Wait {
    /// What it is part of, and may close a circle with.
    inside: Option<Nest>,
    /// Among the waits for the run.
    place: u64,
    on: wait::Flight,
    limit: Option<Duration>,
    event_loop: Py<PyAny>,
    /// Resolved when the run is over.
    #[pyo3(get)]
    future: Py<PyAny>,
}

impl Wait {
    /// Begins to wait in a task of an event loop. `None` if the run is over already.
    fn begin(
        event_loop: &Bound<'_, PyAny>,
        on: &wait::Flight,
        inside: Option<Nest>,
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
impl Wait {
    /// How many seconds to wait at most; ``None`` is as long as it takes.
    #[getter]
    fn limit(&self) -> Option<Seconds> {
        self.limit.map(|limit| Seconds(limit.as_secs_f64()))
    }

    /// End to wait, after a look at how the run ended. The task of a run for which nobody waits any more is cancelled.
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
