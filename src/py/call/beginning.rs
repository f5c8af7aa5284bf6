//! How a call begins that the hit path does not answer: with a plan, unless what it takes is plain at once.

use pyo3::prelude::*;

use super::asked_hit;
use super::attempt::Attempt;
use super::computation;
use super::drive::Drive;
use super::first_hit;
use super::plain_miss::{Begun, PlainRun};
use super::switched_off;
use crate::engine::{FirstQuestion, Manner, PlainMiss, Probe, Wish};
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::arguments::matchers::AnyArguments;
use crate::py::flight::wait::{Flight, Lead};
use crate::py::function::cached::Cached;
use crate::py::function::version::{Given, Version};
use crate::py::interpreter::recursion::Nested;
use crate::py::objects::host::Host;

/// What a look at the cache has begun.
enum Opening {
    /// The version is asked for the first time.
    Asking(FirstQuestion<Host>, Probe<Key>),
    /// The function is run, of whose result nothing is known.
    Computing(PlainMiss<Host>, Flight),
    /// Nothing: that takes more.
    Nothing(Probe<Key>),
}

/// The whole call of a plain function, of which the hit path has learned so much.
#[inline(never)]
pub(super) fn call<'py>(
    slf: &Bound<'py, Cached>,
    arguments: Arguments<'_>,
    tried: Attempt,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter(slf.py())?;
    if switched_off::is_off(slf.py()) {
        return slf.get().run_uncached(slf.py(), arguments);
    }
    begin(slf, arguments, tried)?.finish(slf, arguments)
}

/// Begins a call in whatever session there is. In a frame of its own, since a function that calls itself has
/// that of its caller on the stack.
#[inline(never)]
fn begin<'py>(slf: &Bound<'py, Cached>, arguments: Arguments<'_>, tried: Attempt) -> PyResult<Begun<'py>> {
    let (py, cached) = (slf.py(), slf.get());
    let (wish, leader) = (Wish::of(Manner::Called), computation::leader(py));
    let Some(hash) = tried.only_hash().filter(|_| cached.is_plainly_asked()) else {
        return Drive::begin(slf, arguments, leader, wish, tried).map(Begun::Driven);
    };
    let session = cached.session(py)?;
    if session.is_none() && !computation::is_nested(py) {
        return asked_hit::begin_after(slf, arguments, hash, asked_hit::ask_alone(slf, arguments, hash));
    }
    let probe = cached.probe(py, arguments, Some(hash))?;
    let (_, given) = cached.given(py, arguments, &probe)?;
    let has_policy = session.as_ref().is_some_and(|session| session.core.policy.is_some());
    let constant = if let Version::Constant(constant) = &cached.version { Some(constant) } else { None };
    let opening = if has_policy {
        Opening::Nothing(probe)
    } else {
        let about = (&cached.scope, given.as_ref());
        cached.enter(py, session.as_ref(), |cx| {
            let sought = AnyArguments { arguments: probe.key.arguments(), rules: cached.rules };
            if constant.is_none()
                && let Some(question) = cx.begin_first((hash, sought), about, &leader)
            {
                return Opening::Asking(question, probe);
            }
            if given.is_some() {
                return Opening::Nothing(probe);
            }
            match cx.begin_plainly(probe, &leader, constant) {
                Ok((miss, flight)) => Opening::Computing(miss, flight),
                Err(probe) => Opening::Nothing(probe),
            }
        })
    };
    match opening {
        Opening::Asking(question, probe) => {
            first_hit::ask(slf, arguments, (probe, given), session, &question)
        }
        Opening::Computing(miss, flight) => {
            Ok(Begun::Computing(Box::new(PlainRun { miss, lead: Lead(flight), session })))
        }
        Opening::Nothing(probe) => {
            let key = (probe, given, None);
            Drive::begin_with(key, session, slf, arguments, (leader, wish), None).map(Begun::Driven)
        }
    }
}

impl Cached {
    /// Whether nothing has to be run to tell what its version function is given, if it has one.
    fn is_plainly_asked(&self) -> bool {
        match &self.version {
            Version::Constant(_) => true,
            Version::Asked(asked) => !matches!(asked.given, Given::Part(_)) && !asked.awaits,
        }
    }
}
