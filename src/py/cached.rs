//! The decorated function.

use std::ffi::CStr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::arguments::{self, Rules, Seed};
use super::binding::Binding;
use super::fallible::{Text, imported, named};
use super::gc;
use super::object::Object;
use super::options::{Freshness, Gets, Options};
use super::session::Host;
use super::sync::{Guarded, Visited, attach};
use super::trashcan;
use super::validating::Unvalidated;
use super::vector;
use crate::engine::ticket::{self, Ticket};
use crate::engine::{Displaced, Observation, Scope, Store, Terms};

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

impl Given {
    /// One of the ways that have a name, or a callable.
    fn new(gets: Bound<'_, PyAny>) -> Self {
        match gets.cast_into::<Gets>() {
            Ok(gets) => match gets.get() {
                Gets::Nothing => Self::Nothing,
                Gets::First => Self::First,
                Gets::Arguments => Self::Arguments,
                Gets::Key => Self::Key,
            },
            Err(other) => Self::Part(other.into_inner().unbind()),
        }
    }
}

/// Where a version comes from.
pub(super) enum Version {
    /// Nowhere: it is always this one.
    Constant(Observation<Object>),
    /// From a version function.
    Asked(Asked),
}

impl Version {
    /// In place of one that is dropped.
    fn nothing(py: Python<'_>) -> Self {
        Self::Asked(Asked { function: py.None(), given: Given::Nothing, default: None, awaits: false })
    }

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
        attach(|py| {
            let mut displaced = Displaced::default();
            self.store.with(py, |store| store.dissolve(&mut displaced));
            trashcan::discard(displaced);
        });
    }
}

/// The docstring of the class, as the stub has it too.
pub(super) const CLASS_DOC: &CStr = c"A function whose results are cached. Made by the decorators.

It is called as the function is, and has methods that look at the cache and change it.

Example:
    >>> from versioned_lru_cache import versioned_lru_cache, versions
    >>> changes = versions.counter(\"changes\")
    >>> @versioned_lru_cache(changes)
    ... def square(number: int) -> int:
    ...     return number * number
    >>> square(3), square(3)
    (9, 9)
    >>> square.cache_info()
    CacheInfo(hits=1, misses=1, maxsize=128, currsize=1)
";

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
        attach(|py| {
            trashcan::discard((
                std::mem::replace(&mut self.wrapped, py.None()),
                std::mem::replace(&mut self.version, Version::nothing(py)),
                std::mem::replace(&mut self.binding, Binding::Ambient),
                std::mem::replace(&mut self.freshness, Freshness::nothing(py)),
                [self.bind.take(), self.key.take(), self.cache_if.take()],
            ));
        });
    }
}

#[pymethods]
impl Cached {
    #[new]
    #[pyo3(signature = (
        wrapped, options, *, ask, gets, scope, default, constant, ordered, awaits, awaits_version, module, name
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "what a decorator knows of a function, besides its options"
    )]
    fn new(
        wrapped: Bound<'_, PyAny>,
        options: &Bound<'_, Options>,
        ask: Option<Py<PyAny>>,
        gets: Bound<'_, PyAny>,
        scope: Option<Py<SharedScope>>,
        default: Option<Py<PyAny>>,
        constant: Bound<'_, PyAny>,
        ordered: bool,
        awaits: bool,
        awaits_version: bool,
        module: String,
        name: String,
    ) -> PyResult<Self> {
        let (py, options) = (wrapped.py(), options.get());
        let version = match ask {
            Some(function) => {
                let given = Given::new(gets);
                Version::Asked(Asked { function, given, default, awaits: awaits_version })
            }
            None => Version::Constant(Observation {
                version: constant.into(),
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
        let terms = Terms { constant: matches!(version, Version::Constant(_)), ..options.terms };
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
        let shared = |callable: &Option<Py<PyAny>>| callable.as_ref().map(|callable| callable.clone_ref(py));
        let new = Self {
            function,
            wrapped: wrapped.unbind(),
            version,
            scope: own,
            _shared: scope,
            binding: Binding::new(options.session.bind(py))?,
            rules: Rules { typed: options.typed, ordered },
            bind: OnceLock::new(),
            method: AtomicBool::new(false),
            key: shared(&options.key),
            cache_if: shared(&options.cache_if),
            freshness: options.freshness.clone_ref(py),
            wait: options.wait,
            coroutine: awaits,
            seed: arguments::seed(),
        };
        vector::is_next(py);
        Ok(new)
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
            return imported!(slf.py(), "types", "MethodType")?.call1((slf, instance));
        }
        super::call::bind(slf, instance)
    }

    /// The class body in which it was decorated makes it a method; one in which it has another name besides its own does not.
    fn __set_name__(
        slf: &Bound<'_, Self>,
        owner: &Bound<'_, PyAny>,
        _name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // A tuple is its values. Before Python 3.13 a NamedTuple's functions are not told what they are, so none is a method.
        if owner.cast::<PyType>().is_ok_and(|owner| owner.is_subclass_of::<PyTuple>().unwrap_or(false)) {
            return Ok(());
        }
        match Self::is_at_home(slf) {
            Ok(true) => return Ok(()),
            Err(error) if error.is_instance_of::<PyMemoryError>(slf.py()) => return Err(error),
            _ => {}
        }
        let (py, cached) = (slf.py(), slf.get());
        if let Ok(inner) = cached.wrapped.bind(py).cast::<Self>() {
            inner.get().become_method(py);
        }
        cached.become_method(py);
        Ok(())
    }

    /// ``CachedFunction[[int], str]``, for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        imported!(class.py(), "types", "GenericAlias")?.call1((class, item))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr(named!(slf.py(), "__qualname__")?)
    }

    fn __repr__(&self, py: Python<'_>) -> Text<String> {
        let (stats, size, terms) = self.numbers(py);
        let bound = terms.maxsize.map_or_else(String::new, |maxsize| format!(" of {maxsize}"));
        let ratio = match stats.hits + stats.misses {
            0 => "no calls yet".to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
            calls => format!("hit ratio {:.2}", stats.hits as f64 / calls as f64),
        };
        let Function { module, name, .. } = &*self.function;
        Text(format!("<cached {module}.{name}: {size}{bound} stored, {ratio}>"))
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
        attach(|py| self.cache_clear(py));
    }
}
