//! A lease of the second tier while a call holds it: whatever becomes of the call, it is given back.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::named;

/// A lease that the call holds. It is given back when this goes, if not before.
pub(crate) struct HeldLease {
    pub(super) tier: Py<PyAny>,
    /// Nothing once the tier has given it back itself.
    pub(super) lease: Option<Py<PyAny>>,
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        attach(|py| {
            let released =
                named!(py, "release").and_then(|release| self.tier.bind(py).call_method1(release, (lease,)));
            if let Err(error) = released {
                error.write_unraisable(py, Some(self.tier.bind(py)));
            }
        });
    }
}

impl HeldLease {
    /// Takes that the tier has given it back itself.
    pub(super) fn was_given_back(mut self) {
        self.lease = None;
    }

    /// Shows the garbage collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.tier)?;
        visit.call(&self.lease)
    }
}
