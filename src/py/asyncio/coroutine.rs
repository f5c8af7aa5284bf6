//! What a call of a cached coroutine function returns: a coroutine that decides between hit and miss when it
//! is awaited. A hit is over at once; a miss goes on as `_async.drive`.
#![expect(unsafe_code, reason = "a type with am_send and room for the arguments, which PyO3 can't define")]

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi::{self, PyObject, PySendResult};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use super::coroutine_memory::{
    Coroutine, DRIVEN, NEW, OVER, clear, dealloc, driver, end, finalize, traverse, values,
};
use super::free_list;
use super::stop_iteration;
use crate::engine::{Manner, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::parameters::Room;
use crate::py::call::asked_hit::{self, AskedHit};
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::Call;
use crate::py::call::long_way::called;
use crate::py::call::question::Question;
use crate::py::call::{computation, hit, recorded_hit};
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::{self, imported, named};
use crate::py::session::fast_lookup::{Anywhere, Locator, Placed};

static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The class of these coroutines.
pub(crate) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = CLASS.get_or_try_init(py, || define(py))?;
    Ok(class.bind(py))
}

fn define(py: Python<'_>) -> PyResult<Py<PyType>> {
    let method = |name: &'static CStr, run: ffi::PyCFunction, doc: &'static CStr, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: run },
        ml_flags: flags,
        ml_doc: doc.as_ptr(),
    };
    // CPython keeps the definitions of methods, so they live as long as the class: for ever.
    let methods = Box::leak(Box::new([
        method(c"send", send, c"send($self, value, /)\n--\n\nGo on with a value.", ffi::METH_O),
        method(
            c"throw",
            throw,
            c"throw($self, type, value=None, traceback=None, /)\n--\n\nGo on with an exception.",
            ffi::METH_VARARGS,
        ),
        method(c"close", close, c"close($self, /)\n--\n\nEnd it.", ffi::METH_NOARGS),
        ffi::PyMethodDef::zeroed(),
    ]));
    let attribute = |name: &'static CStr, get: ffi::getter| ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: ptr::null(),
        closure: name.as_ptr().cast_mut().cast(),
    };
    let attributes = Box::leak(Box::new([
        attribute(c"__name__", of_function),
        attribute(c"__qualname__", of_function),
        attribute(c"cr_await", awaited),
        attribute(c"cr_running", is_running),
        ffi::PyGetSetDef::default(),
    ]));
    let slot = |slot, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_finalize, finalize as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_am_await, itself as *mut c_void),
        slot(ffi::Py_am_send, am_send as *mut c_void),
        slot(ffi::Py_tp_iter, itself as *mut c_void),
        slot(ffi::Py_tp_iternext, next as *mut c_void),
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, attributes.as_mut_ptr().cast()),
        slot(
            ffi::Py_tp_doc,
            c"A call of a cached coroutine function. To be awaited once.".as_ptr().cast_mut().cast(),
        ),
        slot(0, ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_GC
        | ffi::Py_TPFLAGS_IMMUTABLETYPE
        | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = ffi::PyType_Spec {
        name: c"versioned_lru_cache.CachedCoroutine".as_ptr(),
        basicsize: c_int::try_from(size_of::<Coroutine>()).unwrap_or(c_int::MAX),
        itemsize: c_int::try_from(size_of::<*mut PyObject>()).unwrap_or(c_int::MAX),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the flags of a spec are an int, those of a type a long"
        )]
        flags: flags as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec is complete, and CPython copies what does not live for ever.
    unsafe {
        let class = ffi::PyType_FromSpec(&raw mut spec);
        Ok(Bound::from_owned_ptr_or_err(py, class)?.cast_into_unchecked::<PyType>().unbind())
    }
}

/// A coroutine for a call.
///
/// # Safety
/// `function` must be a [`Cached`], and the thread attached.
#[inline]
unsafe fn new(function: *mut PyObject, arguments: Arguments<'_>) -> *mut PyObject {
    // SAFETY: the caller says so. The object is filled before the collector is told of it.
    unsafe {
        let py = Python::assume_attached();
        let class = match class(py) {
            Ok(class) => class.as_type_ptr(),
            Err(error) => {
                error.restore(py);
                return ptr::null_mut();
            }
        };
        let count = arguments.values.len();
        let mut object = free_list::take(class, count).cast::<Coroutine>();
        if object.is_null() {
            object = ffi::PyObject_GC_NewVar::<Coroutine>(class, count.cast_signed());
        }
        if object.is_null() {
            return ptr::null_mut();
        }
        (*object).function = ffi::Py_NewRef(function);
        (*object).names = ffi::Py_XNewRef(arguments.names);
        (*object).driver = ptr::null_mut();
        (*object).call = ptr::null_mut();
        (*object).state = NEW;
        (*object).stop = ptr::null_mut();
        let values = object.add(1).cast::<*mut PyObject>();
        for (place, value) in arguments.values.iter().enumerate() {
            values.add(place).write(ffi::Py_NewRef(*value));
        }
        ffi::PyObject_GC_Track(object.cast());
        object.cast()
    }
}

/// What CPython calls when a decorated coroutine function is called.
pub(crate) unsafe extern "C" fn call_coroutine_function(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    unsafe {
        let (callable, arguments) = called(callable, args, nargsf, names);
        new(callable.as_ptr(), arguments)
    }
}

/// What is learned of a call that is not answered at once.
type Learned = (Attempt, Option<Box<Question>>);

/// Looks for a hit of bound arguments; null is an error that is set.
///
/// # Safety
/// The thread must be attached.
#[expect(clippy::inline_always, reason = "a hit is one function")]
#[inline(always)]
unsafe fn look<P: Locator>(
    function: Borrowed<'_, '_, Cached>,
    Arguments { values, names, owner }: Arguments<'_>,
) -> Result<*mut PyObject, Learned> {
    let (py, cached) = (function.py(), function.get());
    // One for each use: what is passed on lies in memory.
    let arguments = move || Arguments { values, names, owner };
    // SAFETY: the caller says so, and a value is a new reference.
    unsafe {
        let hit = if computation::is_going_on() {
            Python::attach_unchecked(|_| recorded_hit::hit_and_record(function, arguments()))
                .map_err(|learned| (learned, asked_hit::is_alone(cached, py)))
        } else {
            hit::hit::<P>(py, cached, arguments())
        };
        let (tried, alone) = match hit {
            Ok(value) => return Ok(value),
            Err(learned) => learned,
        };
        if alone && let Some(hash) = tried.only_hash() {
            match asked_hit::ask_bound(&function, arguments(), hash) {
                AskedHit::Answer(value) => return Ok(value.into_ptr()),
                AskedHit::Asked(question) => return Err((tried, Some(question))),
                AskedHit::Nothing => {}
            }
        }
        Err((tried, None))
    }
}

/// The same where the arguments come to their places first, or the result is copied.
///
/// # Safety
/// As above.
#[inline(never)]
unsafe fn look_at_length(
    function: Borrowed<'_, '_, Cached>,
    written: Arguments<'_>,
) -> Result<*mut PyObject, Learned> {
    let (cached, mut room) = (function.get(), Room::new());
    if !cached.has_hits() {
        return Err((Attempt::NOTHING, None));
    }
    match cached.placed(function.py(), written, &mut room) {
        // SAFETY: the caller says so.
        Ok(arguments) => unsafe {
            look::<Placed<Anywhere>>(function, arguments).map(|value| handed_out(cached, value))
        },
        // What can't be bound for want of memory is for the whole call.
        Err(_) => Err((Attempt::NOTHING, None)),
    }
}

/// Answers at once, or makes the driver. Null with no driver is an error that is set.
///
/// # Safety
/// `object` must be a new coroutine, and the thread attached.
unsafe fn begin(object: *mut Coroutine) -> *mut PyObject {
    // SAFETY: the caller says so; the coroutine holds its arguments, and only a cached function makes one.
    unsafe {
        let py = Python::assume_attached();
        let function = Borrowed::from_ptr(py, (*object).function).cast_unchecked::<Cached>();
        let cached = function.get();
        let (values, names) = (values(object), (*object).names);
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names).unsigned_abs() };
        let positional = values.len() - named;
        let arguments = Arguments::from_vector(values.as_ptr(), positional, names, cached.is_method());
        let looked = if cached.is_direct && names.is_null() {
            look::<Anywhere>(function, arguments)
        } else {
            look_at_length(function, arguments)
        };
        let (tried, asked) = match looked {
            Ok(value) => return value,
            Err(learned) => learned,
        };
        let drive = move || {
            let values = values.iter().map(|value| Borrowed::from_ptr(py, *value).to_owned());
            let values = fallible::tuple(py, values.collect::<Vec<_>>())?.unbind();
            let names = Bound::from_borrowed_ptr_or_opt(py, names)
                .map(|names| names.cast_into_unchecked::<PyTuple>().unbind());
            let call =
                Call::new(function.to_owned().unbind(), values, names, Wish::of(Manner::Called), tried);
            let call = Bound::new(py, call.after(asked, py))?;
            Ok::<_, PyErr>((Call::driver_of(&call)?, call))
        };
        match drive() {
            Ok((driver, call)) => {
                (*object).call = call.into_ptr();
                (*object).driver = driver.into_ptr();
                (*object).state = DRIVEN;
            }
            Err(error) => error.restore(py),
        }
        ptr::null_mut()
    }
}

/// What is handed out of a stored result, which may be null for an error that is set.
unsafe fn handed_out(cached: &Cached, value: *mut PyObject) -> *mut PyObject {
    if cached.copies.is_none() || value.is_null() {
        return value;
    }
    // SAFETY: the value is a new reference, and the thread attached.
    attach(|py| fallible::answered(py, || cached.copied(unsafe { Bound::from_owned_ptr(py, value) })))
}

/// `am_send`.
unsafe extern "C" fn am_send(
    object: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    // SAFETY: CPython calls it attached, with a coroutine of the class above and a place for the result.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        if (*coroutine).state == NEW {
            if value != ffi::Py_None() {
                let py = Python::assume_attached();
                fallible::error::<PyTypeError>(py, "can't send non-None value to a just-started coroutine")
                    .restore(py);
                *result = ptr::null_mut();
                return PySendResult::PYGEN_ERROR;
            }
            if is_first(coroutine) {
                let answer = begin(coroutine);
                *result = answer;
                if !answer.is_null() {
                    return PySendResult::PYGEN_RETURN;
                }
            }
        }
        let driver = driver(coroutine);
        if driver.is_null() {
            if ffi::PyErr_Occurred().is_null() {
                let py = Python::assume_attached();
                fallible::error::<PyRuntimeError>(py, "cannot reuse already awaited coroutine").restore(py);
            }
            *result = ptr::null_mut();
            return PySendResult::PYGEN_ERROR;
        }
        let sent = ffi::PyIter_Send(driver, value, result);
        ffi::Py_DECREF(driver);
        if !matches!(sent, PySendResult::PYGEN_NEXT) {
            end(coroutine);
        }
        sent
    }
}

/// Begins it, if nobody has: two threads may send at the same time.
unsafe fn is_first(coroutine: *mut Coroutine) -> bool {
    // SAFETY: as the callers say.
    unsafe {
        AtomicU8::from_ptr(&raw mut (*coroutine).state)
            .compare_exchange(NEW, OVER, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

unsafe extern "C" fn send(object: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    let mut result = ptr::null_mut();
    // SAFETY: as CPython calls a method.
    unsafe {
        if matches!(am_send(object, value, &raw mut result), PySendResult::PYGEN_RETURN) {
            stop_iteration::raise(result);
            return ptr::null_mut();
        }
    }
    result
}

/// `tp_iternext`, which `await` calls since Python 3.12. No error is as good as `StopIteration(None)`.
unsafe extern "C" fn next(object: *mut PyObject) -> *mut PyObject {
    let mut result = ptr::null_mut();
    // SAFETY: as CPython calls a slot.
    unsafe {
        if !matches!(am_send(object, ffi::Py_None(), &raw mut result), PySendResult::PYGEN_RETURN) {
            return result;
        }
        if result == ffi::Py_None() {
            ffi::Py_DECREF(result);
        } else {
            (*object.cast::<Coroutine>()).stop = stop_iteration::raise_kept(result);
        }
    }
    ptr::null_mut()
}

unsafe extern "C" fn itself(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: as CPython calls a slot.
    unsafe { ffi::Py_NewRef(object) }
}

unsafe extern "C" fn throw(object: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    // SAFETY: as CPython calls a method, with a tuple of arguments.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        let py = Python::assume_attached();
        let args = Borrowed::from_ptr(py, args).to_owned();
        let Some(driver) = Bound::from_owned_ptr_or_opt(py, driver(coroutine)) else {
            let fresh = is_first(coroutine);
            let thrown = if fresh {
                imported!(py, "versioned_lru_cache._async", "throw")
            } else {
                imported!(py, "versioned_lru_cache._async", "reuse")
            };
            if let Err(error) = thrown.and_then(|throw| throw.call1(args.cast::<PyTuple>()?.clone())) {
                error.restore(py);
            }
            return ptr::null_mut();
        };
        let thrown = args
            .cast::<PyTuple>()
            .map_err(PyErr::from)
            .and_then(|args| driver.getattr(named!(py, "throw")?)?.call1(args.clone()));
        match thrown {
            Ok(value) => value.into_ptr(),
            Err(error) => {
                end(coroutine);
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

unsafe extern "C" fn close(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: as CPython calls a method.
    unsafe {
        let coroutine = object.cast::<Coroutine>();
        let py = Python::assume_attached();
        let driver = Bound::from_owned_ptr_or_opt(py, driver(coroutine));
        end(coroutine);
        match driver.map_or(Ok(()), |driver| driver.call_method0(named!(py, "close")?).map(drop)) {
            Ok(()) => ffi::Py_NewRef(ffi::Py_None()),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

/// An attribute that is the function's.
unsafe extern "C" fn of_function(object: *mut PyObject, name: *mut c_void) -> *mut PyObject {
    // SAFETY: as CPython calls a getter, whose closure is the attribute's name.
    unsafe { ffi::PyObject_GetAttrString((*object.cast::<Coroutine>()).function, name.cast_const().cast()) }
}

/// What it waits for.
unsafe extern "C" fn awaited(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: as CPython calls a getter.
    unsafe { of_driver(object, c"cr_await", ffi::Py_None()) }
}

unsafe extern "C" fn is_running(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: as CPython calls a getter.
    unsafe { of_driver(object, c"cr_running", ffi::Py_False()) }
}

/// An attribute of the driver, or what stands for it where there is none.
unsafe fn of_driver(object: *mut PyObject, name: &CStr, otherwise: *mut PyObject) -> *mut PyObject {
    // SAFETY: as the callers say.
    unsafe {
        let driver = driver(object.cast());
        if driver.is_null() {
            return ffi::Py_NewRef(otherwise);
        }
        let answer = ffi::PyObject_GetAttrString(driver, name.as_ptr());
        ffi::Py_DECREF(driver);
        answer
    }
}

unsafe extern "C" fn repr(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: as CPython calls a slot.
    unsafe {
        let py = Python::assume_attached();
        let function =
            Borrowed::from_ptr(py, (*object.cast::<Coroutine>()).function).cast_unchecked::<Cached>();
        let text = format!("<coroutine of cached {}>", function.get().function.name);
        fallible::answered(py, || fallible::text(py, &text))
    }
}
