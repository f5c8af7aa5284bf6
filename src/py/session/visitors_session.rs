//! Visitors' sessions of web frameworks: mappings that outlive a request and are serialised at its end, in
//! which no session of a cache can lie.
//!
//! They are told by the modules of their classes, so that no framework has to be imported.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::py::interpreter::fallible::{self, named};
use crate::py::objects::describe::shown;

/// Modules whose classes, and what is derived from them, are visitors' sessions, with those below them.
const MODULES: [&str; 8] = [
    "aiohttp_session",
    "beaker.session",
    "django.contrib.sessions",
    "flask.sessions",
    "flask_session",
    "pyramid.session",
    "quart.sessions",
    "starlette.middleware.sessions",
];

/// Refuses a visitor's session. A plain dict, as Starlette's was for long, is not told from any other.
pub(crate) fn refuse(mapping: &Bound<'_, PyAny>) -> PyResult<()> {
    if mapping.is_exact_instance_of::<PyDict>() || !is_one(&mapping.get_type())? {
        return Ok(());
    }
    Err(fallible::error::<PyTypeError>(
        mapping.py(),
        format!(
            "session= leads to {}, the visitor's session, which is kept from request to request and \
             serialised; it must be what lasts for one request, such as flask.g, or None for the ambient \
             session, which `with session():` around a request begins",
            shown(mapping)
        ),
    ))
}

/// Whether a class, or one that it is derived from, is of such a module.
fn is_one(class: &Bound<'_, PyType>) -> PyResult<bool> {
    for base in class.mro() {
        let module = base.getattr(named!(class.py(), "__module__")?)?;
        // Some classes have a descriptor there.
        let Ok(module) = module.extract::<&str>() else { continue };
        let is_below =
            |name| module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if MODULES.into_iter().any(is_below) {
            return Ok(true);
        }
    }
    Ok(false)
}
