//! How the methods of the cache are defined, for the class of functions and for that of bound methods. PyO3
//! does not define them: it panics where there is no memory for the tuple and the dict of `*args` and
//! `**kwargs`, and it would need each method once for each class.
#![expect(unsafe_code, reason = "defines methods by CPython's own means")]

use std::ffi::CStr;
use std::slice;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::method::CachedMethod;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible;

/// What a method takes.
pub(crate) enum Takes {
    Nothing,
    /// One argument, which has this name.
    One(&'static str),
    /// The arguments of a call.
    Call,
    /// One argument, which can't be named, and those of a call.
    OneAndCall(&'static str),
}

/// What a method is called on, and what it is given.
pub(crate) struct Given<'py> {
    /// The function, or the bound method.
    pub(crate) object: Bound<'py, PyAny>,
    /// The function.
    pub(crate) cached: Bound<'py, Cached>,
    /// What the bound method is bound to.
    pub(crate) instance: Option<Bound<'py, PyAny>>,
    /// What comes before the call's arguments, if the method takes that.
    pub(crate) first: Option<Bound<'py, PyAny>>,
    /// The call's positional arguments, the instance first.
    pub(crate) args: Bound<'py, PyTuple>,
    pub(crate) kwargs: Option<Bound<'py, PyDict>>,
}

/// A method of the cache.
pub(crate) trait Method {
    const NAME: &CStr;
    /// Its signature and its docstring.
    const DOC: &CStr;
    const TAKES: Takes;

    fn run<'py>(given: &Given<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// A method of the class of functions, or of that of bound methods.
pub(crate) fn definition<M: Method, const BOUND: bool>() -> ffi::PyMethodDef {
    let (ml_meth, ml_flags) = if let Takes::Nothing = M::TAKES {
        (ffi::PyMethodDefPointer { PyCFunction: called_with_nothing::<M, BOUND> }, ffi::METH_NOARGS)
    } else {
        let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
        (ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: called::<M, BOUND> }, flags)
    };
    ffi::PyMethodDef { ml_name: M::NAME.as_ptr(), ml_meth, ml_flags, ml_doc: M::DOC.as_ptr() }
}

/// What CPython calls.
unsafe extern "C" fn called<M: Method, const BOUND: bool>(
    object: *mut PyObject,
    args: *const *mut PyObject,
    count: ffi::Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    attach(|py| {
        let run = || {
            // SAFETY: CPython has looked at the object's type, and holds the arguments until the answer: as
            // many as it says, and one more for each name.
            let (on, positional, kwargs) = unsafe {
                let names =
                    Bound::from_borrowed_ptr_or_opt(py, names).map(|names| names.cast_into_unchecked());
                let count = count.unsigned_abs();
                let length = count + names.as_ref().map_or(0, PyTupleMethods::len);
                let values = if length == 0 { &[] } else { slice::from_raw_parts(args, length) };
                let bound = |object: &*mut PyObject| Bound::<PyAny>::from_borrowed_ptr(py, *object);
                let (positional, named) = values.split_at(count);
                let kwargs = names.map(|names| keywords(&names, named.iter().map(bound))).transpose()?;
                (on::<BOUND>(py, object), positional.iter().map(bound), kwargs)
            };
            M::run(&given::<M>(on, positional, kwargs)?)
        };
        fallible::answered(py, run)
    })
}

/// The same for a method that takes nothing, to which CPython sees.
unsafe extern "C" fn called_with_nothing<M: Method, const BOUND: bool>(
    object: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    attach(|py| {
        fallible::answered(py, || {
            // SAFETY: CPython has looked at the object's type, and holds it until the answer.
            let on = unsafe { on::<BOUND>(py, object) };
            M::run(&given::<M>(on, std::iter::empty(), None)?)
        })
    })
}

/// The object that a method is called on, the function, and the instance.
type On<'py> = (Bound<'py, PyAny>, Bound<'py, Cached>, Option<Bound<'py, PyAny>>);

/// # Safety
/// The object must be a bound method, or a function if it is to be none, and be alive.
unsafe fn on<const BOUND: bool>(py: Python<'_>, object: *mut PyObject) -> On<'_> {
    // SAFETY: the caller says so.
    let object = unsafe { Bound::<PyAny>::from_borrowed_ptr(py, object) };
    if !BOUND {
        // SAFETY: the caller says so.
        let cached = unsafe { object.clone().cast_into_unchecked::<Cached>() };
        return (object, cached, None);
    }
    // SAFETY: the caller says so.
    let method = unsafe { object.cast_unchecked::<CachedMethod>() }.get();
    let (cached, instance) = (method.function.bind(py).clone(), method.instance.bind(py).clone());
    (object, cached, Some(instance))
}

/// What a method is given, told apart.
fn given<'py, M: Method>(
    (object, cached, instance): On<'py>,
    mut positional: impl Iterator<Item = Bound<'py, PyAny>>,
    mut kwargs: Option<Bound<'py, PyDict>>,
) -> PyResult<Given<'py>> {
    let py = object.py();
    let first = match M::TAKES {
        Takes::Nothing | Takes::Call => None,
        Takes::One(name) => Some(only::<M>(py, name, &mut positional, kwargs.take().as_ref())?),
        Takes::OneAndCall(name) => Some(positional.next().ok_or_else(|| missing::<M>(py, name))?),
    };
    let args: Vec<_> = instance.iter().cloned().chain(positional).collect();
    Ok(Given { args: fallible::tuple(py, args)?, object, cached, instance, first, kwargs })
}

/// The one argument that a method takes, in its place or by its name.
fn only<'py, M: Method>(
    py: Python<'py>,
    name: &str,
    positional: &mut impl Iterator<Item = Bound<'py, PyAny>>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut found = positional.next();
    let mut refused = positional.count();
    for (key, value) in kwargs.into_iter().flatten() {
        if found.is_none() && key.eq(fallible::text(py, name)?)? {
            found = Some(value);
        } else {
            refused += 1;
        }
    }
    let found = found.ok_or_else(|| missing::<M>(py, name))?;
    if refused > 0 {
        let message = format!("{}() takes one argument, '{name}'", M::NAME.to_string_lossy());
        return Err(fallible::error::<PyTypeError>(py, message));
    }
    Ok(found)
}

#[cold]
fn missing<M: Method>(py: Python<'_>, first: &str) -> PyErr {
    let name = M::NAME.to_string_lossy();
    fallible::error::<PyTypeError>(py, format!("{name}() missing 1 required positional argument: '{first}'"))
}

fn keywords<'py>(
    names: &Bound<'py, PyTuple>,
    values: impl Iterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let keywords = fallible::dict(names.py())?;
    names.iter().zip(values).try_for_each(|(name, value)| keywords.set_item(name, value))?;
    Ok(keywords)
}

/// A docstring made of the lines of doc comments, each of which begins with a space; nulls follow.
pub(crate) const fn docstring<const LONGER: usize>(lines: &str) -> [u8; LONGER] {
    let (lines, mut text) = (lines.as_bytes(), [0; LONGER]);
    let (mut at, mut length) = (0, 0);
    while at < lines.len() {
        if lines[at] != b' ' || at == 0 || lines[at - 1] != b'\n' {
            text[length] = lines[at];
            length += 1;
        }
        at += 1;
    }
    text
}
