//! Context variables, without running Python code.
#![expect(unsafe_code, reason = "PyO3 wraps none of these calls")]

use std::ffi::CStr;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

/// Whether an object is a `ContextVar`.
pub(crate) fn is_variable(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: only the type is looked at.
    unsafe { ffi::PyContextVar_CheckExact(object.as_ptr()) != 0 }
}

/// A new `ContextVar`, without a default.
pub(crate) fn new_variable(py: Python<'_>, name: &CStr) -> PyResult<Py<PyAny>> {
    // SAFETY: the name ends with a null, and the variable is a new reference or an error.
    unsafe {
        let variable = ffi::PyContextVar_New(name.as_ptr(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, variable).map(Bound::unbind)
    }
}

/// What a `ContextVar` holds here, if anything.
#[inline]
pub(crate) fn get<'py>(variable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    debug_assert!(is_variable(variable));
    let mut value = ptr::null_mut();
    // SAFETY: the object is a ContextVar, as every caller has made sure of; the value is a new reference or
    // null.
    unsafe {
        if ffi::PyContextVar_Get(variable.as_ptr(), ptr::null_mut(), &raw mut value) < 0 {
            return Err(PyErr::fetch(variable.py()));
        }
        Ok(Bound::from_owned_ptr_or_opt(variable.py(), value))
    }
}

/// Lets a `ContextVar` hold a value here. Returns the token by which that could be taken back. Whoever calls
/// holds what the variable held until now: what dies in the midst of the change might change it too.
pub(crate) fn set<'py>(
    variable: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    debug_assert!(is_variable(variable));
    changing(value, || {
        // SAFETY: as in `get`; the token is a new reference or an error.
        unsafe {
            let token = ffi::PyContextVar_Set(variable.as_ptr(), value.as_ptr());
            Bound::from_owned_ptr_or_err(variable.py(), token)
        }
    })
}

/// Takes back what a token is for. Held must be the same as for `set`.
///
/// # Errors
/// `ValueError` in another context than that in which the value was set.
pub(crate) fn reset(variable: &Bound<'_, PyAny>, token: &Bound<'_, PyAny>) -> PyResult<()> {
    debug_assert!(is_variable(variable));
    changing(token, || {
        // SAFETY: as in `get`; CPython looks at what the token is.
        if unsafe { ffi::PyContextVar_Reset(variable.as_ptr(), token.as_ptr()) } < 0 {
            return Err(PyErr::fetch(variable.py()));
        }
        Ok(())
    })
}

/// Changes the context to what is `new` there. Before 3.12 the garbage collector runs in the midst of
/// allocations, and CPython would go on with a context that a finalizer has changed: so none runs within, and
/// what runs within one may be within somebody else's change.
#[cfg(not(Py_3_12))]
fn changing<R>(new: &Bound<'_, PyAny>, change: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    super::collector_hook::hold(new)?;
    // SAFETY: attached, as the token says.
    let collecting = unsafe { ffi::PyGC_Disable() } == 1;
    let changed = change();
    if collecting {
        // SAFETY: as above.
        unsafe { ffi::PyGC_Enable() };
    }
    changed
}

#[cfg(Py_3_12)]
fn changing<R>(_: &Bound<'_, PyAny>, change: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    change()
}
