//! What the methods of the cache look up and check before they do their work.

use std::sync::atomic::Ordering;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::engine::{Comparisons, DeferredDrops, OwnTtl, Probe, Stats, Terms, Unsure};
use crate::py::arguments::call_arguments::with_arguments;
use crate::py::arguments::key::Key;
use crate::py::arguments::misuse::Misuse;
use crate::py::call::settle::settle;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{self, Number, Text, imported, named};
use crate::py::objects::object::Object;

impl Cached {
    pub(crate) fn numbers(&self, py: Python<'_>) -> (Stats, usize, Terms) {
        self.function.cache.with(py, |cache| (cache.stats, cache.len(), cache.terms))
    }

    pub(crate) fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (stats, size, terms) = self.numbers(py);
        let numbers = (Number(stats.hits), Number(stats.misses), terms.maxsize.map(number), number(size));
        imported!(py, "versioned_lru_cache._results", "CacheInfo")?.call1(numbers)
    }

    pub(crate) fn cache_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (stats, size, terms) = self.numbers(py);
        let (ended, weight) =
            self.function.cache.with(py, |cache| (cache.count_ended(), cache.entries().weight()));
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
            Some(stats.bypassed),
            Some(ended as u64),
            terms.max_weight.map(|_| weight),
            terms.max_weight,
            Some(stats.store_hits),
            Some(stats.store_misses),
        ];
        let numbers = numbers.into_iter().map(|number| number.map(Number).into_bound_py_any(py));
        let mut numbers = numbers.collect::<PyResult<Vec<_>>>()?;
        numbers.extend(self.numbers_of_store(py)?);
        imported!(py, "versioned_lru_cache._results", "CacheStats")?.call1(fallible::tuple(py, numbers)?)
    }

    pub(crate) fn cache_parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = self.options.bind(py).copy()?;
        parameters.set_item(named!(py, "maxsize")?, self.numbers(py).2.maxsize.map(number))?;
        Ok(parameters)
    }

    /// Forgets all results.
    pub(crate) fn cache_clear(&self, py: Python<'_>) {
        let mut drops = DeferredDrops::default();
        self.function.cache.with(py, |cache| cache.clear(&mut drops));
        drop(drops);
    }

    /// Forgets what has ended and no stale policy may use. How many results those were.
    pub(crate) fn cache_purge(&self, py: Python<'_>) -> usize {
        let mut drops = DeferredDrops::default();
        let purged = self.function.cache.with(py, |cache| cache.purge(&mut drops));
        drop(drops);
        purged
    }

    /// Whether it is found already where its name says, as a function of a module is.
    pub(crate) fn is_at_home(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let (py, wrapped) = (slf.py(), slf.get().wrapped.bind(slf.py()));
        let modules = py.import(named!(py, "sys")?)?.getattr(named!(py, "modules")?)?;
        let (module, path) = (
            wrapped.getattr(named!(py, "__module__")?)?,
            wrapped.getattr(named!(py, "__qualname__")?)?.extract::<String>()?,
        );
        let found =
            path.split('.').try_fold(modules.get_item(module)?, |found, name| found.getattr(Text(name)))?;
        Ok(found.is(slf))
    }

    /// From now on the first argument is an instance.
    pub(crate) fn become_method(&self, py: Python<'_>) {
        if !self.method.swap(true, Ordering::Relaxed) {
            // What is stored has keys of another kind, which no call will look for.
            self.cache_clear(py);
        }
    }

    /// Forgets what was computed for one instance, if its results are that; else there is no telling, and all
    /// is forgotten.
    pub(crate) fn clear_of(&self, py: Python<'_>, instance: &Bound<'_, PyAny>) {
        if !self.is_by_instance() {
            return self.cache_clear(py);
        }
        let mut drops = DeferredDrops::default();
        let own = |key: &Key| key.arguments().instance() == instance.as_ptr();
        self.function.cache.with(py, |cache| cache.strike(None, own, &mut drops));
        drop(drops);
    }

    /// The key for the arguments that one of the methods of the cache was given.
    pub(crate) fn probe_of(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Probe<Key>> {
        with_arguments(args, kwargs, self.is_method(), |arguments| self.probe(py, arguments, None))
    }

    /// Refuses arguments with which the function can't be called.
    pub(crate) fn check_fit(
        &self,
        py: Python<'_>,
        asked: &'static str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        match self.misfit(py, args, kwargs) {
            None => Ok(()),
            Some(cause) => {
                let function = self.function.name.clone();
                Err(Misuse::NoCall { function, asked, reason: cause.value(py).to_string() }
                    .because_of(py, cause))
            }
        }
    }

    pub(crate) fn peek<'py>(
        &self,
        py: Python<'py>,
        asked: &'static str,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<(Object, Object, OwnTtl)>> {
        let probe = self.probe_of(py, args, kwargs)?;
        let found = settle(py, |comparisons: &Comparisons<Object>| {
            self.function.cache.with(py, |cache| -> Result<_, Unsure<Object>> {
                let found = cache.peek(&probe, comparisons)?;
                Ok(found.map(|look| (look.entry.value.clone(), look.stamp.version.clone(), look.own_ttl())))
            })
        })?;
        if found.is_none() {
            self.check_fit(py, asked, args, kwargs)?;
        }
        Ok(found)
    }
}

pub(super) fn number(count: usize) -> Number {
    Number(count as u64)
}
