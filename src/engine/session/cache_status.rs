//! What a call did or would do, in the words of RFC 9211 (Cache-Status).

use crate::engine::clock::Nanos;
use crate::engine::order::Ticket;

/// Why a call was not answered with what is there (RFC 9211, 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The function stores nothing.
    Bypass,
    /// Nothing is stored.
    Miss,
    /// What is stored is not fresh.
    Stale,
    /// The caller wanted it anew.
    Request,
}

impl Forward {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// What a call did or would do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// It is answered with what is there.
    pub hit: bool,
    /// Why it is not.
    pub forward: Option<Forward>,
    /// When the entry expires.
    pub expires: Option<Nanos>,
    /// The result was stored, or would be unless the function has it otherwise.
    pub stored: bool,
    /// It waited for another's computation.
    pub collapsed: bool,
    /// More, in a word.
    pub detail: &'static str,
}

/// What a call of a session did.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// The function.
    pub function: Ticket,
    /// The hash of the call's key.
    pub key: u64,
    /// What it did.
    pub status: Status,
}

/// How many calls a session remembers.
pub(crate) const LOGGED: usize = 100;
