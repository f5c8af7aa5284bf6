//! Python objects made so that memory which runs out is a `MemoryError`. PyO3's own constructors
//! (`PyString::new`, `PyDict::new`, `PyTuple::new`, `intern!`, names given as `&str`, numbers) panic then,
//! and so do its errors, whose text becomes an object only when they are raised.
#![expect(unsafe_code, reason = "calls CPython's constructors, whose null PyO3 would not take")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::PyTypeInfo;
use pyo3::ffi::{self, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

/// # Safety
/// What was made is an object that nobody else has, or null with an error that is set.
unsafe fn made(py: Python<'_>, object: *mut PyObject) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the caller says so.
    unsafe { Bound::from_owned_ptr_or_err(py, object) }
}

pub(crate) fn text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: attached; so many bytes lie there, in UTF-8, and the answer is a str.
    unsafe {
        let made =
            made(py, ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len().cast_signed()))?;
        Ok(made.cast_into_unchecked())
    }
}

/// A text as what a method returns or a call is given.
pub(crate) struct Text<S>(pub(crate) S);

impl<'py, S: AsRef<str>> IntoPyObject<'py> for Text<S> {
    type Target = PyString;
    type Output = Bound<'py, PyString>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        text(py, self.0.as_ref())
    }
}

pub(crate) fn bytes<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: attached; so many bytes lie there.
    unsafe { made(py, ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len().cast_signed())) }
}

/// Bytes, as well.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'py> IntoPyObject<'py> for Bytes {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        bytes(py, &self.0)
    }
}

/// A number, as well.
pub(crate) struct Number(pub(crate) u64);

impl<'py> IntoPyObject<'py> for Number {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        // SAFETY: attached.
        unsafe { made(py, ffi::PyLong_FromUnsignedLongLong(self.0)) }
    }
}

/// A span, as well.
pub(crate) struct Seconds(pub(crate) f64);

impl<'py> IntoPyObject<'py> for Seconds {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        // SAFETY: attached.
        unsafe { made(py, ffi::PyFloat_FromDouble(self.0)) }
    }
}

pub(crate) fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: attached; the answer is a dict.
    unsafe { Ok(made(py, ffi::PyDict_New())?.cast_into_unchecked()) }
}

pub(crate) fn tuple<'py>(
    py: Python<'py>,
    items: impl IntoIterator<Item = Bound<'py, PyAny>, IntoIter: ExactSizeIterator>,
) -> PyResult<Bound<'py, PyTuple>> {
    let items = items.into_iter();
    // SAFETY: attached; nobody has seen the tuple yet, each place is filled once, and what is left is null as
    // the collector expects it.
    unsafe {
        let length = items.len();
        let tuple = made(py, ffi::PyTuple_New(length.cast_signed()))?;
        for (place, item) in items.take(length).enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), place.cast_signed(), item.into_ptr());
        }
        Ok(tuple.cast_into_unchecked())
    }
}

/// A name that is made once, by [`named`].
pub(crate) fn interned<'a, 'py>(
    py: Python<'py>,
    name: &'a PyOnceLock<Py<PyString>>,
    letters: &str,
) -> PyResult<&'a Bound<'py, PyString>> {
    let name = name.get_or_try_init(py, || {
        let mut name = text(py, letters)?.into_ptr();
        // SAFETY: a str of our own, in whose place the interned one is put.
        unsafe {
            ffi::PyUnicode_InternInPlace(&raw mut name);
            Ok::<_, PyErr>(made(py, name)?.cast_into_unchecked().unbind())
        }
    })?;
    Ok(name.bind(py))
}

/// As `intern!`, but a result.
macro_rules! named {
    ($py:expr, $name:expr) => {{
        static NAME: pyo3::sync::PyOnceLock<pyo3::Py<pyo3::types::PyString>> = pyo3::sync::PyOnceLock::new();
        $crate::py::interpreter::fallible::interned($py, &NAME, $name)
    }};
}
pub(crate) use named;

/// What a module has under a name, looked up once, by [`imported`].
pub(crate) fn found_in<'a, 'py>(
    py: Python<'py>,
    found: &'a PyOnceLock<Py<PyAny>>,
    (module, name): (&Bound<'py, PyString>, &Bound<'py, PyString>),
) -> PyResult<&'a Bound<'py, PyAny>> {
    let found = found.get_or_try_init(py, || Ok::<_, PyErr>(py.import(module)?.getattr(name)?.unbind()))?;
    Ok(found.bind(py))
}

/// What a module has under a name.
macro_rules! imported {
    ($py:expr, $module:literal, $name:literal) => {{
        static FOUND: pyo3::sync::PyOnceLock<pyo3::Py<pyo3::PyAny>> = pyo3::sync::PyOnceLock::new();
        let py = $py;
        $crate::py::interpreter::fallible::named!(py, $module)
            .and_then(|module| Ok((module, $crate::py::interpreter::fallible::named!(py, $name)?)))
            .and_then(|names| $crate::py::interpreter::fallible::found_in(py, &FOUND, names))
    }};
}
pub(crate) use imported;

/// An exception that is made at once, or the `MemoryError` that this is.
pub(crate) fn error<E: PyTypeInfo>(py: Python<'_>, message: impl AsRef<str>) -> PyErr {
    let made = text(py, message.as_ref()).and_then(|message| py.get_type::<E>().call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// What CPython is given by what it has called: an object, or null for an error that is set. A panic becomes
/// an exception, as in all of PyO3.
pub(crate) fn answered<'py, T>(
    py: Python<'py>,
    act: impl FnOnce() -> PyResult<Bound<'py, T>>,
) -> *mut PyObject {
    let answer = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(panicked(py, &*panic)));
    answer.map_or_else(
        |error| {
            error.restore(py);
            ptr::null_mut()
        },
        Bound::into_ptr,
    )
}

#[cold]
#[inline(never)]
fn panicked(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    error::<PanicException>(py, text)
}
