//! How a hit looks at the cache: alone with a GIL, beside other hits without one.
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use pyo3::prelude::*;

use crate::engine::order::Ticket;
use crate::engine::{FunctionCache, Look, Sought, clock};
use crate::py::arguments::key::Key;
use crate::py::interpreter::critical_section::ReadMostly;
use crate::py::objects::host::Host;

/// What `take` makes of the entry that is sought, if the session `id` surely knows it.
#[inline(always)]
pub(crate) fn find<R, S: Sought<Key>>(
    py: Python<'_>,
    cache: &ReadMostly<FunctionCache<Host>>,
    (hash, id): (u64, Ticket),
    sought: S,
    take: impl Fn(Look<'_, Host>) -> R,
) -> Result<Option<R>, S::Other> {
    #[cfg(Py_GIL_DISABLED)]
    loop {
        use crate::engine::HitAttempt;

        let glanced = cache.read_and_note(py, |cache, touches| {
            cache.hit_beside(touches, (hash, id), clock::latest, sought, &take)
        });
        match glanced? {
            HitAttempt::Nothing => return Ok(None),
            HitAttempt::Taken(taken) => return Ok(Some(taken)),
            HitAttempt::Full => cache.drain_own_buffer(py),
            HitAttempt::Newer => break,
        }
    }
    cache.with(py, |cache| cache.hit(hash, id, clock::latest, sought, take))
}

/// The same for the entry whose key lies at an address.
#[inline(always)]
pub(crate) fn find_held<R>(
    py: Python<'_>,
    cache: &ReadMostly<FunctionCache<Host>>,
    place: (u64, usize),
    id: Ticket,
    take: impl FnOnce(Look<'_, Host>) -> R,
) -> Option<R> {
    cache.with(py, |cache| cache.hit_at(place, id, clock::latest, take))
}
