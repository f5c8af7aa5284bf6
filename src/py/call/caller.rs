//! Who calls: the session that is active, and the critical section of a function's results and of what that
//! session remembers.

use pyo3::prelude::*;

use super::computation;
use crate::engine::{Caller, Context, Displaced, Store};
use crate::py::function::cached::Cached;
use crate::py::objects::host::Host;
use crate::py::session::core::ActiveSession;

impl Cached {
    /// Runs `act` in the critical section of the store, and within it in the session's. What it lets go is
    /// dropped after it.
    pub(crate) fn enter<R>(
        &self,
        py: Python<'_>,
        session: Option<&ActiveSession>,
        act: impl FnOnce(&mut Context<'_, Host>) -> R,
    ) -> R {
        let mut displaced = Displaced::default();
        let run = |store: &mut Store<Host>, caller: Option<Caller<'_, Host>>| {
            act(&mut Context::new(store, caller, &mut displaced))
        };
        match session {
            None => self.function.store.with(py, |store| run(store, None)),
            Some(ActiveSession { core, id }) => self.function.store.with(py, |store| {
                let done = core.known.with(py, |known| {
                    // A session that was renewed during the call is another one: what the call has learned is
                    // not for that.
                    if core.id() != *id {
                        return Err(run);
                    }
                    let caller = Caller { id: *id, began: core.began, session: &core.itself, known };
                    Ok(run(store, Some(caller)))
                });
                done.unwrap_or_else(|run| run(store, None))
            }),
        }
    }

    /// The session that is active now.
    pub(crate) fn session(&self, py: Python<'_>) -> PyResult<Option<ActiveSession>> {
        if let Some(core) = computation::validation(py) {
            return Ok(Some(ActiveSession { id: core.id(), core }));
        }
        let Some(session) = self.binding.find(py)? else { return Ok(None) };
        let core = session.get().core.clone();
        // One that has ended may lie in a mapping still.
        Ok((!core.has_ended()).then(|| ActiveSession { id: core.id(), core }))
    }
}
