//! Objects that are no finished answer: coroutines, generators, iterators and context managers, which whoever
//! takes them first uses up; futures, whose outcome is yet to come; and other awaitables.
//!
//! Nearly every answer is told to be finished by a look at its type (`is_finished`), since each miss and each
//! version that is new asks for that. Only what passes no such look is looked at in Python's ways.
#![expect(
    unsafe_code,
    reason = "looks at slots and tags of types, which is cheaper than for what they stand for, and at their \
    iterators"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyException;
use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use crate::py::interpreter::fallible::{Text, named};
use crate::py::interpreter::loaded_module::loaded;

pub(crate) const COROUTINE: &str = "coroutine";
pub(crate) const AWAITABLE: &str = "awaitable";
pub(crate) const FUTURE: &str = "future";
pub(crate) const CONTEXT_MANAGER: &str = "context manager";

static KINDS: PyOnceLock<Vec<(&str, Py<PyType>)>> = PyOnceLock::new();
/// The class of this library's own coroutines. It is told when the module is made, since what defines it
/// imports from here.
static OWN: PyOnceLock<Py<PyType>> = PyOnceLock::new();
/// Version tags of classes written in Python whose objects are finished, in a table of one place for each
/// tag. A tag is of one class, as it was when it got the tag, and never another's; so nothing is kept alive.
static FINISHED: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];

/// Counts this library's own coroutines among those.
pub(crate) fn count_as_coroutine(class: &Bound<'_, PyType>) {
    OWN.get_or_init(class.py(), || class.clone().unbind());
}

/// Whether an object is surely finished, by its type.
#[inline]
pub(crate) fn is_finished(object: &Bound<'_, PyAny>) -> bool {
    if may_be_taken(object) {
        return false;
    }
    // SAFETY: a type lives at least as long as its object.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        ffi::PyType_HasFeature(class, ffi::Py_TPFLAGS_HEAPTYPE) == 0 || is_known(tag_of(class))
    }
}

/// What an object is called that is used up by whoever takes it first, or whose outcome is yet to come.
pub(crate) fn used_up(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    if is_finished(object) {
        return Ok(None);
    }
    let class = object.get_type();
    let kind = match of_kinds(&class)? {
        Some(kind) => Some(kind),
        None if is_iterator(object, &class)? => Some("iterator"),
        None if is_async_iterator(object, &class)? => Some("async iterator"),
        None if is_future(&class)? => Some(FUTURE),
        None if is_context_manager(&class)? => Some(CONTEXT_MANAGER),
        None => None,
    };
    if kind == Some(COROUTINE) {
        // Else Python would tell of a coroutine that nobody awaited, too.
        object.call_method0(named!(object.py(), "close")?)?;
    }
    if kind.is_none() && !may_be_taken(object) {
        // SAFETY: the type is held here.
        let tag = unsafe { tag_of(class.as_type_ptr()) };
        place_of(tag).store(tag, Ordering::Relaxed);
    }
    Ok(kind)
}

/// What an object is called that is no answer yet: it is used up by whoever takes it first, or has to be
/// awaited.
pub(crate) fn no_answer(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    if is_finished(object) {
        return Ok(None);
    }
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

/// What the objects of a class are called that Python itself makes of `def` and `async def`.
fn of_kinds(class: &Bound<'_, PyType>) -> PyResult<Option<&'static str>> {
    let py = class.py();
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
    Ok(kinds.iter().find(|(_, used_up)| class.is(used_up)).map(|(kind, _)| *kind))
}

/// Whether an object is its own iterator: an open file, a cursor, what `map` and `zip` return.
fn is_iterator(object: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> PyResult<bool> {
    // SAFETY: the object is alive.
    if unsafe { ffi::PyIter_Check(object.as_ptr()) } == 0 || !has(class, named!(class.py(), "__next__")?)? {
        return Ok(false);
    }
    // SAFETY: the answer is a new reference, or null with an error.
    is_itself(object, unsafe { ffi::PyObject_GetIter(object.as_ptr()) })
}

/// The same of `async for`.
fn is_async_iterator(object: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> PyResult<bool> {
    // SAFETY: the object is alive.
    if unsafe { ffi::PyAIter_Check(object.as_ptr()) } == 0 || !has(class, named!(class.py(), "__anext__")?)? {
        return Ok(false);
    }
    // SAFETY: as above.
    is_itself(object, unsafe { ffi::PyObject_GetAIter(object.as_ptr()) })
}

/// Whether an object's iterator, a new reference or null with an error, is the object. One that can't be had,
/// as of a closed file, is not.
fn is_itself(object: &Bound<'_, PyAny>, iterator: *mut PyObject) -> PyResult<bool> {
    // SAFETY: as the caller says.
    match unsafe { Bound::from_owned_ptr_or_err(object.py(), iterator) } {
        Ok(iterator) => Ok(iterator.is(object)),
        Err(error) if error.is_instance_of::<PyException>(object.py()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a class has a method. A mock's class has something for each name, which is no method and notes
/// that it was looked at.
fn has(class: &Bound<'_, PyType>, method: &Bound<'_, PyString>) -> PyResult<bool> {
    for base in class.mro() {
        let names = base.getattr(named!(class.py(), "__dict__")?)?;
        let found = names.call_method1(named!(class.py(), "get")?, (method,))?;
        if !found.is_none() {
            return Ok(found.is_callable());
        }
    }
    Ok(false)
}

/// Whether the objects of a class are futures: asyncio's, by what it tells its own by, or those of threads.
fn is_future(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    Ok(class.hasattr(named!(py, "_asyncio_future_blocking")?)?
        || is_below(class, named!(py, "concurrent.futures._base")?, &["Future"])?)
}

/// Whether the objects of a class are context managers of the standard library that can be entered but once.
fn is_context_manager(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let once = ["_GeneratorContextManagerBase", "closing", "aclosing"];
    is_below(class, named!(class.py(), "contextlib")?, &once)
}

/// Whether a class is one of these classes of a module, or derived from one.
fn is_below(class: &Bound<'_, PyType>, module: &Bound<'_, PyString>, names: &[&str]) -> PyResult<bool> {
    let Some(module) = loaded(module)? else { return Ok(false) };
    for name in names {
        let found = module.getattr_opt(Text(name))?;
        if let Some(base) = found.and_then(|found| found.cast_into::<PyType>().ok())
            // SAFETY: two types that are held here. It asks no metaclass, which might note that.
            && unsafe { ffi::PyType_IsSubtype(class.as_type_ptr(), base.as_type_ptr()) } != 0
        {
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

/// Whether an object may be an iterator or awaited: its type has what those need.
#[inline]
fn may_be_taken(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a type lives at least as long as its object, and its slots as long as the type.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        let slots = (*class).tp_as_async;
        // A class written in Python has something in the slot for `__next__` in any case.
        ((*class).tp_iternext.is_some() && ffi::PyIter_Check(object.as_ptr()) != 0)
            || (!slots.is_null() && ((*slots).am_await.is_some() || (*slots).am_anext.is_some()))
    }
}

/// The version tag of a type, which it gets when an attribute is looked up and loses when it is changed; 0 is
/// none.
///
/// # Safety
/// The type is alive.
#[inline]
unsafe fn tag_of(class: *mut PyTypeObject) -> u32 {
    // SAFETY: the caller says so; without a GIL CPython itself writes the word as a whole.
    unsafe { AtomicU32::from_ptr(&raw mut (*class).tp_version_tag) }.load(Ordering::Relaxed)
}

/// Whether a version tag is of a class whose objects are known to be finished.
#[inline]
fn is_known(tag: u32) -> bool {
    tag != 0 && place_of(tag).load(Ordering::Relaxed) == tag
}

/// The place of a version tag in the table.
#[inline]
fn place_of(tag: u32) -> &'static AtomicU32 {
    &FINISHED[tag as usize % FINISHED.len()]
}
