//! `session()`: begins a session for a block and ends it. In Rust as a whole: an exception that Python raises
//! between two lines (Ctrl-C, a tracer's) can't leave a session open.

use std::thread::{self, ThreadId};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::binding::{self, Binding};
use super::handle::{Block, Session};
use super::policy::Policy;
use super::visitors_session;
use crate::py::interpreter::context_variable;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::interpreter::fallible::{self, named};
use crate::py::objects::describe::shown;

/// One block that was entered.
struct OpenBlock {
    session: Py<Session>,
    /// What the ambient variable held before, if anything, and how to take that back.
    before: Option<Py<PyAny>>,
    token: Py<PyAny>,
    /// The mapping in which the session lies, if there is one.
    place: Option<Py<PyAny>>,
    thread: ThreadId,
}

/// The blocks of one ``session(...)`` object.
///
/// Several threads and tasks may be in blocks of one at a time, each in a session of its own.
#[pyclass(frozen, subclass, module = "versioned_lru_cache._core", name = "SessionBlocks")]
pub(crate) struct SessionBlocks {
    mapping: Py<PyAny>,
    refresh: Option<Py<PyAny>>,
    offline: bool,
    open: Guarded<Vec<OpenBlock>>,
}

#[pymethods]
impl SessionBlocks {
    #[new]
    #[pyo3(signature = (mapping, refresh, offline))]
    fn new(mapping: Py<PyAny>, refresh: Option<Py<PyAny>>, offline: bool) -> Self {
        Self { mapping, refresh, offline, open: Guarded::new(Vec::new()) }
    }

    /// Begin the session.
    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<Session>> {
        let place = Binding::new(self.mapping.bind(py))?.place(py)?;
        let variable = binding::ambient_variable(py)?;
        let before = context_variable::get(variable)?.filter(|before| !before.is_none());
        let around = before.as_ref().map(|before| before.cast::<Session>().cloned()).transpose()?;
        let refresh = self.refresh.as_ref().map(|refresh| refresh.clone_ref(py));
        let policy = Policy::new(refresh, self.offline);
        let new = Bound::new(py, Session::begin(policy, Block::within(around)?))?;
        if let Some(place) = &place {
            visitors_session::refuse(place)?;
            // Something foreign under the name is an error, not something to hide.
            binding::in_mapping(place)?;
            swap_in(place, &new)?;
        }
        let set = context_variable::set(variable, new.as_any()).inspect_err(|_| {
            new.get().core.end(py);
            // The error that is told is the first.
            let _ = place.as_ref().map(|place| swap_out(place, &new));
        });
        let token = set?.unbind();
        let open = OpenBlock {
            session: new.clone().unbind(),
            before: before.map(Bound::unbind),
            token,
            place: place.map(Bound::unbind),
            thread: thread::current().id(),
        };
        self.open.with(py, |all| all.push(open));
        Ok(new.unbind())
    }

    /// End the session. Where it is not the active one, what is active stays so.
    #[pyo3(signature = (kind = None, error = None, traceback = None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Option<&Bound<'_, PyAny>>,
        error: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (kind, error, traceback);
        // Held to the end: what dies with a session may change the variable, in the midst of its change.
        let open = self.entered_here(py)?;
        let session = open.session.bind(py);
        session.get().core.end(py);
        let active = context_variable::get(binding::ambient_variable(py)?)?;
        if active.is_some_and(|active| active.is(session)) {
            bring_back(session, &open)?;
        }
        open.place.as_ref().map_or(Ok(()), |place| swap_out(place.bind(py), session))
    }

    /// Begin the session.
    fn __aenter__(&self, py: Python<'_>) -> PyResult<Ready> {
        Ok(Ready(self.__enter__(py)?.into_any()))
    }

    /// End the session.
    #[pyo3(signature = (kind = None, error = None, traceback = None))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        kind: Option<&Bound<'_, PyAny>>,
        error: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Ready> {
        self.__exit__(py, kind, error, traceback)?;
        Ok(Ready(py.None()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.mapping)?;
        visit.call(&self.refresh)?;
        self.open.trace(|open| {
            open.iter().try_for_each(|open| {
                visit.call(&open.session)?;
                visit.call(&open.before)?;
                visit.call(&open.token)?;
                visit.call(&open.place)
            })
        })
    }
}

impl SessionBlocks {
    /// Takes out the block that is to end: the active one; or one around what is active; or this thread's
    /// latest; or the latest.
    fn entered_here(&self, py: Python<'_>) -> PyResult<OpenBlock> {
        let active = context_variable::get(binding::ambient_variable(py)?)?;
        let active = active.and_then(|active| active.cast_into::<Session>().ok());
        let opened: Vec<_> = self
            .open
            .with(py, |open| open.iter().map(|open| (open.session.clone_ref(py), open.thread)).collect());
        let latest = |fits: &dyn Fn(&Py<Session>, ThreadId) -> bool| {
            opened.iter().rev().find(|(session, thread)| fits(session, *thread)).map(|(session, _)| session)
        };
        let is_active = |session: &Py<Session>| active.as_ref().is_some_and(|active| active.is(session));
        let is_around = |session: &Py<Session>| {
            active.as_ref().is_some_and(|active| active.get().block.is_within(session.bind(py)))
        };
        let me = thread::current().id();
        let found = latest(&|session, _| is_active(session))
            .or_else(|| latest(&|session, _| is_around(session)))
            .or_else(|| latest(&|_, thread| thread == me))
            .or_else(|| latest(&|_, _| true));
        let taken = found.and_then(|found| {
            self.open.with(py, |open| {
                let place = open.iter().position(|open| open.session.is(found))?;
                Some(open.remove(place))
            })
        });
        taken.ok_or_else(|| {
            fallible::error::<PyRuntimeError>(py, "session: a block is left that was not entered")
        })
    }
}

/// Makes the session around a block the active one: the one before it, unless that has ended meanwhile.
fn bring_back(session: &Bound<'_, Session>, open: &OpenBlock) -> PyResult<()> {
    let py = session.py();
    let variable = binding::ambient_variable(py)?;
    let around = session.get().block.around(py);
    let is_before = match (&around, &open.before) {
        (None, None) => true,
        (Some(around), Some(before)) => around.is(before),
        _ => false,
    };
    if is_before {
        match context_variable::reset(variable, open.token.bind(py)) {
            // Left in another context than it was entered in, as fixtures of async test runners do.
            Err(error) if error.is_instance_of::<PyValueError>(py) => {}
            done => return done,
        }
    }
    let around = around.map_or_else(|| py.None().into_bound(py), Bound::into_any);
    context_variable::set(variable, &around).map(drop)
}

/// Whether an object is a session of a block that has not ended.
fn is_open(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<Session>().is_ok_and(|session| {
        let session = session.get();
        session.block.is_one && !session.core.has_ended()
    })
}

/// Puts a session in a mapping in place of the one that is there, which it notes. If that fails, what was
/// there comes back.
fn swap_in(place: &Bound<'_, PyAny>, new: &Bound<'_, Session>) -> PyResult<()> {
    let old = take_out(place)?;
    let old = old.map(Bound::cast_into::<Session>).transpose()?;
    put(place, new).inspect_err(|_| {
        if let Some(old) = &old {
            // The error that is told is the first.
            let _ = put(place, old);
        }
    })?;
    new.get().block.lies_over(new.py(), old.map(Bound::unbind));
    Ok(())
}

/// Puts back in a mapping what was there before a session that has ended, unless another block has put its
/// own there.
fn swap_out(place: &Bound<'_, PyAny>, session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let there = place.call_method1(named!(py, "get")?, (binding::name(py),))?;
    if is_open(&there) {
        return Ok(());
    }
    take_out(place)?;
    session.get().block.beneath(py).map_or(Ok(()), |beneath| put(place, beneath.bind(py)))
}

/// Takes out of a mapping what lies there as a session.
fn take_out<'py>(place: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = place.py();
    let Some(pop) = place.getattr_opt(named!(py, "pop")?)? else {
        return Err(fallible::error::<PyTypeError>(
            py,
            format!(
                "session(mapping): {} has no pop(name, default), which is needed to put a new session in it",
                shown(place)
            ),
        ));
    };
    let old = pop.call1((binding::name(py), py.None()))?;
    Ok(Some(old).filter(|old| !old.is_none()))
}

fn put(place: &Bound<'_, PyAny>, session: &Bound<'_, Session>) -> PyResult<()> {
    let py = place.py();
    place.call_method1(named!(py, "setdefault")?, (binding::name(py), session)).map(drop)
}

/// What is awaited and is there at once.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Ready(Py<PyAny>);

#[pymethods]
impl Ready {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        let stop = py.get_type::<PyStopIteration>().call1((&self.0,));
        Err(stop.map_or_else(|error| error, PyErr::from_value))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}
