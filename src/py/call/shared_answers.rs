//! Answers that come with another's: one round trip to a server tells the versions of many version functions,
//! and each of those is answered in the session of the call that asked.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::computation::Frame;
use crate::engine::clock::Nanos;
use crate::engine::order::{self, Ticket};
use crate::engine::{DeferredDrops, Observation, clock};
use crate::py::function::shared_scope::SharedScope;
use crate::py::objects::object::Object;
use crate::py::session::core::SessionCore;

/// The version functions of a session that have no answer there yet, as they are about to be asked.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct SharedAnswers {
    session: Arc<SessionCore>,
    /// The session's number; another means that it was renewed.
    id: Ticket,
    at: Nanos,
    /// Those, and when each was asked: what is read of the server is read after that.
    asked: Vec<(Py<SharedScope>, Ticket)>,
    /// Their places among the scopes that were given.
    #[pyo3(get)]
    places: Vec<usize>,
    /// What the first of the scopes was answered within the same question, if it was.
    #[pyo3(get)]
    known: Option<Py<PyAny>>,
}

/// Begins to ask several version functions at once, within one of them.
///
/// Args:
///     scopes: Those of the version functions, none of which takes arguments; of the asking one first.
///
/// Returns:
///     What takes the answers; ``None`` outside of what is asked or computed for a session.
#[pyfunction]
#[pyo3(signature = (scopes, /))]
pub(crate) fn ask_together(py: Python<'_>, scopes: Vec<Py<SharedScope>>) -> Option<SharedAnswers> {
    let frame = Frame::innermost(py)?;
    let ((session, id), began) = (frame.get().session(py)?, frame.get().question(py));
    let (lacks, known) = session.memory.with(py, |memory| {
        let lacks: Vec<_> = scopes.iter().map(|scope| memory.lacks_answer(&scope.get().0)).collect();
        // One of before was asked for something else.
        let first = began.zip(scopes.first());
        let known = first.and_then(|(began, scope)| memory.answer_since(&scope.get().0, began));
        (lacks, known.cloned())
    });
    let known = known.map(|version| version.0);
    let at = clock::now();
    let places: Vec<_> =
        lacks.iter().enumerate().filter(|(_, lacks)| **lacks).map(|(place, _)| place).collect();
    let lacking = scopes.into_iter().zip(lacks).filter(|(_, lacks)| *lacks);
    let asked = lacking.map(|(scope, _)| (scope, order::draw())).collect();
    Some(SharedAnswers { session, id, at, asked, places, known })
}

#[pymethods]
impl SharedAnswers {
    /// Gives the session what was answered: a version for each of the places.
    ///
    /// One that the session has got meanwhile stays.
    #[pyo3(signature = (versions, /))]
    fn give(&self, py: Python<'_>, versions: Vec<Bound<'_, PyAny>>) {
        let until = order::draw();
        let mut drops = DeferredDrops::default();
        let answers = self.asked.iter().zip(versions).map(|((scope, since), version)| {
            let (since, at) = (*since, self.at);
            let version = Object::from(version);
            (scope, Observation { version, tag: since, since, ticket: since, until, at, reads: None })
        });
        let answers: Vec<_> = answers.collect();
        self.session.memory.with(py, |memory| {
            for (scope, answer) in &answers {
                if self.session.id() == self.id {
                    memory.also_answered(&scope.get().0, answer, &mut drops);
                }
            }
        });
        drop((answers, drops));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.asked.iter().try_for_each(|(scope, _)| visit.call(scope))
    }
}
