//! Read sets as Python fills them: each cached result that is served while something is computed is noted where a computation may rest on
//! it. Those are the computation of the running code's context, and all that run in the session in which it was served, whoever the reader is.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use super::computation::Frame;
use crate::engine::ticket::{self, NEVER, Ticket};
use crate::engine::{Basis, Noted, Own, Read, ReadLog};
use crate::py::arguments::call_arguments::{self, Arguments};
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::Guarded;
use crate::py::objects::object::Object;
use crate::py::session::handle::Active;

/// A read set that computations share, or one's own.
pub(crate) type Log = Guarded<Option<Box<ReadLog<Object>>>>;

/// How many sessions are told apart by [`BUSY`].
const LANES: usize = 64;
/// How much is computed in sessions of each lane: where that is nothing, no session need be looked for.
static BUSY: [AtomicUsize; LANES] = [const { AtomicUsize::new(0) }; LANES];

fn busy(session: Ticket) -> &'static AtomicUsize {
    &BUSY[(session / 2) as usize % LANES]
}

/// A call that a computation has read: what is needed to ask for its version again.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Reading {
    pub(crate) function: Py<Cached>,
    /// The values, the keyword ones last, and the names of those.
    pub(crate) args: Py<PyTuple>,
    pub(crate) names: Option<Py<PyTuple>>,
    /// The version by which it was answered.
    pub(crate) version: Py<PyAny>,
}

#[pymethods]
impl Reading {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.args)?;
        visit.call(&self.names)?;
        visit.call(&self.version)
    }
}

impl Reading {
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

/// What was served: by which function, to which arguments, in which session (0 for none). Who knows the session only by its number has it looked
/// for where there is need of it.
pub(crate) struct Service<'a, 'py> {
    pub(crate) function: Borrowed<'a, 'py, Cached>,
    pub(crate) arguments: Arguments<'a>,
    pub(crate) session: Ticket,
    pub(crate) active: Option<&'a Active>,
}

/// What the engine holds of it.
pub(crate) fn reading<'a, 'py>(read: &'a Read<Object>, py: Python<'py>) -> Option<&'a Bound<'py, Reading>> {
    read.call.bind(py).cast().ok()
}

/// Begins a computation in a session's log.
pub(crate) fn begin(py: Python<'_>, session: &Active, own: Own) -> u64 {
    busy(session.id).fetch_add(1, Ordering::Relaxed);
    session.core.reads.with(py, |log| log.get_or_insert_default().begin(own))
}

/// Ends it. Returns what it has read.
pub(crate) fn end(py: Python<'_>, session: &Active, start: u64, own: Own) -> Vec<Read<Object>> {
    busy(session.id).fetch_sub(1, Ordering::Relaxed);
    let ended = session.core.reads.with(py, |log| log.as_mut().map(|log| log.end(start, own)));
    ended.map_or_else(Vec::new, |(reads, gone)| {
        drop(gone);
        reads
    })
}

/// Writes a result that was served into a log, if somebody there may rest on it.
fn write(
    py: Python<'_>,
    log: &Log,
    service: &Service<'_, '_>,
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
        None => Read { tag, ticket: ticket::before(ticket), call: basis.version.clone() },
    };
    let gone = log.with(py, |log| log.as_mut().map(|log| log.write(read)));
    drop(gone);
}

impl Service<'_, '_> {
    fn reading(&self, py: Python<'_>, basis: &Basis<Object>) -> PyResult<Object> {
        let (args, names) = self.arguments.to_keep(py)?;
        let function = self.function.to_owned().unbind();
        let reading = Reading { function, args, names, version: basis.version.0.clone_ref(py) };
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
            && busy(self.session).load(Ordering::Relaxed) != 0
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

/// Hands what a computation has read on to the one around it, unless they have their log in common: that one may return something else on
/// the strength of it.
pub(crate) fn hand_on(py: Python<'_>, session: Ticket, reads: &[Read<Object>]) {
    if reads.is_empty() {
        return;
    }
    let Some(frame) = Frame::innermost(py) else { return };
    if session != 0 && frame.get().session(py).is_some_and(|(_, id)| id == session) {
        return;
    }
    frame.get().with_own_log(py, |log| {
        for read in reads {
            let gone = log.with(py, |log| {
                let log = log.as_mut()?;
                (log.note(read.tag, read.ticket) == Noted::New).then(|| log.write(read.clone()))
            });
            drop(gone);
        }
    });
}
