//! The options of a decorated function, typed: objects that the decorators make with keyword arguments, and
//! that never change, since one decorator may decorate several functions. `_options.py` has checked the
//! values and tells of wrong ones by the names that the decorators have for them.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use crate::engine::clock::Nanos;
use crate::engine::{Lag, Terms};
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::trashcan;

/// What a version function is given, if it is not what a callable makes of the call's arguments.
#[pyclass(frozen, module = "versioned_lru_cache._core", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Gets {
    /// Nothing; once per session.
    Nothing,
    /// The first call's arguments; once per session and function.
    First,
    /// The call's arguments; once per arguments.
    Arguments,
    /// The call's arguments; once per key of the function.
    Key,
}

/// How a source is treated that announces a version before it shows it: what `Lag` says, in nanoseconds.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct LagTerms {
    retries: u32,
    delay: Nanos,
    settle: Option<Nanos>,
    order: Option<Py<PyAny>>,
}

#[pymethods]
impl LagTerms {
    #[new]
    #[pyo3(signature = (*, retries, delay, settle, order))]
    fn new(retries: u32, delay: Nanos, settle: Option<Nanos>, order: Option<Py<PyAny>>) -> Self {
        Self { retries, delay, settle, order }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.order)
    }
}

/// The callables that tell how fresh a result is.
pub(crate) struct Freshness {
    /// Takes the function's place where there is an old result.
    pub(crate) revalidate: Option<Py<PyAny>>,
    /// Whether that is a coroutine function.
    pub(crate) awaits: bool,
    /// Which exceptions are failures of the source.
    pub(crate) errors: Py<PyAny>,
    /// Says whether a version is another or above it.
    pub(crate) order: Option<Py<PyAny>>,
}

impl Freshness {
    /// In place of one that is dropped.
    pub(crate) fn nothing(py: Python<'_>) -> Self {
        Self { revalidate: None, awaits: false, errors: py.None(), order: None }
    }

    /// The same, for one more function.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        let shared = |callable: &Option<Py<PyAny>>| callable.as_ref().map(|callable| callable.clone_ref(py));
        Self {
            revalidate: shared(&self.revalidate),
            awaits: self.awaits,
            errors: self.errors.clone_ref(py),
            order: shared(&self.order),
        }
    }

    /// Whether an exception is a failure of the source.
    pub(crate) fn counts(&self, py: Python<'_>, error: &PyErr) -> bool {
        error.matches(py, self.errors.bind(py)).unwrap_or(false)
    }

    /// Shows the garbage collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.revalidate)?;
        visit.call(&self.errors)?;
        visit.call(&self.order)
    }
}

/// The callables that a result is shown to before it is stored.
#[derive(Default)]
pub(crate) struct Admission {
    /// Tells whether it is to be stored.
    pub(crate) wants: Option<Py<PyAny>>,
    /// Tells how long it lives, by it and the call's arguments.
    pub(crate) ttl: Option<Py<PyAny>>,
    /// Tells what it weighs.
    pub(crate) weigh: Option<Py<PyAny>>,
}

impl Admission {
    /// The same, for one more function.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        let shared = |callable: &Option<Py<PyAny>>| callable.as_ref().map(|callable| callable.clone_ref(py));
        Self { wants: shared(&self.wants), ttl: shared(&self.ttl), weigh: shared(&self.weigh) }
    }

    /// Whether none of them is there.
    pub(crate) fn asks_nothing(&self) -> bool {
        self.wants.is_none() && self.ttl.is_none() && self.weigh.is_none()
    }

    /// Shows the garbage collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.wants)?;
        visit.call(&self.ttl)?;
        visit.call(&self.weigh)
    }
}

/// The options of a decorator, spans of time in nanoseconds.
#[pyclass(frozen, module = "versioned_lru_cache._core")]
pub(crate) struct Options {
    pub(crate) session: Py<PyAny>,
    pub(crate) typed: bool,
    pub(crate) key: Option<Py<PyAny>>,
    pub(crate) admission: Admission,
    pub(crate) wait: Option<Duration>,
    pub(crate) freshness: Freshness,
    /// What is agreed whatever the version comes from.
    pub(crate) terms: Terms,
}

impl Drop for Options {
    fn drop(&mut self) {
        attach(|py| {
            trashcan::discard((
                std::mem::replace(&mut self.session, py.None()),
                std::mem::replace(&mut self.freshness, Freshness::nothing(py)),
                (self.key.take(), std::mem::take(&mut self.admission)),
            ));
        });
    }
}

#[pymethods]
impl Options {
    #[new]
    #[pyo3(signature = (
        *, session, maxsize, max_weight = None, weigh = None, typed, key, ttl, own_ttl = None, verifies,
        revalidate, awaits_revalidate, stale_if_error, retry_after, errors, stale_while_revalidate, lag,
        cache_if, wait
    ))]
    #[expect(clippy::too_many_arguments, reason = "as many as the decorators have")]
    fn new(
        session: Py<PyAny>,
        maxsize: Option<usize>,
        max_weight: Option<u64>,
        weigh: Option<Py<PyAny>>,
        typed: bool,
        key: Option<Py<PyAny>>,
        ttl: Option<Nanos>,
        own_ttl: Option<Py<PyAny>>,
        verifies: bool,
        revalidate: Option<Py<PyAny>>,
        awaits_revalidate: bool,
        stale_if_error: Option<Nanos>,
        retry_after: Nanos,
        errors: Bound<'_, PyTuple>,
        stale_while_revalidate: Option<Nanos>,
        lag: Option<&Bound<'_, LagTerms>>,
        cache_if: Option<Py<PyAny>>,
        wait: Option<Nanos>,
    ) -> Self {
        let py = errors.py();
        let lag = lag.map(Bound::get);
        let order = lag.and_then(|lag| lag.order.as_ref()).map(|order| order.clone_ref(py));
        let terms = Terms {
            maxsize,
            max_weight,
            ttl,
            varies: own_ttl.is_some(),
            constant: false,
            verifies,
            revalidates: revalidate.is_some(),
            has_tier: false,
            stale_if_error,
            stale_while_revalidate,
            retry_after,
            settle: lag.and_then(|lag| lag.settle),
            lag: lag.map_or_else(Lag::default, |lag| Lag {
                retries: lag.retries,
                delay: lag.delay,
                ordered: lag.order.is_some(),
            }),
        };
        let freshness =
            Freshness { revalidate, awaits: awaits_revalidate, errors: errors.into_any().unbind(), order };
        let wait = wait.map(Duration::from_nanos);
        let admission = Admission { wants: cache_if, ttl: own_ttl, weigh };
        Self { session, typed, key, admission, wait, freshness, terms }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.session)?;
        visit.call(&self.key)?;
        self.admission.traverse(&visit)?;
        self.freshness.traverse(&visit)
    }
}
