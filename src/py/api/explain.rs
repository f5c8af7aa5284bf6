//! What a call did or would do, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods, PyTuple};

use crate::engine::{Detail, Manner, Wish};
use crate::py::arguments::call_arguments::with_arguments;
use crate::py::asyncio::task;
use crate::py::call::attempt::Attempt;
use crate::py::call::computation;
use crate::py::call::drive::Drive;
use crate::py::function::cached::Cached;
use crate::py::interpreter::fallible::{self, imported, named};
use crate::py::session::explanation::{digest, explanation};

impl Cached {
    /// What a call would do.
    pub(crate) fn explained<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, cached) = (slf.py(), slf.get());
        let keywords = fallible::dict(py)?;
        let mut show = false;
        for (name, value) in kwargs.iter().flat_map(|kwargs| kwargs.iter()) {
            if name.eq(named!(py, "show_args")?)? {
                show = value.is_truthy()?;
            } else {
                keywords.set_item(name, value)?;
            }
        }
        cached.check_fit(py, "cache_explain", args, Some(&keywords))?;
        with_arguments(args, Some(&keywords), cached.is_method(), |arguments| {
            let wish = Wish::of(Manner::Called);
            let (leader, wish) = if cached.coroutine {
                let event_loop = imported!(py, "versioned_lru_cache._async", "running_loop")?.call0()?;
                task::in_task(&event_loop, wish)
            } else {
                (computation::leader(py), wish)
            };
            let mut drive = Drive::begin(slf, arguments, leader, wish, Attempt::NOTHING)?;
            let (status, hash) = drive.explain(cached, py)?;
            let key = if show { shown(args, &keywords)? } else { digest(hash) };
            // What is stored, or was made by another session, is no riddle.
            let riddle = !status.hit || status.detail == Detail::SessionOnly;
            let rests_on = cached.function.culprit(py, hash).filter(|_| riddle);
            explanation(py, &cached.function, status, key, rests_on)
        })
    }
}

/// Arguments as they are written in a call.
fn shown(args: &Bound<'_, PyTuple>, kwargs: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut parts = Vec::new();
    for value in args {
        parts.push(value.repr()?.to_string());
    }
    for (name, value) in kwargs {
        parts.push(format!("{name}={}", value.repr()?));
    }
    Ok(parts.join(", "))
}
