//! Werkzeug's proxies, and a shortcut through the one that is `flask.g`.
#![expect(unsafe_code, reason = "hands a pointer over that is only compared")]

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyTuple, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit, intern};

use super::binding::NAME;
use super::context::{self, is_variable};
use super::session::Session;
use super::sync::Guarded;

/// How many app contexts are known at a time: about as many threads serve requests of one process in turn.
const MOST: usize = 8;

/// The app contexts seen last, with the names in their `g`. One is forgotten when it dies, so no request is kept alive.
static CONTEXTS: Guarded<Vec<AppContext>> = Guarded::new(Vec::new());
static FORGET: PyOnceLock<Py<PyCFunction>> = PyOnceLock::new();

/// An app context whose `g` keeps its names in a plain dict.
struct AppContext {
    /// Alive as long as this is here, so its address is its own.
    context: *mut PyObject,
    names: Py<PyDict>,
    death: Py<PyWeakrefReference>,
}

// SAFETY: the pointer is only compared.
unsafe impl Send for AppContext {}

/// Runs `look` on the names in the `g` of an app context, if it is known.
#[inline]
pub(super) fn look_into<R>(context: &Bound<'_, PyAny>, look: impl FnOnce(*mut PyObject) -> R) -> Option<R> {
    let names = CONTEXTS.with(context.py(), |known| {
        let found = known.iter().find(|known| known.context == context.as_ptr())?;
        // With a GIL nobody forgets the context before other code runs.
        #[cfg(not(Py_GIL_DISABLED))]
        let names = found.names.as_ptr();
        #[cfg(Py_GIL_DISABLED)]
        let names = found.names.clone_ref(context.py());
        Some(names)
    })?;
    #[cfg(not(Py_GIL_DISABLED))]
    return Some(look(names));
    #[cfg(Py_GIL_DISABLED)]
    return Some(look(names.as_ptr()));
}

/// What a weak reference to an app context calls when that dies.
fn forget(py: Python<'_>) -> PyResult<&Bound<'_, PyCFunction>> {
    let forget = FORGET.get_or_try_init(py, || {
        PyCFunction::new_closure(py, None, None, |args: &Bound<'_, PyTuple>, _| {
            let py = args.py();
            let gone = args.get_item(0).ok().and_then(|death| {
                CONTEXTS.with(py, |known| {
                    let place = known.iter().position(|known| known.death.as_ptr() == death.as_ptr());
                    place.map(|place| known.swap_remove(place))
                })
            });
            drop(gone);
        })
        .map(Bound::unbind)
    })?;
    Ok(forget.bind(py))
}

/// A werkzeug proxy.
pub(super) struct Proxy {
    object: Py<PyAny>,
    /// The context variable behind `flask.g`, whose value's `g` the proxy stands for.
    variable: Option<Py<PyAny>>,
}

impl Proxy {
    pub(super) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let variable = Self::variable_of_flask(object)?.filter(is_variable).map(Bound::unbind);
        Ok(Self { object: object.clone().unbind(), variable })
    }

    /// The context variable of Flask's own `g`: in an empty context it is unbound and shows what it wraps.
    fn variable_of_flask<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        let modules = py.import("sys")?.getattr("modules")?;
        let Some(globals) = modules.cast::<PyDict>()?.get_item("flask.globals")? else {
            return Ok(None);
        };
        if !globals.getattr("g")?.is(object) {
            return Ok(None);
        }
        let context = py.import("contextvars")?.getattr("Context")?.call0()?;
        let getattr = py.import("builtins")?.getattr("getattr")?;
        context.call_method1("run", (getattr, object, "__wrapped__", py.None())).map(Some)
    }

    /// What a proxy stands for; `None` when it is unbound.
    pub(super) fn current<'py>(proxy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match proxy.call_method0(intern!(proxy.py(), "_get_current_object")) {
            Ok(current) => Ok(Some(current)),
            Err(unbound) if unbound.is_instance_of::<PyRuntimeError>(proxy.py()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this one stands for.
    pub(super) fn target<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::current(self.object.bind(py))
    }

    /// The app context that is current, if this is `flask.g`.
    #[inline]
    pub(super) fn context<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        context::get(self.variable.as_ref()?.bind(py)).unwrap_or(None)
    }

    /// Takes a shortcut to the names of `g`, if the context is what it is known to be.
    pub(super) fn learn(&self, current: &Bound<'_, PyAny>, session: &Bound<'_, Session>) -> PyResult<()> {
        let py = current.py();
        let Some(context) = self.context(py) else {
            return Ok(());
        };
        let namespace = context.getattr_opt(intern!(py, "g"))?;
        let names = current.getattr_opt(intern!(py, "__dict__"))?;
        let Some(Ok(names)) = names.map(Bound::cast_into_exact::<PyDict>) else {
            return Ok(());
        };
        let here = names.get_item(intern!(py, NAME))?;
        if !namespace.is_some_and(|namespace| namespace.is(current))
            || !here.is_some_and(|here| here.is(session))
        {
            return Ok(());
        }
        let death = PyWeakrefReference::new_with(&context, forget(py)?)?.unbind();
        let new = AppContext { context: context.as_ptr(), names: names.unbind(), death };
        let old = CONTEXTS.with(py, |known| {
            let place = known.iter().position(|known| known.context == new.context);
            let old = place.or((known.len() == MOST).then_some(0)).map(|place| known.remove(place));
            known.push(new);
            old
        });
        drop(old);
        Ok(())
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        visit.call(&self.variable)
    }
}
