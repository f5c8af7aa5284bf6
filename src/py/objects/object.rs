//! A Python object as the engine holds it.
#![expect(
    unsafe_code,
    reason = "a look at a slot of a type, which is cheaper than for the attribute that it stands for"
)]

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::native;
use super::sentinels;
use crate::engine;
use crate::py::arguments::key::Key;
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

impl engine::Object for Object {
    type Key = Key;

    #[inline]
    fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    #[inline]
    fn native_eq(&self, other: &Self) -> Option<bool> {
        native::same_objects(self, other)
    }

    #[inline]
    fn is_immutable(&self) -> bool {
        sentinels::is_immutable(self.as_ptr())
    }
}

/// Whether an object is to be awaited.
pub(crate) fn is_awaitable(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a type lives at least as long as its object, and its slots as long as the type.
    unsafe {
        let slots = (*ffi::Py_TYPE(object.as_ptr())).tp_as_async;
        !slots.is_null() && (*slots).am_await.is_some()
    }
}
