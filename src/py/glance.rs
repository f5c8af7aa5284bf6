//! Finding the session at a glance: without running Python code, by code that is compiled for each kind of binding.
#![expect(unsafe_code, reason = "reads dicts and context variables in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use pyo3::PyTypeInfo;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::binding::{self, Binding};
use super::context;
use super::proxy::names_in;
use super::session::Session;
use crate::engine::ticket::Ticket;

/// What the hit path learns without running Python code.
pub(super) enum Glance {
    /// The session's ticket, or 0 for none.
    Session(Ticket),
    /// Nothing.
    Unclear,
}

/// A kind of binding, for code that is compiled for each of them.
pub(super) trait Place {
    /// The session that is active now, if that can be told at a glance.
    fn glance(binding: &Binding, py: Python<'_>) -> Glance;
}

/// The ambient session.
pub(super) struct Ambient;

impl Place for Ambient {
    #[inline(always)]
    fn glance(_: &Binding, py: Python<'_>) -> Glance {
        let Some(variable) = binding::ambient_known(py) else {
            return Glance::Session(0);
        };
        let Some(session) = context::get(variable).unwrap_or(None) else {
            return Glance::Session(0);
        };
        glance_session(session.as_borrowed())
    }
}

/// In a mapping.
pub(super) struct Mapping;

impl Place for Mapping {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        let Binding::Mapping(mapping) = binding else { return Glance::Unclear };
        glance_dict(py, mapping.as_ptr())
    }
}

/// In the mapping that a context variable holds.
pub(super) struct Variable;

impl Place for Variable {
    #[inline(always)]
    fn glance(binding: &Binding, py: Python<'_>) -> Glance {
        let Binding::Variable(variable) = binding else { return Glance::Unclear };
        match context::get(variable.bind(py)).unwrap_or(None) {
            Some(value) => glance_dict(py, value.as_ptr()),
            None => Glance::Unclear,
        }
    }
}

/// In what a proxy stands for.
pub(super) struct Proxied;

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
pub(super) struct Anywhere;

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
fn glance_session(found: Borrowed<'_, '_, PyAny>) -> Glance {
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
        let name = binding::name(py).as_ptr();
        // With a GIL a borrowed reference is good until the next Python code, and saves a fifth of the look-up.
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
            return glance_session(found);
        }
        // A key of the user's whose comparison failed: the whole call will meet that again.
        ffi::PyErr_Clear();
        Glance::Unclear
    }
}
