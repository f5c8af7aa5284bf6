//! How a hit looks at the store: alone with a GIL, beside other hits without one.
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use pyo3::prelude::*;

use crate::engine::order::Ticket;
use crate::engine::{Look, Sought, Store, clock};
use crate::py::arguments::key::Key;
use crate::py::interpreter::critical_section::ReadMostly;
use crate::py::objects::host::Host;

/// What `take` makes of the entry that is sought, if the session `id` surely knows it.
#[inline(always)]
pub(crate) fn find<R, S: Sought<Key>>(
    py: Python<'_>,
    store: &ReadMostly<Store<Host>>,
    (hash, id): (u64, Ticket),
    sought: S,
    take: impl Fn(Look<'_, Host>) -> R,
) -> Result<Option<R>, S::Other> {
    #[cfg(Py_GIL_DISABLED)]
    loop {
        use crate::engine::Glanced;

        let glanced = store.read_and_note(py, |store, touched| {
            store.glance_beside(touched, (hash, id), clock::latest, sought, &take)
        });
        match glanced? {
            Glanced::Nothing => return Ok(None),
            Glanced::Taken(taken) => return Ok(Some(taken)),
            Glanced::Full => store.drain_own_buffer(py),
            Glanced::Newer => break,
        }
    }
    store.with(py, |store| store.glance(hash, id, clock::latest, sought, take))
}

/// The same for the entry whose key lies at an address.
#[inline(always)]
pub(crate) fn find_held<R>(
    py: Python<'_>,
    store: &ReadMostly<Store<Host>>,
    place: (u64, usize),
    id: Ticket,
    take: impl FnOnce(Look<'_, Host>) -> R,
) -> Option<R> {
    store.with(py, |store| store.glance_at(place, id, clock::latest, take))
}
