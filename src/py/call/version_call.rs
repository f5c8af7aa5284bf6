//! What a call is about: its key, and what the version function is given and answers.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::engine::{Probe, Question, Unsure};
use crate::py::arguments::call_arguments::{self, Arguments, Owner, Rules};
use crate::py::arguments::key::{self, Key};
use crate::py::arguments::misuse::{self, Misuse};
use crate::py::arguments::parameters::Room;
use crate::py::function::cached::Cached;
use crate::py::function::names_of_call::NamesOfCall;
use crate::py::function::ready_made::ReadyMade;
use crate::py::function::version::{Given, Kind, Version, VersionFunction};
use crate::py::function::weak_instance;
use crate::py::interpreter::fallible::{self, Number, Text, imported};
use crate::py::objects::counter::Counter;
use crate::py::objects::object::Object;
use crate::py::objects::{describe, native, unfinished};

/// Says what a type error is about; any other error stays as it is.
fn explain(py: Python<'_>, misuse: &Misuse, cause: PyErr) -> PyErr {
    if cause.is_instance_of::<PyTypeError>(py) { misuse.because_of(py, cause) } else { cause }
}

/// What a version function is given: the tuple that `version_args` made, if any, and what tells it from other
/// givens, if anything does.
type GivenParts<'py> = (Option<Bound<'py, PyTuple>>, Option<Probe<Key>>);

impl Cached {
    /// Whether a call is surely bound as it is written.
    #[inline]
    pub(crate) fn takes_as_written(&self, written: &Arguments<'_>) -> bool {
        self.parameters
            .as_ref()
            .is_none_or(|parameters| written.names.is_null() && parameters.takes_whole(written.values.len()))
    }

    /// The arguments of a call as they are bound to the function's parameters.
    #[expect(clippy::inline_always, reason = "a look at two numbers, as a rule")]
    #[inline(always)]
    pub(crate) fn placed<'a>(
        &'a self,
        py: Python<'_>,
        written: Arguments<'a>,
        room: &'a mut Room,
    ) -> PyResult<Arguments<'a>> {
        match &self.parameters {
            Some(parameters) => parameters.place(py, written, (self.is_method(), room)),
            None => Ok(written),
        }
    }

    /// The key of a call, whose hash may be known.
    #[inline(never)]
    pub(crate) fn probe(
        &self,
        py: Python<'_>,
        written: Arguments<'_>,
        hash: Option<u64>,
    ) -> PyResult<Probe<Key>> {
        let mut room = Room::new();
        let arguments = self.placed(py, written, &mut room)?;
        let stand_in = |hash| self.stand_in(py, arguments, hash);
        if let Some(key) = &self.key {
            let object = self.call_option(key.bind(py), "key", arguments)?;
            let whole = object.as_ptr();
            return key::probe(py, Arguments::of_one(&whole), self.rules, None, &stand_in).map_err(|cause| {
                let misuse = Misuse::UnhashableKey {
                    function: self.function.name.clone(),
                    value: describe::shown(&object),
                };
                explain(py, &misuse, cause)
            });
        }
        key::probe(py, arguments, self.rules, hash, &stand_in)
            .map_err(|cause| misuse::unhashable(self.wrapped.bind(py), &self.function.name, arguments, cause))
    }

    /// What stands for the instance of a call in a key.
    fn stand_in<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        hash: u64,
    ) -> PyResult<(Bound<'py, PyAny>, Owner)> {
        let instance = arguments.instance_in(py).unwrap_or_else(|| py.None().into_bound(py));
        weak_instance::stand_in(&instance, &self.function, hash)
    }

    /// Calls an option that gets the call's arguments.
    fn call_option<'py>(
        &self,
        option: &Bound<'py, PyAny>,
        name: &'static str,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answer = arguments.call(option).map_err(|cause| {
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
        })?;
        self.check_option(option.py(), unfinished::used_up(&answer)?, name)?;
        Ok(answer)
    }

    /// Refuses what is no answer of an option yet, by its kind.
    pub(super) fn check_option(
        &self,
        py: Python<'_>,
        kind: Option<&'static str>,
        option: &'static str,
    ) -> PyResult<()> {
        let Some(kind) = kind else { return Ok(()) };
        let function = self.function.name.clone();
        Err(fallible::error::<PyTypeError>(py, Misuse::OptionUsedUp { function, option, kind }.to_string()))
    }

    /// Refuses a version without a hash, and a function in place of its answer.
    pub(crate) fn check_version(
        &self,
        version: &Bound<'_, PyAny>,
        asked: impl FnOnce() -> String,
    ) -> PyResult<()> {
        let told = || (self.function.name.clone(), describe::shown(version));
        if unfinished::is_function(version)? {
            let (function, value) = told();
            return Err(fallible::error::<PyTypeError>(
                version.py(),
                Misuse::NotCalled { function, asked: asked(), value }.to_string(),
            ));
        }
        version.hash().map(drop).map_err(|cause| {
            let (function, value) = told();
            explain(version.py(), &Misuse::UnhashableVersion { function, asked: asked(), value }, cause)
        })
    }

    /// What the version function is given for a call, if that is more than nothing, as an object and as a
    /// key.
    #[inline(never)]
    pub(crate) fn given<'py>(
        &self,
        py: Python<'py>,
        written: Arguments<'_>,
        probe: &Probe<Key>,
    ) -> PyResult<GivenParts<'py>> {
        let Version::Asked(asked) = &self.version else { return Ok((None, None)) };
        let mut room = Room::new();
        let arguments = self.placed(py, written, &mut room)?;
        let stand_in = |hash| match probe.key.first(py) {
            // `key=` made the key.
            (_, Owner::Nobody) => self.stand_in(py, arguments, hash),
            known => Ok(known),
        };
        Ok(match &asked.given {
            Given::Nothing | Given::First => (None, None),
            // The order of keywords is the function's affair, not that of a version function which others may
            // share.
            Given::Arguments if self.rules.ordered && !arguments.names.is_null() => {
                let rules = Rules { ordered: false, ..self.rules };
                // Nobody is asked for a hash again.
                let order = probe.key.arguments().order_of_names(self.seed);
                let hash = self.key.is_none().then(|| probe.hash.wrapping_sub(order));
                (None, Some(key::probe(py, arguments, rules, hash, &stand_in)?))
            }
            Given::Key | Given::Arguments => (None, Some(probe.clone())),
            Given::Part(part) => {
                let answer = self.call_option(part.bind(py), "version_args", arguments)?;
                let Ok(tuple) = answer.cast::<PyTuple>() else {
                    let misuse = Misuse::NoTuple {
                        function: self.function.name.clone(),
                        value: describe::shown(&answer),
                    };
                    return Err(fallible::error::<PyTypeError>(py, misuse.to_string()));
                };
                // A part that begins with the instance is for that one, as the whole is.
                let instance = arguments.instance_in(py);
                let begins = |instance| tuple.get_item(0).is_ok_and(|first| first.is(&instance));
                let owner = if instance.is_some_and(begins) { Owner::Instance } else { Owner::Nobody };
                let part = call_arguments::in_tuple(tuple, owner);
                let given = key::probe(py, part, self.rules, None, &stand_in).map_err(|cause| {
                    let misuse = Misuse::UnhashableGiven {
                        function: self.function.name.clone(),
                        value: describe::shown(tuple),
                    };
                    explain(py, &misuse, cause)
                })?;
                (Some(tuple.clone()), Some(given))
            }
        })
    }

    /// Runs the version function.
    pub(crate) fn ask<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        part: Option<&Bound<'py, PyTuple>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.check_answer(self.put_question(py, arguments, part)?)
    }

    /// Calls the version function.
    pub(crate) fn put_question<'py>(
        &self,
        py: Python<'py>,
        written: Arguments<'_>,
        part: Option<&Bound<'py, PyTuple>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut room = Room::new();
        let arguments = self.placed(py, written, &mut room)?;
        self.put_bound_question(py, arguments, part)
    }

    /// The same with arguments that are bound.
    #[inline(never)]
    fn put_bound_question<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        part: Option<&Bound<'py, PyTuple>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Version::Asked(VersionFunction { function, kind, given, .. }) = &self.version else {
            return Ok(py.None().into_bound(py));
        };
        let ask = function.bind(py);
        if *kind == Kind::Counter {
            return Number(ask.cast_exact::<Counter>()?.get().count(py)).into_pyobject(py);
        }
        let question = match (given, part) {
            (Given::Nothing, _) => call_arguments::NONE,
            (Given::Part(_), Some(part)) => call_arguments::in_tuple(part, Owner::Nobody),
            _ => arguments,
        };
        let answer = match kind {
            Kind::ReadyMade => ask.cast_exact::<ReadyMade>()?.get().ask(py, question),
            Kind::NamesOfCall => ask.cast_exact::<NamesOfCall>()?.get().ask(py, question),
            _ => question.call(ask),
        };
        answer.map_err(|cause| self.explain_question(ask, arguments, cause))
    }

    /// The error of a version function, which may be one about its parameters, or about the function's.
    #[cold]
    #[inline(never)]
    fn explain_question(&self, ask: &Bound<'_, PyAny>, arguments: Arguments<'_>, cause: PyErr) -> PyErr {
        let py = ask.py();
        // An error from inside of a Python function has a traceback; one about its parameters has none.
        if !cause.is_instance_of::<PyTypeError>(py) || cause.traceback(py).is_some() {
            return cause;
        }
        if !self.takes(py, arguments) {
            return arguments.call(self.wrapped.bind(py)).err().unwrap_or(cause);
        }
        let misuse = Misuse::CannotAsk {
            function: self.function.name.clone(),
            asked: describe::name_of(ask),
            reason: cause.value(py).to_string(),
        };
        misuse.because_of(py, cause)
    }

    /// Asks for the version of what is `stored` under one, of a call with these bound arguments. `unchanged`
    /// is set if the answer surely is that.
    #[expect(clippy::inline_always, reason = "a hit in no session is as fast as this is")]
    #[inline(always)]
    pub(crate) fn ask_about<'py>(
        &self,
        arguments: Arguments<'_>,
        stored: &Bound<'py, PyAny>,
        unchanged: &mut bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answered = self.put_bound_question(stored.py(), arguments, None)?;
        let has_default = matches!(&self.version, Version::Asked(asked) if asked.default.is_some());
        *unchanged = !has_default && (stored.is(&answered) || native::are_surely_equal(stored, &answered));
        // It was checked when it was stored.
        if *unchanged { Ok(answered) } else { self.check_answer(answered) }
    }

    /// The version that an answer of the version function stands for.
    pub(crate) fn check_answer<'py>(&self, version: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Version::Asked(VersionFunction { function, default, .. }) = &self.version else {
            return Ok(version);
        };
        let py = version.py();
        if let Some(kind) = unfinished::no_answer(&version)? {
            let (function, asked) = (self.function.name.clone(), describe::name_of(function.bind(py)));
            return Err(fallible::error::<PyTypeError>(
                version.py(),
                Misuse::NoAnswer { function, asked, kind }.to_string(),
            ));
        }
        if let Some(default) = default
            && !version.is_truthy()?
        {
            return Ok(default.bind(py).clone());
        }
        self.check_version(&version, || format!("answered by {}", describe::name_of(function.bind(py))))?;
        Ok(version)
    }

    /// Whether the function itself can take the arguments.
    fn takes(&self, py: Python<'_>, arguments: Arguments<'_>) -> bool {
        let call = arguments.to_call(py);
        call.is_ok_and(|(positional, keywords)| self.misfit(py, &positional, keywords.as_ref()).is_none())
    }

    /// Why the function itself can't take the arguments, if so.
    pub(crate) fn misfit(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> Option<PyErr> {
        if self.fit.get().is_none() {
            let fit =
                imported!(py, "versioned_lru_cache._signatures", "fit").ok()?.call1((&self.wrapped,)).ok()?;
            // What has no signature can't tell.
            let _ = self.fit.set((!fit.is_none()).then(|| fit.unbind())?);
        }
        let misfit = self.fit.get()?.call(py, args, kwargs).err()?;
        misfit.is_instance_of::<PyTypeError>(py).then_some(misfit)
    }

    /// Calls the function; or what takes its place, where there is an old result for that. Within whoever
    /// runs it, as a frame less on the stack.
    #[expect(clippy::inline_always, reason = "each level of recursion has it on the stack")]
    #[inline(always)]
    pub(crate) fn run<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
        previous: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match (&self.freshness.revalidate, previous) {
            (Some(revalidate), Some(previous)) => {
                self.call_after(revalidate.bind(py), "revalidate", previous, arguments)
            }
            _ => arguments.call(self.wrapped.bind(py)),
        }
    }

    /// Calls an option that gets an old result or a new one, and the call's arguments.
    #[inline(never)]
    pub(super) fn call_after<'py>(
        &self,
        option: &Bound<'py, PyAny>,
        name: &'static str,
        first: &Bound<'py, PyAny>,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        arguments.call_after(option, first).map_err(|cause| {
            let py = option.py();
            if cause.traceback(py).is_some() || !self.takes(py, arguments) {
                return cause;
            }
            let function = self.function.name.clone();
            let reason = cause.value(py).to_string();
            explain(py, &Misuse::CannotCall { function, option: name, reason }, cause)
        })
    }

    /// What is to be asked about two objects: whether they are equal, or which version is above the other.
    pub(crate) fn compared(&self, py: Python<'_>, unsure: &mut Unsure<Object>) -> PyResult<bool> {
        match (unsure, &self.freshness.order) {
            (Unsure::Pair(pair), Some(order)) if pair.question == Question::AtLeast => {
                let answer = order.bind(py).call1((pair.probe.bind(py), pair.stored.bind(py)))?;
                self.check_option(py, unfinished::no_answer(&answer)?, "Lag(order)")?;
                answer.is_truthy()
            }
            (unsure, _) => key::equal(py, unsure),
        }
    }

    /// The error for a call in an offline session.
    pub(crate) fn not_stored(&self, py: Python<'_>) -> PyErr {
        let text = format!(
            "{}: no result of this call is stored, and the session is offline; call it once in a session \
             that is not",
            self.function.name
        );
        let class = imported!(py, "versioned_lru_cache.exceptions", "NotStored");
        let error = class.and_then(|class| class.call1((Text(text),)));
        error.map_or_else(|error| error, PyErr::from_value)
    }
}
