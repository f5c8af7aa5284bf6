//! What a validation asks, and what was found of the versions that a function has read.

use crate::engine::order::{self, Ticket};
use crate::engine::versions::read_log::Read;

/// A version that is to be asked about.
#[derive(Clone, Debug)]
pub struct Claim<O> {
    /// The version.
    pub version: O,
    /// Names it.
    pub tag: Ticket,
    /// An answer is good if it was asked for after this.
    pub since: Ticket,
}

/// What a call has found of the versions that its function has read.
pub(crate) struct Found<O> {
    /// Whether the call may go by a newer version of its own when it has computed, since its result lags.
    pub(crate) asks_again: bool,
    /// Whether what the version function has read was added to what the function has.
    pub(crate) gathered: bool,
    /// Those that hold still.
    pub(crate) held: Vec<Ticket>,
    /// The oldest of those that do not.
    pub(crate) oldest: Ticket,
    /// One of them.
    pub(crate) culprit: Option<Read<O>>,
    /// By what tag and ticket the session is served what was made, until that is decided: the tag is nobody
    /// else's. 0 before.
    pub(crate) shown_by: (Ticket, Ticket),
}

impl<O> Found<O> {
    /// Nothing yet.
    pub(crate) fn new(asks_again: bool) -> Self {
        Self {
            asks_again,
            gathered: false,
            held: Vec::new(),
            oldest: order::NEVER,
            culprit: None,
            shown_by: (0, 0),
        }
    }

    /// What was read and does not hold, if anything.
    pub(crate) fn culprit(&self) -> Option<&Read<O>> {
        self.culprit.as_ref()
    }

    /// Nothing yet, of what is made next.
    pub(crate) fn of_the_next(&self) -> Self {
        Self::new(self.asks_again)
    }
}
