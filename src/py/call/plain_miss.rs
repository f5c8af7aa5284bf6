//! A miss of which nothing is known: nothing of its key is stored, computed, or kept for its session. It
//! takes no plan, unless something comes between.

use pyo3::prelude::*;

use super::attempt::Attempt;
use super::computation::{self, ComputationStart, Ended, Entered};
use super::drive::Drive;
use super::question::Question;
use super::read_set::ServedCall;
use crate::engine::clock::Nanos;
use crate::engine::order::{self, Ticket};
use crate::engine::{Manner, Observation, Own, PlainMiss, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::flight::wait::Lead;
use crate::py::function::cached::Cached;
use crate::py::function::version::{Given, Kind, Version, VersionFunction};
use crate::py::objects::host::Host;
use crate::py::objects::object::Object;
use crate::py::session::core::ActiveSession;

/// A call that has begun.
pub(super) enum Begun<'py> {
    /// It is over.
    Answered(Bound<'py, PyAny>),
    /// The function is to be run.
    Computing(Box<PlainRun>),
    /// Its plan tells what is next.
    Driven(Box<Drive>),
}

impl<'py> Begun<'py> {
    /// Goes on until the call is over.
    #[expect(clippy::inline_always, reason = "each level of recursion has it on the stack")]
    #[inline(always)]
    pub(super) fn finish(
        self,
        slf: &Bound<'py, Cached>,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Answered(value) => Ok(value),
            Self::Computing(run) => run.compute(slf, arguments),
            Self::Driven(mut drive) => Cached::drive(slf, arguments, &mut drive),
        }
    }
}

/// Drives a call to its end.
#[inline(never)]
fn drive_on<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    mut drive: Box<Drive>,
) -> PyResult<Bound<'py, PyAny>> {
    Cached::drive(slf, arguments, &mut drive)
}

/// A computation that this call leads.
pub(super) struct PlainRun {
    pub(super) miss: PlainMiss<Host>,
    pub(super) lead: Lead,
    pub(super) session: Option<ActiveSession>,
}

/// Begins a call in no session, for which the hit path has found nothing: its version is asked first, as that
/// of any call in no session.
#[inline(never)]
pub(super) fn begin_alone<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    hash: u64,
) -> PyResult<Begun<'py>> {
    let (py, cached) = (slf.py(), slf.get());
    let (wish, leader) = (Wish::of(Manner::Called), computation::leader(py));
    let asked = match &cached.version {
        Version::Constant(_) => None,
        Version::Asked(asked) => {
            let (lacks, at) = cached.function.cache.read(py, |cache| (cache.lacks(hash), cache.now()));
            if !lacks || !cached.is_given_nothing() {
                let tried = Attempt::of(hash);
                return Drive::begin_in(|| Ok(None), slf, arguments, leader, wish, tried).map(Begun::Driven);
            }
            let since = order::draw();
            Some(((since, at), ask(cached, asked, py, arguments, since)?))
        }
    };
    let probe = cached.probe(py, arguments, Some(hash))?;
    let answered = match &asked {
        Some(((since, at), Ended { result: Ok(version), reads })) if reads.is_empty() => {
            Some(observation(version, *since, *at))
        }
        _ => None,
    };
    let observed =
        if let Version::Constant(constant) = &cached.version { Some(constant) } else { answered.as_ref() };
    let begun = cached.enter(py, None, |cx| {
        let begun = cx.begin_plainly(probe, &leader, observed);
        cx.cache.stats.version_calls += u64::from(begun.is_ok() && asked.is_some());
        begun
    });
    match begun {
        Ok((miss, flight)) => {
            Ok(Begun::Computing(Box::new(PlainRun { miss, lead: Lead(flight), session: None })))
        }
        Err(probe) => {
            let mut drive =
                Drive::begin_with((probe, None, None), None, slf, arguments, (leader, wish), None)?;
            if let Some(((since, at), ended)) = asked {
                let (at, ended) = (Some(at), Ok(ended.unbind()));
                drive.was_asked(cached, py, Question { since, at, ended })?;
            }
            Ok(Begun::Driven(drive))
        }
    }
}

/// Runs the version function, which is given nothing, in no session.
#[inline(never)]
fn ask<'py>(
    cached: &Cached,
    asked: &VersionFunction,
    py: Python<'py>,
    arguments: Arguments<'_>,
    since: Ticket,
) -> PyResult<Ended<Bound<'py, PyAny>>> {
    if asked.kind == Kind::Counter {
        // It reads nothing.
        return Ok(Ended { result: cached.ask(py, arguments, None), reads: Vec::new() });
    }
    let own = Own { tag: since, ticket: since, until: since };
    computation::asking(py, own, || cached.ask(py, arguments, None))
}

/// What an answer is that was asked then.
pub(super) fn observation(version: &Bound<'_, PyAny>, since: Ticket, at: Nanos) -> Observation<Object> {
    let version = Object::from(version.clone());
    Observation { version, tag: since, since, ticket: since, until: order::draw(), at, reads: None }
}

impl PlainRun {
    /// Runs the function. Little of it is on the stack meanwhile: it may call itself.
    #[inline(never)]
    fn compute<'py>(
        self: Box<Self>,
        slf: &Bound<'py, Cached>,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, cached) = (slf.py(), slf.get());
        let entered = self.enter(py)?;
        let result = cached.run(py, arguments, None);
        match self.left(slf, arguments, entered, result)? {
            Ok(value) => Ok(value),
            Err(drive) => drive_on(slf, arguments, drive),
        }
    }

    #[inline(never)]
    fn enter(&self, py: Python<'_>) -> PyResult<Entered> {
        let (flight, session) = (Some(&self.lead.0), self.session.as_ref());
        let own = self.miss.own();
        let computes = Some(self.miss.version());
        Entered::new(py, ComputationStart { flight, own, session, validation: None, computes, leased: false })
    }

    /// Stores what the function has made; or makes a plan, which is told how it ended.
    #[expect(clippy::boxed_local, reason = "what is in it is not moved until then")]
    #[inline(never)]
    fn left<'py>(
        self: Box<Self>,
        slf: &Bound<'py, Cached>,
        arguments: Arguments<'_>,
        entered: Entered,
        result: PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Result<Bound<'py, PyAny>, Box<Drive>>> {
        let (py, cached) = (slf.py(), slf.get());
        let ended = entered.leave(py, result);
        let Self { mut miss, lead, session } = *self;
        if let Ok(value) = &ended.result
            && ended.reads.is_empty()
            && cached.takes_as_it_is(value)
        {
            let constant = matches!(cached.version, Version::Constant(_));
            let basis = computation::is_going_on().then(|| miss.basis(constant));
            let (hash, made) = (miss.hash(), Object::from(value.clone()));
            match cached.enter(py, session.as_ref(), |cx| cx.end_plainly(miss, made)) {
                None => {
                    lead.land(None);
                    cached.function.note_result(py, hash, None);
                    if let Some(basis) = basis {
                        let (session, active) =
                            (session.as_ref().map_or(0, |session| session.id), session.as_ref());
                        ServedCall { function: slf.as_borrowed(), arguments, session, active }
                            .note(py, &basis);
                    }
                    return ended.result.map(Ok);
                }
                Some(unplain) => miss = unplain,
            }
        }
        let mut drive = Drive::in_midst(cached, miss, computation::leader(py), session, lead);
        drive.computed((cached, py), arguments, ended)?;
        Ok(Err(drive))
    }
}

impl Cached {
    /// Whether nothing tells the answers of its version function apart, if it has one.
    fn is_given_nothing(&self) -> bool {
        match &self.version {
            Version::Constant(_) => true,
            Version::Asked(asked) => matches!(asked.given, Given::Nothing | Given::First),
        }
    }
}
