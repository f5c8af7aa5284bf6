//! The session served last in each lane, and the observation it goes by: what the hit path compares, by
//! integers.

use crate::engine::host::Host;
use crate::engine::order::Ticket;
use crate::engine::storage::entries::Look;
use crate::engine::versions::observation::Observation;

/// The session served last of those in its lane, and the observation it goes by, where that depends on no
/// arguments: what the hit path looks at.
#[derive(Clone, Copy, Default)]
pub(crate) struct SessionHint {
    pub(crate) session: Ticket,
    pub(crate) tag: Ticket,
    pub(crate) ticket: Ticket,
}

/// What the hit path found where it only looks.
pub enum HitAttempt<R> {
    /// Nothing that the session surely knows.
    Nothing,
    /// What was made of the entry.
    Taken(R),
    /// There is no room for a note.
    Full,
    /// The session has a newer observation of the entry's version, which [`FunctionCache::hit`] notes.
    Newer,
}

impl SessionHint {
    /// What the session goes by.
    pub(crate) fn of<O>(session: Ticket, seen: &Observation<O>) -> Self {
        Self { session, tag: seen.tag, ticket: seen.ticket }
    }

    /// Whether the session `id` began after an entry was stored and goes by its version.
    #[expect(clippy::inline_always, reason = "the hit path is one function, whose values stay in registers")]
    #[inline(always)]
    pub(crate) fn agrees<H: Host>(self, Look { entry, stamp, .. }: Look<'_, H>, id: Ticket) -> bool {
        entry.stored < id && self.session == id && self.tag == stamp.tag
    }
}
