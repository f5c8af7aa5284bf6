//! A question that was put to a version function before there was a plan.

use pyo3::prelude::*;

use super::computation::Ended;
use crate::engine::clock::Nanos;
use crate::engine::order::Ticket;

/// What the plan goes on with.
pub(crate) struct Question {
    /// When, in the order of events.
    pub(super) since: Ticket,
    /// When, by the clock, if anything depends on that.
    pub(super) at: Option<Nanos>,
    /// How it ended.
    pub(super) ended: PyResult<Ended<Py<PyAny>>>,
}
