//! What a call asks of the store that lies behind the memory of this process: all of it through one object of
//! Python, the function's tier, outside of the critical section. A store that fails is no failure of the
//! call: the tier sees to that.

use std::num::NonZeroU64;
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::admission::Admitted;
use super::computation;
use super::drive::Drive;
use super::lease::HeldLease;
use crate::engine::clock::Nanos;
use crate::engine::{Acquired, Event, OwnTtl, Record, Saved, clock, longest_use};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{Bytes, Number, Seconds, imported, named};
use crate::py::objects::object::Object;

/// The tier of a function that has one.
fn tier<'a, 'py>(cached: &'a Cached, py: Python<'py>) -> &'a Bound<'py, PyAny> {
    let Some(tier) = &cached.tier else { unreachable!("only a function with a store is told to use it") };
    tier.bind(py)
}

/// A record as the tier returns it: the value, its version, its age in nanoseconds if that is known, and how
/// many it lives if it said so itself.
type Told<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<u64>, Option<u64>);

/// What a store was told outside of a call, by a method of the cache.
pub(crate) enum StorePart<'py> {
    /// It has been told. Whether it had a record.
    Done(bool),
    /// This makes what is to be awaited for that.
    Awaited(Bound<'py, PyAny>),
}

impl<'py> StorePart<'py> {
    /// What a tier has returned: a bool, nothing, or what makes something to be awaited.
    fn of(told: Bound<'py, PyAny>) -> Self {
        match told.cast::<PyBool>() {
            Ok(had) => Self::Done(had.is_true()),
            Err(_) if told.is_none() => Self::Done(false),
            Err(_) => Self::Awaited(told),
        }
    }
}

impl Drive {
    /// Asks the tier what the store has of the key: [`Self::was_loaded`] takes the answer.
    pub(crate) fn load<'py>(&mut self, cached: &Cached, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let key = self.stable_key(cached, py)?;
        tier(cached, py).call_method1(named!(py, "load")?, (key,))
    }

    /// Takes what was loaded.
    pub(crate) fn was_loaded(
        &mut self,
        cached: &Cached,
        found: &Bound<'_, PyAny>,
        arguments: Arguments<'_>,
    ) -> PyResult<()> {
        let mut record = None;
        if !found.is_none() {
            let (value, version, age, ttl): Told<'_> = found.extract()?;
            let admitted = cached.admitted(&value, None, arguments)?;
            record = admitted.map(|Admitted { own_ttl, weight }| Record {
                value: value.into(),
                version: version.into(),
                age: age.unwrap_or(u64::MAX),
                own_ttl: own_ttl.into_iter().chain(ttl.and_then(NonZeroU64::new)).min(),
                weight,
            });
        }
        self.take(Event::Loaded(record));
        Ok(())
    }

    /// Asks the tier for the lease, and to wait for whoever holds it: [`Self::has_acquired`] takes the
    /// answer.
    pub(crate) fn acquire<'py>(&mut self, cached: &Cached, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let key = self.stable_key(cached, py)?;
        let asked = (key, self.version().0, self.patience(cached, py));
        tier(cached, py).call_method1(named!(py, "acquire")?, asked)
    }

    /// Takes how that has ended: with a lease, with `None` if there is none to be had, or with `True` if
    /// another has let go of it.
    pub(crate) fn has_acquired(&mut self, cached: &Cached, answer: &Bound<'_, PyAny>) {
        let py = answer.py();
        let acquired = match () {
            () if answer.is_none() => Acquired::Refused,
            () if answer.is(PyBool::new(py, true)) => Acquired::Freed,
            () => {
                let tier = tier(cached, py).clone().unbind();
                self.lease = Some(HeldLease { tier, lease: Some(answer.clone().unbind()) });
                Acquired::Held
            }
        };
        self.take(Event::Acquired(acquired));
    }

    /// How many seconds to wait for another's lease; `None` is as long as the tier does.
    fn patience(&mut self, cached: &Cached, py: Python<'_>) -> Option<Seconds> {
        if computation::holds_lease(py) {
            return Some(Seconds(0.0));
        }
        let deadline = self.deadline(cached.wait)?;
        Some(Seconds(deadline.saturating_duration_since(Instant::now()).as_secs_f64()))
    }

    /// Has the tier save the result: [`Self::was_saved`] takes that it has.
    pub(crate) fn save<'py>(&mut self, cached: &Cached, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let key = self.stable_key(cached, py)?;
        let (Some(lease), Some(saved)) = (&self.lease, self.saved.take()) else {
            unreachable!("what holds a lease saves a result")
        };
        let Saved { value, version, born, own_ttl } = saved;
        let age = clock::now().saturating_sub(born);
        let lives = cached.lives(py, &version, own_ttl, age);
        let told = (&lease.lease, key, value.0, version.0, Number(age), lives);
        tier(cached, py).call_method1(named!(py, "save")?, told)
    }

    /// Takes that the tier has saved the result, or not, and has given the lease back.
    pub(crate) fn was_saved(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.was_given_back();
        }
        self.take(Event::Ready);
    }

    /// The canonical bytes of the call's key.
    fn stable_key<'py>(&mut self, cached: &Cached, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(key) = &self.stable_key {
            return Ok(key.bind(py).clone());
        }
        let key = Bytes(cached.stable_key(py, self.key())?).into_pyobject(py)?;
        self.stable_key = Some(key.clone().unbind());
        Ok(key)
    }
}

impl Cached {
    /// Takes a call's record out of the store, if there is one.
    pub(crate) fn forget_in_store<'py>(&self, py: Python<'py>, key: &Key) -> PyResult<StorePart<'py>> {
        let Some(tier) = &self.tier else { return Ok(StorePart::Done(false)) };
        let key = Bytes(self.stable_key(py, key)?);
        tier.bind(py).call_method1(named!(py, "forget")?, (key,)).map(StorePart::of)
    }

    /// How often the store has failed, and how many seconds it has taken.
    pub(crate) fn numbers_of_store<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyAny>; 2]> {
        let Some(tier) = &self.tier else {
            return Ok([Number(0).into_pyobject(py)?.into_any(), Seconds(0.0).into_pyobject(py)?.into_any()]);
        };
        let breaker = tier.bind(py).getattr(named!(py, "breaker")?)?;
        Ok([breaker.getattr(named!(py, "errors")?)?, breaker.getattr(named!(py, "seconds")?)?])
    }

    /// Takes all records of the function out of the store, if there is one.
    pub(crate) fn clear_store<'py>(&self, py: Python<'py>) -> PyResult<StorePart<'py>> {
        let Some(tier) = &self.tier else { return Ok(StorePart::Done(false)) };
        tier.bind(py).call_method0(named!(py, "clear")?).map(StorePart::of)
    }

    /// Puts a result that was made elsewhere into the store, if there is one.
    pub(crate) fn put_in_store<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
        (value, version): (&Object, &Object),
        own_ttl: OwnTtl,
    ) -> PyResult<StorePart<'py>> {
        let Some(tier) = &self.tier else { return Ok(StorePart::Done(false)) };
        let key = Bytes(self.stable_key(py, key)?);
        let told = (key, &value.0, &version.0, self.lives(py, version, own_ttl, 0));
        tier.bind(py).call_method1(named!(py, "put")?, told).map(StorePart::of)
    }

    /// How long a result of this age lives, if it says so itself, and how long it can be of use from now on,
    /// if not for ever: in nanoseconds.
    fn lives(
        &self,
        py: Python<'_>,
        version: &Object,
        own_ttl: OwnTtl,
        age: Nanos,
    ) -> (Option<Number>, Option<Number>) {
        let terms = self.function.cache.with(py, |cache| cache.terms);
        let useful = longest_use(version, own_ttl, &terms).map(|useful| useful.saturating_sub(age));
        (own_ttl.map(|ttl| Number(ttl.get())), useful.map(Number))
    }

    /// What a method of the cache answers: of a coroutine function something that can be awaited, too.
    pub(crate) fn delivered<'py>(
        &self,
        answer: Bound<'py, PyAny>,
        part: StorePart<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !self.coroutine {
            return Ok(answer);
        }
        let rest = match part {
            StorePart::Done(_) => None,
            StorePart::Awaited(rest) => Some(rest),
        };
        imported!(answer.py(), "versioned_lru_cache._delivered", "Delivered")?.call1((answer, rest))
    }
}
