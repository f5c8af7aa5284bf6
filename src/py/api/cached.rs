//! What Python calls of a decorated function by itself: how it is made, bound and shown.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::classes;
use crate::engine::order::{self};
use crate::engine::{FunctionCache, Observation, Scope, Terms};
use crate::py::arguments::call_arguments::{self, Rules};
use crate::py::arguments::parameters::{self, Parameters};
use crate::py::function::cached::Cached;
use crate::py::function::options::Options;
use crate::py::function::shared_scope::SharedScope;
use crate::py::function::version::{Given, Kind, Version, VersionFunction};
use crate::py::interpreter::critical_section::{Guarded, ReadMostly, attach};
use crate::py::interpreter::fallible::{Text, imported, named};
use crate::py::interpreter::vectorcall_type;
use crate::py::session::binding::Binding;
use crate::py::session::results::{FunctionResults, RejectedResults};
use crate::py::session::traverse;

#[pymethods]
impl Cached {
    #[new]
    #[pyo3(signature = (
        wrapped, options, *, ask, gets, scope, default, constant, parameters, ordered, awaits, awaits_version,
        copies, tier = None, given, module, name
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "what a decorator knows of a function, besides its options"
    )]
    fn new(
        wrapped: Bound<'_, PyAny>,
        options: &Bound<'_, Options>,
        ask: Option<Py<PyAny>>,
        gets: Bound<'_, PyAny>,
        scope: Option<Py<SharedScope>>,
        default: Option<Py<PyAny>>,
        constant: Bound<'_, PyAny>,
        parameters: Option<parameters::Told<'_>>,
        ordered: bool,
        awaits: bool,
        awaits_version: bool,
        copies: Option<Py<PyAny>>,
        tier: Option<Py<PyAny>>,
        given: Py<PyDict>,
        module: String,
        name: String,
    ) -> PyResult<Self> {
        let (py, options) = (wrapped.py(), options.get());
        let version = match ask {
            Some(function) => {
                let (kind, given) = (Kind::of(function.bind(py)), Given::new(gets));
                Version::Asked(VersionFunction { function, kind, given, default, awaits: awaits_version })
            }
            None => Version::Constant(Observation {
                version: constant.into(),
                tag: order::draw(),
                since: 0,
                ticket: 0,
                until: 0,
                at: 0,
                reads: None,
            }),
        };
        let own = match (&version, &scope) {
            (
                Version::Asked(VersionFunction {
                    given: Given::Nothing | Given::Arguments | Given::Part(_),
                    ..
                }),
                Some(scope),
            ) => scope.get().0.clone(),
            _ => Scope::default(),
        };
        let constant = matches!(version, Version::Constant(_));
        let terms = Terms { constant, has_tier: tier.is_some(), ..options.terms };
        let function = Arc::new_cyclic(|function| {
            let cache = FunctionCache::new(terms, function.clone());
            FunctionResults {
                id: cache.id,
                module,
                name,
                cache: ReadMostly::new(cache),
                unvalidated: Guarded::new(RejectedResults::default()),
            }
        });
        let shared = |callable: &Option<Py<PyAny>>| callable.as_ref().map(|callable| callable.clone_ref(py));
        let parameters = parameters.map_or(Ok(None), |told| Parameters::new(py, told))?.map(Box::new);
        let may_fill = parameters.as_ref().is_some_and(|parameters| parameters.may_fill);
        let new = Self {
            is_direct: Self::FAST && options.key.is_none() && copies.is_none() && !may_fill,
            function,
            wrapped: wrapped.unbind(),
            version,
            scope: own,
            _shared: scope,
            binding: Binding::new(options.session.bind(py))?,
            rules: Rules { typed: options.typed, ordered },
            parameters,
            fit: OnceLock::new(),
            method: AtomicBool::new(false),
            key: shared(&options.key),
            admission: options.admission.clone_ref(py),
            copies,
            tier,
            options: given,
            freshness: options.freshness.clone_ref(py),
            wait: options.wait,
            coroutine: awaits,
            seed: call_arguments::seed(),
        };
        vectorcall_type::is_next(py);
        Ok(new)
    }

    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        if owner.is_some_and(|owner| owner.is(instance)) {
            // A classmethod before Python 3.13 asks here. Since then it binds by itself, and so it is done
            // here.
            return imported!(slf.py(), "types", "MethodType")?.call1((slf, instance));
        }
        classes::bind(slf, instance)
    }

    /// The class body in which it was decorated makes it a method; one in which it has another name besides
    /// its own does not.
    fn __set_name__(
        slf: &Bound<'_, Self>,
        owner: &Bound<'_, PyAny>,
        _name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // A tuple is its values. Before Python 3.13 a NamedTuple's functions are not told what they are, so
        // none is a method.
        if owner.cast::<PyType>().is_ok_and(|owner| owner.is_subclass_of::<PyTuple>().unwrap_or(false)) {
            return Ok(());
        }
        match Self::is_at_home(slf) {
            Ok(true) => return Ok(()),
            Err(error) if error.is_instance_of::<PyMemoryError>(slf.py()) => return Err(error),
            _ => {}
        }
        let (py, cached) = (slf.py(), slf.get());
        if let Ok(inner) = cached.wrapped.bind(py).cast::<Self>() {
            inner.get().become_method(py);
        }
        cached.become_method(py);
        Ok(())
    }

    /// ``CachedFunction[[int], str]``, for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        imported!(class.py(), "types", "GenericAlias")?.call1((class, item))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr(named!(slf.py(), "__qualname__")?)
    }

    fn __repr__(&self, py: Python<'_>) -> Text<String> {
        let (stats, size, terms) = self.numbers(py);
        let bound = terms.maxsize.map_or_else(String::new, |maxsize| format!(" of {maxsize}"));
        let ratio = match stats.hits + stats.misses {
            0 => "no calls yet".to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
            calls => format!("hit ratio {:.2}", stats.hits as f64 / calls as f64),
        };
        let FunctionResults { module, name, .. } = &*self.function;
        Text(format!("<cached {module}.{name}: {size}{bound} stored, {ratio}>"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.wrapped)?;
        visit.call(self.fit.get())?;
        self.parameters.as_ref().map_or(Ok(()), |parameters| parameters.traverse(&visit))?;
        match &self.version {
            Version::Constant(observation) => visit.call(&observation.version.0)?,
            Version::Asked(asked) => {
                visit.call(&asked.function)?;
                visit.call(&asked.default)?;
                if let Given::Part(part) = &asked.given {
                    visit.call(part)?;
                }
            }
        }
        self.binding.traverse(&visit)?;
        visit.call(&self.key)?;
        visit.call(&self.copies)?;
        visit.call(&self.tier)?;
        visit.call(&self.options)?;
        self.admission.traverse(&visit)?;
        self.freshness.traverse(&visit)?;
        self.function.cache.trace(|cache| traverse::visit_store(cache, &visit))
    }

    fn __clear__(&self) {
        attach(|py| self.cache_clear(py));
    }
}
