//! Werkzeug's proxies, and a shortcut through the one that is `flask.g`.
#![expect(
    unsafe_code,
    reason = "hands pointers over that are only compared or borrowed, and asks for a dict"
)]

use std::ptr;
use std::sync::OnceLock;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyString, PyTuple, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit};

use crate::concurrency::sharded_lock::ReadBuffered;
use crate::py::interpreter::context_variable::{self, is_variable};
use crate::py::interpreter::critical_section::{Guarded, ReadMostly};
use crate::py::interpreter::fallible::{self, named};
use crate::py::interpreter::loaded_module::loaded;

/// How many app contexts are known at a time: about as many threads serve requests of one process in turn.
const MOST: usize = 8;

/// The app contexts seen last, with the names in their `g`. One is forgotten when it dies, so no request is
/// kept alive.
static CONTEXTS: ReadMostly<Vec<AppContext>> = ReadMostly::new(Vec::new());
/// The `flask.g` that a function was bound to last, and what is behind it, which takes long to find.
static FOUND: Guarded<Option<(Py<PyAny>, Flask)>> = Guarded::new(None);
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

// SAFETY: as above.
unsafe impl Sync for AppContext {}

/// There is nothing to note.
impl ReadBuffered for Vec<AppContext> {
    type Buffer = ();

    const EMPTY: () = ();

    fn drain(&mut self, (): &mut ()) {}
}

/// The names in the `g` of an app context, good until the next Python code.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) type Names<'py> = Borrowed<'py, 'py, PyDict>;
/// The same where other threads run meanwhile.
#[cfg(Py_GIL_DISABLED)]
pub(crate) type Names<'py> = Bound<'py, PyDict>;

/// The names in the `g` of an app context, if it is known.
#[inline]
pub(crate) fn names_in<'py>(context: &Bound<'py, PyAny>) -> Option<Names<'py>> {
    let py = context.py();
    CONTEXTS.read(py, |memory| {
        let memory = memory.iter().find(|memory| memory.context == context.as_ptr())?;
        #[cfg(Py_GIL_DISABLED)]
        return Some(memory.names.bind(py).clone());
        // SAFETY: held here until the context dies, which takes Python code.
        #[cfg(not(Py_GIL_DISABLED))]
        return Some(unsafe { Borrowed::from_ptr(py, memory.names.as_ptr()).cast_unchecked() });
    })
}

/// The `__dict__` of a plain `g`, as `object.__dict__` finds it.
fn names_of<'py>(namespace: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the object is alive and its class gives it a dict; the answer is a new reference or an error.
    unsafe {
        let names = ffi::PyObject_GenericGetDict(namespace.as_ptr(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(namespace.py(), names)
    }
}

/// Whether an object is one of werkzeug's proxies.
pub(crate) fn is_proxy(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    let Some(werkzeug) = loaded(named!(py, "werkzeug.local")?)? else {
        return Ok(false);
    };
    object.get_type().is_subclass(&werkzeug.getattr(named!(py, "LocalProxy")?)?)
}

/// What a weak reference to an app context calls when that dies.
fn forget(py: Python<'_>) -> PyResult<&Bound<'_, PyCFunction>> {
    let forget = FORGET.get_or_try_init(py, || {
        PyCFunction::new_closure(py, None, None, |args: &Bound<'_, PyTuple>, _| {
            let py = args.py();
            let gone = args.get_item(0).ok().and_then(|death| {
                CONTEXTS.with(py, |memory| {
                    let place = memory.iter().position(|memory| memory.death.as_ptr() == death.as_ptr());
                    place.map(|place| memory.swap_remove(place))
                })
            });
            drop(gone);
        })
        .map(Bound::unbind)
    })?;
    Ok(forget.bind(py))
}

/// A werkzeug proxy.
pub(crate) struct Proxy {
    object: Py<PyAny>,
    flask: Option<Flask>,
}

/// What is behind `flask.g`.
struct Flask {
    /// The context variable whose value's `g` the proxy stands for.
    variable: Py<PyAny>,
    /// The class of a `g` whose `get` and `setdefault` are those of its names.
    plain: Py<PyAny>,
    /// Whether the proxy stands for that indeed, once this was tried.
    fits: OnceLock<bool>,
}

impl Flask {
    /// What is behind a proxy that is Flask's own `g`: in an empty context that is unbound and shows what it
    /// wraps.
    fn behind(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = object.py();
        let (Some(globals), Some(ctx)) =
            (loaded(named!(py, "flask.globals")?)?, loaded(named!(py, "flask.ctx")?)?)
        else {
            return Ok(None);
        };
        if globals.getattr(named!(py, "session")?)?.is(object) {
            return Err(fallible::error::<PyTypeError>(
                py,
                "session=flask.session: that is the visitor's session, which is kept from request to \
                 request, in a cookie as a rule; it must be flask.g, which lasts for one request",
            ));
        }
        if !globals.getattr(named!(py, "g")?)?.is(object) {
            return Ok(None);
        }
        let context = py.import(named!(py, "contextvars")?)?.getattr(named!(py, "Context")?)?.call0()?;
        let getattr = py.import(named!(py, "builtins")?)?.getattr(named!(py, "getattr")?)?;
        let variable =
            context.call_method1(named!(py, "run")?, (getattr, object, "__wrapped__", py.None()))?;
        let Some(plain) = ctx.getattr_opt(named!(py, "_AppCtxGlobals")?)?.filter(|_| is_variable(&variable))
        else {
            return Ok(None);
        };
        let flask = Self { variable: variable.unbind(), plain: plain.unbind(), fits: OnceLock::new() };
        let new = (object.clone().unbind(), flask.clone_ref(py));
        let old = FOUND.with(py, |found| found.replace(new));
        drop(old);
        Ok(Some(flask))
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            variable: self.variable.clone_ref(py),
            plain: self.plain.clone_ref(py),
            fits: self.fits.clone(),
        }
    }

    /// Whether `get` and `setdefault` of a `g` are Flask's own.
    fn is_plain(&self, namespace: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = namespace.py();
        let (class, plain) = (namespace.get_type(), self.plain.bind(py));
        if class.is(plain) {
            return Ok(true);
        }
        let own = |name: &Bound<'_, PyString>| {
            Ok::<_, PyErr>(
                class
                    .getattr_opt(name)?
                    .is_some_and(|own| plain.getattr(name).is_ok_and(|plain| own.is(&plain))),
            )
        };
        Ok(own(named!(py, "get")?)? && own(named!(py, "setdefault")?)?)
    }
}

impl Proxy {
    /// The proxy that an object is, if it is one.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = object.py();
        let memory = FOUND.with(py, |found| {
            let (_, flask) = found.as_ref().filter(|(g, _)| g.is(object))?;
            Some(flask.clone_ref(py))
        });
        if memory.is_none() && !is_proxy(object)? {
            return Ok(None);
        }
        let flask = memory.map_or_else(|| Flask::behind(object), |flask| Ok(Some(flask)))?;
        Ok(Some(Self { object: object.clone().unbind(), flask }))
    }

    /// What a proxy stands for; `None` when it is unbound.
    pub(crate) fn current<'py>(proxy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match proxy.call_method0(named!(proxy.py(), "_get_current_object")?) {
            Ok(current) => Ok(Some(current)),
            Err(unbound) if unbound.is_instance_of::<PyRuntimeError>(proxy.py()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this one stands for.
    pub(crate) fn target<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::current(self.object.bind(py))
    }

    /// The app context that is current, if this is `flask.g`.
    #[inline]
    pub(crate) fn context<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        context_variable::get(self.flask.as_ref()?.variable.bind(py)).unwrap_or(None)
    }

    /// The current app context and the names in its `g`, without the detour by that one's own methods, if it
    /// is a plain one.
    pub(crate) fn names<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyDict>)>> {
        let (Some(flask), Some(context)) = (&self.flask, self.context(py)) else { return Ok(None) };
        let Some(namespace) = context.getattr_opt(named!(py, "g")?)? else { return Ok(None) };
        if !flask.is_plain(&namespace)? {
            return Ok(None);
        }
        let fits = if let Some(fits) = flask.fits.get() {
            *fits
        } else {
            let fits = self.target(py)?.is_some_and(|target| target.is(&namespace));
            *flask.fits.get_or_init(|| fits)
        };
        let names = match fits {
            true if namespace.get_type().is(&flask.plain) => Some(names_of(&namespace)?),
            true => namespace.getattr_opt(named!(py, "__dict__")?)?,
            false => None,
        };
        Ok(names.and_then(|names| names.cast_into_exact::<PyDict>().ok()).map(|names| (context, names)))
    }

    /// Takes a shortcut to these names for as long as the context lives.
    pub(crate) fn learn(context: &Bound<'_, PyAny>, names: Bound<'_, PyDict>) -> PyResult<()> {
        let py = names.py();
        // What can't be referred to weakly is no app context of Flask's own.
        let Ok(death) = PyWeakrefReference::new_with(context, forget(py)?).map(Bound::unbind) else {
            return Ok(());
        };
        let new = AppContext { context: context.as_ptr(), names: names.unbind(), death };
        let old = CONTEXTS.with(py, |memory| {
            let place = memory.iter().position(|memory| memory.context == new.context);
            let old = place.or((memory.len() == MOST).then_some(0)).map(|place| memory.remove(place));
            memory.push(new);
            old
        });
        drop(old);
        Ok(())
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        let Some(flask) = &self.flask else { return Ok(()) };
        visit.call(&flask.variable)?;
        visit.call(&flask.plain)
    }
}
