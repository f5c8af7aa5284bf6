//! What a call did or would do, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods, PyTuple};

use crate::engine::{Manner, Status, Wish, clock};
use crate::py::arguments::call_arguments::with_arguments;
use crate::py::call::attempt::Tried;
use crate::py::call::drive::Drive;
use crate::py::flight::wait::Leader;
use crate::py::function::cached::{Cached, Function};
use crate::py::interpreter::fallible::{self, Seconds, Text, imported, named};

/// An `Explanation`.
fn explanation<'py>(
    py: Python<'py>,
    function: &Function,
    status: Status,
    key: String,
    rests_on: Option<String>,
) -> PyResult<Bound<'py, PyAny>> {
    #[expect(clippy::cast_precision_loss, reason = "seconds to be read")]
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let now = clock::now();
    let ttl = status.expires.map(|end| if end >= now { seconds(end - now) } else { -seconds(now - end) });
    let name = format!("{}.{}", function.module, function.name);
    let forward = status.forward.map(crate::engine::Forward::word);
    let class = imported!(py, "versioned_lru_cache._explanation", "Explanation")?;
    let (hit, stored, collapsed, detail) = (status.hit, status.stored, status.collapsed, status.detail);
    let (forward, rests_on) = (forward.map(Text), rests_on.map(Text));
    let (name, ttl, key, detail) = (Text(name), ttl.map(Seconds), Text(key), Text(detail));
    class.call1((name, hit, forward, ttl, stored, collapsed, key, detail, rests_on))
}

/// A digest of a call's arguments.
fn digest(hash: u64) -> String {
    format!("{hash:016x}")
}

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
            let mut drive =
                Drive::begin(slf, arguments, Leader::thread(py), Wish::of(Manner::Called), Tried::NOTHING)?;
            let (status, hash) = drive.explain(cached, py)?;
            let key = if show { shown(args, &keywords)? } else { digest(hash) };
            // What is stored, or was made by another session, is no riddle.
            let riddle = !status.hit || status.detail == "session-only";
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

/// What a session's call did, as a member of `Cache-Status`.
pub(crate) fn member(py: Python<'_>, function: &Function, key: u64, status: Status) -> PyResult<String> {
    Ok(explanation(py, function, status, digest(key), None)?.str()?.to_string())
}
