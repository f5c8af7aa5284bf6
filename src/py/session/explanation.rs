//! What a call did or would do, as an object for Python, and as a member of a `Cache-Status` value (RFC
//! 9211).

use pyo3::prelude::*;

use super::results::FunctionResults;
use crate::engine::{Status, clock};
use crate::py::interpreter::fallible::{Seconds, Text, imported};

/// An `Explanation`.
pub(crate) fn explanation<'py>(
    py: Python<'py>,
    function: &FunctionResults,
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
    let (hit, stored, collapsed, detail) =
        (status.hit, status.stored, status.collapsed, status.detail.word());
    let (forward, rests_on) = (forward.map(Text), rests_on.map(Text));
    let (name, ttl, key, detail) = (Text(name), ttl.map(Seconds), Text(key), Text(detail));
    class.call1((name, hit, forward, ttl, stored, collapsed, key, detail, rests_on))
}

/// A digest of a call's arguments.
pub(crate) fn digest(hash: u64) -> String {
    format!("{hash:016x}")
}

/// What a session's call did, as a member of `Cache-Status`.
pub(crate) fn member(
    py: Python<'_>,
    function: &FunctionResults,
    key: u64,
    status: Status,
) -> PyResult<String> {
    Ok(explanation(py, function, status, digest(key), None)?.str()?.to_string())
}
