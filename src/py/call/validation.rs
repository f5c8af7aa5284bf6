//! Validations outside of the engine: asking whether the versions that a computation has read still hold, in
//! a session of its own.

use std::sync::Arc;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::awaited_call::Call;
use super::check::Check;
use super::computation::{self, ComputationStart, EnclosingComputation, Ended};
use super::drive::Drive;
use super::read_set::reading;
use crate::engine::order::{NEVER, Ticket};
use crate::engine::{Own, Read};
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::imported;
use crate::py::objects::object::Object;
use crate::py::session::core::SessionCore;
use crate::py::session::results::FunctionResults;

impl Check {
    /// Whether it holds, for a plain function. Where its version function is a coroutine function an event
    /// loop of its own runs that, unless one runs here already.
    fn holds(self, py: Python<'_>) -> PyResult<bool> {
        let function = self.reading.get().function.clone_ref(py);
        if function.get().version.is_awaited() {
            let drive = imported!(py, "versioned_lru_cache._async", "drive_alone")?;
            return drive.call1((Call::about(py, self),))?.is_truthy();
        }
        let claim = self.claim(py);
        self.reading.get().with(py, |arguments| {
            let mut drive = Drive::about(function.bind(py), arguments, computation::leader(py), claim)?;
            Cached::drive(function.bind(py), arguments, &mut drive)?.is_truthy()
        })
    }
}

impl Drive {
    /// What the next step is to ask about, as a check of its own. `None` if nothing can ask for it.
    pub(crate) fn check(&self, py: Python<'_>) -> Option<Check> {
        let read = self.asked_about.as_ref()?;
        let reading = reading(read, py)?.clone().unbind();
        Some(Check { reading, tag: read.tag, since: self.since() })
    }

    /// Asks whether a version that was read still holds.
    pub(crate) fn validate(&mut self, cached: &Cached, py: Python<'_>) -> PyResult<()> {
        let check = self.check(py);
        let ended =
            computation::within(py, self.entrance(), || check.map_or(Ok(false), |check| check.holds(py)));
        let ended = ended.inspect_err(|error| self.failed(cached, py, error, NEVER))?;
        self.validated(cached, py, ended)
    }

    /// Takes how that ended. What can't be asked does not hold.
    pub(crate) fn validated(&mut self, cached: &Cached, py: Python<'_>, ended: Ended<bool>) -> PyResult<()> {
        let Some(read) = self.asked_about.take() else { unreachable!("the step asked about it") };
        let holds = match ended.result {
            Ok(holds) => holds,
            Err(error) if error.is_instance_of::<PyException>(py) => false,
            Err(error) => {
                self.failed(cached, py, &error, NEVER);
                return Err(error);
            }
        };
        cached.count_validation(py, holds);
        if !ended.reads.is_empty() {
            // The answer may rest on them, so it is for nobody else.
            self.forget_validation(py);
        }
        self.has_validated(read, holds, ended.reads);
        Ok(())
    }
}

impl Cached {
    fn count_validation(&self, py: Python<'_>, holds: bool) {
        self.function.cache.with(py, |cache| {
            let stats = &mut cache.stats;
            *(if holds { &mut stats.validated } else { &mut stats.invalidated }) += 1;
        });
    }

    /// Whether all still holds that whoever puts a result has read until now.
    pub(crate) fn all_hold(&self, py: Python<'_>, inside: &EnclosingComputation) -> PyResult<bool> {
        let Some(own) = inside.own.filter(|_| !inside.reads.is_empty()) else { return Ok(true) };
        let since = if own.until == NEVER { own.tag } else { own.until };
        let validation = match &inside.session {
            Some(session) => session.core.validation(py, since),
            None => SessionCore::begin(None),
        };
        for read in &inside.reads {
            let holds = still_holds(py, inside, (read, since), own, validation.clone())?;
            self.count_validation(py, holds);
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether one of them does.
fn still_holds(
    py: Python<'_>,
    inside: &EnclosingComputation,
    (read, since): (&Read<Object>, Ticket),
    own: Own,
    validation: Arc<SessionCore>,
) -> PyResult<bool> {
    let Some(reading) = reading(read, py).filter(|_| read.can_be_asked()) else { return Ok(false) };
    let check = Check { reading: reading.clone().unbind(), tag: read.tag, since };
    let entrance = ComputationStart {
        flight: None,
        own,
        session: inside.session.as_ref(),
        validation: Some(validation),
        computes: None,
        leased: false,
    };
    match computation::within(py, entrance, || check.holds(py))?.result {
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(false),
        result => result,
    }
}

impl FunctionResults {
    /// Takes note of a result, for `cache_explain`.
    pub(crate) fn note_result(&self, py: Python<'_>, hash: u64, culprit: Option<&Read<Object>>) {
        let name = |read| reading(read, py).map_or_else(|| "?".to_owned(), |reading| reading.get().name());
        let culprit = culprit.map(name);
        self.unvalidated.with(py, |unvalidated| unvalidated.note(hash, culprit));
    }
}
