//! What is used again instead of made anew, since an awaited hit makes and drops one of each: coroutines of few arguments, and the
//! exception by which CPython's `await` is told a result since 3.12. Computations are used again too (`computing.rs`). Without a GIL all is made
//! anew.
#![expect(unsafe_code, reason = "keeps the memory of dead objects")]

pub(crate) use kept::{coroutine, give_back, is_nobodys, keep, stop};

#[cfg(not(Py_GIL_DISABLED))]
mod kept {
    use std::ptr;

    use pyo3::ffi::{self, PyObject};
    use pyo3::prelude::*;

    use crate::py::asyncio::coroutine::Coroutine;
    use crate::py::interpreter::critical_section::Guarded;

    /// So many of each number of arguments, up to so many arguments.
    const DEPTH: usize = 8;

    struct Spare {
        coroutines: [[*mut Coroutine; DEPTH]; 4],
        stop: *mut PyObject,
    }

    // SAFETY: what is kept here nobody else refers to, and it is only touched with the GIL held.
    unsafe impl Send for Spare {}

    static SPARE: std::sync::LazyLock<Guarded<Spare>> = std::sync::LazyLock::new(|| {
        Guarded::new(Spare { coroutines: [[ptr::null_mut(); DEPTH]; 4], stop: ptr::null_mut() })
    });

    /// A coroutine with room for so many values, or null. Its fields are not set.
    pub(crate) unsafe fn coroutine(class: *mut ffi::PyTypeObject, count: usize) -> *mut Coroutine {
        // SAFETY: attached, as the caller says; what is kept is memory of that size, which is made an object anew.
        unsafe {
            let kept = SPARE.with(Python::assume_attached(), |spare| {
                let place = spare.coroutines.get_mut(count)?.iter_mut().find(|place| !place.is_null())?;
                Some(std::mem::replace(place, ptr::null_mut()))
            });
            let Some(kept) = kept else { return ptr::null_mut() };
            ffi::PyObject_InitVar(kept.cast(), class, count.cast_signed()).cast()
        }
    }

    /// Keeps the memory of a coroutine that is dead, if there is room.
    pub(crate) unsafe fn keep(coroutine: *mut Coroutine) -> bool {
        // SAFETY: attached, with an object that nobody refers to and the collector does not know.
        unsafe {
            let count = (*coroutine).head.ob_size.unsigned_abs();
            SPARE.with(Python::assume_attached(), |spare| {
                let places = spare.coroutines.get_mut(count);
                let place = places.and_then(|places| places.iter_mut().find(|place| place.is_null()));
                place.map(|place| *place = coroutine).is_some()
            })
        }
    }

    /// Whether nothing refers to an object but this.
    pub(crate) fn is_nobodys<T>(object: &Bound<'_, T>) -> bool {
        // SAFETY: the object is alive, and the GIL keeps its count as it is.
        unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
    }

    /// Sets `StopIteration(value)` as the error. Takes the reference; returns one to the exception, or null.
    #[cfg(Py_3_12)]
    pub(crate) unsafe fn stop(value: *mut PyObject) -> *mut PyObject {
        // SAFETY: attached. The class zeroes what it allocates; an exception has arguments, and this one no other value.
        unsafe {
            let py = Python::assume_attached();
            let mut error = SPARE.with(py, |spare| std::mem::replace(&mut spare.stop, ptr::null_mut()));
            if error.is_null() {
                error = ffi::PyObject_CallNoArgs(ffi::PyExc_StopIteration);
                if error.is_null() {
                    ffi::Py_DECREF(value);
                    return error;
                }
            }
            let old = std::mem::replace(&mut (*error.cast::<ffi::PyStopIterationObject>()).value, value);
            ffi::Py_XDECREF(old);
            ffi::PyErr_SetRaisedException(ffi::Py_NewRef(error));
            error
        }
    }

    #[cfg(not(Py_3_12))]
    pub(crate) unsafe fn stop(value: *mut PyObject) -> *mut PyObject {
        // SAFETY: as the caller says.
        unsafe { crate::py::asyncio::coroutine::stop(value) };
        ptr::null_mut()
    }

    /// Takes an exception back that [`stop`] returned. It is used again if nobody has it or has written to it.
    pub(crate) unsafe fn give_back(error: *mut PyObject) {
        if error.is_null() {
            return;
        }
        // SAFETY: attached, with a reference that is given up. What goes may run foreign code, so it goes first.
        unsafe {
            let stop = error.cast::<ffi::PyStopIterationObject>();
            let fresh = ffi::Py_REFCNT(error) == 1
                && (*stop).dict.is_null()
                && (*stop).traceback.is_null()
                && (*stop).context.is_null()
                && (*stop).cause.is_null();
            if fresh {
                let value = std::mem::replace(&mut (*stop).value, ffi::Py_NewRef(ffi::Py_None()));
                ffi::Py_XDECREF(value);
                let old =
                    SPARE.with(Python::assume_attached(), |spare| std::mem::replace(&mut spare.stop, error));
                ffi::Py_XDECREF(old);
            } else {
                ffi::Py_DECREF(error);
            }
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod kept {
    use std::ptr;

    use pyo3::Bound;
    use pyo3::ffi::{self, PyObject};

    use crate::py::asyncio::coroutine::Coroutine;

    pub(crate) unsafe fn coroutine(_: *mut ffi::PyTypeObject, _: usize) -> *mut Coroutine {
        ptr::null_mut()
    }

    pub(crate) unsafe fn keep(_: *mut Coroutine) -> bool {
        false
    }

    /// Other threads may be about to refer to it.
    pub(crate) fn is_nobodys<T>(_: &Bound<'_, T>) -> bool {
        false
    }

    pub(crate) unsafe fn stop(value: *mut PyObject) -> *mut PyObject {
        // SAFETY: as the caller says.
        unsafe { crate::py::asyncio::coroutine::stop(value) };
        ptr::null_mut()
    }

    pub(crate) unsafe fn give_back(_: *mut PyObject) {}
}
