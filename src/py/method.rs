//! A cached method, bound to its instance: `obj.m`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::cached::Cached;
use super::key::CacheKey;

/// A cached method, bound to an instance. What it has not itself is the function's.
#[pyclass(
    frozen,
    weakref,
    subclass,
    immutable_type,
    module = "versioned_lru_cache",
    name = "CachedMethodBase"
)]
pub(super) struct CachedMethod {
    pub(super) function: Py<Cached>,
    pub(super) instance: Py<PyAny>,
}

#[pymethods]
impl CachedMethod {
    #[new]
    #[pyo3(signature = (function, instance, /))]
    fn new(function: Py<Cached>, instance: Bound<'_, PyAny>) -> PyResult<Self> {
        if instance.is_none() {
            return Err(PyTypeError::new_err("CachedMethod: the instance is None; it must be an object"));
        }
        Ok(Self { function, instance: instance.unbind() })
    }

    /// The cached function.
    #[getter]
    fn __func__(&self) -> &Py<Cached> {
        &self.function
    }

    /// The instance.
    #[getter(__self__)]
    fn instance(&self) -> &Py<PyAny> {
        &self.instance
    }

    /// Hits, misses, maxsize and the number of stored results of the method, for all instances.
    fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.get().cache_info(py)
    }

    /// All that is counted of the method, for all instances.
    fn cache_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.get().cache_stats(py)
    }

    /// ``maxsize`` and ``typed``, as functools has them.
    fn cache_parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.function.get().cache_parameters(py)
    }

    /// Forget the results of this instance, in every session. What runs now for it will not be stored.
    fn cache_clear(&self, py: Python<'_>) {
        self.function.get().clear_of(py, self.instance.bind(py));
    }

    /// Make a result anew, under a version asked anew.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_refresh<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Cached::cache_refresh(self.function.bind(py), &self.all(args)?, kwargs)
    }

    /// What a call with these arguments would do and why. Asks nothing, computes nothing and moves nothing. ``show_args=True`` shows
    /// the arguments in place of a digest.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_explain<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Cached::cache_explain(self.function.bind(py), &self.all(args)?, kwargs)
    }

    /// The calls on this instance whose arguments a predicate finds true, for ``Refresh.only``.
    #[pyo3(name = "where")]
    fn calls_where<'py>(
        slf: &Bound<'py, Self>,
        predicate: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("versioned_lru_cache._refresh")?.call_method1("Where", (slf, predicate))
    }

    /// A hashable name of the call with these arguments.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_key(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<CacheKey> {
        Cached::cache_key(self.function.bind(py), &self.all(args)?, kwargs)
    }

    /// Whether a result is stored and not expired. Asks nothing and moves nothing.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_contains(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        self.function.get().cache_contains(py, &self.all(args)?, kwargs)
    }

    /// The stored result and its version, or ``None``. Asks nothing and moves nothing.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_peek<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.function.get().cache_peek(py, &self.all(args)?, kwargs)
    }

    /// Forget the result for these arguments, in every session. Whether there was one. If it is being computed now, that will
    /// not be stored.
    #[pyo3(signature = (*args, **kwargs))]
    fn cache_invalidate(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        self.function.get().cache_invalidate(py, &self.all(args)?, kwargs)
    }

    /// Store a result that was made elsewhere, as of now, under its version.
    #[pyo3(signature = (versioned, /, *args, **kwargs))]
    fn cache_put(
        &self,
        py: Python<'_>,
        versioned: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        self.function.get().cache_put(py, versioned, &self.all(args)?, kwargs)
    }

    /// A bound method is bound already.
    fn __get__<'py>(
        slf: Bound<'py, Self>,
        _instance: &Bound<'py, PyAny>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> Bound<'py, Self> {
        slf
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            self.instance.is(&other.instance) && self.function.is(&other.function)
        })
    }

    fn __hash__(&self) -> u64 {
        let mixed = ahash::RandomState::with_seeds(0, 0, 0, 0);
        mixed.hash_one((self.instance.as_ptr() as usize, self.function.as_ptr() as usize))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let name = self.function.getattr(py, "__name__")?;
        let own = PyTuple::new(py, [self.instance.clone_ref(py), name])?;
        Ok((py.import("builtins")?.getattr("getattr")?, own))
    }

    /// ``CachedMethod[[int], str]``, for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, pyo3::types::PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, item))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// As of a plain method: the same function, of a copy of the instance.
    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let instance = slf.py().import("copy")?.call_method1("deepcopy", (&slf.get().instance, memo))?;
        slf.get_type().call1((&slf.get().function, instance))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let function = &self.function.get().function;
        Ok(format!(
            "<cached method {}.{} of {}>",
            function.module,
            function.name,
            self.instance.bind(py).repr()?
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.instance)
    }
}

impl CachedMethod {
    /// The signature without the instance. No attribute of the class, which has a signature of its own.
    pub(super) fn signature<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plain = py.import("types")?.getattr("MethodType")?;
        let plain = plain.call1((&self.function.get().wrapped, &self.instance))?;
        py.import("inspect")?.call_method1("signature", (plain,))
    }

    /// The arguments with the instance before them.
    fn all<'py>(&self, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
        let py = args.py();
        PyTuple::new(py, [self.instance.bind(py).clone()].into_iter().chain(args.iter()).collect::<Vec<_>>())
    }
}

/// The class's own text on the class, and the function's on a bound method, whichever way that is looked up.
#[pyclass(frozen)]
pub(super) struct MethodDoc;

#[pymethods]
impl MethodDoc {
    #[expect(clippy::unused_self, reason = "Python's protocols pass it")]
    fn __get__<'py>(
        &self,
        instance: &Bound<'py, PyAny>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match instance.cast::<CachedMethod>() {
            Ok(method) => method.get().function.bind(instance.py()).getattr("__doc__"),
            Err(_) => Ok(PyString::new(instance.py(), CLASS_DOC).into_any()),
        }
    }
}

const CLASS_DOC: &str = "A cached method, bound to an instance: what ``obj.method`` is.

Its methods of the cache take the instance along. All that it has not itself, such as ``__name__`` and ``__wrapped__``, is the
function's.
";
