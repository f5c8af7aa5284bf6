//! What a call did or would do, in the words of RFC 9211 (Cache-Status).

use std::collections::VecDeque;

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
    /// More.
    pub detail: Detail,
}

/// What more there is to say of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// Its session knows the result.
    Known,
    /// Its session asks nothing.
    Offline,
    /// What is stored never changes.
    Immutable,
    /// An old value stands in for a source that fails.
    StaleIfError,
    /// It asks for the version.
    Asks,
    /// What is stored is of the version.
    Equal,
    /// The same, which makes it fresh again.
    Verified,
    /// What is stored was observed later.
    Newer,
    /// An old value answers while a new one is made behind.
    StaleWhileRevalidate,
    /// The session renews it.
    Refresh,
    /// What is stored is too old.
    Expired,
    /// What is stored is of another version.
    Changed,
    /// The result is its session's only.
    SessionOnly,
    /// It was loaded from a store.
    Loaded,
}

impl Detail {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Known => "known",
            Self::Offline => "offline",
            Self::Immutable => "immutable",
            Self::StaleIfError => "stale-if-error",
            Self::Asks => "asks",
            Self::Equal => "equal",
            Self::Verified => "verified",
            Self::Newer => "newer",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
            Self::Refresh => "refresh",
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::SessionOnly => "session-only",
            Self::Loaded => "loaded",
        }
    }
}

/// What a call of a session did, in three words: a session that does nothing any more holds a hundred of
/// them.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// The function.
    pub function: Ticket,
    /// The hash of the call's key.
    pub key: u64,
    hit: bool,
    forward: Option<Forward>,
    stored: bool,
    collapsed: bool,
    detail: Detail,
}

impl Logged {
    /// The call of that key did that. When the entry expires is not remembered.
    pub(crate) fn new(function: Ticket, key: u64, status: Status) -> Self {
        let Status { hit, forward, stored, collapsed, detail, expires: _ } = status;
        Self { function, key, hit, forward, stored, collapsed, detail }
    }

    /// What it did.
    #[must_use]
    pub fn status(&self) -> Status {
        let Self { hit, forward, stored, collapsed, detail, .. } = *self;
        Status { hit, forward, stored, collapsed, detail, expires: None }
    }
}

/// How many calls a session remembers.
const LOGGED: usize = 100;

/// What the latest calls of a session did, oldest first.
#[derive(Default)]
pub struct CallLog(VecDeque<Logged>);

impl CallLog {
    /// Takes note of a call; of more than a hundred the oldest is forgotten. There is never room for more.
    pub(crate) fn push(&mut self, logged: Logged) {
        let len = self.0.len();
        if len == LOGGED {
            self.0.pop_front();
        } else if len == self.0.capacity() {
            self.0.reserve_exact(len.max(4).min(LOGGED - len));
        }
        self.0.push_back(logged);
    }

    /// Those calls.
    pub fn iter(&self) -> impl Iterator<Item = &Logged> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{CallLog, LOGGED, Logged, Status};

    #[test]
    fn a_hundred_calls_take_no_more_than_three_words_each() {
        let mut log = CallLog::default();
        for key in 0..500 {
            log.push(Logged::new(2, key, Status::default()));
            assert!(log.0.capacity() <= LOGGED, "room for {}", log.0.capacity());
        }
        assert!(log.iter().map(|logged| logged.key).eq(400..500));
        assert_eq!(size_of::<Logged>(), 24);
    }
}
