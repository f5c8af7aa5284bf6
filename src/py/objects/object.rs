//! A reference to a Python object, as the engine holds one. What the engine asks of it is answered in
//! `arguments/key.rs`, where keys are known.

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use crate::py::interpreter::critical_section::attached;

/// A reference to a Python object.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Object(pub(crate) Py<PyAny>);

impl Object {
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.0.bind(py)
    }
}

impl From<Bound<'_, PyAny>> for Object {
    fn from(object: Bound<'_, PyAny>) -> Self {
        Self(object.unbind())
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        Self(self.0.clone_ref(attached()))
    }
}
