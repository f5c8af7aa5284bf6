//! A weak reference in place of an instance in the keys of its methods, whose end takes the result along.

use std::sync::{Arc, Weak};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

use crate::engine::{DeferredDrops, Key};
use crate::py::arguments::call_arguments::Owner;
use crate::py::session::results::FunctionResults;

/// Called when an instance has died: takes the results of one hash out that were its own.
#[pyclass(frozen)]
struct WeakrefCallback {
    function: Weak<FunctionResults>,
    hash: u64,
}

#[pymethods]
impl WeakrefCallback {
    fn __call__(&self, py: Python<'_>, _reference: &Bound<'_, PyAny>) {
        let Some(function) = self.function.upgrade() else { return };
        let mut drops = DeferredDrops::default();
        function.cache.with(py, |cache| cache.strike(Some(self.hash), Key::is_gone, &mut drops));
        drop(drops);
    }
}

/// What stands for `instance` in a key of this hash: the instance itself where its class allows no weak
/// references.
pub(crate) fn stand_in<'py>(
    instance: &Bound<'py, PyAny>,
    function: &Arc<FunctionResults>,
    hash: u64,
) -> PyResult<(Bound<'py, PyAny>, Owner)> {
    let py = instance.py();
    let farewell = Bound::new(py, WeakrefCallback { function: Arc::downgrade(function), hash })?;
    match PyWeakrefReference::new_with(instance, farewell) {
        Ok(reference) => Ok((reference.into_any(), Owner::Watched)),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Ok((instance.clone(), Owner::Instance)),
        Err(error) => Err(error),
    }
}
