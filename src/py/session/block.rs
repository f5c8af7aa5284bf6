//! Where a session that is open for a block lies: around what, over what, and whether the block has ended.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit};

use super::handle::Session;
use crate::py::interpreter::critical_section::Guarded;

/// What there was when a block began.
pub(crate) struct Block {
    /// Whether there is a block at all: other sessions are open for as long as they lie in a mapping.
    pub(crate) is_one: bool,
    around: Option<Arc<Around>>,
    /// What it took the place of in a mapping.
    beneath: Guarded<Option<Py<Session>>>,
}

/// The ambient session around a block, and what was around that.
struct Around {
    /// Who began it holds it for as long as its block is open, so one that is dead has ended.
    session: Py<PyWeakrefReference>,
    next: Option<Arc<Around>>,
}

impl Around {
    fn session<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Session>> {
        self.session.bind(py).upgrade_as::<Session>().ok()?
    }

    fn has_ended(&self, py: Python<'_>) -> bool {
        self.session(py).is_none_or(|session| session.get().core.has_ended())
    }
}

/// The nearest of what is around a block that has not ended.
fn nearest<'a>(py: Python<'_>, mut around: Option<&'a Arc<Around>>) -> Option<&'a Arc<Around>> {
    while around?.has_ended(py) {
        around = around?.next.as_ref();
    }
    around
}

impl Block {
    /// No block.
    pub(crate) const fn nowhere() -> Self {
        Self { is_one: false, around: None, beneath: Guarded::new(None) }
    }

    /// A block in a session, if there is one that has not ended.
    pub(crate) fn within(around: Option<Bound<'_, Session>>) -> PyResult<Self> {
        let block = Self { is_one: true, ..Self::nowhere() };
        let Some(session) = around.and_then(lasting) else { return Ok(block) };
        // What has ended is left out here, so that no chain grows where each block ends within the next.
        let next = nearest(session.py(), session.get().block.around.as_ref()).cloned();
        let around = Around { session: PyWeakrefReference::new(&session)?.unbind(), next };
        Ok(Self { around: Some(Arc::new(around)), ..block })
    }

    /// The nearest session around it that has not ended.
    pub(crate) fn around<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Session>> {
        nearest(py, self.around.as_ref())?.session(py)
    }

    /// Whether a session is one of those around it.
    pub(crate) fn is_within(&self, session: &Bound<'_, Session>) -> bool {
        let mut around = self.around.as_ref();
        while let Some(one) = around {
            if one.session(session.py()).is_some_and(|found| found.is(session)) {
                return true;
            }
            around = one.next.as_ref();
        }
        false
    }

    fn next_beneath(&self, py: Python<'_>) -> Option<Py<Session>> {
        self.beneath.with(py, |beneath| beneath.as_ref().map(|session| session.clone_ref(py)))
    }

    /// What it took the place of, if that has not ended.
    pub(crate) fn beneath(&self, py: Python<'_>) -> Option<Py<Session>> {
        let mut found = self.next_beneath(py)?;
        while found.get().core.has_ended() {
            found = found.get().block.next_beneath(py)?;
        }
        Some(found)
    }

    /// Notes what it takes the place of.
    pub(crate) fn lies_over(&self, py: Python<'_>, session: Option<Py<Session>>) {
        if let Some(session) = &session {
            // As above.
            let block = &session.get().block;
            block.lie_over(py, block.beneath(py));
        }
        self.lie_over(py, session);
    }

    fn lie_over(&self, py: Python<'_>, session: Option<Py<Session>>) {
        let before = self.beneath.with(py, |beneath| std::mem::replace(beneath, session));
        drop(before);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.beneath.trace(|beneath| visit.call(beneath))
    }
}

/// The session itself, or the nearest around it that has not ended.
pub(crate) fn lasting(session: Bound<'_, Session>) -> Option<Bound<'_, Session>> {
    if session.get().core.has_ended() { session.get().block.around(session.py()) } else { Some(session) }
}
