//! The fast path to the session: found without running Python code, by code that is compiled for each kind of
//! binding.
#![expect(unsafe_code, reason = "reads dicts and context variables in place")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::marker::PhantomData;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::binding::{self, Binding};
#[cfg(any(Py_3_14, Py_GIL_DISABLED))]
use super::dict_lookup::look_up;
use super::dict_lookup::{Located, session_of};
#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
use super::dict_tag;
use super::flask_proxy::names_in;
#[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
use super::shared_key_dict;
use crate::py::interpreter::context_variable;

/// A kind of binding, for code that is compiled for each of them.
pub(crate) trait Locator {
    /// Whether ticket 0 may say that there is no session.
    const MAY_TELL_OF_NONE: bool = false;

    /// Whether it does: elsewhere a session may be yet to begin.
    #[inline(always)]
    fn tells_of_none(_: &Binding) -> bool {
        Self::MAY_TELL_OF_NONE
    }

    /// The session that is active now, if that can be told at a glance.
    fn locate(binding: &Binding, py: Python<'_>) -> Located;
}

/// The ambient session.
pub(crate) struct Ambient;

impl Locator for Ambient {
    const MAY_TELL_OF_NONE: bool = true;

    #[inline(always)]
    fn locate(_: &Binding, py: Python<'_>) -> Located {
        let Some(variable) = binding::ambient_known(py) else {
            return Located::Session(0);
        };
        let Some(session) = context_variable::get(variable).unwrap_or(None) else {
            return Located::Session(0);
        };
        session_of(session.as_borrowed())
    }
}

/// In a mapping.
pub(crate) struct Mapping;

impl Locator for Mapping {
    #[inline(always)]
    fn locate(binding: &Binding, py: Python<'_>) -> Located {
        let Binding::Mapping(mapping) = binding else { return Located::Unknown };
        locate_in_dict(py, mapping.as_ptr())
    }
}

/// In the mapping that a context variable holds.
pub(crate) struct Variable;

impl Locator for Variable {
    #[inline(always)]
    fn locate(binding: &Binding, py: Python<'_>) -> Located {
        let Binding::Variable(variable) = binding else { return Located::Unknown };
        match context_variable::get(variable.bind(py)).unwrap_or(None) {
            Some(value) => locate_in_dict(py, value.as_ptr()),
            None => Located::Unknown,
        }
    }
}

/// In what a proxy stands for.
pub(crate) struct Proxied;

impl Locator for Proxied {
    #[inline(always)]
    fn locate(binding: &Binding, py: Python<'_>) -> Located {
        let Binding::Proxy(proxy) = binding else { return Located::Unknown };
        let Some(context) = proxy.context(py) else { return Located::Unknown };
        let Some(names) = names_in(&context) else { return Located::Unknown };
        locate_in_dict(py, names.as_ptr())
    }
}

/// Any.
pub(crate) struct Anywhere;

impl Locator for Anywhere {
    const MAY_TELL_OF_NONE: bool = true;

    #[inline(always)]
    fn tells_of_none(binding: &Binding) -> bool {
        matches!(binding, Binding::Ambient)
    }

    #[inline(always)]
    fn locate(binding: &Binding, py: Python<'_>) -> Located {
        match binding {
            Binding::Ambient => Ambient::locate(binding, py),
            Binding::Mapping(_) => Mapping::locate(binding, py),
            Binding::Variable(_) => Variable::locate(binding, py),
            Binding::Proxy(_) => Proxied::locate(binding, py),
            Binding::Provider(_) => Located::Unknown,
        }
    }
}

/// The same kind of binding, for calls whose arguments come to their places first. What is compiled for it
/// has no other caller, and so all of a hit is one function for other calls, too.
pub(crate) struct Placed<P>(PhantomData<P>);

impl<P: Locator> Locator for Placed<P> {
    const MAY_TELL_OF_NONE: bool = P::MAY_TELL_OF_NONE;

    #[inline(always)]
    fn tells_of_none(binding: &Binding) -> bool {
        P::tells_of_none(binding)
    }

    #[inline(always)]
    fn locate(binding: &Binding, py: Python<'_>) -> Located {
        P::locate(binding, py)
    }
}

/// The session whose handle lies in a plain dict.
#[inline(always)]
fn locate_in_dict(py: Python<'_>, mapping: *mut PyObject) -> Located {
    // SAFETY: the mapping is alive while it is looked at.
    unsafe {
        if ffi::PyDict_CheckExact(mapping) == 0 {
            return Located::Unknown;
        }
        #[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
        if shared_key_dict::is(mapping) {
            return shared_key_dict::locate(py, mapping);
        }
        #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
        return dict_tag::locate(py, mapping);
        #[cfg(any(Py_3_14, Py_GIL_DISABLED))]
        return look_up(py, mapping).1;
    }
}
