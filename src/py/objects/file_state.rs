//! What the file system tells of a file, without the objects that `os.stat` makes of it.

use std::ffi::OsString;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::py::interpreter::fallible::{self, Number};

/// What the file system tells of a file.
///
/// Returns:
///     When its content last changed, when its status did, both in nanoseconds, its size in bytes, its
///     number and that of its device. ``None`` where ``os.stat`` has more to say, for one that it is not
///     there.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(crate) fn file_state(py: Python<'_>, path: OsString) -> PyResult<Option<Bound<'_, PyTuple>>> {
    // The file system may take its time.
    let Some(state) = py.detach(|| state_of(path)) else { return Ok(None) };
    let number = |number| Number(number).into_pyobject(py);
    let [changed, status, size, file, device] = state;
    let state = [number(changed)?, number(status)?, number(size)?, number(file)?, number(device)?];
    fallible::tuple(py, state).map(Some)
}

#[cfg(unix)]
fn state_of(path: OsString) -> Option<[u64; 5]> {
    use rustix::fs::{FileType, stat};

    let found = stat(path).ok()?;
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        return None;
    }
    #[expect(clippy::useless_conversion, reason = "their types differ from system to system")]
    let nanoseconds = |seconds, more| {
        let seconds = u64::try_from(i64::from(seconds)).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(more).ok()?)
    };
    Some([
        nanoseconds(found.st_mtime, found.st_mtime_nsec)?,
        nanoseconds(found.st_ctime, found.st_ctime_nsec)?,
        u64::try_from(found.st_size).ok()?,
        found.st_ino,
        found.st_dev,
    ])
}

#[cfg(not(unix))]
fn state_of(_: OsString) -> Option<[u64; 5]> {
    None
}
