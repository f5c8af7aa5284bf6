//! What a user did wrong at a call, and the exception that says what to do instead.

use std::fmt;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::call_arguments::{Arguments, Owner};
use crate::py::interpreter::fallible::{self, named};
use crate::py::objects::describe::shown;
use crate::py::objects::unfinished::{AWAITABLE, CONTEXT_MANAGER, COROUTINE, FUTURE};

/// A mistake that shows at a call.
pub(crate) enum Misuse {
    /// An argument has no hash.
    UnhashableArgument { function: String, argument: String, value: String },
    /// The instance has no hash, of a function under a property, where it is an argument.
    UnhashableSelf { function: String, value: String },
    /// What `key` returned has no hash.
    UnhashableKey { function: String, value: String },
    /// A version has no hash.
    UnhashableVersion { function: String, asked: String, value: String },
    /// What the version function was to be given has no hash.
    UnhashableGiven { function: String, value: String },
    /// `version_args` did not return a tuple.
    NoTuple { function: String, value: String },
    /// An option that gets the call's arguments does not take them.
    CannotCall { function: String, option: &'static str, reason: String },
    /// A version function returned a coroutine or generator.
    NoAnswer { function: String, asked: String, kind: &'static str },
    /// An option returned a coroutine, a generator or something else that is no answer yet.
    OptionUsedUp { function: String, option: &'static str, kind: &'static str },
    /// A version is a function.
    NotCalled { function: String, asked: String, value: String },
    /// The function returned something of which nobody but the first caller would have anything, or all would
    /// have the same failure.
    UsedUp { function: String, kind: &'static str, value: String },
    /// What a result was said to weigh is no weight.
    NoWeight { function: String, value: String },
    /// The result that is there was said to be good, where there is none.
    NothingBefore { function: String },
    /// A result does not say its version, though versions are to be compared by their order.
    Unordered { function: String, value: String },
    /// A method of the cache was given arguments that are no call of the function.
    NoCall { function: String, asked: &'static str, reason: String },
    /// The version function does not take what it is given.
    CannotAsk { function: String, asked: String, reason: String },
}

impl fmt::Display for Misuse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnhashableArgument { function, argument, value } => write!(
                out,
                "{function}: argument {argument} is unhashable: {value}; pass a hashable value (a tuple \
                 instead of a list) or give key=, a callable that makes a hashable key of the arguments"
            ),
            Self::UnhashableSelf { function, value } => write!(
                out,
                "{function}: the instance is unhashable: {value}; under a property it is an argument like \
                 any other. Write @versioned_cached_property(...) in place of both decorators: it knows an \
                 instance by identity"
            ),
            Self::UnhashableKey { function, value } => {
                write!(
                    out,
                    "{function}: key= returned an unhashable value: {value}; it must return a hashable one, \
                     such as a tuple"
                )
            }
            Self::UnhashableVersion { function, asked, value } => write!(
                out,
                "{function}: its version, {asked}, is unhashable: {value}; a version must be hashable (a \
                 str, a number, a tuple), since one that can be changed in place would equal itself for ever"
            ),
            Self::UnhashableGiven { function, value } => write!(
                out,
                "{function}: version_args= returned a tuple with an unhashable value: {value}; its items \
                 must be hashable"
            ),
            Self::NoTuple { function, value } => write!(
                out,
                "{function}: version_args= returned {value}; it must return a tuple of what the version \
                 function gets, such as (user,)"
            ),
            Self::CannotCall { function, option, reason } => {
                write!(
                    out,
                    "{function}: {option}= cannot take the arguments of this call ({reason}); let it take \
                     the same ones"
                )
            }
            Self::NoAnswer { function, asked, kind: kind @ (COROUTINE | AWAITABLE) } => write!(
                out,
                "{function}: its version function {asked} returned {} {kind}; write it as `async def`, for a \
                 function that is one too",
                article(kind)
            ),
            Self::NoAnswer { function, asked, kind } => {
                write!(
                    out,
                    "{function}: its version function {asked} returned {} {kind}; let it return the version",
                    article(kind)
                )
            }
            Self::OptionUsedUp { function, option, kind } => write!(
                out,
                "{function}: {option}= returned {} {kind}; it must be a plain function that returns its \
                 answer",
                article(kind)
            ),
            Self::NotCalled { function, asked, value } => write!(
                out,
                "{function}: its version, {asked}, is {value}; a version is the answer of a function and not \
                 the function, which equals itself for ever: call it"
            ),
            Self::UsedUp { function, kind, value } => tell_of_one_use(out, function, kind, value),
            Self::NoWeight { function, value } => write!(
                out,
                "{function}: weigh= returned {value}; it must return an int of 0 or more, such as the number \
                 of bytes or items"
            ),
            Self::NothingBefore { function } => write!(
                out,
                "{function}: NOT_MODIFIED was returned, but there is no old result for it; only revalidate= \
                 may return it, which runs where there is one"
            ),
            Self::Unordered { function, value } => write!(
                out,
                "{function}: returned {value}, but Lag(order=...) compares the versions of results; return \
                 Versioned(value, version), or leave order out"
            ),
            Self::NoCall { function, asked, reason } => write!(
                out,
                "{function}.{asked}: the function cannot be called with these arguments ({reason}); pass \
                 those of a call, and the instance or class first where it was not reached through one"
            ),
            Self::CannotAsk { function, asked, reason } => write!(
                out,
                "{function}: its version function {asked} cannot take the arguments of this call ({reason}); \
                 let it take the same arguments, or say with version_args= what it gets: () for nothing, or \
                 a callable that returns a tuple"
            ),
        }
    }
}

/// What is said of a result of which later callers would have nothing.
fn tell_of_one_use(out: &mut fmt::Formatter<'_>, function: &str, kind: &str, value: &str) -> fmt::Result {
    match kind {
        COROUTINE => write!(
            out,
            "{function} returned a coroutine, which can be awaited but once; let what is decorated be an \
             `async def` itself, and put other decorators above the cache's"
        ),
        FUTURE => write!(
            out,
            "{function} returned a future, {value}, whose one outcome would be that of all later calls, a \
             failure too; return its result, which an `async def` has by awaiting it"
        ),
        CONTEXT_MANAGER => write!(
            out,
            "{function} returned a context manager, {value}, which only its first caller could enter; leave \
             it uncached, and cache what is made within it"
        ),
        _ => write!(
            out,
            "{function} returned {} {kind}, {value}, which its first caller would use up; return a finished \
             value, such as a list of what it yields",
            article(kind)
        ),
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'i']) { "an" } else { "a" }
}

impl Misuse {
    /// The exception, with what led to it as its cause.
    pub(crate) fn because_of(&self, py: Python<'_>, cause: PyErr) -> PyErr {
        let error = fallible::error::<PyTypeError>(py, self.to_string());
        error.set_cause(py, Some(cause));
        error
    }
}

/// The names of a function's positional parameters, as far as it tells them.
pub(crate) fn names_of_parameters(function: &Bound<'_, PyAny>) -> Vec<String> {
    let py = function.py();
    named!(py, "__code__")
        .and_then(|name| function.getattr(name))
        .and_then(|code| {
            let count: usize = code.getattr(named!(py, "co_argcount")?)?.extract()?;
            let names: Vec<String> = code.getattr(named!(py, "co_varnames")?)?.extract()?;
            let bound = usize::from(function.hasattr(named!(py, "__self__")?)?);
            Ok(names.into_iter().take(count).skip(bound).collect())
        })
        .unwrap_or_default()
}

/// A positional argument as it is named in a message: by its parameter or, from 1 on, by its place.
pub(crate) fn name_at(names: &[String], place: usize) -> String {
    names.get(place).map_or_else(|| format!("{}", place + 1), |name| format!("{name:?}"))
}

/// Names the argument without a hash that `error` is about; any other error stays as it is.
pub(crate) fn unhashable(
    function: &Bound<'_, PyAny>,
    name: &str,
    arguments: Arguments<'_>,
    error: PyErr,
) -> PyErr {
    let py = function.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    let Ok((positional, keywords)) = arguments.to_call(py) else {
        return error;
    };
    let names = names_of_parameters(function);
    let misuse = |argument, value: &Bound<'_, PyAny>| Misuse::UnhashableArgument {
        function: name.to_owned(),
        argument,
        value: shown(value),
    };
    let owned = usize::from(arguments.owner != Owner::Nobody);
    for (place, value) in positional.iter().enumerate().skip(owned) {
        if value.hash().is_err() {
            if owned == 0 && place == 0 && is_under_property(function, &value) {
                let misuse = Misuse::UnhashableSelf { function: name.to_owned(), value: shown(&value) };
                return misuse.because_of(py, error);
            }
            return misuse(name_at(&names, place), &value).because_of(py, error);
        }
    }
    for (keyword, value) in keywords.iter().flat_map(pyo3::types::PyDictMethods::iter) {
        if value.hash().is_err() {
            return misuse(format!("\"{keyword}\""), &value).because_of(py, error);
        }
    }
    error
}

/// Whether the class of `instance` has something under the function's name that is not called but looked at.
fn is_under_property(function: &Bound<'_, PyAny>, instance: &Bound<'_, PyAny>) -> bool {
    let name = named!(function.py(), "__name__").and_then(|name| function.getattr(name));
    let found = name.and_then(|name| instance.get_type().getattr(name.cast::<PyString>()?));
    found.is_ok_and(|found| !found.is_callable())
}
