//! What fails in a call.

use crate::engine::order::Ticket;

/// What failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// Whether an old value may stand in for it.
    pub(crate) stands: bool,
    pub(crate) what: Failing,
    /// The computation that the call had begun; 0 for none.
    pub(crate) run: Ticket,
}

/// What may fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failing {
    /// A run of the version function that began then.
    Version(Ticket),
    /// The function.
    Function,
    /// Another's run of the function.
    Other,
}
