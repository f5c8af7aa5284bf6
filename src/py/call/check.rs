//! One validation request: a version to be asked about once more, for a computation that has read what it
//! vouches for.

use pyo3::prelude::*;

use super::read_set::ReadCall;
use crate::engine::Claim;
use crate::engine::order::Ticket;
use crate::py::objects::object::Object;

/// A version that is to be asked about, as the one whose computation has read it asks.
pub(crate) struct Check {
    pub(crate) reading: Py<ReadCall>,
    pub(super) tag: Ticket,
    pub(super) since: Ticket,
}

impl Check {
    pub(crate) fn claim(&self, py: Python<'_>) -> Claim<Object> {
        let version = Object(self.reading.get().version.clone_ref(py));
        Claim { version, tag: self.tag, since: self.since }
    }
}
