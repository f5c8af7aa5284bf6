//! What a session asks for beyond the rule: refreshed results, or only stored ones.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::engine::{Manner, Refresh, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::interpreter::fallible::named;

/// What a session wants beyond the rule.
pub(crate) struct Policy {
    /// Chooses the results that are renewed.
    refresh: Option<Py<PyAny>>,
    /// Takes what is stored, whatever its state.
    offline: bool,
}

impl Policy {
    pub(crate) fn new(refresh: Option<Py<PyAny>>, offline: bool) -> Option<Self> {
        (offline || refresh.is_some()).then_some(Self { refresh, offline })
    }

    /// What is wanted of a call's result.
    pub(crate) fn wish(&self, function: &Bound<'_, PyAny>, arguments: Arguments<'_>) -> PyResult<Wish> {
        let py = function.py();
        let special = Wish { special: true, ..Wish::of(Manner::Called) };
        if self.offline {
            return Ok(Wish { manner: Manner::Offline, ..special });
        }
        let Some(refresh) = &self.refresh else { return Ok(special) };
        let (args, kwargs) = arguments.to_whole_call(py)?;
        let (level, named): (u8, bool) =
            refresh.bind(py).call_method1(named!(py, "chooses")?, (function, args, kwargs))?.extract()?;
        let refresh = match level {
            0 => Refresh::No,
            1 => Refresh::Soft,
            _ => Refresh::Hard,
        };
        Ok(Wish { refresh, named, ..special })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.refresh)
    }
}
