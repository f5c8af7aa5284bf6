//! Objects that are no finished answer: coroutines and generators, which whoever takes them first uses up,
//! and other awaitables.
#![expect(
    unsafe_code,
    reason = "a look at a slot of a type, which is cheaper than for the attribute that it stands for"
)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::py::interpreter::fallible::{Text, named};

pub(crate) const COROUTINE: &str = "coroutine";
pub(crate) const AWAITABLE: &str = "awaitable";

static KINDS: PyOnceLock<Vec<(&str, Py<PyType>)>> = PyOnceLock::new();
/// The class of this library's own coroutines. It is told when the module is made, since what defines it
/// imports from here.
static OWN: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Counts this library's own coroutines among those.
pub(crate) fn count_as_coroutine(class: &Bound<'_, PyType>) {
    OWN.get_or_init(class.py(), || class.clone().unbind());
}

/// What an object is called that is used up by whoever takes it first.
pub(crate) fn used_up(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    let py = object.py();
    let kinds = KINDS.get_or_try_init(py, || {
        let types = py.import(named!(py, "types")?)?;
        let kind = |kind, class| Ok::<_, PyErr>((kind, types.getattr(Text(class))?.cast_into()?.unbind()));
        let own = OWN.get(py).map(|class| Ok((COROUTINE, class.clone_ref(py))));
        let theirs = [
            kind(COROUTINE, "CoroutineType"),
            kind("generator", "GeneratorType"),
            kind("async generator", "AsyncGeneratorType"),
        ];
        theirs.into_iter().chain(own).collect::<PyResult<Vec<_>>>()
    })?;
    let class = object.get_type();
    let Some((kind, _)) = kinds.iter().find(|(_, used_up)| class.is(used_up)) else { return Ok(None) };
    if *kind == COROUTINE {
        // Else Python would tell of a coroutine that nobody awaited, too.
        object.call_method0(named!(py, "close")?)?;
    }
    Ok(Some(kind))
}

/// Whether an object is surely none that is used up.
pub(crate) fn is_finished(object: &Bound<'_, PyAny>) -> bool {
    let class = object.get_type();
    KINDS.get(object.py()).is_some_and(|kinds| kinds.iter().all(|(_, used_up)| !class.is(used_up)))
}

/// What an object is called that is no answer yet: it is used up by whoever takes it first, or has to be
/// awaited.
pub(crate) fn no_answer(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    Ok(used_up(object)?.or_else(|| is_awaitable(object).then_some(AWAITABLE)))
}

/// Whether an object is a function, or one of the version functions of this library.
pub(crate) fn is_function(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if !object.is_callable() || object.is_instance_of::<PyType>() {
        return Ok(false);
    }
    let class = object.get_type();
    if class.module()?.to_str()?.starts_with("versioned_lru_cache") {
        return Ok(true);
    }
    let py = object.py();
    let types = py.import(named!(py, "types")?)?;
    for function in ["FunctionType", "MethodType", "BuiltinFunctionType"] {
        if class.is(&types.getattr(Text(function))?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an object is to be awaited.
fn is_awaitable(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a type lives at least as long as its object, and its slots as long as the type.
    unsafe {
        let slots = (*ffi::Py_TYPE(object.as_ptr())).tp_as_async;
        !slots.is_null() && (*slots).am_await.is_some()
    }
}
