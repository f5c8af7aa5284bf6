//! Finding the session at a glance: without running Python code, by code that is compiled for each kind of binding.
#![expect(unsafe_code, reason = "reads dicts and context variables in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use pyo3::PyTypeInfo;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::binding::{self, Binding};
use super::flask_proxy::names_in;
use super::handle::Session;
#[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
use super::shared_key_dict;
use crate::engine::ticket::Ticket;
use crate::py::interpreter::context_variable;

/// What the hit path learns without running Python code.
pub(crate) enum Glance {
    /// The session's ticket, or 0 for none.
    Session(Ticket),
    /// Nothing.
    Unclear,
}

/// A kind of binding, for code that is compiled for each of them.
pub(crate) trait Place {
    /// The session that is active now, if that can be told at a glance.
    fn glance(binding: &Binding, py: Python<'_>) -> Glance;
}

/// The ambient session.
pub(crate) struct Ambient;

impl Place for Ambient {
    #[inline(always)]
    fn glance(_: &Binding, py: Python<'_>) -> Glance {
        let Some(variable) = binding::ambient_known(py) else {
            return Glance::Session(0);
        };
        let Some(session) = context_variable::get(variable).unwrap_or(None) else {
            return Glance::Session(0);
        };
        glance_session(session.as_borrowed())
    }
}

/// In a mapping.
pub(crate) struct Mapping;

impl Place for Mapping {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        let Binding::Mapping(mapping) = binding else { return Glance::Unclear };
        glance_dict(py, mapping.as_ptr())
    }
}

/// In the mapping that a context variable holds.
pub(crate) struct Variable;

impl Place for Variable {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        let Binding::Variable(variable) = binding else { return Glance::Unclear };
        match context_variable::get(variable.bind(py)).unwrap_or(None) {
            Some(value) => glance_dict(py, value.as_ptr()),
            None => Glance::Unclear,
        }
    }
}

/// In what a proxy stands for.
pub(crate) struct Proxied;

impl Place for Proxied {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        let Binding::Proxy(proxy) = binding else { return Glance::Unclear };
        let Some(context) = proxy.context(py) else { return Glance::Unclear };
        let Some(names) = names_in(&context) else { return Glance::Unclear };
        glance_dict(py, names.as_ptr())
    }
}

/// Any.
pub(crate) struct Anywhere;

impl Place for Anywhere {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        match binding {
            Binding::Ambient => Ambient::glance(binding, py),
            Binding::Mapping(_) => Mapping::glance(binding, py),
            Binding::Variable(_) => Variable::glance(binding, py),
            Binding::Proxy(_) => Proxied::glance(binding, py),
            Binding::Provider(_) => Glance::Unclear,
        }
    }
}

/// The session that an object is.
#[inline(always)]
pub(crate) fn glance_session(found: Borrowed<'_, '_, PyAny>) -> Glance {
    // SAFETY: an object of exactly that type is a session.
    unsafe {
        if ffi::Py_TYPE(found.as_ptr()) == Session::type_object_raw(found.py()) {
            return Glance::Session(found.cast_unchecked::<Session>().get().core.id());
        }
    }
    Glance::Unclear
}

/// The session whose handle lies in a plain dict.
#[inline(always)]
fn glance_dict(py: Python<'_>, mapping: *mut PyObject) -> Glance {
    // SAFETY: the mapping is alive while it is looked at.
    unsafe {
        if ffi::PyDict_CheckExact(mapping) == 0 {
            return Glance::Unclear;
        }
        #[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
        if shared_key_dict::is(mapping) {
            return shared_key_dict::glance(py, mapping);
        }
        #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
        return tagged::glance(py, mapping);
        #[cfg(any(Py_3_14, Py_GIL_DISABLED))]
        return look_up(py, mapping).1;
    }
}

/// The handle in a plain dict, and the session that it is. With a GIL the handle is alive until the next Python code.
///
/// # Safety
/// The mapping must be a plain dict.
#[cfg_attr(any(Py_3_14, Py_GIL_DISABLED), inline(always))]
#[cfg_attr(not(any(Py_3_14, Py_GIL_DISABLED)), inline(never))]
pub(crate) unsafe fn look_up(py: Python<'_>, mapping: *mut PyObject) -> (*mut PyObject, Glance) {
    let name = binding::name(py).as_ptr();
    // SAFETY: a dict, as the caller says, and a str.
    unsafe {
        // With a GIL a borrowed reference saves a fifth of the look-up.
        #[cfg(not(Py_GIL_DISABLED))]
        let found = Borrowed::from_ptr_or_opt(py, ffi::PyDict_GetItemWithError(mapping, name));
        #[cfg(Py_GIL_DISABLED)]
        let found = {
            let mut found = std::ptr::null_mut();
            ffi::PyDict_GetItemRef(mapping, name, &raw mut found);
            Bound::<PyAny>::from_owned_ptr_or_opt(py, found)
        };
        #[cfg(Py_GIL_DISABLED)]
        let found = found.as_ref().map(|found| found.as_borrowed());
        if let Some(found) = found {
            return (found.as_ptr(), glance_session(found));
        }
        // A key of the user's whose comparison failed: the whole call will meet that again.
        ffi::PyErr_Clear();
        (std::ptr::null_mut(), Glance::Unclear)
    }
}

/// Until 3.13 CPython gives a dict a new tag with each change, and no two dicts the same (PEP 509). So the tag tells where the handle is that was
/// found last, for as long as it is there.
#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
mod tagged {
    use std::ptr;

    use pyo3::ffi::{self, PyObject};
    use pyo3::prelude::*;

    use super::{Glance, look_up};
    use crate::py::interpreter::critical_section::Guarded;
    use crate::py::session::handle::Session;

    /// A session and the tag of the dict that holds it. No dict has the tag 0.
    static LAST: Guarded<Last> = Guarded::new(Last { tag: 0, session: ptr::null_mut() });

    #[derive(Clone, Copy)]
    struct Last {
        tag: u64,
        session: *mut PyObject,
    }

    // SAFETY: the pointer is only followed by whoever sees a dict that holds the session.
    unsafe impl Send for Last {}

    #[inline(always)]
    pub(super) unsafe fn glance(py: Python<'_>, mapping: *mut PyObject) -> Glance {
        // SAFETY: the caller passes a dict. While it has this tag it has not changed, so the session in it is alive.
        unsafe {
            #[cfg_attr(Py_3_12, expect(deprecated, reason = "it is there and kept until 3.14 (PEP 699)"))]
            let tag = (*mapping.cast::<ffi::PyDictObject>()).ma_version_tag;
            let last = LAST.with(py, |last| *last);
            if last.tag == tag {
                let session = Borrowed::from_ptr(py, last.session).cast_unchecked::<Session>();
                return Glance::Session(session.get().core.id());
            }
            let (session, glance) = look_up(py, mapping);
            if let Glance::Session(_) = glance {
                LAST.with(py, |last| *last = Last { tag, session });
            }
            glance
        }
    }
}

/// What a plain dict holds under a name, which is `value` from now on if there was nothing.
pub(crate) fn set_default<'py>(
    dict: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut found = std::ptr::null_mut();
    // SAFETY: all three are alive; what is found is a new reference, or null with an error.
    unsafe {
        ffi::compat::PyDict_SetDefaultRef(dict.as_ptr(), name.as_ptr(), value.as_ptr(), &raw mut found);
        Bound::from_owned_ptr_or_err(dict.py(), found)
    }
}
