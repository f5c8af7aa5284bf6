//! A Python object as the engine holds it.
#![expect(
    unsafe_code,
    reason = "clones and compares inside the critical section, where there is no token at hand"
)]

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

use super::native;
use crate::engine;

/// A reference to a Python object.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Object(pub(super) Py<PyAny>);

impl Object {
    #[inline]
    pub(super) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    pub(super) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
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
        // SAFETY: the engine only runs attached to the interpreter: `sync::Guarded::with` takes the token.
        Self(self.0.clone_ref(unsafe { Python::assume_attached() }))
    }
}

impl engine::Object for Object {
    #[inline]
    fn is(&self, other: &Self) -> bool {
        self.as_ptr() == other.as_ptr()
    }

    #[inline]
    fn native_eq(&self, other: &Self) -> Option<bool> {
        // SAFETY: both are held by a reference.
        unsafe { native::same(self.as_ptr(), other.as_ptr()) }
    }
}
