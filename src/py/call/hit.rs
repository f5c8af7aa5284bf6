//! The hit path: looks a call's arguments up and answers with what is stored, if the session surely knows it,
//! without a detour.
#![expect(unsafe_code, reason = "reads arguments and stored results where they lie")]
#![expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]

use std::ptr::{self, NonNull};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::attempt::{Attempt, AttemptSlot};
use super::cache_lookup;
use crate::engine::order::Ticket;
use crate::engine::{Comparisons, Look, Sought};
use crate::py::arguments::call_arguments::{self, Arguments, Owner};
use crate::py::arguments::key::Key;
use crate::py::arguments::matchers::{AnyArguments, ManyArguments, NoArguments, OneArgument};
use crate::py::function::cached::Cached;
use crate::py::objects::object::Object;
use crate::py::objects::python_eq;
use crate::py::session::dict_lookup::Located;
use crate::py::session::fast_lookup::Locator;

/// How many turns of comparisons a hit may take, each of which asks about twice as many keys: those that
/// change the cache while they are compared are for the whole call.
const MOST_TURNS: usize = 32;

/// A result, null for an error that is set; or none, for a call that is for the long way. What was learned of
/// that has its [`AttemptSlot`], which is not so much as emptied for others.
pub(super) type Hit = Option<*mut PyObject>;

/// Answers a call whose result the session surely knows; or what was tried, and whether it is surely made in
/// no session.
#[inline]
pub(crate) fn hit<P: Locator>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
) -> Result<*mut PyObject, (Attempt, bool)> {
    let mut tried = AttemptSlot::new();
    let hit = match arguments.only() {
        Some(only) => hit_of_one::<P>(py, cached, only, &mut tried),
        None if arguments.values.is_empty() => hit_of_none::<P>(py, cached, &mut tried),
        None => hit_of_any::<P>(py, cached, arguments, &mut tried),
    };
    // SAFETY: no hit leaves what it has tried.
    hit.ok_or_else(|| unsafe {
        let alone = tried.is_alone::<P>(&cached.binding);
        (tried.take(), alone)
    })
}

/// The same for no argument.
#[inline(always)]
pub(super) fn hit_of_none<P: Locator>(py: Python<'_>, cached: &Cached, tried: &mut AttemptSlot) -> Hit {
    let hash = call_arguments::HASH_OF_NONE;
    let Located::Session(id) = P::locate(&cached.binding, py) else {
        return tried.leave_early(Attempt::NOTHING);
    };
    if tried.in_session::<P>(cached, id) {
        return tried.leave(Attempt::of(hash));
    }
    let found = find::<P, _>(py, cached, (hash, id), NoArguments);
    found.unwrap_or(None).or_else(|| tried.leave(Attempt::of(hash)))
}

/// The same for more than one argument, of a method or not, with names or not. Leaves their hash in `known`.
#[inline(always)]
pub(super) fn hit_of_many<P: Locator, const METHOD: bool, const NAMED: bool>(
    py: Python<'_>,
    cached: &Cached,
    (values, names): (&[*mut PyObject], *mut PyObject),
    tried: &mut AttemptSlot,
) -> Hit {
    // One for each use: what is passed on lies in memory.
    let arguments = || Arguments {
        values,
        names: if NAMED { names } else { ptr::null_mut() },
        owner: if METHOD { Owner::Instance } else { Owner::Nobody },
    };
    let Some(hash) = arguments().hash_of_many(cached.rules, cached.seed) else { return without_hash(tried) };
    let Located::Session(id) = P::locate(&cached.binding, py) else {
        return tried.leave_early(Attempt::of(hash));
    };
    if tried.in_session::<P>(cached, id) {
        return tried.leave(Attempt::of(hash));
    }
    let arguments = arguments();
    let sought = ManyArguments::<METHOD, NAMED> { arguments: &arguments, rules: &cached.rules };
    match find::<P, _>(py, cached, (hash, id), sought) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Attempt::of(hash)),
        Err(()) => hit_after_comparing(cached, arguments, (hash, id, tried), None),
    }
}

/// The same for whatever else there is, at leisure.
fn hit_of_any<P: Locator>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
    tried: &mut AttemptSlot,
) -> Hit {
    let Some(hash) = arguments.hash_of_many(cached.rules, cached.seed) else { return without_hash(tried) };
    let Located::Session(id) = P::locate(&cached.binding, py) else {
        return tried.leave_early(Attempt::of(hash));
    };
    if tried.in_session::<P>(cached, id) {
        return tried.leave(Attempt::of(hash));
    }
    match find::<P, _>(py, cached, (hash, id), AnyArguments { arguments, rules: cached.rules }) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Attempt::of(hash)),
        Err(()) => hit_after_comparing(cached, arguments, (hash, id, tried), None),
    }
}

/// The same for a single argument.
#[inline(always)]
pub(super) fn hit_of_one<P: Locator>(
    py: Python<'_>,
    cached: &Cached,
    only: *mut PyObject,
    tried: &mut AttemptSlot,
) -> Hit {
    let rules = &cached.rules;
    let Some(hash) = call_arguments::hash_of(only, *rules, cached.seed) else { return without_hash(tried) };
    let Located::Session(id) = P::locate(&cached.binding, py) else {
        return tried.leave_early(Attempt::of(hash));
    };
    if tried.in_session::<P>(cached, id) {
        return tried.leave(Attempt::of(hash));
    }
    match find::<P, _>(py, cached, (hash, id), OneArgument { only, rules }) {
        Ok(Some(found)) => Some(found),
        Ok(None) => tried.leave(Attempt::of(hash)),
        Err(Some(stored)) => hit_of_equal(py, cached, only, (hash, id, tried), stored),
        Err(None) => hit_after_comparing(cached, Arguments::of_one(&only), (hash, id, tried), None),
    }
}

/// The same for a single argument that has to be asked whether it equals a stored one, outside of the
/// critical section. The session is not asked for again: the call began in this one.
#[cold]
#[inline(never)]
fn hit_of_equal(
    py: Python<'_>,
    cached: &Cached,
    only: *mut PyObject,
    (hash, id, tried): (u64, Ticket, &mut AttemptSlot),
    stored: Object,
) -> Hit {
    // What is bound is let go of at once where it is dropped.
    let stored = stored.0.into_bound(py);
    // SAFETY: whoever calls the function holds its arguments.
    let sought = unsafe { Borrowed::from_ptr(py, only) };
    match python_eq::both_equal(&stored, &sought) {
        // The stored object is held, so that nothing else has its address. A key of it is the one that was
        // compared, or was put there for it since.
        Ok(true) => find_held(py, cached, (hash, id), stored.as_ptr().addr())
            .or_else(|| tried.leave(Attempt::of(hash))),
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

/// The same where keys have to be asked whether they are that of the call, one after the other. The one that
/// `differs` was asked before.
#[cold]
#[inline(never)]
fn hit_after_comparing(
    cached: &Cached,
    arguments: Arguments<'_>,
    (hash, id, tried): (u64, Ticket, &mut AttemptSlot),
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
    // SAFETY: we are attached, but PyO3 does not know it, and would let go of the objects compared only when
    // it does.
    unsafe { Python::attach_unchecked(compared) }
}

/// What `find` makes of the key of the call, which is told from others of its hash by comparing, and lies at
/// the address that it is given; or what was learned, or what a comparison raised.
pub(crate) fn find_after_comparing<R>(
    py: Python<'_>,
    cached: &Cached,
    arguments: Arguments<'_>,
    (hash, differs): (u64, Option<Key>),
    find: impl FnOnce(usize) -> Option<R>,
) -> Result<R, PyResult<Attempt>> {
    let (rules, cache) = (cached.rules, &cached.function.cache);
    let mut comparisons = Comparisons::default();
    if let Some(key) = differs {
        comparisons.learn_of_first(key);
    }
    for _ in 0..MOST_TURNS {
        let address = cache
            .read(py, |cache| cache.address_of(hash, |key| key.is_natively(arguments, rules), &comparisons));
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
        comparisons.learn_of_keys(asked);
    }
    Err(Ok(Attempt { comparisons: Some(Box::new(comparisons)), ..Attempt::of(hash) }))
}

/// Finds the result of what is sought by its hash, if the session, which its ticket names, surely knows it.
/// It is compiled for each kind of binding: what has one caller is inlined there.
#[inline(always)]
fn find<P: Locator, S: Sought<Key>>(
    py: Python<'_>,
    cached: &Cached,
    (hash, id): (u64, Ticket),
    sought: S,
) -> Result<Option<*mut PyObject>, S::Other> {
    let found =
        cache_lookup::find(py, &cached.function.cache, (hash, id), sought, |Look { entry, .. }| {
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
        cache_lookup::find_held(py, &cached.function.cache, (hash, address), id, |Look { entry, .. }| {
            taken(&entry.value)
        });
    found.map(NonNull::as_ptr)
}

/// What a hit takes of an entry. No pointer without a place, so that none is told from some by the pointer
/// itself.
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
pub(crate) fn without_hash(tried: &mut AttemptSlot) -> Hit {
    // SAFETY: attached.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            return tried.leave_early(Attempt::NOTHING);
        }
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_TypeError) == 0 {
            return Some(ptr::null_mut());
        }
        ffi::PyErr_Clear();
    }
    tried.leave_early(Attempt::NOTHING)
}
