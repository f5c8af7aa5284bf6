//! Runs a plan for a plain function: does what the engine asks for, outside of the critical section.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arguments::{self, Arguments, Owner, Rules};
use super::cached::{Asked, Cached, Given, Version};
use super::compare;
use super::computing;
use super::error::{self, Misuse};
use super::instance;
use super::key::{self, Key};
use super::nested::Nested;
use super::object::Object;
use super::session::{Core, Host, SessionRef};
use super::wait::{Flight, Lead, Waited};
use crate::engine::ticket::Ticket;
use crate::engine::{Caller, Plan, Probe, Step, Store, Unsure, Verdicts, clock, ticket};

/// How many comparisons one lookup may need before it is given up: keys that change while they are compared could go on for ever.
const PATIENCE: usize = 2_000;

/// Repeats a lookup until all that it needs to know about equality has been asked.
pub(super) fn settle<R>(
    py: Python<'_>,
    mut look: impl FnMut(&Verdicts<Object>) -> Result<R, Unsure<Object>>,
) -> PyResult<R> {
    let mut verdicts = Verdicts::default();
    for _ in 0..PATIENCE {
        match look(&verdicts) {
            Ok(found) => return Ok(found),
            Err(pair) => {
                let equal = compare::equal(py, &pair)?;
                verdicts.learn(pair, equal);
            }
        }
    }
    Err(PyRuntimeError::new_err(
        "the cache changed each time two keys were compared; let the keys' __eq__ leave the cache alone",
    ))
}

/// Says what a type error is about; any other error stays as it is.
fn explain(py: Python<'_>, misuse: &Misuse, cause: PyErr) -> PyErr {
    if cause.is_instance_of::<PyTypeError>(py) { misuse.because_of(py, cause) } else { cause }
}

/// What a version function is given: the tuple that `version_args` made, if any, and what tells it from other givens, if anything does.
type GivenParts<'py> = (Option<Bound<'py, PyTuple>>, Option<Probe<Key>>);

/// The session of a call, as it was when the call began.
pub(super) struct Active {
    core: Arc<Core>,
    id: Ticket,
}

impl Cached {
    /// The key of a call.
    pub(super) fn probe(&self, py: Python<'_>, arguments: Arguments<'_>) -> PyResult<Probe<Key>> {
        let stand_in = |hash| {
            let instance = arguments.instance_in(py).unwrap_or_else(|| py.None().into_bound(py));
            instance::stand_in(&instance, &self.function, hash)
        };
        if let Some(key) = &self.key {
            let object = self.call_option(key.bind(py), "key", arguments)?;
            let values = arguments.instance_in(py).into_iter().chain([object.clone()]);
            let values = PyTuple::new(py, values.collect::<Vec<_>>())?;
            let whole = arguments::in_tuple(&values, arguments.owner);
            return key::probe(py, whole, self.rules, &stand_in).map_err(|cause| {
                let misuse = Misuse::UnhashableKey {
                    function: self.function.name.clone(),
                    value: error::shown(&object),
                };
                explain(py, &misuse, cause)
            });
        }
        key::probe(py, arguments, self.rules, &stand_in)
            .map_err(|cause| error::unhashable(self.wrapped.bind(py), &self.function.name, arguments, cause))
    }

    /// Calls an option that gets the call's arguments.
    fn call_option<'py>(
        &self,
        option: &Bound<'py, PyAny>,
        name: &'static str,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        arguments.call(option).map_err(|cause| {
            let py = option.py();
            if cause.traceback(py).is_some() || !self.takes(py, arguments) {
                return cause;
            }
            let function = self.function.name.clone();
            explain(
                py,
                &Misuse::CannotCall { function, option: name, reason: cause.value(py).to_string() },
                cause,
            )
        })
    }

    /// Refuses a version without a hash.
    pub(super) fn check_version(
        &self,
        version: &Bound<'_, PyAny>,
        asked: impl FnOnce() -> String,
    ) -> PyResult<()> {
        version.hash().map(drop).map_err(|cause| {
            let misuse = Misuse::UnhashableVersion {
                function: self.function.name.clone(),
                asked: asked(),
                value: error::shown(version),
            };
            explain(version.py(), &misuse, cause)
        })
    }

    /// What the version function is given for a call, if that is more than nothing, as an object and as a key.
    fn given<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        probe: &Probe<Key>,
    ) -> PyResult<GivenParts<'py>> {
        let Version::Asked(asked) = &self.version else { return Ok((None, None)) };
        let stand_in = |_| Ok(probe.key.first(py));
        Ok(match &asked.given {
            Given::Nothing | Given::First => (None, None),
            // The order of keywords is the function's affair, not that of a version function which others may share.
            Given::Arguments if self.rules.ordered && !arguments.names.is_null() => {
                let rules = Rules { ordered: false, ..self.rules };
                (None, Some(key::probe(py, arguments, rules, &stand_in)?))
            }
            Given::Key | Given::Arguments => (None, Some(probe.clone())),
            Given::Part(part) => {
                let answer = self.call_option(part.bind(py), "version_args", arguments)?;
                let Ok(tuple) = answer.cast::<PyTuple>() else {
                    let misuse = Misuse::NoTuple {
                        function: self.function.name.clone(),
                        value: error::shown(&answer),
                    };
                    return Err(PyTypeError::new_err(misuse.to_string()));
                };
                // A part that begins with the instance is for that one, as the whole is.
                let instance = arguments.instance_in(py);
                let begins = |instance| tuple.get_item(0).is_ok_and(|first| first.is(&instance));
                let owner = if instance.is_some_and(begins) { Owner::Instance } else { Owner::Nobody };
                let part = arguments::in_tuple(tuple, owner);
                let given = key::probe(py, part, self.rules, &stand_in).map_err(|cause| {
                    let misuse = Misuse::UnhashableGiven {
                        function: self.function.name.clone(),
                        value: error::shown(tuple),
                    };
                    explain(py, &misuse, cause)
                })?;
                (Some(tuple.clone()), Some(given))
            }
        })
    }

    /// Runs the version function.
    fn ask<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        part: Option<&Bound<'py, PyTuple>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Version::Asked(Asked { function, given, default }) = &self.version else {
            return Ok(py.None().into_bound(py));
        };
        let ask = function.bind(py);
        let answer = match (given, part) {
            (Given::Nothing, _) => ask.call0(),
            (Given::Part(_), Some(part)) => ask.call1(part),
            _ => arguments.call(ask),
        };
        let version = answer.map_err(|cause| {
            // An error from inside of a Python function has a traceback; one about its parameters has none.
            if cause.is_instance_of::<PyTypeError>(py) && cause.traceback(py).is_none() {
                if !self.takes(py, arguments) {
                    return arguments.call(self.wrapped.bind(py)).err().unwrap_or(cause);
                }
                let misuse = Misuse::CannotAsk {
                    function: self.function.name.clone(),
                    asked: error::name_of(ask),
                    reason: cause.value(py).to_string(),
                };
                return misuse.because_of(py, cause);
            }
            cause
        })?;
        if let Some(default) = default
            && !version.is_truthy()?
        {
            return Ok(default.bind(py).clone());
        }
        self.check_version(&version, || format!("answered by {}", error::name_of(ask)))?;
        Ok(version)
    }

    /// Whether the function itself can take the arguments.
    fn takes(&self, py: Python<'_>, arguments: Arguments<'_>) -> bool {
        let call = arguments.to_call(py);
        call.is_ok_and(|(positional, keywords)| self.misfit(py, &positional, keywords.as_ref()).is_none())
    }

    /// Why the function itself can't take the arguments, if so.
    pub(super) fn misfit(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> Option<PyErr> {
        if self.bind.get().is_none() {
            let inspect = py.import("inspect").ok()?;
            // What has no signature can't tell.
            let signature = inspect.call_method1("signature", (&self.wrapped,)).ok()?;
            let _ = self.bind.set(signature.getattr("bind").ok()?.unbind());
        }
        let misfit = self.bind.get()?.call(py, args, kwargs).err()?;
        misfit.is_instance_of::<PyTypeError>(py).then_some(misfit)
    }

    /// The whole call, when the hit path did not answer it.
    pub(super) fn call<'py>(&self, py: Python<'py>, arguments: Arguments<'_>) -> PyResult<Bound<'py, PyAny>> {
        let _nested = Nested::enter(py)?;
        let probe = self.probe(py, arguments)?;
        let (part, given) = self.given(py, arguments, &probe)?;
        let session = self.session(py)?;
        let constant = match &self.version {
            Version::Constant(observation) => Some(observation.clone()),
            Version::Asked(_) => None,
        };
        let lead = Lead::new();
        let mut plan = Plan::<Host>::new(probe, given, self.scope.clone(), constant, lead.0.clone());
        let session = session.as_ref();
        for _ in 0..PATIENCE {
            match self.next(py, &mut plan, session) {
                Step::Compare(pair) => {
                    let equal =
                        compare::equal(py, &pair).inspect_err(|_| self.abandon(py, &mut plan, session))?;
                    plan.learn(pair, equal);
                }
                Step::Ask => {
                    let (ticket, at) = (ticket::draw(), clock::now());
                    let asked = computing::within(py, || self.ask(py, arguments, part.as_ref()));
                    let (version, oldest) = asked.inspect_err(|error| {
                        self.abandon(py, &mut plan, session);
                        lead.fail(py, error);
                    })?;
                    self.function.store.with(py, |store| store.stats.version_calls += 1);
                    plan.observed(version.into(), ticket, at, oldest);
                }
                Step::Wait(flight) => {
                    if matches!(flight.wait(py)?, Waited::Circle) {
                        plan.insist();
                    }
                }
                Step::Compute => {
                    lead.land();
                    let (value, oldest) = computing::within(py, || arguments.call(self.wrapped.bind(py)))
                        .inspect_err(|_| self.abandon(py, &mut plan, session))?;
                    let wanted = self.wants(&value).inspect_err(|_| {
                        computing::note(py, oldest);
                        self.abandon(py, &mut plan, session);
                    })?;
                    plan.computed(value.into(), oldest, wanted);
                }
                Step::Done(served) => {
                    computing::note(py, served.vouch);
                    return Ok(served.value.0.into_bound(py));
                }
            }
        }
        self.abandon(py, &mut plan, session);
        arguments.call(self.wrapped.bind(py))
    }

    /// Lets the plan decide, in the critical section.
    fn next(&self, py: Python<'_>, plan: &mut Plan<Host>, session: Option<&Active>) -> Step<Object, Flight> {
        self.enter(py, session, |store, caller| plan.next(store, caller))
    }

    fn abandon(&self, py: Python<'_>, plan: &mut Plan<Host>, session: Option<&Active>) {
        self.enter(py, session, |store, caller| plan.abandon(store, caller));
    }

    /// Runs `act` in the critical section of the store, and within it in the session's.
    pub(super) fn enter<R>(
        &self,
        py: Python<'_>,
        session: Option<&Active>,
        act: impl FnOnce(&mut Store<Host>, Option<&mut Caller<'_, Host>>) -> R,
    ) -> R {
        // A session that was renewed during the call is another one: what the call has learned is not for that.
        let Some(Active { core, id }) = session.filter(|session| session.core.id() == session.id) else {
            return self.function.store.with(py, |store| act(store, None));
        };
        let session = SessionRef(Arc::downgrade(core));
        self.function.store.with(py, |store| {
            core.known.with(py, |known| act(store, Some(&mut Caller { id: *id, session: &session, known })))
        })
    }

    /// The session that is active now, which reads this function from now on.
    pub(super) fn session(&self, py: Python<'_>) -> PyResult<Option<Active>> {
        let Some(session) = self.binding.find(py)? else { return Ok(None) };
        let core = session.get().core.clone();
        core.reads(py, &self.function);
        Ok(Some(Active { id: core.id(), core }))
    }

    /// Whether a result is to be stored.
    fn wants(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match &self.cache_if {
            Some(cache_if) => cache_if.bind(value.py()).call1((value,))?.is_truthy(),
            None => Ok(true),
        }
    }
}
