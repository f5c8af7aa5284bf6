//! A hit outside of any session: the version is asked, and compared in place with that of what is stored.
//! Whatever is not so plain goes on as any call, with the question that was put.
//!
//! PyO3 is told that the thread is attached only when it goes on, since that costs as much as the question.
//! What is dropped as a `Py` before dies only then. On the way to an answer all is bound.

use pyo3::prelude::*;

use super::attempt::Attempt;
use super::cache_lookup;
use super::computation::{self, Ended};
use super::drive::Drive;
use super::plain_miss::{self, Begun};
use super::question::Question;
use crate::engine::{Look, Manner, Own, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::matchers::AnyArguments;
use crate::py::arguments::parameters::Room;
use crate::py::function::cached::Cached;
use crate::py::function::version::{Given, Kind, Version, VersionFunction};
use crate::py::interpreter::recursion::{self, Nested};
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;
use crate::py::session::binding::Binding;
use crate::py::session::dict_lookup::Located;
use crate::py::session::fast_lookup::{Ambient, Locator as _};

/// What came of a look at what is stored.
pub(crate) enum AskedHit<'py> {
    /// Nothing was asked.
    Nothing,
    /// What is stored is of the version that was asked.
    Answer(Bound<'py, PyAny>),
    /// It is not, or that takes more to tell. In a box, since it is on the stack while the function runs.
    Asked(Box<Question>),
}

/// Whether a call is surely made in no session and is no part of a computation.
#[inline]
pub(crate) fn is_alone(cached: &Cached, py: Python<'_>) -> bool {
    matches!(cached.binding, Binding::Ambient)
        && matches!(Ambient::locate(&cached.binding, py), Located::Session(0))
        && !computation::is_nested(py)
}

/// Asks whether what is stored for a call in no session is of the version of now. In a frame that is gone
/// when the function runs.
#[inline]
pub(crate) fn ask_alone<'py>(slf: &Bound<'py, Cached>, written: Arguments<'_>, hash: u64) -> AskedHit<'py> {
    if slf.get().takes_as_written(&written) {
        ask_bound(slf, written, hash)
    } else {
        ask_placed(slf, written, hash)
    }
}

/// The same of a call whose arguments come to their places first.
#[cold]
#[inline(never)]
fn ask_placed<'py>(slf: &Bound<'py, Cached>, written: Arguments<'_>, hash: u64) -> AskedHit<'py> {
    let mut room = Room::new();
    match slf.get().placed(slf.py(), written, &mut room) {
        Ok(arguments) => ask_bound(slf, arguments, hash),
        // What can't be bound for want of memory is for the whole call.
        Err(_) => AskedHit::Nothing,
    }
}

/// The same with arguments that are bound.
#[inline(never)]
pub(crate) fn ask_bound<'py>(slf: &Bound<'py, Cached>, arguments: Arguments<'_>, hash: u64) -> AskedHit<'py> {
    let (py, cached) = (slf.py(), slf.get());
    let Version::Asked(VersionFunction { kind, given, awaits, .. }) = &cached.version else {
        return AskedHit::Nothing;
    };
    let counts = *kind == Kind::Counter;
    // What is made of the arguments may fail before anything is asked. A counter needs no stack.
    if *awaits || matches!(given, Given::Part(_)) || !counts && recursion::is_stack_low() {
        return AskedHit::Nothing;
    }
    let cache = &cached.function.cache;
    let sought = AnyArguments { arguments, rules: cached.rules };
    let Ok(Some(candidate)) = cache.read(py, |cache| cache.candidate(hash, sought)) else {
        return answer_unasked(py, cached, hash, sought);
    };
    let mut unchanged = false;
    let (since, stored) = (candidate.since, candidate.version.bind(py));
    let ended = if counts {
        // It reads nothing.
        let result = cached.ask_about(arguments, stored, &mut unchanged);
        Ok(Ended { result, reads: Vec::new() })
    } else {
        let own = Own { tag: since, ticket: since, until: since };
        computation::asking(py, own, || cached.ask_about(arguments, stored, &mut unchanged))
    };
    let mut answer = None;
    if unchanged && ended.as_ref().is_ok_and(|ended| ended.reads.is_empty()) {
        answer = cache.with(py, |cache| cache.answer(&candidate, |Look { entry, .. }| entry.value.clone()));
    }
    let at = candidate.at;
    drop(candidate.version.0.into_bound(py));
    match answer {
        Some(Object(value)) => AskedHit::Answer(value.into_bound(py)),
        None => AskedHit::Asked(Box::new(Question { since, at, ended: ended.map(Ended::unbind) })),
    }
}

/// Answers with a result that needs no version, such as an immutable one.
#[cold]
#[inline(never)]
fn answer_unasked<'py>(
    py: Python<'py>,
    cached: &Cached,
    hash: u64,
    sought: AnyArguments<'_>,
) -> AskedHit<'py> {
    let take = |Look { entry, .. }: Look<'_, Host>| entry.value.clone();
    match cache_lookup::find(py, &cached.function.cache, (hash, 0), sought, take) {
        Ok(Some(Object(value))) => AskedHit::Answer(value.into_bound(py)),
        _ => AskedHit::Nothing,
    }
}

/// The call of a plain function in no session after that look.
#[inline(never)]
pub(super) fn call_after<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
    asked: AskedHit<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter(slf.py())?;
    begin_after(slf, arguments, hash, asked)?.finish(slf, arguments)
}

/// The call after that look, as it has begun. In a frame of its own, since a function that calls itself has
/// that of its caller on the stack.
#[inline(never)]
pub(super) fn begin_after<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
    asked: AskedHit<'py>,
) -> PyResult<Begun<'py>> {
    let py = slf.py();
    let question = match asked {
        AskedHit::Answer(value) => return Ok(Begun::Answered(value)),
        AskedHit::Asked(question) => question,
        AskedHit::Nothing => return plain_miss::begin_alone(slf, arguments, hash),
    };
    let (wish, leader) = (Wish::of(Manner::Called), computation::leader(py));
    let mut drive = Drive::begin_in(|| Ok(None), slf, arguments, leader, wish, Attempt::of(hash))?;
    drive.was_asked(slf.get(), py, *question)?;
    Ok(Begun::Driven(drive))
}
