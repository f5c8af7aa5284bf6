//! What a user did wrong at a call, and the exception that says what to do instead.

use std::fmt;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::call_arguments::{Arguments, Owner};
use crate::py::asyncio::coroutine;
use crate::py::interpreter::fallible::{self, Text, named};
use crate::py::objects::object::is_awaitable;

static KINDS: PyOnceLock<[(&str, Py<PyType>); 4]> = PyOnceLock::new();
const COROUTINE: &str = "coroutine";
const AWAITABLE: &str = "awaitable";

/// What an object is called that is used up by whoever takes it first.
pub(crate) fn used_up(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    let py = object.py();
    let kinds = KINDS.get_or_try_init(py, || {
        let types = py.import(named!(py, "types")?)?;
        let kind = |kind, class| Ok::<_, PyErr>((kind, types.getattr(Text(class))?.cast_into()?.unbind()));
        Ok::<_, PyErr>([
            kind(COROUTINE, "CoroutineType")?,
            (COROUTINE, coroutine::class(py)?.clone().unbind()),
            kind("generator", "GeneratorType")?,
            kind("async generator", "AsyncGeneratorType")?,
        ])
    })?;
    let class = object.get_type();
    let Some((kind, _)) = kinds.iter().find(|(_, used_up)| class.is(used_up)) else { return Ok(None) };
    if *kind == COROUTINE {
        // Else Python would tell of a coroutine that nobody awaited, too.
        object.call_method0(named!(py, "close")?)?;
    }
    Ok(Some(kind))
}

/// What an object is called that is no answer yet: it is used up by whoever takes it first, or has to be awaited.
pub(crate) fn no_answer(object: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    Ok(used_up(object)?.or_else(|| is_awaitable(object).then_some(AWAITABLE)))
}

/// Whether an object is a function, or one of the version functions of this library.
pub(crate) fn is_function(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if !object.is_callable() || object.is_instance_of::<PyType>() {
        return Ok(false);
    }
    let class = object.get_type();
    if class.module()?.to_str()?.starts_with("versioned_lru_cache") {
        return Ok(true);
    }
    let py = object.py();
    let types = py.import(named!(py, "types")?)?;
    for function in ["FunctionType", "MethodType", "BuiltinFunctionType"] {
        if class.is(&types.getattr(Text(function))?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A mistake that shows at a call.
pub(crate) enum Misuse {
    /// An argument has no hash.
    UnhashableArgument { function: String, argument: String, value: String },
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
    /// The function returned a coroutine or generator, of which nobody but the first caller would have anything.
    UsedUp { function: String, kind: &'static str },
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
                "{function}: argument {argument} is unhashable: {value}; pass a hashable value (a tuple instead of a list) or \
                 give key=, a callable that makes a hashable key of the arguments"
            ),
            Self::UnhashableKey { function, value } => {
                write!(
                    out,
                    "{function}: key= returned an unhashable value: {value}; it must return a hashable one, such as a tuple"
                )
            }
            Self::UnhashableVersion { function, asked, value } => write!(
                out,
                "{function}: its version, {asked}, is unhashable: {value}; a version must be hashable (a str, a number, a tuple), \
                 since one that can be changed in place would equal itself for ever"
            ),
            Self::UnhashableGiven { function, value } => write!(
                out,
                "{function}: version_args= returned a tuple with an unhashable value: {value}; its items must be hashable"
            ),
            Self::NoTuple { function, value } => write!(
                out,
                "{function}: version_args= returned {value}; it must return a tuple of what the version function gets, such as (user,)"
            ),
            Self::CannotCall { function, option, reason } => {
                write!(
                    out,
                    "{function}: {option}= cannot take the arguments of this call ({reason}); let it take the same ones"
                )
            }
            Self::NoAnswer { function, asked, kind: kind @ (COROUTINE | AWAITABLE) } => write!(
                out,
                "{function}: its version function {asked} returned {} {kind}; write it as `async def`, for a function that is one too",
                article(kind)
            ),
            Self::NoAnswer { function, asked, kind } => {
                write!(
                    out,
                    "{function}: its version function {asked} returned a {kind}; let it return the version"
                )
            }
            Self::OptionUsedUp { function, option, kind } => write!(
                out,
                "{function}: {option}= returned {} {kind}; it must be a plain function that returns its answer",
                article(kind)
            ),
            Self::NotCalled { function, asked, value } => write!(
                out,
                "{function}: its version, {asked}, is {value}; a version is the answer of a function and not the function, which \
                 equals itself for ever: call it"
            ),
            Self::UsedUp { function, kind: COROUTINE } => write!(
                out,
                "{function} returned a coroutine, which can be awaited but once; let what is decorated be an `async def` itself, \
                 and put other decorators above the cache's"
            ),
            Self::UsedUp { function, kind } => write!(
                out,
                "{function} returned a {kind}, which its first caller would use up; return a finished value, such as a list"
            ),
            Self::NothingBefore { function } => write!(
                out,
                "{function}: NOT_MODIFIED was returned, but there is no old result for it; only revalidate= may return it, which \
                 runs where there is one"
            ),
            Self::Unordered { function, value } => write!(
                out,
                "{function}: returned {value}, but Lag(order=...) compares the versions of results; return \
                 Versioned(value, version), or leave order out"
            ),
            Self::NoCall { function, asked, reason } => write!(
                out,
                "{function}.{asked}: the function cannot be called with these arguments ({reason}); pass those of a call, and the \
                 instance or class first where it was not reached through one"
            ),
            Self::CannotAsk { function, asked, reason } => write!(
                out,
                "{function}: its version function {asked} cannot take the arguments of this call ({reason}); let it take the same \
                 arguments, or say with version_args= what it gets: () for nothing, or a callable that returns a tuple"
            ),
        }
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with('a') { "an" } else { "a" }
}

impl Misuse {
    /// The exception, with what led to it as its cause.
    pub(crate) fn because_of(&self, py: Python<'_>, cause: PyErr) -> PyErr {
        let error = fallible::error::<PyTypeError>(py, self.to_string());
        error.set_cause(py, Some(cause));
        error
    }
}

/// A value as it is shown in a message: `repr` and type, cut short.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    let text = value.repr().map_or_else(|_| "a value without repr".to_owned(), |text| text.to_string());
    let class = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let cut = text.char_indices().nth(60).map(|(end, _)| format!("{}...", &text[..end]));
    format!("{} ({class})", cut.unwrap_or(text))
}

/// A callable as it is named in a message.
pub(crate) fn name_of(callable: &Bound<'_, PyAny>) -> String {
    let named = ["__qualname__", "__name__"]
        .iter()
        .find_map(|name| callable.getattr(Text(name)).ok()?.extract().ok());
    named.unwrap_or_else(|| callable.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string()))
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
    let names: Vec<String> = named!(py, "__code__")
        .and_then(|name| function.getattr(name))
        .and_then(|code| {
            let count: usize = code.getattr(named!(py, "co_argcount")?)?.extract()?;
            let names: Vec<String> = code.getattr(named!(py, "co_varnames")?)?.extract()?;
            let bound = usize::from(function.hasattr(named!(py, "__self__")?)?);
            Ok(names.into_iter().take(count).skip(bound).collect())
        })
        .unwrap_or_default();
    let misuse = |argument, value: &Bound<'_, PyAny>| Misuse::UnhashableArgument {
        function: name.to_owned(),
        argument,
        value: shown(value),
    };
    let owned = usize::from(arguments.owner != Owner::Nobody);
    for (place, value) in positional.iter().enumerate().skip(owned) {
        if value.hash().is_err() {
            let argument =
                names.get(place).map_or_else(|| format!("{}", place + 1), |name| format!("{name:?}"));
            return misuse(argument, &value).because_of(py, error);
        }
    }
    for (keyword, value) in keywords.iter().flat_map(pyo3::types::PyDictMethods::iter) {
        if value.hash().is_err() {
            return misuse(format!("\"{keyword}\""), &value).because_of(py, error);
        }
    }
    error
}
