//! The first hit of a session: the version is asked for the session, and compared in place with that of what
//! is stored. Whatever is not so plain goes on as any call, with the question that was put.

use pyo3::prelude::*;

use super::computation::{self, ComputationStart};
use super::drive::Drive;
use super::plain_miss::{Begun, observation};
use super::read_set::ServedCall;
use crate::engine::{Basis, FirstQuestion, Manner, Own, Probe, Wish, clock};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::arguments::parameters::Room;
use crate::py::flight::wait::Lead;
use crate::py::function::cached::Cached;
use crate::py::objects::host::Host;
use crate::py::session::core::ActiveSession;

/// Asks whether what is stored is of the version of now, and answers with it if so.
#[inline(never)]
pub(super) fn ask<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    (probe, given): (Probe<Key>, Option<Probe<Key>>),
    session: Option<ActiveSession>,
    question: &FirstQuestion<Host>,
) -> PyResult<Begun<'py>> {
    let (py, cached) = (slf.py(), slf.get());
    let lead = Lead(question.flight.clone());
    let (since, at) = (question.candidate.since, question.candidate.at.unwrap_or_else(clock::earliest));
    let start = ComputationStart {
        flight: Some(&lead.0),
        own: Own { tag: since, ticket: since, until: since },
        session: session.as_ref(),
        validation: None,
        computes: None,
        leased: false,
    };
    let mut unchanged = false;
    let mut room = Room::new();
    let bound = cached.placed(py, arguments, &mut room)?;
    let stored = question.candidate.version.bind(py);
    let ended = computation::within(py, start, || cached.ask_about(bound, stored, &mut unchanged))?;
    if unchanged
        && let Ok(version) = &ended.result
        && ended.reads.is_empty()
    {
        let observed = observation(version, since, at);
        let about = (&cached.scope, given.as_ref());
        let served =
            cached.enter(py, session.as_ref(), |cx| cx.answer_first(probe.hash, about, question, &observed));
        if let Some((value, (tag, ticket))) = served {
            lead.land(None);
            if computation::is_going_on() {
                let basis = Basis { tag, ticket, version: observed.version };
                let (session, active) = (session.as_ref().map_or(0, |session| session.id), session.as_ref());
                ServedCall { function: slf.as_borrowed(), arguments, session, active }.note(py, &basis);
            }
            return Ok(Begun::Answered(value.0.into_bound(py)));
        }
    }
    let (wish, leader) = (Wish::of(Manner::Called), computation::leader(py));
    let mut drive = Drive::begin_with((probe, given, None), session, slf, arguments, (leader, wish), None)?;
    drive.was_asked_for_all(cached, py, (since, at), lead, ended)?;
    Ok(Begun::Driven(drive))
}
