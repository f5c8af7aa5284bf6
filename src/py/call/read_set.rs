//! Read sets as Python fills them: each cached result that is served while something is computed is noted
//! where a computation may rest on it. Those are the computation of the running code's context, and all that
//! run in the session in which it was served, whoever the reader is.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use super::computation::Frame;
use crate::engine::order::{self, NEVER, Ticket};
use crate::engine::{Basis, Noted, Read};
use crate::py::arguments::call_arguments::{self, Arguments};
use crate::py::function::cached::Cached;
use crate::py::objects::object::Object;
use crate::py::session::core::{ActiveSession, Log};
use crate::py::session::read_log;

/// A call that a computation has read: what is needed to ask for its version again.
#[pyclass(frozen, module = "versioned_lru_cache._core", name = "Reading")]
pub(crate) struct ReadCall {
    pub(crate) function: Py<Cached>,
    /// The values, the keyword ones last, and the names of those.
    pub(crate) args: Py<PyTuple>,
    pub(crate) names: Option<Py<PyTuple>>,
    /// The version by which it was answered.
    pub(crate) version: Py<PyAny>,
}

#[pymethods]
impl ReadCall {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.args)?;
        visit.call(&self.names)?;
        visit.call(&self.version)
    }
}

impl ReadCall {
    /// Runs `act` on the arguments.
    pub(crate) fn with<R>(&self, py: Python<'_>, act: impl FnOnce(Arguments<'_>) -> R) -> R {
        let names = self.names.as_ref().map(|names| names.bind(py));
        act(call_arguments::in_call(self.args.bind(py), names, self.function.get().is_method()))
    }

    /// The function, as it is called in explanations.
    pub(crate) fn name(&self) -> String {
        let function = &self.function.get().function;
        format!("{}.{}", function.module, function.name)
    }
}

/// What was served: by which function, to which arguments, in which session (0 for none). Who knows the
/// session only by its number has it looked for where there is need of it.
pub(crate) struct ServedCall<'a, 'py> {
    pub(crate) function: Borrowed<'a, 'py, Cached>,
    pub(crate) arguments: Arguments<'a>,
    pub(crate) session: Ticket,
    pub(crate) active: Option<&'a ActiveSession>,
}

/// What the engine holds of it.
pub(crate) fn reading<'a, 'py>(read: &'a Read<Object>, py: Python<'py>) -> Option<&'a Bound<'py, ReadCall>> {
    read.call.bind(py).cast().ok()
}

/// Writes a result that was served into a log, if somebody there may rest on it.
fn write(
    py: Python<'_>,
    log: &Log,
    service: &ServedCall<'_, '_>,
    basis: &Basis<Object>,
    made: &mut Option<Object>,
) {
    let Basis { tag, ticket, .. } = *basis;
    let noted = log.with(py, |log| log.as_mut().map_or(Noted::Unwanted, |log| log.note(tag, ticket)));
    if noted != Noted::New {
        return;
    }
    if made.is_none() {
        *made = service.reading(py, basis).ok();
    }
    // Where memory has run out it can't be asked about.
    let read = match made {
        Some(call) => Read { tag, ticket, call: call.clone() },
        None => Read { tag, ticket: order::before(ticket), call: basis.version.clone() },
    };
    let gone = log.with(py, |log| log.as_mut().map(|log| log.write(read)));
    drop(gone);
}

impl ServedCall<'_, '_> {
    fn reading(&self, py: Python<'_>, basis: &Basis<Object>) -> PyResult<Object> {
        let (args, names) = self.arguments.to_keep(py)?;
        let function = self.function.to_owned().unbind();
        let reading = ReadCall { function, args, names, version: basis.version.0.clone_ref(py) };
        Ok(Bound::new(py, reading)?.into_any().into())
    }

    /// Notes it for whoever may rest on it.
    pub(crate) fn note(&self, py: Python<'_>, basis: &Basis<Object>) {
        if basis.ticket == NEVER {
            return;
        }
        let frame = Frame::innermost(py);
        let mut made = None;
        let mut own_session = None;
        if let Some(frame) = &frame {
            own_session = frame.get().session(py);
            match &own_session {
                Some((core, id)) if *id == self.session => write(py, &core.reads, self, basis, &mut made),
                _ => frame.get().with_own_log(py, |log| write(py, log, self, basis, &mut made)),
            }
        }
        if self.session != 0
            && own_session.as_ref().is_none_or(|(_, id)| *id != self.session)
            && read_log::is_busy(self.session)
        {
            // What can't be found has ended.
            let found = self.active.cloned().or_else(|| self.function.get().session(py).ok().flatten());
            if let Some(active) = found.filter(|active| active.id == self.session) {
                write(py, &active.core.reads, self, basis, &mut made);
            }
        }
        drop(made);
    }
}
