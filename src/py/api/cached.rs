//! What Python calls of a decorated function by itself: how it is made, and the methods that take no
//! arguments of a call.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{IntoPyObjectExt, PyTraverseError, PyVisit};

use super::classes;
use crate::engine::clock::Nanos;
use crate::engine::ticket::{self};
use crate::engine::{Displaced, Observation, Scope, Store, Terms};
use crate::py::arguments::call_arguments::{self, Rules};
use crate::py::function::cached::Cached;
use crate::py::function::freshness::Freshness;
use crate::py::function::version::{Given, SharedScope, Version, VersionFunction};
use crate::py::interpreter::critical_section::{Guarded, ReadMostly, attach};
use crate::py::interpreter::fallible::{self, Number, Text, imported, named};
use crate::py::interpreter::vectorcall_type;
use crate::py::session::binding::Binding;
use crate::py::session::results::{FunctionResults, RejectedResults};
use crate::py::session::traverse;

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
                let part: Option<Py<PyAny>> = option(named!(py, "version_args")?)?.extract()?;
                let given = match (part, given) {
                    (Some(part), _) => Given::Part(part),
                    (None, "nothing") => Given::Nothing,
                    (None, "first") => Given::First,
                    (None, "key") => Given::Key,
                    _ => Given::Arguments,
                };
                Version::Asked(VersionFunction { function, given, default, awaits: awaited == "both" })
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
                Version::Asked(VersionFunction {
                    given: Given::Nothing | Given::Arguments | Given::Part(_),
                    ..
                }),
                Some(scope),
            ) => scope.get().0.clone(),
            _ => Scope::default(),
        };
        let constant = matches!(version, Version::Constant(_));
        let mut terms = Terms {
            maxsize: option(named!(py, "maxsize")?)?.extract()?,
            ttl: option(named!(py, "ttl")?)?.extract()?,
            constant,
            ..Terms::default()
        };
        let freshness = Freshness::new(options, &mut terms)?;
        let function = Arc::new_cyclic(|function| {
            let store = Store::new(terms, function.clone());
            FunctionResults {
                id: store.id,
                module,
                name,
                store: ReadMostly::new(store),
                unvalidated: Guarded::new(RejectedResults::default()),
            }
        });
        let new = Self {
            function,
            wrapped: wrapped.clone().unbind(),
            version,
            scope: own,
            _shared: scope,
            binding: Binding::new(&option(named!(py, "session")?)?)?,
            rules: Rules { typed: option(named!(py, "typed")?)?.extract()?, ordered },
            bind: OnceLock::new(),
            method: AtomicBool::new(false),
            key: option(named!(py, "key")?)?.extract()?,
            cache_if: option(named!(py, "cache_if")?)?.extract()?,
            freshness,
            wait: option(named!(py, "wait")?)?.extract::<Option<Nanos>>()?.map(Duration::from_nanos),
            coroutine: awaited != "neither",
            seed: call_arguments::seed(),
        };
        vectorcall_type::is_next(py);
        Ok(new)
    }

    /// Hits, misses, maxsize and the number of stored results, as functools has them.
    pub(crate) fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (stats, size, terms) = self.numbers(py);
        let numbers = (Number(stats.hits), Number(stats.misses), terms.maxsize.map(number), number(size));
        imported!(py, "versioned_lru_cache._results", "CacheInfo")?.call1(numbers)
    }

    /// All that is counted.
    pub(crate) fn cache_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
        let numbers = numbers.into_iter().map(|number| number.map(Number).into_bound_py_any(py));
        let numbers = numbers.collect::<PyResult<Vec<_>>>()?;
        imported!(py, "versioned_lru_cache._results", "CacheStats")?.call1(fallible::tuple(py, numbers)?)
    }

    /// ``maxsize`` and ``typed``, as functools has them.
    pub(crate) fn cache_parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = fallible::dict(py)?;
        parameters.set_item(named!(py, "maxsize")?, self.numbers(py).2.maxsize.map(number))?;
        parameters.set_item(named!(py, "typed")?, self.rules.typed)?;
        Ok(parameters)
    }

    /// Forget all results, in every session, and count from zero. What runs now will not be stored.
    pub(crate) fn cache_clear(&self, py: Python<'_>) {
        let mut displaced = Displaced::default();
        self.function.store.with(py, |store| store.clear(&mut displaced));
        drop(displaced);
    }

    /// The calls whose arguments a predicate finds true, for ``Refresh.only``.
    #[pyo3(name = "where")]
    fn calls_where<'py>(
        slf: &Bound<'py, Self>,
        predicate: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        imported!(slf.py(), "versioned_lru_cache._refresh", "Where")?.call1((slf, predicate))
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
            // A classmethod before Python 3.13 asks here. Since then it binds by itself, and so it is done
            // here.
            return imported!(slf.py(), "types", "MethodType")?.call1((slf, instance));
        }
        classes::bind(slf, instance)
    }

    /// The class body in which it was decorated makes it a method; one in which it has another name besides
    /// its own does not.
    fn __set_name__(
        slf: &Bound<'_, Self>,
        owner: &Bound<'_, PyAny>,
        _name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // A tuple is its values. Before Python 3.13 a NamedTuple's functions are not told what they are, so
        // none is a method.
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
        let FunctionResults { module, name, .. } = &*self.function;
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
        self.function.store.trace(|store| traverse::visit_store(store, &visit))
    }

    fn __clear__(&self) {
        attach(|py| self.cache_clear(py));
    }
}

fn number(count: usize) -> Number {
    Number(count as u64)
}
