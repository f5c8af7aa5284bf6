//! An inline cache keyed by the version tag of a dict. Until 3.13 CPython gives a dict a new tag with each
//! change, and no two dicts the same (PEP 509). So the tag tells where the handle is that was found last, for
//! as long as it is there.
#![expect(unsafe_code, reason = "reads dicts in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::dict_lookup::{Located, look_up};
use super::handle::Session;
use crate::py::interpreter::critical_section::Guarded;

/// A session and the tag of the dict that holds it. No dict has the tag 0.
static LAST: Guarded<LastFound> = Guarded::new(LastFound { tag: 0, session: ptr::null_mut() });

#[derive(Clone, Copy)]
struct LastFound {
    tag: u64,
    session: *mut PyObject,
}

// SAFETY: the pointer is only followed by whoever sees a dict that holds the session.
unsafe impl Send for LastFound {}

#[inline(always)]
pub(super) unsafe fn locate(py: Python<'_>, mapping: *mut PyObject) -> Located {
    // SAFETY: the caller passes a dict. While it has this tag it has not changed, so the session in it is
    // alive.
    unsafe {
        #[cfg_attr(Py_3_12, expect(deprecated, reason = "it is there and kept until 3.14 (PEP 699)"))]
        let tag = (*mapping.cast::<ffi::PyDictObject>()).ma_version_tag;
        let last = LAST.with(py, |last| *last);
        if last.tag == tag {
            let session = Borrowed::from_ptr(py, last.session).cast_unchecked::<Session>();
            return Located::Session(session.get().core.id());
        }
        let (session, located) = look_up(py, mapping);
        if let Located::Session(_) = located {
            LAST.with(py, |last| *last = LastFound { tag, session });
        }
        located
    }
}
