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
use crate::engine::{Acquired, Event, OwnTtl, Record, Saved, clock};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{Bytes, Number, Seconds, named};
use crate::py::objects::object::Object;

/// The tier of a function that has one.
fn tier<'a, 'py>(cached: &'a Cached, py: Python<'py>) -> &'a Bound<'py, PyAny> {
    let Some(tier) = &cached.tier else { unreachable!("only a function with a store is told to use it") };
    tier.bind(py)
}

/// A record as the tier returns it: the value, its version, its age in nanoseconds if that is known, and how
/// many it lives if it said so itself.
type Told<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<u64>, Option<u64>);

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
                self.lease = Some(HeldLease { tier, lease: answer.clone().unbind() });
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
        let age = Number(clock::now().saturating_sub(born));
        let told = (&lease.lease, key, value.0, version.0, age, own_ttl.map(|ttl| Number(ttl.get())));
        tier(cached, py).call_method1(named!(py, "save")?, told)
    }

    /// Takes that the result was saved, or not: there is nothing more to be done about it.
    pub(crate) fn was_saved(&mut self) {
        self.lease = None;
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
    /// Takes a call's record out of the store, if there is one. Whether there was a record.
    pub(crate) fn forget_in_store(&self, py: Python<'_>, key: &Key) -> PyResult<bool> {
        let Some(tier) = &self.tier else { return Ok(false) };
        let key = Bytes(self.stable_key(py, key)?);
        tier.bind(py).call_method1(named!(py, "forget")?, (key,))?.is_truthy()
    }

    /// How often the store has failed, and how many seconds it has taken.
    pub(crate) fn numbers_of_store<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyAny>; 2]> {
        let Some(tier) = &self.tier else {
            return Ok([Number(0).into_pyobject(py)?.into_any(), Seconds(0.0).into_pyobject(py)?.into_any()]);
        };
        let tier = tier.bind(py);
        Ok([tier.getattr(named!(py, "errors")?)?, tier.getattr(named!(py, "seconds")?)?])
    }

    /// Takes all records of the function out of the store, if there is one.
    pub(crate) fn clear_store(&self, py: Python<'_>) -> PyResult<()> {
        let Some(tier) = &self.tier else { return Ok(()) };
        tier.bind(py).call_method0(named!(py, "clear")?).map(drop)
    }

    /// Puts a result that was made elsewhere into the store, if there is one.
    pub(crate) fn put_in_store(
        &self,
        py: Python<'_>,
        key: &Key,
        (value, version): (&Object, &Object),
        own_ttl: OwnTtl,
    ) -> PyResult<()> {
        let Some(tier) = &self.tier else { return Ok(()) };
        let key = Bytes(self.stable_key(py, key)?);
        let told = (key, &value.0, &version.0, own_ttl.map(|ttl| Number(ttl.get())));
        tier.bind(py).call_method1(named!(py, "put")?, told).map(drop)
    }
}
