//! The methods that take a call's arguments, of functions and of bound methods: `f.cache_refresh(*args,
//! **kwargs)` and others. PyO3 does not define them, because it panics where there is no memory for the tuple
//! and the dict of those.
#![expect(unsafe_code, reason = "defines methods by CPython's own means")]

use std::ffi::CStr;
use std::slice;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::cache_key::CacheKey;
use super::method::CachedMethod;
use crate::engine::{Displaced, Manner, Putter, Wish, oldest};
use crate::py::arguments::call_arguments::with_arguments;
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::Call;
use crate::py::call::computation::{self, EnclosingComputation};
use crate::py::call::drive;
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::{self, imported, named};
use crate::py::objects::describe;

/// What a method is given: what comes before the call's arguments, if it takes that, and those.
struct Given<'py> {
    first: Option<Bound<'py, PyAny>>,
    args: Bound<'py, PyTuple>,
    kwargs: Option<Bound<'py, PyDict>>,
}

/// A method.
trait Method {
    /// Its name and docstring.
    const NAME: &CStr;
    const DOC: &CStr;
    /// What comes before the call's arguments, if anything does.
    const FIRST: Option<&str> = None;

    fn run<'py>(cached: &Bound<'py, Cached>, given: &Given<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// What the class of functions has, or that of bound methods. CPython keeps it for ever.
pub(crate) fn definitions<const BOUND: bool>() -> *mut ffi::PyMethodDef {
    let methods = [
        defined::<Refresh, BOUND>(),
        defined::<Explain, BOUND>(),
        defined::<Key, BOUND>(),
        defined::<Contains, BOUND>(),
        defined::<Peek, BOUND>(),
        defined::<Invalidate, BOUND>(),
        defined::<Put, BOUND>(),
        ffi::PyMethodDef::zeroed(),
    ];
    Box::leak(Box::new(methods)).as_mut_ptr()
}

fn defined<M: Method, const BOUND: bool>() -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: called::<M, BOUND> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: M::DOC.as_ptr(),
    }
}

/// What CPython calls.
unsafe extern "C" fn called<M: Method, const BOUND: bool>(
    object: *mut PyObject,
    args: *const *mut PyObject,
    count: ffi::Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    attach(|py| {
        // SAFETY: CPython has looked at the object's type, and holds the arguments until the answer: as many
        // as it says, and one more for each name.
        let run = || unsafe {
            let object = Bound::<PyAny>::from_borrowed_ptr(py, object);
            let (cached, instance) = if BOUND {
                let method = object.cast_into_unchecked::<CachedMethod>();
                (method.get().function.bind(py).clone(), Some(method.get().instance.bind(py).clone()))
            } else {
                (object.cast_into_unchecked::<Cached>(), None)
            };
            let bound = |object: &*mut PyObject| Bound::<PyAny>::from_borrowed_ptr(py, *object);
            let names = Bound::from_borrowed_ptr_or_opt(py, names).map(|names| names.cast_into_unchecked());
            let count = count.unsigned_abs();
            let length = count + names.as_ref().map_or(0, PyTupleMethods::len);
            let values = if length == 0 { &[] } else { slice::from_raw_parts(args, length) };
            let (positional, named) = values.split_at(count);
            let mut positional = positional.iter().map(bound);
            let first =
                M::FIRST.map(|first| positional.next().ok_or_else(|| missing::<M>(py, first))).transpose()?;
            let kwargs = names.map(|names| keywords(&names, named.iter().map(bound))).transpose()?;
            let args: Vec<_> = instance.into_iter().chain(positional).collect();
            M::run(&cached, &Given { first, args: fallible::tuple(py, args)?, kwargs })
        };
        fallible::answered(py, run)
    })
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

/// A method that is one of those below.
macro_rules! method {
    ($method:ident, $name:literal, $doc:literal, $(first: $first:literal,)? |$cached:ident, $given:ident| $run:expr) => {
        struct $method;

        impl Method for $method {
            const NAME: &CStr = $name;
            const DOC: &CStr = $doc;
            $(const FIRST: Option<&str> = Some($first);)?

            fn run<'py>($cached: &Bound<'py, Cached>, $given: &Given<'py>) -> PyResult<Bound<'py, PyAny>> {
                $run
            }
        }
    };
}

method! {
    Refresh, c"cache_refresh",
    c"cache_refresh($self, *args, **kwargs)\n--\n\nMake a result anew, under a version asked anew.",
    |cached, given| Cached::cache_refresh(cached, &given.args, given.kwargs.as_ref())
}
method! {
    Explain, c"cache_explain",
    c"cache_explain($self, *args, **kwargs)\n--\n\nWhat a call with these arguments would do and why. Asks nothing, computes nothing \
      and moves nothing. ``show_args=True`` shows\nthe arguments in place of a digest.",
    |cached, given| Cached::explained(cached, &given.args, given.kwargs.as_ref())
}
method! {
    Key, c"cache_key",
    c"cache_key($self, *args, **kwargs)\n--\n\nA hashable name of the call with these arguments.",
    |cached, given| Cached::cache_key(cached, &given.args, given.kwargs.as_ref())?.into_bound_py_any(cached.py())
}
method! {
    Contains, c"cache_contains",
    c"cache_contains($self, *args, **kwargs)\n--\n\nWhether a result is stored and not expired. Asks nothing and moves nothing.",
    |cached, given| {
        let found = cached.get().peek(cached.py(), "cache_contains", &given.args, given.kwargs.as_ref())?;
        Ok(truth(cached.py(), found.is_some()))
    }
}
method! {
    Peek, c"cache_peek",
    c"cache_peek($self, *args, **kwargs)\n--\n\nThe stored result and its version, or ``None``. Asks nothing and moves nothing.",
    |cached, given| {
        let py = cached.py();
        let found = cached.get().peek(py, "cache_peek", &given.args, given.kwargs.as_ref())?;
        let Some((value, version)) = found else { return Ok(py.None().into_bound(py)) };
        let class = imported!(py, "versioned_lru_cache._results", "Versioned")?;
        class.call1((value.bind(py), version.bind(py)))
    }
}
method! {
    Invalidate, c"cache_invalidate",
    c"cache_invalidate($self, *args, **kwargs)\n--\n\nForget the result for these arguments, as a call has them (`f(1)` and `f(a=1)` are two), \
      in every session. Whether there was one. If it is being computed now, that will\nnot be stored.",
    |cached, given| {
        let py = cached.py();
        Ok(truth(py, cached.get().cache_invalidate(py, &given.args, given.kwargs.as_ref())?))
    }
}
method! {
    Put, c"cache_put",
    c"cache_put($self, versioned, /, *args, **kwargs)\n--\n\nStore a result that was made elsewhere, as of now, under its version.",
    first: "versioned",
    |cached, given| {
        let py = cached.py();
        if let Some(versioned) = &given.first {
            cached.get().cache_put(py, versioned, &given.args, given.kwargs.as_ref())?;
        }
        Ok(py.None().into_bound(py))
    }
}

fn truth(py: Python<'_>, truth: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, truth).to_owned().into_any()
}

impl Cached {
    fn cache_refresh<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, cached) = (slf.py(), slf.get());
        cached.check_fit(py, "cache_refresh", args, kwargs)?;
        let wish = Wish::of(Manner::Now);
        with_arguments(args, kwargs, cached.is_method(), |arguments| {
            if !cached.coroutine {
                return Self::call(slf, arguments, wish, Attempt::NOTHING);
            }
            let (args, names) = arguments.to_keep(py)?;
            Call::new(slf.clone().unbind(), args, names, wish, Attempt::NOTHING).driver(py)
        })
    }

    fn cache_key(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<CacheKey> {
        slf.get().check_fit(slf.py(), "cache_key", args, kwargs)?;
        let probe = slf.get().probe_of(slf.py(), args, kwargs)?;
        Ok(CacheKey { function: slf.clone().into_any().unbind(), probe })
    }

    fn cache_invalidate(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        let probe = self.probe_of(py, args, kwargs)?;
        let mut displaced = Displaced::default();
        let removed = drive::settle(py, |verdicts| {
            self.function.store.with(py, |store| store.invalidate(&probe, verdicts, &mut displaced))
        });
        drop(displaced);
        if !removed? {
            self.check_fit(py, "cache_invalidate", args, kwargs)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn cache_put(
        &self,
        py: Python<'_>,
        versioned: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        if !versioned.is_instance(imported!(py, "versioned_lru_cache._results", "Versioned")?)? {
            return Err(fallible::error::<PyTypeError>(
                py,
                format!(
                    "{}.cache_put: the first argument is {}; it must be a Versioned(value, version)",
                    self.function.name,
                    describe::shown(versioned)
                ),
            ));
        }
        let (value, version) =
            (versioned.getattr(named!(py, "value")?)?, versioned.getattr(named!(py, "version")?)?);
        self.check_version(&version, || "given to cache_put".to_owned())?;
        if let Version::Constant(constant) = &self.version
            && !version.eq(constant.version.bind(py))?
        {
            return Err(fallible::error::<PyValueError>(
                py,
                format!(
                    "{}.cache_put: the version is {}, but this function's is always {}; put it under that",
                    self.function.name,
                    describe::shown(&version),
                    describe::shown(constant.version.bind(py))
                ),
            ));
        }
        self.check_fit(py, "cache_put", args, kwargs)?;
        let probe = self.probe_of(py, args, kwargs)?;
        let session = self.session(py)?;
        let (value, version) = (value.into(), version.into());
        let (_, given) =
            with_arguments(args, kwargs, self.is_method(), |arguments| self.given(py, arguments, &probe))?;
        let inside = EnclosingComputation::here(py);
        let leader = computation::leader(py);
        let putter = Putter {
            leader: &leader,
            rests_on: if self.all_hold(py, &inside)? { None } else { Some(oldest(&inside.reads)) },
        };
        let mut displaced = Displaced::default();
        let put = drive::settle(py, |verdicts| {
            self.enter(py, session.as_ref(), |store, caller| {
                store.put(
                    (&probe, given.as_ref()),
                    (&value, &version),
                    caller,
                    &putter,
                    verdicts,
                    &mut displaced,
                )
            })
        });
        drop(displaced);
        put
    }
}
