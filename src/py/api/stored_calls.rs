//! All calls of which a cache knows something: their names, and those that a predicate chooses.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::cache_key::CacheKey;
use super::method_definition::Given;
use crate::engine::{self, DeferredDrops, Probe};
use crate::py::arguments::key::Key;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{imported, named};

impl Cached {
    /// The names of the calls whose results are stored; of an instance, if there is one.
    pub(super) fn stored_keys(
        slf: &Bound<'_, Self>,
        instance: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<CacheKey>> {
        let (py, cached) = (slf.py(), slf.get());
        let keys = cached.function.cache.with(py, |cache| cache.keys());
        let own = keys.into_iter().filter(|key| is_of(key, instance));
        own.map(|key| cached.probe_again(py, key))
            .map(|probe| Ok(CacheKey { function: slf.clone().into_any().unbind(), probe: probe? }))
            .collect()
    }

    /// Takes out what a predicate finds true, wherever it is kept. How many results were stored of that.
    pub(super) fn invalidate_where(given: &Given<'_>, predicate: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (cached, py) = (given.cached.get(), predicate.py());
        let chosen = Self::chooser(given, predicate)?;
        let mut drops = DeferredDrops::default();
        let keys = cached.function.cache.with(py, |cache| cache.all_keys(&mut drops));
        drop(drops);
        // One that raises on the way takes nothing out.
        let mut found = Vec::new();
        for key in keys.into_iter().filter(|key| is_of(key, given.instance.as_ref())) {
            let call = call_of(py, &key, given.instance.is_some())?;
            if chosen.call_method1(named!(py, "finds")?, call)?.is_truthy()? {
                found.push(cached.probe_again(py, key)?);
            }
        }
        found.iter().try_fold(0, |count, probe| Ok(count + u64::from(cached.invalidate(py, probe)?)))
    }

    /// What tells of a call's arguments whether they are meant.
    fn chooser<'py>(given: &Given<'py>, predicate: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = predicate.py();
        let keyed = given.cached.get().key.is_some();
        let class = imported!(py, "versioned_lru_cache._refresh", "Where")?;
        class.call1((&given.object, predicate, keyed))
    }

    /// A key that was taken out of the cache, as it is looked for.
    fn probe_again(&self, py: Python<'_>, key: Key) -> PyResult<Probe<Key>> {
        let hash = key.arguments().hash(self.rules, self.seed).ok_or_else(|| PyErr::fetch(py))?;
        Ok(Probe { key, hash, rules: self.rules })
    }
}

/// Whether a key is one of a call of this instance, or of any if there is none; and of none that is gone.
fn is_of(key: &Key, instance: Option<&Bound<'_, PyAny>>) -> bool {
    let own = instance.is_none_or(|instance| key.arguments().instance() == instance.as_ptr());
    own && !engine::Key::is_gone(key)
}

/// A call's arguments, for a callable that takes them: without the instance, where that is bound.
fn call_of<'py>(
    py: Python<'py>,
    key: &Key,
    bound: bool,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
    let (args, kwargs) = key.arguments().to_whole_call(py)?;
    Ok((if bound { args.get_slice(1, args.len()) } else { args }, kwargs))
}
