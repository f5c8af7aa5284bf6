//! A cached method, bound to its instance: `obj.m`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::{self, Text, imported, named};
use crate::py::interpreter::trashcan;

/// A cached method, bound to an instance. What it has not itself is the function's.
#[pyclass(
    frozen,
    weakref,
    subclass,
    immutable_type,
    module = "versioned_lru_cache",
    name = "CachedMethodBase"
)]
pub(crate) struct CachedMethod {
    pub(crate) function: Py<Cached>,
    pub(crate) instance: Py<PyAny>,
}

impl Drop for CachedMethod {
    fn drop(&mut self) {
        attach(|py| trashcan::discard(std::mem::replace(&mut self.instance, py.None())));
    }
}

#[pymethods]
impl CachedMethod {
    #[new]
    #[pyo3(signature = (function, instance, /))]
    fn new(function: Py<Cached>, instance: Bound<'_, PyAny>) -> PyResult<Self> {
        if instance.is_none() {
            return Err(fallible::error::<PyTypeError>(
                instance.py(),
                "CachedMethod: the instance is None; it must be an object",
            ));
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
        let name = self.function.getattr(py, named!(py, "__name__")?)?;
        let own = fallible::tuple(py, [self.instance.bind(py).clone(), name.into_bound(py)])?;
        Ok((imported!(py, "builtins", "getattr")?.clone(), own))
    }

    /// ``CachedMethod[[int], str]``, for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, pyo3::types::PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        imported!(class.py(), "types", "GenericAlias")?.call1((class, item))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// As of a plain method: the same function, of a copy of the instance.
    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let instance = imported!(slf.py(), "copy", "deepcopy")?.call1((&slf.get().instance, memo))?;
        slf.get_type().call1((&slf.get().function, instance))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let function = &self.function.get().function;
        let instance = self.instance.bind(py).repr()?;
        Ok(Text(format!("<cached method {}.{} of {instance}>", function.module, function.name)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.instance)
    }
}

impl CachedMethod {
    /// The signature without the instance. No attribute of the class, which has a signature of its own.
    pub(crate) fn signature<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plain =
            imported!(py, "types", "MethodType")?.call1((&self.function.get().wrapped, &self.instance))?;
        imported!(py, "inspect", "signature")?.call1((plain,))
    }
}

/// The class's own text on the class, and the function's on a bound method, whichever way that is looked up.
#[pyclass(frozen)]
pub(crate) struct MethodDoc;

#[pymethods]
impl MethodDoc {
    #[expect(clippy::unused_self, reason = "Python's protocols pass it")]
    fn __get__<'py>(
        &self,
        instance: &Bound<'py, PyAny>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match instance.cast::<CachedMethod>() {
            Ok(method) => {
                method.get().function.bind(instance.py()).getattr(named!(instance.py(), "__doc__")?)
            }
            Err(_) => Ok(Text(CLASS_DOC).into_pyobject(instance.py())?.into_any()),
        }
    }
}

/// The docstring of the class, as the stub has it too.
const CLASS_DOC: &str = "A cached method, bound to an instance: what ``obj.method`` is.

Its methods of the cache take the instance along. All that it has not itself, such as ``__name__`` and
``__wrapped__``, is the function's.

Args:
    function: A cached function.
    instance: What its calls get first; not ``None``.

Example:
    >>> from versioned_lru_cache import versioned_lru_cache
    >>> class Shop:
    ...     @versioned_lru_cache(None)
    ...     def price(self, item: str) -> int:
    ...         return len(item)
    >>> shop = Shop()
    >>> shop.price(\"tea\"), shop.price.cache_contains(\"tea\"), Shop().price.cache_contains(\"tea\")
    (3, True, False)
";
