//! Sentinels: values that stand for something, each the only one of its kind.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// A value that stands for something.
#[pyclass(frozen, module = "versioned_lru_cache", name = "Mark")]
pub(crate) struct Sentinel(&'static str);

#[pymethods]
impl Sentinel {
    fn __repr__(&self) -> &'static str {
        self.0
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    /// Pickled by its name.
    fn __reduce__(&self) -> &'static str {
        self.0
    }
}

static IMMUTABLE: PyOnceLock<Py<Sentinel>> = PyOnceLock::new();
static NOT_MODIFIED: PyOnceLock<Py<Sentinel>> = PyOnceLock::new();
/// The same, for code that must not look anything up. Null until the module is made, before any function is.
static IMMUTABLE_AT: AtomicPtr<PyObject> = AtomicPtr::new(ptr::null_mut());

/// The version of what never changes.
pub(crate) fn immutable(py: Python<'_>) -> PyResult<&Bound<'_, Sentinel>> {
    let mark = IMMUTABLE.get_or_try_init(py, || Py::new(py, Sentinel("IMMUTABLE")))?;
    IMMUTABLE_AT.store(mark.as_ptr(), Ordering::Relaxed);
    Ok(mark.bind(py))
}

/// What `revalidate` answers for an old result that is good still.
pub(crate) fn not_modified(py: Python<'_>) -> PyResult<&Bound<'_, Sentinel>> {
    Ok(NOT_MODIFIED.get_or_try_init(py, || Py::new(py, Sentinel("NOT_MODIFIED")))?.bind(py))
}

/// Whether it is the version of what never changes.
#[inline]
pub(crate) fn is_immutable(object: *mut PyObject) -> bool {
    object == IMMUTABLE_AT.load(Ordering::Relaxed)
}
