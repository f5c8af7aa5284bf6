//! A hit outside of any session: the version is asked, and compared in place with that of what is stored.
//! Whatever is not so plain goes on as any call, with the question that was put.

use pyo3::prelude::*;

use super::attempt::Attempt;
use super::computation::{self, ComputationStart, Ended};
use super::drive::Drive;
use crate::engine::clock::Nanos;
use crate::engine::order::Ticket;
use crate::engine::{Look, Manner, Object as _, Own, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::matchers::AnyArguments;
use crate::py::function::cached::Cached;
use crate::py::function::version::{Given, Version, VersionFunction};
use crate::py::interpreter::recursion::Nested;
use crate::py::objects::counter::Counter;
use crate::py::objects::object::Object;

/// What came of a look at what is stored.
enum AskedHit<'py> {
    /// Nothing was asked.
    Nothing,
    /// What is stored is of the version that was asked.
    Answer(Object),
    /// It is not, or that takes more to tell: when the question was put, in the order of events and by the
    /// clock, and how it ended.
    Asked((Ticket, Nanos), Ended<Bound<'py, PyAny>>),
}

/// The whole call of a plain function in no session, of which the hit path has found nothing but that.
#[inline(never)]
pub(super) fn call_alone<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter(slf.py())?;
    match begin_alone(slf, arguments, hash)? {
        Ok(value) => Ok(value),
        Err(mut drive) => Cached::drive(slf, arguments, &mut drive),
    }
}

/// The answer to such a call; or its plan, which knows what was asked. In a frame of its own, since a
/// function that calls itself has that of its caller on the stack.
#[inline(never)]
fn begin_alone<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
) -> PyResult<Result<Bound<'py, PyAny>, Box<Drive>>> {
    let py = slf.py();
    let asked = match ask_alone(slf, arguments, hash)? {
        AskedHit::Answer(value) => return Ok(Ok(value.0.into_bound(py))),
        AskedHit::Asked(question, ended) => Some((question, ended)),
        AskedHit::Nothing => None,
    };
    let (wish, leader) = (Wish::of(Manner::Called), computation::leader(py));
    let mut drive = Drive::begin_in(|| Ok(None), slf, arguments, leader, wish, Attempt::of(hash))?;
    if let Some((question, ended)) = asked {
        drive.was_asked(slf.get(), py, question, ended)?;
    }
    Ok(Err(drive))
}

/// Asks whether what is stored for a call in no session is of the version of now.
#[inline]
fn ask_alone<'py>(slf: &Bound<'py, Cached>, arguments: Arguments<'_>, hash: u64) -> PyResult<AskedHit<'py>> {
    let (py, cached) = (slf.py(), slf.get());
    let Version::Asked(VersionFunction { function, given, default, .. }) = &cached.version else {
        return Ok(AskedHit::Nothing);
    };
    // What is made of the arguments may fail before anything is asked.
    if matches!(given, Given::Part(_)) {
        return Ok(AskedHit::Nothing);
    }
    let cache = &cached.function.cache;
    let sought = AnyArguments { arguments, rules: cached.rules };
    let Ok(Some(candidate)) = cache.read(py, |cache| cache.candidate(hash, sought)) else {
        return Ok(AskedHit::Nothing);
    };
    let mut unchanged = false;
    let mut ask = || {
        let version = cached.put_question(py, arguments, None)?;
        let (stored, answered) = (&candidate.version, Object::from(version.clone()));
        unchanged = default.is_none() && (stored.is(&answered) || stored.native_eq(&answered) == Some(true));
        // It was checked when it was stored.
        if unchanged { Ok(version) } else { cached.check_answer(version) }
    };
    let since = candidate.since;
    let ended = if function.bind(py).is_exact_instance_of::<Counter>() {
        // It reads nothing.
        Ended { result: ask(), reads: Vec::new() }
    } else {
        let start = ComputationStart {
            flight: None,
            own: Own { tag: since, ticket: since, until: since },
            session: None,
            validation: None,
            computes: false,
        };
        computation::within(py, start, ask)?
    };
    if unchanged && ended.reads.is_empty() {
        let taken =
            cache.with(py, |cache| cache.answer(&candidate, |Look { entry, .. }| entry.value.clone()));
        if let Some(value) = taken {
            return Ok(AskedHit::Answer(value));
        }
    }
    Ok(AskedHit::Asked((since, candidate.at), ended))
}
