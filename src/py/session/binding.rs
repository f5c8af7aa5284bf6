//! Where a function finds its session.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::flask_proxy::{Proxy, is_proxy};
use super::handle::{Session, lasting};
use super::visitors_session;
use crate::py::interpreter::context_variable::{self, is_variable};
use crate::py::interpreter::fallible::{self, named};
use crate::py::objects::describe::shown;
use crate::py::objects::plain_dict;

/// The name under which a session's handle lies in a mapping.
pub(crate) const NAME: &str = "lru_cache_versions";

static NAME_OBJECT: PyOnceLock<Py<PyString>> = PyOnceLock::new();
static AMBIENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The context variable of the ambient session.
pub(crate) fn ambient_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let variable =
        AMBIENT.get_or_try_init(py, || context_variable::new_variable(py, c"versioned_lru_cache session"))?;
    Ok(variable.bind(py))
}

/// The same, if there has been an ambient session.
#[inline]
pub(crate) fn ambient_known(py: Python<'_>) -> Option<&Bound<'_, PyAny>> {
    AMBIENT.get(py).map(|variable| variable.bind(py))
}

/// How a function is bound to its session.
pub(crate) enum Binding {
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

impl Binding {
    /// Tells by its type what a `session=` is.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bound = object.clone().unbind();
        Ok(if object.is_none() {
            Self::Ambient
        } else if is_variable(object) {
            Self::Variable(bound)
        } else if let Some(proxy) = Proxy::of(object)? {
            Self::Proxy(proxy)
        } else if is_mapping(object)? {
            visitors_session::refuse(object)?;
            Self::Mapping(bound)
        } else if object.is_callable() {
            Self::Provider(bound)
        } else {
            return Err(fallible::error::<PyTypeError>(
                object.py(),
                format!(
                    "session={}: it must be a mapping or namespace with get and setdefault (a dict, \
                     flask.g), a ContextVar that holds one, a callable that returns one or None, or None for \
                     the ambient session",
                    shown(object)
                ),
            ));
        })
    }

    /// The mapping where the session's handle lies; `None` for the ambient session.
    pub(crate) fn place<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let place = match self {
            Self::Ambient => None,
            // Looked at when the function was decorated.
            Self::Mapping(mapping) => return Ok(Some(mapping.bind(py).clone())),
            Self::Variable(variable) => context_variable::get(variable.bind(py))?,
            Self::Proxy(proxy) => proxy.target(py)?,
            Self::Provider(provider) => Some(provider.bind(py).call0()?),
        };
        let Some(place) = place.filter(|place| !place.is_none()) else {
            return Ok(None);
        };
        if place.is_exact_instance_of::<PyDict>() {
            return Ok(Some(place));
        }
        let place = if is_proxy(&place)? { Proxy::current(&place)? } else { Some(place) };
        if let Some(place) = place.as_ref()
            && !is_mapping(place)?
        {
            return Err(fallible::error::<PyTypeError>(
                py,
                format!(
                    "session= led to {}, which is no mapping or namespace with get and setdefault, nor None",
                    shown(place)
                ),
            ));
        }
        Ok(place)
    }

    /// The session that is active now, begun if its mapping has none.
    pub(crate) fn find<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Session>>> {
        if let Self::Proxy(proxy) = self
            && let Some((context, names)) = proxy.names(py)?
        {
            let session = in_mapping(names.as_any())?.map_or_else(|| begin_in(names.as_any()), Ok)?;
            Proxy::learn(&context, names)?;
            return Ok(Some(session));
        }
        let Some(mapping) = self.place(py)? else {
            return ambient(py);
        };
        in_mapping(&mapping)?.map_or_else(|| begin_in(&mapping), Ok).map(Some)
    }

    /// The session that is active now, if one has begun.
    pub(crate) fn peek<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Session>>> {
        let found = self.place(py)?.map_or_else(|| ambient(py), |mapping| in_mapping(&mapping))?;
        Ok(found.filter(|session| !session.get().core.has_ended()))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Ambient => Ok(()),
            Self::Mapping(object) | Self::Variable(object) | Self::Provider(object) => visit.call(object),
            Self::Proxy(proxy) => proxy.traverse(visit),
        }
    }
}

fn is_mapping(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class: Bound<'_, PyType> = object.get_type();
    Ok(class.hasattr(named!(class.py(), "get")?)? && class.hasattr(named!(class.py(), "setdefault")?)?)
}

/// The ambient session.
pub(crate) fn ambient(py: Python<'_>) -> PyResult<Option<Bound<'_, Session>>> {
    // Where there was none yet nobody is to look for one on each hit.
    let Some(variable) = ambient_known(py) else { return Ok(None) };
    let session = context_variable::get(variable)?.filter(|session| !session.is_none());
    Ok(session.map(Bound::cast_into).transpose()?.and_then(lasting))
}

/// The session whose handle lies in a mapping, if any.
pub(crate) fn in_mapping<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Session>>> {
    let name = name(mapping.py());
    let found = match mapping.cast_exact::<PyDict>() {
        Ok(dict) => dict.get_item(name)?,
        Err(_) => Some(mapping.call_method1(named!(mapping.py(), "get")?, (name,))?),
    };
    found.filter(|found| !found.is_none()).map(|found| as_session(mapping, &found)).transpose()
}

/// Begins a session in a mapping, unless another thread has just done so.
fn begin_in<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Session>> {
    let py = mapping.py();
    visitors_session::refuse(mapping)?;
    let session = Bound::new(py, Session::new())?;
    let found = match mapping.cast_exact::<PyDict>() {
        Ok(names) => plain_dict::set_default(names, name(py), session.as_any())?,
        Err(_) => mapping.call_method1(named!(py, "setdefault")?, (name(py), session))?,
    };
    as_session(mapping, &found)
}

fn as_session<'py>(mapping: &Bound<'py, PyAny>, found: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Session>> {
    if let Ok(session) = found.cast::<Session>() {
        return Ok(session.clone());
    }
    Err(fallible::error::<PyTypeError>(
        mapping.py(),
        format!(
            "{NAME:?} in the session object, a {}, is {}; that name is kept for the cache's own Session: \
             store your own under another",
            mapping.get_type().name()?,
            shown(found)
        ),
    ))
}

/// The name under which sessions lie, as an object.
#[inline]
pub(crate) fn name(py: Python<'_>) -> &Bound<'_, PyString> {
    NAME_OBJECT.get_or_init(py, || PyString::intern(py, NAME).unbind()).bind(py)
}
