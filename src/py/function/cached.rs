//! The data of a decorated function: what it wraps, its options and its results. No behaviour: floors above
//! add that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::options::{Admission, Freshness};
use super::shared_scope::SharedScope;
use super::version::Version;
use crate::engine::Scope;
use crate::py::arguments::call_arguments::{Rules, Seed};
use crate::py::arguments::parameters::Parameters;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::trashcan;
use crate::py::session::binding::Binding;
use crate::py::session::results::FunctionResults;

/// A function whose results are cached. Made by the decorators.
#[pyclass(
    frozen,
    dict,
    weakref,
    subclass,
    immutable_type,
    module = "versioned_lru_cache",
    name = "CachedFunctionBase"
)]
pub(crate) struct Cached {
    pub(crate) function: Arc<FunctionResults>,
    pub(crate) wrapped: Py<PyAny>,
    pub(crate) version: Version,
    pub(crate) scope: Scope,
    /// Keeps the scope known to those who decorate with the same version function.
    pub(crate) _shared: Option<Py<SharedScope>>,
    pub(crate) binding: Binding,
    pub(crate) rules: Rules,
    /// To what its calls are bound, if one may be written in several ways.
    pub(crate) parameters: Option<Box<Parameters>>,
    /// What refuses arguments with which the function can't be called, once it was needed.
    pub(crate) fit: OnceLock<Py<PyAny>>,
    /// Whether it was decorated in a class body, so that its first argument is an instance and known by
    /// identity.
    pub(crate) method: AtomicBool,
    pub(crate) key: Option<Py<PyAny>>,
    pub(crate) admission: Admission,
    /// What each caller is handed, made of what is stored.
    pub(crate) copies: Option<Py<PyAny>>,
    /// What asks the store that lies behind the memory of this process, if one does.
    pub(crate) tier: Option<Py<PyAny>>,
    /// The options as the decorator was given them.
    pub(crate) options: Py<PyDict>,
    pub(crate) freshness: Freshness,
    /// Whether the hit path answers a call without names from what is written, with what is stored.
    pub(crate) is_direct: bool,
    /// Whether it is a coroutine function.
    pub(crate) coroutine: bool,
    /// How long to wait for another's run.
    pub(crate) wait: Option<Duration>,
    /// Seeds the hash of arguments; a copy is nearer than the static.
    pub(crate) seed: Seed,
}

impl Drop for Cached {
    fn drop(&mut self) {
        attach(|py| {
            trashcan::discard((
                std::mem::replace(&mut self.wrapped, py.None()),
                std::mem::replace(&mut self.version, Version::nothing(py)),
                std::mem::replace(&mut self.binding, Binding::Ambient),
                std::mem::replace(&mut self.freshness, Freshness::nothing(py)),
                ([self.fit.take(), self.key.take()], std::mem::take(&mut self.admission)),
                (self.parameters.take(), self.copies.take(), self.tier.take()),
            ));
        });
    }
}

impl Cached {
    /// Whether there is a hit path: tests of the long way are built without.
    pub(crate) const FAST: bool = !cfg!(feature = "no-fast-paths");

    /// Whether the hit path may answer: with `key=` that would have to run foreign code.
    pub(crate) fn has_hits(&self) -> bool {
        Self::FAST && self.key.is_none()
    }

    /// What a caller is handed of a stored result, or of one that may be stored.
    pub(crate) fn copied<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match &self.copies {
            Some(copies) => copies.bind(value.py()).call1((value,)),
            None => Ok(value),
        }
    }

    /// Whether its first argument is an instance.
    #[inline]
    pub(crate) fn is_method(&self) -> bool {
        self.method.load(Ordering::Relaxed)
    }

    /// Whether its results are those of an instance each. What `key=` makes stands for the instance too.
    pub(crate) fn is_by_instance(&self) -> bool {
        self.is_method() && self.key.is_none()
    }
}
