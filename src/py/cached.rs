//! The decorated function.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use super::arguments::{self, Rules, Seed, with_arguments};
use super::binding::Binding;
use super::computing::Inside;
use super::drive;
use super::freshness::Freshness;
use super::gc;
use super::key::CacheKey;
use super::object::Object;
use super::session::Host;
use super::sync::{Guarded, Visited};
use super::task::Call;
use super::trashcan;
use super::tried::Tried;
use super::validating::Unvalidated;
use super::vector;
use super::wait::Leader;
use crate::engine::clock::Nanos;
use crate::engine::ticket::{self, Ticket};
use crate::engine::{Displaced, Manner, Observation, Putter, Scope, Store, Terms, Wish, oldest};

/// What the answers of one version function have in common, wherever that is used.
#[pyclass(frozen, weakref, module = "versioned_lru_cache._core", name = "Scope")]
pub(super) struct SharedScope(Scope);

#[pymethods]
impl SharedScope {
    #[new]
    fn new() -> Self {
        Self(Scope::default())
    }
}

/// What the version function gets, and so what its answer speaks for.
pub(super) enum Given {
    /// Nothing; once per session.
    Nothing,
    /// The first call's arguments; once per session and function.
    First,
    /// The call's arguments; once per arguments.
    Arguments,
    /// The call's arguments; once per key of this function.
    Key,
    /// What this callable makes of the arguments; once per that.
    Part(Py<PyAny>),
}

/// Where a version comes from.
pub(super) enum Version {
    /// Nowhere: it is always this one.
    Constant(Observation<Object>),
    /// From a version function.
    Asked(Asked),
}

impl Version {
    /// Whether it is the answer of a coroutine function.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Asked(asked) if asked.awaits)
    }
}

/// A version function.
pub(super) struct Asked {
    pub(super) function: Py<PyAny>,
    pub(super) given: Given,
    /// Stands for a falsy version.
    pub(super) default: Option<Py<PyAny>>,
    /// Whether it is a coroutine function.
    pub(super) awaits: bool,
}

/// What stores and sessions hold of a decorated function.
pub(super) struct Function {
    pub(super) id: Ticket,
    pub(super) module: String,
    pub(super) name: String,
    pub(super) store: Visited<Store<Host>>,
    /// What `cache_explain` tells of results that were not stored.
    pub(super) unvalidated: Guarded<Unvalidated>,
}

impl Drop for Function {
    fn drop(&mut self) {
        Python::attach(|py| {
            let mut displaced = Displaced::default();
            self.store.with(py, |store| store.dissolve(&mut displaced));
            drop(displaced);
        });
    }
}

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
pub(super) struct Cached {
    pub(super) function: Arc<Function>,
    pub(super) wrapped: Py<PyAny>,
    pub(super) version: Version,
    pub(super) scope: Scope,
    /// Keeps the scope known to those who decorate with the same version function.
    _shared: Option<Py<SharedScope>>,
    pub(super) binding: Binding,
    pub(super) rules: Rules,
    /// `bind` of the function's signature, once it was needed.
    pub(super) bind: OnceLock<Py<PyAny>>,
    /// Whether it was decorated in a class body, so that its first argument is an instance and known by identity.
    pub(super) method: AtomicBool,
    pub(super) key: Option<Py<PyAny>>,
    pub(super) cache_if: Option<Py<PyAny>>,
    pub(super) freshness: Freshness,
    /// Whether it is a coroutine function.
    pub(super) coroutine: bool,
    /// How long to wait for another's run.
    pub(super) wait: Option<Duration>,
    /// Seeds the hash of arguments; a copy is nearer than the static.
    pub(super) seed: Seed,
}

impl Drop for Cached {
    fn drop(&mut self) {
        Python::attach(|py| trashcan::discard(std::mem::replace(&mut self.wrapped, py.None())));
    }
}

#[pymethods]
impl Cached {
    #[new]
    #[pyo3(signature = (wrapped, options, *, ask, scope, default, constant, given, ordered, awaited, module, name))]
    #[expect(
        clippy::too_many_arguments,
        reason = "what a decorator knows of a function, besides its options"
    )]
    fn new<'py>(
        wrapped: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
        ask: Option<Py<PyAny>>,
        scope: Option<Py<SharedScope>>,
        default: Option<Py<PyAny>>,
        constant: &Bound<'_, PyAny>,
        given: &str,
        ordered: bool,
        awaited: &str,
        module: String,
        name: String,
    ) -> PyResult<Self> {
        let py = wrapped.py();
        let option = |name: &Bound<'py, PyString>| options.as_any().get_item(name);
        let version = match ask {
            Some(function) => {
                let part: Option<Py<PyAny>> = option(intern!(py, "version_args"))?.extract()?;
                let given = match (part, given) {
                    (Some(part), _) => Given::Part(part),
                    (None, "nothing") => Given::Nothing,
                    (None, "first") => Given::First,
                    (None, "key") => Given::Key,
                    _ => Given::Arguments,
                };
                Version::Asked(Asked { function, given, default, awaits: awaited == "both" })
            }
            None => Version::Constant(Observation {
                version: constant.clone().into(),
                tag: ticket::draw(),
                since: 0,
                ticket: 0,
                until: 0,
                at: 0,
                reads: None,
            }),
        };
        let own = match (&version, &scope) {
            (
                Version::Asked(Asked { given: Given::Nothing | Given::Arguments | Given::Part(_), .. }),
                Some(scope),
            ) => scope.get().0.clone(),
            _ => Scope::default(),
        };
        let constant = matches!(version, Version::Constant(_));
        let mut terms = Terms {
            maxsize: option(intern!(py, "maxsize"))?.extract()?,
            ttl: option(intern!(py, "ttl"))?.extract()?,
            constant,
            ..Terms::default()
        };
        let freshness = Freshness::new(options, &mut terms)?;
        let function = Arc::new_cyclic(|function| {
            let store = Store::new(terms, function.clone());
            Function {
                id: store.id,
                module,
                name,
                store: Visited::new(store),
                unvalidated: Guarded::new(Unvalidated::default()),
            }
        });
        let new = Self {
            function,
            wrapped: wrapped.clone().unbind(),
            version,
            scope: own,
            _shared: scope,
            binding: Binding::new(&option(intern!(py, "session"))?)?,
            rules: Rules { typed: option(intern!(py, "typed"))?.extract()?, ordered },
            bind: OnceLock::new(),
            method: AtomicBool::new(false),
            key: option(intern!(py, "key"))?.extract()?,
            cache_if: option(intern!(py, "cache_if"))?.extract()?,
            freshness,
            wait: option(intern!(py, "wait"))?.extract::<Option<Nanos>>()?.map(Duration::from_nanos),
            coroutine: awaited != "neither",
            seed: arguments::seed(),
        };
        vector::is_next(py);
        Ok(new)
    }

    /// Hits, misses, maxsize and the number of stored results, as functools has them.
    pub(super) fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (stats, size, terms) = self.numbers(py);
        results(py)?.getattr("CacheInfo")?.call1((stats.hits, stats.misses, terms.maxsize, size))
    }

    /// All that is counted.
    pub(super) fn cache_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (stats, size, terms) = self.numbers(py);
        let numbers = [
            Some(stats.hits),
            Some(stats.misses),
            terms.maxsize.map(|maxsize| maxsize as u64),
            Some(size as u64),
            Some(stats.version_calls),
            Some(stats.verified),
            Some(stats.evictions),
            Some(stats.not_stored),
            Some(stats.errors),
            Some(stats.revalidated),
            Some(stats.stale),
            Some(stats.refresh_errors),
            Some(stats.validated),
            Some(stats.invalidated),
        ];
        results(py)?.getattr("CacheStats")?.call1(PyTuple::new(py, numbers)?)
    }

    /// ``maxsize`` and ``typed``, as functools has them.
    pub(super) fn cache_parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = PyDict::new(py);
        parameters.set_item("maxsize", self.numbers(py).2.maxsize)?;
        parameters.set_item("typed", self.rules.typed)?;
        Ok(parameters)
    }

    /// Forget all results, in every session, and count from zero. What runs now will not be stored.
    pub(super) fn cache_clear(&self, py: Python<'_>) {
        let mut displaced = Displaced::default();
        self.function.store.with(py, |store| store.clear(&mut displaced));
        drop(displaced);
    }

    /// Make a result anew, under a version asked anew.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_refresh<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, cached) = (slf.py(), slf.get());
        cached.check_fit(py, "cache_refresh", args, kwargs)?;
        let wish = Wish::of(Manner::Now);
        with_arguments(args, kwargs, cached.is_method(), |arguments| {
            if !cached.coroutine {
                return Self::call(slf, arguments, wish, Tried::NOTHING);
            }
            let (args, names) = arguments.to_keep(py)?;
            Call::new(slf.clone().unbind(), args, names, wish, Tried::NOTHING).driver(py)
        })
    }

    /// What a call with these arguments would do and why. Asks nothing, computes nothing and moves nothing. ``show_args=True`` shows
    /// the arguments in place of a digest.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_explain<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::explained(slf, args, kwargs)
    }

    /// The calls whose arguments a predicate finds true, for ``Refresh.only``.
    #[pyo3(name = "where")]
    fn calls_where<'py>(
        slf: &Bound<'py, Self>,
        predicate: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("versioned_lru_cache._refresh")?.call_method1("Where", (slf, predicate))
    }

    /// A hashable name of the call with these arguments.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_key(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<CacheKey> {
        slf.get().check_fit(slf.py(), "cache_key", args, kwargs)?;
        let probe = slf.get().probe_of(slf.py(), args, kwargs)?;
        Ok(CacheKey { function: slf.clone().into_any().unbind(), probe })
    }

    /// Whether a result is stored and not expired. Asks nothing and moves nothing.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_contains(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        Ok(self.peek(py, "cache_contains", args, kwargs)?.is_some())
    }

    /// The stored result and its version, or ``None``. Asks nothing and moves nothing.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_peek<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.peek(py, "cache_peek", args, kwargs)?;
        found
            .map(|(value, version)| {
                results(py)?.getattr("Versioned")?.call1((value.bind(py), version.bind(py)))
            })
            .transpose()
    }

    /// Forget the result for these arguments, as a call has them (`f(1)` and `f(a=1)` are two), in every session. Whether there was one. If it is being computed now, that will
    /// not be stored.
    #[pyo3(signature = (*args, **kwargs))]
    pub(super) fn cache_invalidate(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        let probe = self.probe_of(py, args, kwargs)?;
        let mut displaced = Displaced::default();
        let removed = drive::settle(py, |verdicts| {
            self.function.store.with(py, |store| store.invalidate(&probe, verdicts, &mut displaced))
        });
        drop(displaced);
        if !removed? {
            self.check_fit(py, "cache_invalidate", args, kwargs)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Store a result that was made elsewhere, as of now, under its version.
    #[pyo3(signature = (versioned, /, *args, **kwargs))]
    pub(super) fn cache_put(
        &self,
        py: Python<'_>,
        versioned: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        if !versioned.is_instance(&results(py)?.getattr("Versioned")?)? {
            return Err(PyTypeError::new_err(format!(
                "{}.cache_put: the first argument is {}; it must be a Versioned(value, version)",
                self.function.name,
                super::error::shown(versioned)
            )));
        }
        let (value, version) = (versioned.getattr("value")?, versioned.getattr("version")?);
        self.check_version(&version, || "given to cache_put".to_owned())?;
        if let Version::Constant(constant) = &self.version
            && !version.eq(constant.version.bind(py))?
        {
            return Err(PyValueError::new_err(format!(
                "{}.cache_put: the version is {}, but this function's is always {}; put it under that",
                self.function.name,
                super::error::shown(&version),
                super::error::shown(constant.version.bind(py))
            )));
        }
        self.check_fit(py, "cache_put", args, kwargs)?;
        let probe = self.probe_of(py, args, kwargs)?;
        let session = self.session(py)?;
        let (value, version) = (value.into(), version.into());
        let (_, given) =
            with_arguments(args, kwargs, self.is_method(), |arguments| self.given(py, arguments, &probe))?;
        let inside = Inside::here(py);
        let leader = Leader::thread(py);
        let putter = Putter {
            leader: &leader,
            rests_on: if self.all_hold(py, &inside)? { None } else { Some(oldest(&inside.reads)) },
        };
        let mut displaced = Displaced::default();
        let put = drive::settle(py, |verdicts| {
            self.enter(py, session.as_ref(), |store, caller| {
                store.put(
                    (&probe, given.as_ref()),
                    (&value, &version),
                    caller,
                    &putter,
                    verdicts,
                    &mut displaced,
                )
            })
        });
        drop(displaced);
        put
    }

    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        if owner.is_some_and(|owner| owner.is(instance)) {
            // A classmethod before Python 3.13 asks here. Since then it binds by itself, and so it is done here.
            return slf.py().import("types")?.getattr("MethodType")?.call1((slf, instance));
        }
        super::call::bind(slf, instance)
    }

    /// The class body in which it was decorated makes it a method; one in which it has another name besides its own does not.
    fn __set_name__(slf: &Bound<'_, Self>, owner: &Bound<'_, PyAny>, _name: &Bound<'_, PyAny>) {
        // A tuple is its values. Before Python 3.13 a NamedTuple's functions are not told what they are, so none is a method.
        let of_tuples =
            owner.cast::<PyType>().is_ok_and(|owner| owner.is_subclass_of::<PyTuple>().unwrap_or(false));
        if of_tuples || Self::is_at_home(slf).unwrap_or(false) {
            return;
        }
        let (py, cached) = (slf.py(), slf.get());
        if let Ok(inner) = cached.wrapped.bind(py).cast::<Self>() {
            inner.get().become_method(py);
        }
        cached.become_method(py);
    }

    /// ``CachedFunction[[int], str]``, for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, item))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr("__qualname__")
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (stats, size, terms) = self.numbers(py);
        let bound = terms.maxsize.map_or_else(String::new, |maxsize| format!(" of {maxsize}"));
        let ratio = match stats.hits + stats.misses {
            0 => "no calls yet".to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
            calls => format!("hit ratio {:.2}", stats.hits as f64 / calls as f64),
        };
        let Function { module, name, .. } = &*self.function;
        format!("<cached {module}.{name}: {size}{bound} stored, {ratio}>")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.wrapped)?;
        visit.call(self.bind.get())?;
        match &self.version {
            Version::Constant(observation) => visit.call(&observation.version.0)?,
            Version::Asked(asked) => {
                visit.call(&asked.function)?;
                visit.call(&asked.default)?;
                if let Given::Part(part) = &asked.given {
                    visit.call(part)?;
                }
            }
        }
        self.binding.traverse(&visit)?;
        visit.call(&self.key)?;
        visit.call(&self.cache_if)?;
        self.freshness.traverse(&visit)?;
        self.function.store.trace(|store| gc::visit_store(store, &visit))
    }

    fn __clear__(&self) {
        Python::attach(|py| self.cache_clear(py));
    }
}

/// The module with the result types, which no call needs.
fn results(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Ok(py.import("versioned_lru_cache._results")?.into_any())
}
