//! Cache admission: what a result is asked before it is stored, that is whether it is wanted, how long it
//! lives and what it weighs.

use std::num::NonZeroU64;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::engine::OwnTtl;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::misuse::Misuse;
use crate::py::arguments::parameters::Room;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{self, Seconds, Text, imported, named};
use crate::py::objects::{describe, unfinished};

/// What a result is stored with.
pub(crate) struct Admitted {
    pub(crate) own_ttl: OwnTtl,
    pub(crate) weight: u64,
}

impl Admitted {
    /// What is needed where nothing is stored, or nothing asked.
    pub(super) const WITH_NOTHING: Self = Self { own_ttl: None, weight: 0 };
}

impl Cached {
    /// With what a result is stored, which was perhaps `told` how long it lives; nothing, if that is not at
    /// all.
    pub(crate) fn admitted(
        &self,
        value: &Bound<'_, PyAny>,
        told: Option<&Bound<'_, PyAny>>,
        arguments: Arguments<'_>,
    ) -> PyResult<Option<Admitted>> {
        let py = value.py();
        let mut own_ttl = None;
        if let Some(told) = told {
            let Some(ttl) = self.ttl_of(told, "Versioned(ttl)")? else { return Ok(None) };
            own_ttl = ttl;
        }
        if let Some(option) = &self.admission.ttl {
            let mut room = Room::new();
            let arguments = self.placed(py, arguments, &mut room)?;
            let answer = self.call_after(option.bind(py), "ttl", value, arguments)?;
            self.check_option(py, unfinished::no_answer(&answer)?, "ttl")?;
            let Some(ttl) = self.ttl_of(&answer, "the answer of ttl")? else { return Ok(None) };
            own_ttl = own_ttl.into_iter().chain(ttl).min();
        }
        Ok(Some(Admitted { own_ttl, weight: self.weight(value)? }))
    }

    /// Whether a result is to be stored.
    pub(super) fn wants(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match &self.admission.wants {
            Some(cache_if) => {
                let answer = cache_if.bind(value.py()).call1((value,))?;
                self.check_option(value.py(), unfinished::no_answer(&answer)?, "cache_if")?;
                answer.is_truthy()
            }
            None => Ok(true),
        }
    }

    /// How long a result lives by what was said, if that is a bound; nothing, if it lives not at all.
    fn ttl_of(&self, said: &Bound<'_, PyAny>, label: &str) -> PyResult<Option<OwnTtl>> {
        let py = said.py();
        if said.is_none() {
            return Ok(Some(None));
        }
        let label = Text(format!("{}: {label}", self.function.name));
        let nanos = imported!(py, "versioned_lru_cache._spans", "checked_own_ttl")?.call1((said, label))?;
        let nanos = nanos.extract::<Option<u64>>()?;
        Ok(match nanos {
            Some(0) => None,
            nanos => Some(nanos.and_then(NonZeroU64::new)),
        })
    }

    /// What a result weighs, where that matters.
    fn weight(&self, value: &Bound<'_, PyAny>) -> PyResult<u64> {
        let py = value.py();
        let Some(weigh) = &self.admission.weigh else { return Ok(0) };
        let answer = weigh.bind(py).call1((value,))?;
        self.check_option(py, unfinished::no_answer(&answer)?, "weigh")?;
        let weight = answer.extract::<u64>();
        match weight {
            Ok(weight) if !answer.is_instance_of::<PyBool>() => Ok(weight),
            Err(error)
                if !error.is_instance_of::<PyTypeError>(py)
                    && !error.is_instance_of::<PyOverflowError>(py) =>
            {
                Err(error)
            }
            _ => {
                let (function, value) = (self.function.name.clone(), describe::shown(&answer));
                Err(fallible::error::<PyTypeError>(py, Misuse::NoWeight { function, value }.to_string()))
            }
        }
    }
}

/// The class of results that say their version.
pub(crate) fn versioned(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    imported!(py, "versioned_lru_cache._results", "Versioned")
}

/// A result as it says its version, and how long it lives if it says so itself.
pub(crate) fn told<'py>(
    value: &Bound<'py, PyAny>,
    version: &Bound<'py, PyAny>,
    own_ttl: OwnTtl,
) -> PyResult<Bound<'py, PyAny>> {
    let class = versioned(value.py())?;
    match own_ttl {
        None => class.call1((value, version)),
        #[expect(clippy::cast_precision_loss, reason = "a span of seconds is a float")]
        Some(nanos) => class.call1((value, version, Seconds(nanos.get() as f64 / 1e9))),
    }
}

/// How long a result lives by what it was told, as an object.
pub(crate) fn told_ttl<'py>(told: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    told.getattr(named!(told.py(), "ttl")?)
}
