//! The methods of the cache: the one list, by which functions and bound methods have them, each with its
//! docstring. The stub carries the same text, since editors show that.

use std::ffi::CStr;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::cache_key::CacheKey;
use super::lookup::number;
use super::method_definition::{Given, Method, Takes, definition, docstring};
use crate::engine::{DeferredDrops, Manner, Probe, PutResult, Putter, Wish, oldest};
use crate::py::arguments::call_arguments::with_arguments;
use crate::py::arguments::key::Key;
use crate::py::call::admission::{Admitted, told, told_ttl};
use crate::py::call::attempt::Attempt;
use crate::py::call::awaited_call::Call;
use crate::py::call::computation::{self, EnclosingComputation};
use crate::py::call::second_tier::StorePart;
use crate::py::call::settle::settle;
use crate::py::function::cached::Cached;
use crate::py::function::version::Version;
use crate::py::interpreter::fallible::{self, Number, imported, named};
use crate::py::objects::describe;

macro_rules! methods {
    ($(
        $(#[doc = $line:literal])+
        $method:ident = $name:literal $signature:literal, $takes:expr, |$given:ident| $run:expr;
    )+) => {
        $(
            struct $method;

            impl Method for $method {
                const NAME: &CStr = terminated(concat!($name, "\0").as_bytes());
                const DOC: &CStr = {
                    const LINES: &str = concat!($name, $signature, "\n--\n\n" $(, $line, "\n")+);
                    const TEXT: &[u8] = &docstring::<{ LINES.len() + 1 }>(LINES);
                    terminated(TEXT)
                };
                const TAKES: Takes = $takes;

                fn run<'py>($given: &Given<'py>) -> PyResult<Bound<'py, PyAny>> {
                    $run
                }
            }
        )+

        /// What the class of functions has, or that of bound methods. CPython keeps it for ever.
        pub(crate) fn definitions<const BOUND: bool>() -> *mut ffi::PyMethodDef {
            let methods = [$(definition::<$method, BOUND>(),)+ ffi::PyMethodDef::zeroed()];
            Box::leak(Box::new(methods)).as_mut_ptr()
        }
    };
}

/// Text up to its first null.
const fn terminated(text: &[u8]) -> &CStr {
    match CStr::from_bytes_until_nul(text) {
        Ok(text) => text,
        Err(_) => panic!("a text without a null"),
    }
}

methods! {
    /// Hits, misses, maxsize and the number of stored results, as functools has them.
    ///
    /// Of a bound method these are its function's, for all instances.
    ///
    /// Returns:
    ///     A ``CacheInfo``.
    ///
    /// Example:
    ///     >>> square(3), square(3)
    ///     (9, 9)
    ///     >>> square.cache_info()
    ///     CacheInfo(hits=1, misses=1, maxsize=128, currsize=1)
    CacheInfo = "cache_info" "($self)", Takes::Nothing,
    |given| given.cached.get().cache_info(given.cached.py());

    /// All that is counted, since the function was decorated or last cleared.
    ///
    /// Of a bound method this is its function's, for all instances.
    ///
    /// Returns:
    ///     A ``CacheStats``, which says what each number is.
    ///
    /// Example:
    ///     >>> square(3), square(3)
    ///     (9, 9)
    ///     >>> square.cache_stats().version_calls
    ///     2
    CacheStats = "cache_stats" "($self)", Takes::Nothing,
    |given| given.cached.get().cache_stats(given.cached.py());

    /// All options, ``maxsize`` and ``typed`` first, as functools has them.
    ///
    /// Returns:
    ///     A new dict, by the names that :func:`versioned_lru_cache` has for them; ``version`` is among them.
    ///     Of the original's decorator there are ``module_name`` and ``no_history_events_default_version``
    ///     as well.
    ///
    /// Example:
    ///     >>> parameters = square.cache_parameters()
    ///     >>> parameters["maxsize"], parameters["typed"], parameters["ttl"]
    ///     (128, False, None)
    CacheParameters = "cache_parameters" "($self)", Takes::Nothing,
    |given| Ok(given.cached.get().cache_parameters(given.cached.py())?.into_any());

    /// Forget all results, in every session, and count from zero. What runs now will not be stored.
    ///
    /// Forget the results of this instance, and count on, if the method is bound:
    /// ``obj.method.cache_clear()``. What runs now for it will not be stored.
    ///
    /// What that of a coroutine function returns can be awaited: then a store whose methods are
    /// awaited has been told, too.
    ///
    /// Example:
    ///     >>> square(3)
    ///     9
    ///     >>> square.cache_clear()
    ///     >>> square.cache_contains(3)
    ///     False
    CacheClear = "cache_clear" "($self)", Takes::Nothing,
    |given| {
        let (py, cached) = (given.cached.py(), given.cached.get());
        let part = cached.clear_store(py)?;
        match &given.instance {
            None => cached.cache_clear(py),
            Some(instance) => cached.clear_of(py, instance),
        }
        cached.delivered(py.None().into_bound(py), part)
    };

    /// Forget what has ended and no stale policy may use any more.
    ///
    /// What has ended gives its room to new results by itself, so this is for memory that is to be free
    /// before. What sessions keep for themselves stays. Of a bound method: for all instances.
    ///
    /// Returns:
    ///     How many results those were.
    ///
    /// Example:
    ///     >>> square(3)
    ///     9
    ///     >>> square.cache_purge()  # it has no ttl
    ///     0
    CachePurge = "cache_purge" "($self)", Takes::Nothing,
    |given| {
        let py = given.cached.py();
        number(given.cached.get().cache_purge(py)).into_bound_py_any(py)
    };

    /// The calls whose arguments a predicate finds true, for ``Refresh.only``.
    ///
    /// Of a bound method: the calls on its instance, which the predicate is not given.
    ///
    /// Args:
    ///     predicate: A callable that takes the arguments of a call, with the same defaults as the
    ///         function, and tells whether to renew the result.
    ///
    /// Returns:
    ///     A target of ``Refresh.only``.
    ///
    /// Raises:
    ///     TypeError: The predicate is no callable, no plain function, or has other defaults.
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import Refresh, session
    ///     >>> large = square.where(lambda number: number > 2)
    ///     >>> square(1), square(3)
    ///     (1, 9)
    ///     >>> with session(refresh=Refresh.only(large)):
    ///     ...     square(1), square(3)
    ///     (1, 9)
    ///     >>> square.cache_info().misses
    ///     3
    Where = "where" "($self, predicate)", Takes::One("predicate"),
    |given| {
        let class = imported!(given.object.py(), "versioned_lru_cache._refresh", "Where")?;
        class.call1((&given.object, &given.first))
    };

    /// A name of each call whose result is stored and has not ended, the most recently used first.
    ///
    /// Asks nothing and moves nothing. Of a bound method only those of its instance.
    ///
    /// Returns:
    ///     A list of ``CacheKey``: ``args`` and ``kwargs`` are the call's arguments, bound to the function's
    ///     parameters; with ``key=`` the only argument is what that has made.
    ///
    /// Example:
    ///     >>> square(3), square(number=4)
    ///     (9, 16)
    ///     >>> [key.args for key in square.cache_keys()]
    ///     [(4,), (3,)]
    CacheKeys = "cache_keys" "($self)", Takes::Nothing,
    |given| {
        let keys = Cached::stored_keys(given)?;
        keys.into_bound_py_any(given.cached.py())
    };

    /// Forget the results of all calls that a predicate over their arguments finds true, in every session.
    ///
    /// Those that are being computed now will not be stored. The predicate is called with no lock held.
    ///
    /// What that of a coroutine function returns can be awaited: then a store whose methods are
    /// awaited has been told, too.
    ///
    /// Args:
    ///     predicate: A callable that takes the function's arguments, bound to its parameters, and tells
    ///         whether to forget their result. With ``key=`` it takes what that has made.
    ///
    /// Returns:
    ///     How many results were stored of those.
    ///
    /// Raises:
    ///     TypeError: The predicate is not callable or can't take the arguments.
    ///
    /// Example:
    ///     >>> square(3), square(4)
    ///     (9, 16)
    ///     >>> square.cache_invalidate_where(lambda number: number > 3)
    ///     1
    ///     >>> square.cache_contains(3), square.cache_contains(4)
    ///     (True, False)
    CacheInvalidateWhere = "cache_invalidate_where" "($self, predicate)", Takes::One("predicate"),
    |given| {
        let nothing = Ok((0, StorePart::Done(false)));
        let predicate = given.first.as_ref();
        let (count, part) =
            predicate.map_or(nothing, |predicate| Cached::invalidate_where(given, predicate))?;
        given.cached.get().delivered(Number(count).into_bound_py_any(given.cached.py())?, part)
    };

    /// Make a result anew, under a version asked anew.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Returns:
    ///     The new result; of a coroutine function, what to await for it.
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments.
    ///
    /// Example:
    ///     >>> square(3), square.cache_refresh(3)
    ///     (9, 9)
    ///     >>> square.cache_info().misses
    ///     2
    CacheRefresh = "cache_refresh" "($self, *args, **kwargs)", Takes::Call,
    |given| Cached::cache_refresh(&given.cached, &given.args, given.kwargs.as_ref());

    /// What a call with these arguments would do and why.
    ///
    /// Asks nothing, computes nothing and moves nothing.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments; and ``show_args=True`` shows the arguments in place of a digest.
    ///
    /// Returns:
    ///     An ``Explanation``, whose ``str`` is a ``Cache-Status`` value (RFC 9211).
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments.
    ///
    /// Example:
    ///     >>> square.cache_explain(3).fwd
    ///     'miss'
    CacheExplain = "cache_explain" "($self, *args, **kwargs)", Takes::Call,
    |given| Cached::explained(&given.cached, &given.args, given.kwargs.as_ref());

    /// A hashable name of the call with these arguments.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Returns:
    ///     A ``CacheKey``, equal to that of the same call.
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments, or one is unhashable.
    ///
    /// Example:
    ///     >>> square.cache_key(3) == square.cache_key(3)
    ///     True
    CacheKeyOf = "cache_key" "($self, *args, **kwargs)", Takes::Call,
    |given| {
        let key = Cached::cache_key(&given.cached, &given.args, given.kwargs.as_ref())?;
        key.into_bound_py_any(given.cached.py())
    };

    /// Whether a result is stored and not expired. Asks nothing and moves nothing.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Returns:
    ///     Whether there is one, of whatever version.
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments, or one is unhashable.
    ///
    /// Example:
    ///     >>> square.cache_contains(3), square(3), square.cache_contains(3)
    ///     (False, 9, True)
    CacheContains = "cache_contains" "($self, *args, **kwargs)", Takes::Call,
    |given| {
        let py = given.cached.py();
        let found = given.cached.get().peek(py, "cache_contains", &given.args, given.kwargs.as_ref())?;
        Ok(truth(py, found.is_some()))
    };

    /// The stored result and its version, or ``None``. Asks nothing and moves nothing.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Returns:
    ///     A ``Versioned``, or ``None`` where nothing is stored that has not expired.
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments, or one is unhashable.
    ///
    /// Example:
    ///     >>> square(3)
    ///     9
    ///     >>> square.cache_peek(3)
    ///     Versioned(value=9, version=0)
    CachePeek = "cache_peek" "($self, *args, **kwargs)", Takes::Call,
    |given| {
        let py = given.cached.py();
        let found = given.cached.get().peek(py, "cache_peek", &given.args, given.kwargs.as_ref())?;
        let Some((value, version, own_ttl)) = found else { return Ok(py.None().into_bound(py)) };
        let value = given.cached.get().copied(value.0.into_bound(py))?;
        told(&value, version.bind(py), own_ttl)
    };

    /// Forget the result for these arguments, in every session.
    ///
    /// If it is being computed now, that will not be stored.
    ///
    /// What that of a coroutine function returns can be awaited: then a store whose methods are
    /// awaited has been told, too.
    ///
    /// Args:
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Returns:
    ///     Whether there was one.
    ///
    /// Raises:
    ///     TypeError: The function can't be called with these arguments, or one is unhashable.
    ///
    /// Example:
    ///     >>> square(3)
    ///     9
    ///     >>> square.cache_invalidate(number=3), square.cache_invalidate(3)
    ///     (True, False)
    CacheInvalidate = "cache_invalidate" "($self, *args, **kwargs)", Takes::Call,
    |given| {
        let (py, cached) = (given.cached.py(), given.cached.get());
        let (found, part) = cached.cache_invalidate(py, &given.args, given.kwargs.as_ref())?;
        cached.delivered(truth(py, found), part)
    };

    /// Store a result that was made elsewhere, as of now, under its version.
    ///
    /// What that of a coroutine function returns can be awaited: then a store whose methods are
    /// awaited has been told, too.
    ///
    /// Args:
    ///     versioned: A ``Versioned``: the result, the version of the data that it was made from, and perhaps
    ///         how long it lives. One that lives 0 seconds or less is not stored.
    ///     args: The positional arguments of the call.
    ///     kwargs: Its keyword arguments.
    ///
    /// Raises:
    ///     TypeError: ``versioned`` is no ``Versioned``, its version or an argument is unhashable, or the
    ///         function can't be called with these arguments.
    ///     ValueError: The function's version is a constant, and another.
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import Versioned
    ///     >>> square.cache_put(Versioned(9, changes()), 3)
    ///     >>> square(3), square.cache_info().misses
    ///     (9, 0)
    CachePut = "cache_put" "($self, versioned, /, *args, **kwargs)", Takes::OneAndCall("versioned"),
    |given| {
        let (py, cached) = (given.cached.py(), given.cached.get());
        let nothing = Ok(StorePart::Done(false));
        let part = given.first.as_ref().map_or(nothing, |versioned| {
            cached.cache_put(py, versioned, &given.args, given.kwargs.as_ref())
        })?;
        cached.delivered(py.None().into_bound(py), part)
    };
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
                return cached.copied(Self::call(slf, arguments, wish, Attempt::NOTHING)?);
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

    /// Whether there was a result, as far as is known, and what is left to be told to the store.
    fn cache_invalidate<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<(bool, StorePart<'py>)> {
        let probe = self.probe_of(py, args, kwargs)?;
        // The store first: what is loaded from it until then is struck here.
        let part = self.forget_in_store(py, &probe.key)?;
        let stored = self.invalidate(py, &probe)?;
        if !stored {
            self.check_fit(py, "cache_invalidate", args, kwargs)?;
        }
        Ok((stored || matches!(part, StorePart::Done(true)), part))
    }

    /// Takes a key out, wherever it is kept. Whether it was stored.
    pub(super) fn invalidate(&self, py: Python<'_>, probe: &Probe<Key>) -> PyResult<bool> {
        let mut drops = DeferredDrops::default();
        let removed = settle(py, |comparisons| {
            self.function.cache.with(py, |cache| cache.invalidate(probe, comparisons, &mut drops))
        });
        drop(drops);
        removed
    }

    fn cache_put<'py>(
        &self,
        py: Python<'py>,
        versioned: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<StorePart<'py>> {
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
        let (given, admitted) = with_arguments(args, kwargs, self.is_method(), |arguments| {
            let (_, given) = self.given(py, arguments, &probe)?;
            Ok((given, self.admitted(&value, Some(&told_ttl(versioned)?), arguments)?))
        })?;
        // It ends before it is stored.
        let Some(Admitted { own_ttl, weight }) = admitted else { return Ok(StorePart::Done(false)) };
        let result = PutResult { value: value.into(), version: version.into(), own_ttl, weight };
        let inside = EnclosingComputation::here(py);
        let leader = computation::leader(py);
        let putter = Putter {
            leader: &leader,
            rests_on: if self.all_hold(py, &inside)? { None } else { Some(oldest(&inside.reads)) },
        };
        settle(py, |comparisons| {
            self.enter(py, session.as_ref(), |cx| {
                cx.put((&probe, given.as_ref()), &result, &putter, comparisons)
            })
        })?;
        if putter.rests_on.is_some() {
            return Ok(StorePart::Done(false));
        }
        self.put_in_store(py, &probe.key, (&result.value, &result.version), own_ttl)
    }
}
