//! The caller of a function and its locks: the session that is active, and the critical section of a
//! function's results and of what that session remembers.

use pyo3::prelude::*;

use super::computation;
use crate::engine::{Caller, Context, DeferredDrops, FunctionCache};
use crate::py::function::cached::Cached;
use crate::py::objects::host::Host;
use crate::py::session::core::ActiveSession;

impl Cached {
    /// Runs `act` in the critical section of the cache, and within it in the session's. What it lets go is
    /// dropped after it.
    pub(crate) fn enter<R>(
        &self,
        py: Python<'_>,
        session: Option<&ActiveSession>,
        act: impl FnOnce(&mut Context<'_, Host>) -> R,
    ) -> R {
        let mut drops = DeferredDrops::default();
        let run = |cache: &mut FunctionCache<Host>, caller: Option<Caller<'_, Host>>| {
            act(&mut Context::new(cache, caller, &mut drops))
        };
        match session {
            None => self.function.cache.with(py, |cache| run(cache, None)),
            Some(ActiveSession { core, id }) => self.function.cache.with(py, |cache| {
                let done = core.memory.with(py, |memory| {
                    // A session that was renewed during the call is another one: what the call has learned is
                    // not for that.
                    if core.id() != *id {
                        return Err(run);
                    }
                    let caller = Caller { id: *id, began: core.began, session: &core.itself, memory };
                    Ok(run(cache, Some(caller)))
                });
                done.unwrap_or_else(|run| run(cache, None))
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
