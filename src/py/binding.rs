//! Where a function finds its session.
#![expect(unsafe_code, reason = "the hit path reads dicts and context variables in place")]

use std::sync::{Arc, Weak};

use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyString, PyType, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit, intern};

use super::context::{self, is_variable};
use super::error::shown;
use super::session::Session;
use super::sync::Guarded;
use crate::engine::ticket::Ticket;

/// The name under which a session's handle lies in a mapping.
const NAME: &str = "lru_cache_versions";

static AMBIENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The context variable of the ambient session.
pub(super) fn ambient_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let variable =
        AMBIENT.get_or_try_init(py, || context::new_variable(py, "versioned_lru_cache session"))?;
    Ok(variable.bind(py))
}

/// How a function is bound to its session.
pub(super) enum Binding {
    /// To the ambient one.
    Ambient,
    /// To the one that lies in a mapping or namespace.
    Mapping(Py<PyAny>),
    /// To the one in the mapping that a context variable holds.
    Variable(Py<PyAny>),
    /// To the one in what a werkzeug proxy stands for, `flask.g` for one.
    Proxy(Proxy),
    /// To the one in the mapping that a callable returns.
    Provider(Py<PyAny>),
}

/// What the hit path learns without running Python code.
pub(super) enum Glance {
    /// The session's ticket, or 0 for none.
    Session(Ticket),
    /// Nothing.
    Unclear,
}

impl Binding {
    /// Tells by its type what a `session=` is.
    pub(super) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bound = object.clone().unbind();
        Ok(if object.is_none() {
            Self::Ambient
        } else if is_variable(object) {
            Self::Variable(bound)
        } else if is_proxy(object)? {
            Self::Proxy(Proxy::new(object)?)
        } else if is_mapping(object)? {
            Self::Mapping(bound)
        } else if object.is_callable() {
            Self::Provider(bound)
        } else {
            return Err(PyTypeError::new_err(format!(
                "session={}: it must be a mapping or namespace with get and setdefault (a dict, flask.g), a ContextVar \
                 that holds one, a callable that returns one or None, or None for the ambient session",
                shown(object)
            )));
        })
    }

    /// The mapping where the session's handle lies; `None` for the ambient session.
    pub(super) fn place<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let place = match self {
            Self::Ambient => None,
            Self::Mapping(mapping) => Some(mapping.bind(py).clone()),
            Self::Variable(variable) => context::get(variable.bind(py))?,
            Self::Proxy(proxy) => return Proxy::current(proxy.object.bind(py)),
            Self::Provider(provider) => Some(provider.bind(py).call0()?),
        };
        let Some(place) = place.filter(|place| !place.is_none()) else {
            return Ok(None);
        };
        let place = if is_proxy(&place)? { Proxy::current(&place)? } else { Some(place) };
        if let Some(place) = place.as_ref()
            && !is_mapping(place)?
        {
            return Err(PyTypeError::new_err(format!(
                "session= led to {}, which is no mapping or namespace with get and setdefault, nor None",
                shown(place)
            )));
        }
        Ok(place)
    }

    /// The session that is active now, begun if its mapping has none.
    pub(super) fn find<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Session>>> {
        let Some(mapping) = self.place(py)? else {
            return ambient(py);
        };
        let session = match in_mapping(&mapping)? {
            Some(session) => session,
            None => begin_in(&mapping)?,
        };
        if let Self::Proxy(proxy) = self {
            proxy.learn(&mapping, &session)?;
        }
        Ok(Some(session))
    }

    /// The session that is active now, if one has begun.
    pub(super) fn peek<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Session>>> {
        self.place(py)?.map_or_else(|| ambient(py), |mapping| in_mapping(&mapping))
    }

    /// The session that is active now, if that can be told at a glance.
    #[inline]
    pub(super) fn glance(&self, py: Python<'_>) -> Glance {
        match self {
            Self::Mapping(mapping) => glance_dict(py, mapping.as_ptr()),
            Self::Ambient => {
                let Some(variable) = AMBIENT.get(py) else {
                    return Glance::Session(0);
                };
                let Some(session) = context::get(variable.bind(py)).unwrap_or(None) else {
                    return Glance::Session(0);
                };
                glance_session(session.as_borrowed())
            }
            Self::Variable(variable) => match context::get(variable.bind(py)).unwrap_or(None) {
                Some(value) => glance_dict(py, value.as_ptr()),
                None => Glance::Unclear,
            },
            Self::Proxy(proxy) => proxy.glance(py),
            Self::Provider(_) => Glance::Unclear,
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Ambient => Ok(()),
            Self::Mapping(object) | Self::Variable(object) | Self::Provider(object) => visit.call(object),
            Self::Proxy(proxy) => proxy.traverse(visit),
        }
    }
}

fn is_proxy(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(werkzeug) = modules.cast::<PyDict>()?.get_item(intern!(py, "werkzeug.local"))? else {
        return Ok(false);
    };
    object.get_type().is_subclass(&werkzeug.getattr("LocalProxy")?)
}

fn is_mapping(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class: Bound<'_, PyType> = object.get_type();
    Ok(class.hasattr("get")? && class.hasattr("setdefault")?)
}

/// The ambient session.
pub(super) fn ambient(py: Python<'_>) -> PyResult<Option<Bound<'_, Session>>> {
    let session = context::get(ambient_variable(py)?)?.filter(|session| !session.is_none());
    Ok(session.map(Bound::cast_into).transpose()?)
}

/// The session whose handle lies in a mapping, if any.
fn in_mapping<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Session>>> {
    let name = name(mapping.py());
    let found = match mapping.cast_exact::<PyDict>() {
        Ok(dict) => dict.get_item(name)?,
        Err(_) => Some(mapping.call_method1(intern!(mapping.py(), "get"), (name,))?),
    };
    found.filter(|found| !found.is_none()).map(|found| as_session(mapping, &found)).transpose()
}

/// Begins a session in a mapping, unless another thread has just done so.
fn begin_in<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Session>> {
    let py = mapping.py();
    let session = Bound::new(py, Session::new())?;
    as_session(mapping, &mapping.call_method1(intern!(py, "setdefault"), (name(py), session))?)
}

fn as_session<'py>(mapping: &Bound<'py, PyAny>, found: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Session>> {
    if let Ok(session) = found.cast::<Session>() {
        return Ok(session.clone());
    }
    Err(PyTypeError::new_err(format!(
        "{NAME:?} in the session object, a {}, is {}; that name is kept for the cache's own Session: store your own under another",
        mapping.get_type().name()?,
        shown(found)
    )))
}

/// The session that an object is.
#[inline]
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
#[inline]
fn glance_dict(py: Python<'_>, mapping: *mut PyObject) -> Glance {
    // SAFETY: the mapping is alive while it is looked at.
    unsafe {
        if ffi::PyDict_CheckExact(mapping) == 0 {
            return Glance::Unclear;
        }
        let name = intern!(py, NAME).as_ptr();
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
        found.map_or_else(
            || {
                // A key of the user's whose comparison failed: the whole call will meet that again.
                ffi::PyErr_Clear();
                Glance::Unclear
            },
            glance_session,
        )
    }
}

/// A werkzeug proxy.
pub(super) struct Proxy {
    object: Py<PyAny>,
    /// The context variable behind `flask.g`, whose value's `g` the proxy stands for.
    variable: Option<Py<PyAny>>,
    /// The app context last seen.
    last: Arc<Guarded<Option<AppContext>>>,
}

/// An app context whose `g` keeps its names in a plain dict. Forgotten when the context dies.
struct AppContext {
    /// Alive as long as this is here, so its address is its own.
    context: *mut PyObject,
    names: Py<PyDict>,
    death: Py<PyWeakrefReference>,
}

// SAFETY: the pointer is only compared.
unsafe impl Send for AppContext {}

impl Proxy {
    fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let variable = Self::variable_of_flask(object)?.filter(is_variable).map(Bound::unbind);
        Ok(Self { object: object.clone().unbind(), variable, last: Arc::new(Guarded::new(None)) })
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

    /// What the proxy stands for; `None` when it is unbound.
    fn current<'py>(proxy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match proxy.call_method0(intern!(proxy.py(), "_get_current_object")) {
            Ok(current) => Ok(Some(current)),
            Err(unbound) if unbound.is_instance_of::<PyRuntimeError>(proxy.py()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a shortcut to the names of `g`, if the context is what it is known to be.
    fn learn(&self, current: &Bound<'_, PyAny>, session: &Bound<'_, Session>) -> PyResult<()> {
        let py = current.py();
        let Some(variable) = self.variable.as_ref() else {
            return Ok(());
        };
        let Some(context) = context::get(variable.bind(py))? else {
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
        let last: Weak<_> = Arc::downgrade(&self.last);
        let forget = PyCFunction::new_closure(py, None, None, move |args, _| {
            let py = args.py();
            let gone = args.get_item(0).ok().zip(last.upgrade()).and_then(|(death, last)| {
                last.with(py, |last| last.take_if(|last| last.death.as_ptr() == death.as_ptr()))
            });
            drop(gone);
        })?;
        let death = PyWeakrefReference::new_with(&context, forget)?.unbind();
        let new = AppContext { context: context.as_ptr(), names: names.unbind(), death };
        drop(self.last.with(py, |last| last.replace(new)));
        Ok(())
    }

    #[inline]
    fn glance(&self, py: Python<'_>) -> Glance {
        let Some(variable) = self.variable.as_ref() else {
            return Glance::Unclear;
        };
        let Some(context) = context::get(variable.bind(py)).unwrap_or(None) else {
            return Glance::Unclear;
        };
        let names = self.last.with(py, |last| {
            let last = last.as_ref().filter(|last| last.context == context.as_ptr());
            last.map(|last| last.names.bind(py).clone())
        });
        names.map_or(Glance::Unclear, |names| glance_dict(py, names.as_ptr()))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        visit.call(&self.variable)?;
        self.last.trace(|last| last.as_ref().map_or(Ok(()), |last| visit.call(&last.names)))
    }
}

/// The name under which sessions lie, for the Python side.
pub(super) fn name(py: Python<'_>) -> &Bound<'_, PyString> {
    intern!(py, NAME)
}
