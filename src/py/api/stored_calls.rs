//! All calls of which a cache knows something: their names, and those that a predicate chooses.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::cache_key::CacheKey;
use super::method_definition::Given;
use crate::engine::{self, DeferredDrops, Probe};
use crate::py::arguments::call_arguments::Owner;
use crate::py::arguments::key::Key;
use crate::py::call::second_tier::StorePart;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{imported, named};

impl Cached {
    /// The names of the calls whose results are stored; of an instance, if it is reached through one.
    pub(super) fn stored_keys(given: &Given<'_>) -> PyResult<Vec<CacheKey>> {
        let (function, cached) = (&given.cached, given.cached.get());
        let py = function.py();
        let keys = cached.function.cache.with(py, |cache| cache.keys());
        let own = keys.into_iter().filter(|key| is_of(key, instance_of(given)));
        own.map(|key| cached.probe_again(py, key))
            .map(|probe| Ok(CacheKey { function: function.clone().into_any().unbind(), probe: probe? }))
            .collect()
    }

    /// Takes out what a predicate finds true, wherever it is kept. How many results were stored of that.
    pub(super) fn invalidate_where<'py>(
        given: &Given<'_>,
        predicate: &Bound<'py, PyAny>,
    ) -> PyResult<(u64, StorePart<'py>)> {
        let (cached, py) = (given.cached.get(), predicate.py());
        let chosen = Self::chooser(given, predicate)?;
        // A store can't be asked which of its calls a predicate would choose.
        let part = cached.clear_store(py)?;
        let mut drops = DeferredDrops::default();
        let keys = cached.function.cache.with(py, |cache| cache.all_keys(&mut drops));
        drop(drops);
        // One that raises on the way takes nothing out.
        let (mut found, instance) = (Vec::new(), instance_of(given));
        for key in keys.into_iter().filter(|key| is_of(key, instance)) {
            let call = call_of(py, &key, instance.is_some())?;
            if chosen.call_method1(named!(py, "finds")?, call)?.is_truthy()? {
                found.push(cached.probe_again(py, key)?);
            }
        }
        let count = found
            .iter()
            .try_fold(0, |count, probe| PyResult::Ok(count + u64::from(cached.invalidate(py, probe)?)))?;
        Ok((count, part))
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

/// The instance through which a function was reached. What `key=` makes tells of none.
fn instance_of<'a, 'py>(given: &'a Given<'py>) -> Option<&'a Bound<'py, PyAny>> {
    given.instance.as_ref().filter(|_| given.cached.get().key.is_none())
}

/// Whether a key is one of a call of this instance, or of any if there is none; and of none that is gone.
fn is_of(key: &Key, instance: Option<&Bound<'_, PyAny>>) -> bool {
    let is_first = |instance: &Bound<'_, PyAny>| match key.first(instance.py()) {
        // Of a function that is no method, but was reached through an instance.
        (first, Owner::Nobody) => first.is(instance),
        _ => key.arguments().instance() == instance.as_ptr(),
    };
    instance.is_none_or(is_first) && !engine::Key::is_gone(key)
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
