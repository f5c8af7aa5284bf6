//! The protocol of return values: a result, one that says its version, or that the old one is good still.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::admission::{Admitted, told_ttl, versioned};
use crate::engine::Made;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::misuse::Misuse;
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::interpreter::fallible::{self, named};
use crate::py::objects::object::Object;
use crate::py::objects::sentinels::Sentinel;
use crate::py::objects::{describe, sentinels, unfinished};

impl Cached {
    /// Whether a result is stored as it is, and all that there is to it.
    pub(crate) fn takes_as_it_is(&self, value: &Bound<'_, PyAny>) -> bool {
        let takes_all = self.admission.asks_nothing() && self.freshness.order.is_none();
        let may_tell = value.is_instance_of::<PyTuple>() && !value.is_exact_instance_of::<PyTuple>();
        takes_all && !may_tell && !value.is_exact_instance_of::<Sentinel>() && unfinished::is_finished(value)
    }

    /// What a function, or what took its place, has made of these arguments: with `previous` in hand, the old
    /// result as it was shown it.
    pub(crate) fn made(
        &self,
        value: Bound<'_, PyAny>,
        previous: Option<&Bound<'_, PyAny>>,
        arguments: Arguments<'_>,
    ) -> PyResult<Made<Object>> {
        let py = value.py();
        if value.is(sentinels::not_modified(py)?) {
            let Some(previous) = previous else {
                return Err(fallible::error::<PyTypeError>(
                    py,
                    Misuse::NothingBefore { function: self.function.name.clone() }.to_string(),
                ));
            };
            let value = previous.getattr(named!(py, "value")?)?;
            let admitted = self.admitted(&value, None, arguments)?;
            return Ok(made(value, None, true, admitted));
        }
        self.refuse_used_up(&value)?;
        let renewed = previous.is_some_and(|previous| previous.is(&value));
        let told = value.is_instance_of::<PyTuple>() && value.is_instance(versioned(py)?)?;
        if !told {
            if self.freshness.order.is_some() {
                let misuse = Misuse::Unordered {
                    function: self.function.name.clone(),
                    value: describe::shown(&value),
                };
                return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
            }
            let admitted = if self.wants(&value)? { self.admitted(&value, None, arguments)? } else { None };
            return Ok(made(value, None, renewed, admitted));
        }
        // What is good still was told of the age that it had before.
        let ttl = if renewed { None } else { Some(told_ttl(&value)?) };
        let (value, seen) = (value.getattr(named!(py, "value")?)?, value.getattr(named!(py, "version")?)?);
        self.refuse_used_up(&value)?;
        self.check_version(&seen, || "returned with its result".to_owned())?;
        if let Version::Constant(constant) = &self.version
            && !sentinels::is_immutable(seen.as_ptr())
            && !seen.eq(constant.version.bind(py))?
        {
            return Err(fallible::error::<PyValueError>(
                py,
                format!(
                    "{} returned a result of version {}, but its version is always {}; give it a version \
                     function, or return the value alone",
                    self.function.name,
                    describe::shown(&seen),
                    describe::shown(constant.version.bind(py))
                ),
            ));
        }
        let wanted = renewed || self.wants(&value)?;
        let admitted = if wanted { self.admitted(&value, ttl.as_ref(), arguments)? } else { None };
        Ok(made(value, Some(seen.into()), renewed, admitted))
    }

    /// Refuses a result of which later callers would have nothing.
    fn refuse_used_up(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(kind) = unfinished::used_up(value)? else { return Ok(()) };
        let misuse =
            Misuse::UsedUp { function: self.function.name.clone(), kind, value: describe::shown(value) };
        Err(fallible::error::<PyTypeError>(value.py(), misuse.to_string()))
    }
}

/// What was made, which is not to be stored if nothing was `admitted`.
fn made(
    value: Bound<'_, PyAny>,
    seen: Option<Object>,
    renewed: bool,
    admitted: Option<Admitted>,
) -> Made<Object> {
    let wanted = admitted.is_some();
    let Admitted { own_ttl, weight } = admitted.unwrap_or(Admitted::WITH_NOTHING);
    Made { value: value.into(), reads: Vec::new(), wanted, seen, renewed, own_ttl, weight }
}
