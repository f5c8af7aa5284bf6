//! The classes that CPython calls by vectorcall: of decorated functions, and of methods bound to an instance.
#![expect(unsafe_code, reason = "defines types by CPython's own means")]

use std::ffi::CStr;
use std::{ptr, slice};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use super::cache_methods;
use super::method::{CachedMethod, MethodDoc};
use crate::py::asyncio::coroutine::call_coroutine_function;
use crate::py::call::entrance;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::named;
use crate::py::interpreter::vectorcall_type::{self, DerivedType};

static FUNCTION: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The docstring of the class, as the stub has it too.
const FUNCTION_DOC: &CStr = c"A function whose results are cached. Made by the decorators.

It is called as the function is, and has methods that look at the cache and change it.

Example:
    >>> from versioned_lru_cache import versioned_lru_cache, versions
    >>> changes = versions.counter(\"changes\")
    >>> @versioned_lru_cache(changes)
    ... def square(number: int) -> int:
    ...     return number * number
    >>> square(3), square(3)
    (9, 9)
    >>> square.cache_info()
    CacheInfo(hits=1, misses=1, maxsize=128, currsize=1)
";

/// The class of decorated functions.
pub(crate) fn function_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = FUNCTION.get_or_try_init(py, || {
        let derived = DerivedType {
            name: c"versioned_lru_cache.CachedFunction",
            doc: FUNCTION_DOC,
            new: new_function,
            methods: cache_methods::definitions::<false>(),
            getattr: None,
            // A method call may skip `__get__` and put the instance first, as it does with functions.
            flags: ffi::Py_TPFLAGS_METHOD_DESCRIPTOR | ffi::Py_TPFLAGS_IMMUTABLETYPE,
        };
        // SAFETY: `new_function` fills the instances.
        unsafe { vectorcall_type::derive(&py.get_type::<Cached>(), &derived) }
    })?;
    Ok(class.bind(py))
}

/// The class of bound methods.
pub(crate) fn method_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = METHOD.get_or_try_init(py, || {
        let derived = DerivedType {
            name: c"versioned_lru_cache.CachedMethod",
            doc: c"CachedMethod(function, instance, /)\n--\n\n",
            new: new_method,
            methods: cache_methods::definitions::<true>(),
            getattr: Some(attribute_of_method),
            flags: 0,
        };
        // SAFETY: `new_method` fills the instances.
        let class = unsafe { vectorcall_type::derive(&py.get_type::<CachedMethod>(), &derived)? };
        class.bind(py).setattr("__doc__", MethodDoc)?;
        Ok::<_, PyErr>(class)
    })?;
    Ok(class.bind(py))
}

/// A method bound to an instance.
pub(crate) fn bind<'py>(
    cached: &Bound<'py, Cached>,
    instance: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    method_class(cached.py())?.call1((cached, instance))
}

unsafe extern "C" fn new_function(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it, for the class above, whose instances are cached functions.
    unsafe {
        let cached =
            |object| Borrowed::from_ptr(Python::assume_attached(), object).cast_unchecked::<Cached>().get();
        let object = vectorcall_type::fill(class, args, kwargs, |object| entrance(cached(object)));
        // As CPython does with functions: what was made within another is to go as soon as nobody refers to
        // it.
        #[cfg(Py_GIL_DISABLED)]
        if !object.is_null() && !cached(object).function.name.contains("<locals>") {
            vectorcall_type::defer_counting(object);
        }
        object
    }
}

unsafe extern "C" fn new_method(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it, for the class above.
    unsafe { vectorcall_type::fill(class, args, kwargs, |_| call_method) }
}

/// What CPython calls when a bound method is called: the function, with the instance first.
unsafe extern "C" fn call_method(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it attached, on an instance of the class above and with a vectorcall's arguments.
    // The place before the first argument is lent where the flag says so.
    unsafe {
        let py = Python::assume_attached();
        let method = Borrowed::from_ptr(py, callable).cast_unchecked::<CachedMethod>();
        let (function, instance) = (method.get().function.as_ptr(), method.get().instance.as_ptr());
        let call_function = entrance(method.get().function.get());
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        if nargsf & ffi::PY_VECTORCALL_ARGUMENTS_OFFSET != 0 {
            let first = args.sub(1).cast_mut();
            let lent = first.replace(instance);
            let answer = call_function(function, first, count + 1, names);
            first.write(lent);
            return answer;
        }
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names).unsigned_abs() };
        let mut all = Vec::with_capacity(1 + count + named);
        all.push(instance);
        if count + named > 0 {
            all.extend_from_slice(slice::from_raw_parts(args, count + named));
        }
        call_function(function, all.as_ptr(), count + 1, names)
    }
}

/// `tp_getattro` of a bound method: its own attributes, then the function's, whose module it shows as its
/// own.
unsafe extern "C" fn attribute_of_method(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it attached, on an instance of the class above, with a str.
    unsafe {
        let py = Python::assume_attached();
        let method = Borrowed::from_ptr(py, object).cast_unchecked::<CachedMethod>();
        let asked = |known: &Bound<'_, PyString>| ffi::PyUnicode_Compare(known.as_ptr(), name) == 0;
        let (signature, module) = match (named!(py, "__signature__"), named!(py, "__module__")) {
            (Ok(signature), Ok(module)) => (signature, module),
            (Err(error), _) | (_, Err(error)) => {
                error.restore(py);
                return ptr::null_mut();
            }
        };
        if asked(signature) {
            return match method.get().signature(py) {
                Ok(signature) => signature.into_ptr(),
                Err(error) => {
                    error.restore(py);
                    ptr::null_mut()
                }
            };
        }
        if !asked(module) {
            let own = ffi::PyObject_GenericGetAttr(object, name);
            if !own.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
                return own;
            }
            ffi::PyErr_Clear();
        }
        ffi::PyObject_GetAttr(method.get().function.as_ptr(), name)
    }
}

/// What CPython calls when a decorated function is called.
#[inline]
fn entrance(cached: &Cached) -> ffi::vectorcallfunc {
    if cached.coroutine { call_coroutine_function } else { entrance::entrance(cached) }
}
