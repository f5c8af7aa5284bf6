//! What happens when a decorated function or one of its bound methods is called, and the hit path.
#![expect(unsafe_code, reason = "is called by CPython, and answers hits without a detour")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::hint::assert_unchecked;
use std::ptr::NonNull;
use std::{ptr, slice};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use super::attempt::{Room, Tried};
use super::cache_lookup;
use super::computation;
use super::recorded_hit::call_and_note;
use crate::engine::ticket::Ticket;
use crate::engine::{Look, Manner, Sought, Verdicts, Wish};
use crate::py::api::method::{CachedMethod, MethodDoc};
use crate::py::api::of_calls;
use crate::py::arguments::call_arguments::{self, Arguments};
use crate::py::arguments::key::Key;
use crate::py::arguments::matchers::{Any, Many, Nothing, One};
use crate::py::asyncio::coroutine;
use crate::py::function::cached::Cached;
use crate::py::interpreter::critical_section::attach;
use crate::py::interpreter::fallible::{self, named};
use crate::py::interpreter::vectorcall_type::{self, Derived};
use crate::py::objects::object::Object;
use crate::py::objects::python_eq;
use crate::py::session::binding::Binding;
use crate::py::session::fast_lookup::{self, Glance, Place};

/// How many turns of comparisons a hit may take, each of which asks about twice as many keys: those that change the cache while they are compared
/// are for the whole call.
const MOST_TURNS: usize = 32;

static FUNCTION: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The class of decorated functions.
pub(crate) fn function_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = FUNCTION.get_or_try_init(py, || {
        let derived = Derived {
            name: c"versioned_lru_cache.CachedFunction",
            doc: c"A function whose results are cached. Made by the decorators.",
            new: new_function,
            methods: of_calls::definitions::<false>(),
            getattr: None,
            // A method call may skip `__get__` and put the instance first, as it does with functions.
            flags: ffi::Py_TPFLAGS_METHOD_DESCRIPTOR | ffi::Py_TPFLAGS_IMMUTABLETYPE,
        };
        // SAFETY: `new_function` fills the instances.
        unsafe { vectorcall_type::derive(&py.get_type::<Cached>(), &derived) }
    })?;
    Ok(class.bind(py))
}

/// The class of bound methods.
pub(crate) fn method_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let class = METHOD.get_or_try_init(py, || {
        let derived = Derived {
            name: c"versioned_lru_cache.CachedMethod",
            doc: c"CachedMethod(function, instance, /)\n--\n\n",
            new: new_method,
            methods: of_calls::definitions::<true>(),
            getattr: Some(attribute_of_method),
            flags: 0,
        };
        // SAFETY: `new_method` fills the instances.
        let class = unsafe { vectorcall_type::derive(&py.get_type::<CachedMethod>(), &derived)? };
        class.bind(py).setattr("__doc__", MethodDoc)?;
        Ok::<_, PyErr>(class)
    })?;
    Ok(class.bind(py))
}

/// A method bound to an instance.
pub(crate) fn bind<'py>(
    cached: &Bound<'py, Cached>,
    instance: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    method_class(cached.py())?.call1((cached, instance))
}

unsafe extern "C" fn new_function(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it, for the class above, whose instances are cached functions.
    unsafe {
        let cached =
            |object| Borrowed::from_ptr(Python::assume_attached(), object).cast_unchecked::<Cached>().get();
        let object = vectorcall_type::fill(class, args, kwargs, |object| entrance(cached(object)));
        // As CPython does with functions: what was made within another is to go as soon as nobody refers to it.
        #[cfg(Py_GIL_DISABLED)]
        if !object.is_null() && !cached(object).function.name.contains("<locals>") {
            vectorcall_type::defer_counting(object);
        }
        object
    }
}

unsafe extern "C" fn new_method(
    class: *mut ffi::PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it, for the class above.
    unsafe { vectorcall_type::fill(class, args, kwargs, |_| call_method) }
}

/// What CPython calls when a bound method is called: the function, with the instance first.
unsafe extern "C" fn call_method(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it attached, on an instance of the class above and with a vectorcall's arguments. The place before the
    // first argument is lent where the flag says so.
    unsafe {
        let py = Python::assume_attached();
        let method = Borrowed::from_ptr(py, callable).cast_unchecked::<CachedMethod>();
        let (function, instance) = (method.get().function.as_ptr(), method.get().instance.as_ptr());
        let call_function = entrance(method.get().function.get());
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        if nargsf & ffi::PY_VECTORCALL_ARGUMENTS_OFFSET != 0 {
            let first = args.sub(1).cast_mut();
            let lent = first.replace(instance);
            let answer = call_function(function, first, count + 1, names);
            first.write(lent);
            return answer;
        }
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names).unsigned_abs() };
        let mut all = Vec::with_capacity(1 + count + named);
        all.push(instance);
        if count + named > 0 {
            all.extend_from_slice(slice::from_raw_parts(args, count + named));
        }
        call_function(function, all.as_ptr(), count + 1, names)
    }
}

/// `tp_getattro` of a bound method: its own attributes, then the function's, whose module it shows as its own.
unsafe extern "C" fn attribute_of_method(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it attached, on an instance of the class above, with a str.
    unsafe {
        let py = Python::assume_attached();
        let method = Borrowed::from_ptr(py, object).cast_unchecked::<CachedMethod>();
        let asked = |known: &Bound<'_, PyString>| ffi::PyUnicode_Compare(known.as_ptr(), name) == 0;
        let (signature, module) = match (named!(py, "__signature__"), named!(py, "__module__")) {
            (Ok(signature), Ok(module)) => (signature, module),
            (Err(error), _) | (_, Err(error)) => {
                error.restore(py);
                return ptr::null_mut();
            }
        };
        if asked(signature) {
            return match method.get().signature(py) {
                Ok(signature) => signature.into_ptr(),
                Err(error) => {
                    error.restore(py);
                    ptr::null_mut()
                }
            };
        }
        if !asked(module) {
            let own = ffi::PyObject_GenericGetAttr(object, name);
            if !own.is_null() || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
                return own;
            }
            ffi::PyErr_Clear();
        }
        ffi::PyObject_GetAttr(method.get().function.as_ptr(), name)
    }
}

/// What CPython calls when a decorated function is called, chosen when that is made.
fn entrance(cached: &Cached) -> ffi::vectorcallfunc {
    if cached.coroutine {
        return call_coroutine_function;
    }
    if !cached.has_hits() {
        return call_function_slowly;
    }
    match cached.binding {
        Binding::Ambient => call_function::<fast_lookup::Ambient>,
        Binding::Mapping(_) => call_function::<fast_lookup::Mapping>,
        Binding::Variable(_) => call_function::<fast_lookup::Variable>,
        Binding::Proxy(_) => call_function::<fast_lookup::Proxied>,
        Binding::Provider(_) => call_function_slowly,
    }
}

/// A function and the arguments of its call.
///
/// # Safety
/// To be used as CPython calls a vectorcall, on an instance of the class above.
#[inline]
pub(crate) unsafe fn called<'a>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> (Borrowed<'a, 'a, Cached>, Arguments<'a>) {
    // SAFETY: the caller says so.
    unsafe {
        let callable = Borrowed::from_ptr(Python::assume_attached(), callable).cast_unchecked::<Cached>();
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        (callable, Arguments::from_vector(args, count, names, callable.get().is_method()))
    }
}

/// Nothing but a choice, so that each way has the registers for itself.
unsafe extern "C" fn call_function<P: Place>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    unsafe {
        if computation::is_going_on() {
            return call_and_note(callable, args, nargsf, names);
        }
        let count = ffi::PyVectorcall_NARGS(nargsf).unsigned_abs();
        let method = || function(callable).is_method();
        if !names.is_null() {
            let call =
                if method() { call_with_many::<P, true, true> } else { call_with_many::<P, false, true> };
            return call(callable, args, count, names);
        }
        match count {
            0 => call_with_none::<P>(callable, args),
            1 if !method() => call_with_one::<P>(callable, args),
            _ if !method() => call_with_many::<P, false, false>(callable, args, count, names),
            _ => call_with_many::<P, true, false>(callable, args, count, names),
        }
    }
}

/// The function itself.
///
/// # Safety
/// The object must be an instance of the class above that outlives the answer.
#[inline(always)]
unsafe fn function<'a>(callable: *mut PyObject) -> &'a Cached {
    // SAFETY: the caller says so.
    unsafe {
        assert_unchecked(!callable.is_null());
        Borrowed::from_ptr(Python::assume_attached(), callable).cast_unchecked::<Cached>().get()
    }
}

/// The same without arguments.
#[inline(never)]
unsafe extern "C" fn call_with_none<P: Place>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        hit_of_none::<P>(Python::assume_attached(), function(callable))
            .unwrap_or_else(|| call_function_slowly(callable, args, 0, ptr::null_mut()))
    }
}

/// The same with a single argument, which has no name and is no instance.
#[inline(never)]
unsafe extern "C" fn call_with_one<P: Place>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let mut tried = Room::new();
        hit_of_one::<P>(Python::assume_attached(), function(callable), *args, &mut tried).unwrap_or_else(
            || {
                let Tried { hash, verdicts } = tried.take();
                call_at_length(callable, args, 1, ptr::null_mut(), hash, verdicts)
            },
        )
    }
}

/// The same with more arguments.
#[inline(never)]
unsafe extern "C" fn call_with_many<P: Place, const METHOD: bool, const NAMED: bool>(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        let names = if NAMED { names } else { ptr::null_mut() };
        assert_unchecked(names.is_null() != NAMED);
        let mut tried = Room::new();
        let hit = match Arguments::some(args, count, names, METHOD) {
            Some(arguments) => {
                let (py, cached) = (Python::assume_attached(), function(callable));
                hit_of_many::<P, METHOD, NAMED>(py, cached, arguments, &mut tried)
            }
            None => tried.leave(Tried::NOTHING),
        };
        hit.unwrap_or_else(|| {
            let Tried { hash, verdicts } = tried.take();
            call_at_length(callable, args, count, names, hash, verdicts)
        })
    }
}

#[inline(never)]
unsafe extern "C" fn call_function_slowly(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    let (callable, arguments) = unsafe { called(callable, args, nargsf, names) };
    miss(&callable, arguments, Tried::NOTHING)
}

/// The same after a look that found nothing, with what was learned of the call: each in a register.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn call_at_length(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
    hash: u64,
    verdicts: Option<Box<Verdicts<Object>>>,
) -> *mut PyObject {
    // SAFETY: the arguments are those of a vectorcall.
    let (callable, arguments) = unsafe { called(callable, args, nargsf, names) };
    miss(&callable, arguments, Tried { hash, verdicts })
}

unsafe extern "C" fn call_coroutine_function(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls it.
    unsafe {
        let (callable, arguments) = called(callable, args, nargsf, names);
        coroutine::new(callable.as_ptr(), arguments)
    }
}

/// A result, null for an error that is set; or none, for a call that is for the long way. What was learned of that has its [`Room`], which is not
/// so much as emptied for others.
type Hit = Option<*mut PyObject>;

/// Answers a call whose result the session surely knows.
#[inline]
pub(crate) fn hit<P: Place>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
) -> Result<*mut PyObject, Tried> {
    let mut tried = Room::new();
    let hit = match arguments.only() {
        Some(only) => hit_of_one::<P>(py, cached, only, &mut tried),
        None if arguments.values.is_empty() => {
            hit_of_none::<P>(py, cached).or_else(|| tried.leave(Tried::NOTHING))
        }
        None => hit_of_any::<P>(py, cached, arguments, &mut tried),
    };
    // SAFETY: no hit leaves what it has tried.
    hit.ok_or_else(|| unsafe { tried.take() })
}

/// The same for no argument.
#[inline(always)]
fn hit_of_none<P: Place>(py: Python<'_>, cached: &Cached) -> Hit {
    let Glance::Session(id) = P::glance(&cached.binding, py) else { return None };
    let found = find::<P, _>(py, cached, (call_arguments::HASH_OF_NONE, id), Nothing);
    found.unwrap_or(None)
}

/// The same for more than one argument, of a method or not, with names or not. Leaves their hash in `known`.
#[inline(always)]
fn hit_of_many<P: Place, const METHOD: bool, const NAMED: bool>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
    tried: &mut Room,
) -> Hit {
    let Some(hash) = arguments.hash_of_many(cached.rules, cached.seed) else { return without_hash(tried) };
    let Glance::Session(id) = P::glance(&cached.binding, py) else { return tried.leave(Tried::of(hash)) };
    let sought = Many::<METHOD, NAMED> { arguments: &arguments, rules: &cached.rules };
    match find::<P, _>(py, cached, (hash, id), sought) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Tried::of(hash)),
        Err(()) => hit_after_comparing(cached, arguments, (hash, id, tried), None),
    }
}

/// The same for whatever else there is, at leisure.
fn hit_of_any<P: Place>(py: Python<'_>, cached: &Cached, arguments: Arguments<'_>, tried: &mut Room) -> Hit {
    let Some(hash) = arguments.hash_of_many(cached.rules, cached.seed) else { return without_hash(tried) };
    let Glance::Session(id) = P::glance(&cached.binding, py) else { return tried.leave(Tried::of(hash)) };
    match find::<P, _>(py, cached, (hash, id), Any { arguments, rules: cached.rules }) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Tried::of(hash)),
        Err(()) => hit_after_comparing(cached, arguments, (hash, id, tried), None),
    }
}

/// The same for a single argument.
#[inline(always)]
fn hit_of_one<P: Place>(py: Python<'_>, cached: &Cached, only: *mut PyObject, tried: &mut Room) -> Hit {
    let rules = &cached.rules;
    let Some(hash) = call_arguments::hash_of(only, *rules, cached.seed) else { return without_hash(tried) };
    let Glance::Session(id) = P::glance(&cached.binding, py) else { return tried.leave(Tried::of(hash)) };
    match find::<P, _>(py, cached, (hash, id), One { only, rules }) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Tried::of(hash)),
        Err(Some(stored)) => hit_of_equal(py, cached, only, (hash, id, tried), stored),
        Err(None) => hit_after_comparing(cached, Arguments::of_one(&only), (hash, id, tried), None),
    }
}

/// The same for a single argument that has to be asked whether it equals a stored one, outside of the critical section. The session is
/// not asked for again: the call began in this one.
#[cold]
#[inline(never)]
fn hit_of_equal(
    py: Python<'_>,
    cached: &Cached,
    only: *mut PyObject,
    (hash, id, tried): (u64, Ticket, &mut Room),
    stored: Object,
) -> Hit {
    // What is bound is let go of at once where it is dropped.
    let stored = stored.0.into_bound(py);
    // SAFETY: whoever calls the function holds its arguments.
    let sought = unsafe { Borrowed::from_ptr(py, only) };
    match python_eq::both_equal(&stored, &sought) {
        // The stored object is held, so that nothing else has its address. A key of it is the one that was compared, or was put there
        // for it since.
        Ok(true) => {
            find_held(py, cached, (hash, id), stored.as_ptr().addr()).or_else(|| tried.leave(Tried::of(hash)))
        }
        Ok(false) => {
            let stored = stored.as_ptr();
            let differs = Key::new(py, Arguments::of_one(&stored)).ok();
            hit_after_comparing(cached, Arguments::of_one(&only), (hash, id, tried), differs)
        }
        Err(error) => {
            error.restore(py);
            Some(ptr::null_mut())
        }
    }
}

/// The same where keys have to be asked whether they are that of the call, one after the other. The one that `differs` was asked before.
#[cold]
#[inline(never)]
fn hit_after_comparing(
    cached: &Cached,
    arguments: Arguments<'_>,
    (hash, id, tried): (u64, Ticket, &mut Room),
    differs: Option<Key>,
) -> Hit {
    let compared = |py: Python<'_>| {
        let find = |address| find_held(py, cached, (hash, id), address);
        match find_after_comparing(py, cached, arguments, (hash, differs), find) {
            Ok(found) => Some(found),
            Err(Ok(learned)) => tried.leave(learned),
            Err(Err(error)) => {
                error.restore(py);
                Some(ptr::null_mut())
            }
        }
    };
    // SAFETY: we are attached, but PyO3 does not know it, and would let go of the objects compared only when it does.
    unsafe { Python::attach_unchecked(compared) }
}

/// What `find` makes of the key of the call, which is told from others of its hash by comparing, and lies at the address that it is given; or what was
/// learned, or what a comparison raised.
pub(crate) fn find_after_comparing<R>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
    (hash, differs): (u64, Option<Key>),
    find: impl FnOnce(usize) -> Option<R>,
) -> Result<R, PyResult<Tried>> {
    let (rules, store) = (cached.rules, &cached.function.store);
    let mut verdicts = Verdicts::default();
    if let Some(key) = differs {
        verdicts.learn_of_first(key);
    }
    for _ in 0..MOST_TURNS {
        let address = store
            .read(py, |store| store.address_of(hash, |key| key.is_natively(arguments, rules), &verdicts));
        let mut asked = match address {
            Ok(Some(address)) => {
                if let Some(found) = find(address) {
                    return Ok(found);
                }
                break;
            }
            Ok(None) => break,
            Err(asked) => asked,
        };
        asked.ask(|key| key.equals(py, arguments, rules)).map_err(Err)?;
        // Held by what was learned from here on.
        verdicts.learn_of_keys(asked);
    }
    Err(Ok(Tried { hash, verdicts: Some(Box::new(verdicts)) }))
}

/// Finds the result of what is sought by its hash, if the session, which its ticket names, surely knows it. It is compiled for each kind of
/// binding: what has one caller is inlined there.
#[inline(always)]
fn find<P: Place, S: Sought<Key>>(
    py: Python<'_>,
    cached: &Cached,
    (hash, id): (u64, Ticket),
    sought: S,
) -> Result<Option<*mut PyObject>, S::Other> {
    let found =
        cache_lookup::glance(py, &cached.function.store, (hash, id), sought, |Look { entry, .. }| {
            taken(&entry.value)
        })?;
    Ok(found.map(NonNull::as_ptr))
}

/// The result of a key that is held, or of one that is made of the very object that is held.
#[inline(always)]
fn find_held(
    py: Python<'_>,
    cached: &Cached,
    (hash, id): (u64, Ticket),
    address: usize,
) -> Option<*mut PyObject> {
    let found =
        cache_lookup::glance_at(py, &cached.function.store, (hash, address), id, |Look { entry, .. }| {
            taken(&entry.value)
        });
    found.map(NonNull::as_ptr)
}

/// What a hit takes of an entry. No pointer without a place, so that none is told from some by the pointer itself.
#[inline(always)]
fn taken(value: &Object) -> NonNull<PyObject> {
    let value = value.as_ptr();
    // SAFETY: the entry holds a reference, and we are attached.
    unsafe {
        ffi::Py_INCREF(value);
        NonNull::new_unchecked(value)
    }
}

/// Of an argument without a hash the whole call says more, and it gives names theirs; any other error stands.
#[cold]
pub(crate) fn without_hash(tried: &mut Room) -> Hit {
    // SAFETY: attached.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            return tried.leave(Tried::NOTHING);
        }
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_TypeError) == 0 {
            return Some(ptr::null_mut());
        }
        ffi::PyErr_Clear();
    }
    tried.leave(Tried::NOTHING)
}

/// Answers any other call. A panic becomes an exception.
#[cold]
#[inline(never)]
fn miss(cached: &Bound<'_, Cached>, arguments: Arguments<'_>, tried: Tried) -> *mut PyObject {
    attach(|py| fallible::answered(py, || Cached::call(cached, arguments, Wish::of(Manner::Called), tried)))
}
