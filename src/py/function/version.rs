//! Where the version of a function's data comes from, and for which calls one answer of a version function
//! speaks.

use pyo3::prelude::*;

use super::names_of_call::NamesOfCall;
use super::options::Gets;
use super::ready_made::ReadyMade;
use crate::engine::Observation;
use crate::py::objects::counter::Counter;
use crate::py::objects::object::Object;

/// What the version function gets, and so what its answer speaks for.
pub(crate) enum Given {
    /// Nothing; once per session.
    Nothing,
    /// The first call's arguments; once per session and function.
    First,
    /// The call's arguments; once per arguments.
    Arguments,
    /// The call's arguments; once per key of this function.
    Key,
    /// What this callable makes of the arguments; once per that.
    Part(Py<PyAny>),
}

impl Given {
    /// One of the ways that have a name, or a callable.
    pub(crate) fn new(gets: Bound<'_, PyAny>) -> Self {
        match gets.cast_into::<Gets>() {
            Ok(gets) => match gets.get() {
                Gets::Nothing => Self::Nothing,
                Gets::First => Self::First,
                Gets::Arguments => Self::Arguments,
                Gets::Key => Self::Key,
            },
            Err(other) => Self::Part(other.into_inner().unbind()),
        }
    }
}

/// Where a version comes from.
pub(crate) enum Version {
    /// Nowhere: it is always this one.
    Constant(Observation<Object>),
    /// From a version function.
    Asked(VersionFunction),
}

impl Version {
    /// In place of one that is dropped.
    pub(super) fn nothing(py: Python<'_>) -> Self {
        Self::Asked(VersionFunction {
            function: py.None(),
            kind: Kind::Callable,
            given: Given::Nothing,
            default: None,
            awaits: false,
        })
    }

    /// Whether it is the answer of a coroutine function.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, Self::Asked(asked) if asked.awaits)
    }
}

/// How a version function is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As any callable.
    Callable,
    /// Read in place: it is a [`Counter`].
    Counter,
    /// By what is called in its place: it is a [`ReadyMade`].
    ReadyMade,
    /// By what makes names of the arguments: it is a [`NamesOfCall`].
    NamesOfCall,
}

impl Kind {
    pub(crate) fn of(function: &Bound<'_, PyAny>) -> Self {
        if function.is_exact_instance_of::<Counter>() {
            Self::Counter
        } else if function.is_exact_instance_of::<ReadyMade>() {
            Self::ReadyMade
        } else if function.is_exact_instance_of::<NamesOfCall>() {
            Self::NamesOfCall
        } else {
            Self::Callable
        }
    }
}

/// A version function.
pub(crate) struct VersionFunction {
    pub(crate) function: Py<PyAny>,
    pub(crate) kind: Kind,
    pub(crate) given: Given,
    /// Stands for a falsy version.
    pub(crate) default: Option<Py<PyAny>>,
    /// Whether it is a coroutine function.
    pub(crate) awaits: bool,
}
