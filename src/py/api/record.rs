//! `_core.open_record(...)` and its like: records and their addresses, for `stores`.
#![expect(clippy::doc_markdown, reason = "docstrings are Python's, as help() shows them")]

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::py::interpreter::fallible::{Bytes, Number, error};
use crate::py::records::address::address;
use crate::py::records::layout::{self, COVERED, Header};
use crate::py::records::moment::{Boot, Moment};
use crate::py::records::plain_version::{self, PlainVersion};

/// A moment as Python has it: the wall clock, the boot (empty where it is unknown), the monotonic clock.
type Told = (i128, Vec<u8>, i128);

fn boot_of(py: Python<'_>, boot: &[u8]) -> PyResult<Boot> {
    if boot.is_empty() {
        return Ok(None);
    }
    let told = || format!("the boot {boot:?} has {} bytes; 0 or 16 are right", boot.len());
    boot.try_into().map(Some).map_err(|_| error::<PyValueError>(py, told()))
}

fn moment_of(py: Python<'_>, (wall, boot, monotonic): Told) -> PyResult<Moment> {
    Ok(Moment { wall, boot: boot_of(py, &boot)?, monotonic })
}

fn told_of(moment: Moment) -> (i128, Bytes, i128) {
    (moment.wall, Bytes(moment.boot.map(Vec::from).unwrap_or_default()), moment.monotonic)
}

fn in_u64(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The present moment of a process in this boot, or of a test's clock.
#[pyfunction]
#[pyo3(signature = (boot, /))]
pub(crate) fn moment(py: Python<'_>, boot: &[u8]) -> PyResult<(i128, Bytes, i128)> {
    Ok(told_of(Moment::now(boot_of(py, boot)?)))
}

/// How many nanoseconds before another a moment was; ``None`` is unknown.
#[pyfunction]
#[pyo3(signature = (began, now, /))]
pub(crate) fn age_of(py: Python<'_>, began: Told, now: Told) -> PyResult<Option<i128>> {
    let began = moment_of(py, began)?;
    let age = began.age(&moment_of(py, now)?);
    Ok(age.map(|age| i128::try_from(age).unwrap_or(i128::MAX)))
}

/// The address of a call's record.
#[pyfunction]
#[pyo3(signature = (group, revision, key, /))]
pub(crate) fn record_address(py: Python<'_>, group: &[u8], revision: &[u8], key: &[u8]) -> PyResult<Bytes> {
    let told = || format!("the group {group:?} has {} bytes; 16 are right", group.len());
    let group = group.try_into().map_err(|_| error::<PyValueError>(py, told()))?;
    Ok(Bytes(address(group, revision, key).to_vec()))
}

/// The header of a record, packed.
#[pyfunction]
#[pyo3(signature = (identity, codec, version, began, verified, ttl, order, immutable, lags, by_codec, /))]
#[expect(clippy::too_many_arguments, reason = "the fields of a header")]
pub(crate) fn pack_header(
    py: Python<'_>,
    identity: &[u8],
    codec: &[u8],
    version: &[u8],
    began: Told,
    verified: Told,
    ttl: Option<f64>,
    order: Option<i64>,
    immutable: bool,
    lags: bool,
    by_codec: bool,
) -> PyResult<Bytes> {
    let began = moment_of(py, began)?;
    let verified = moment_of(py, verified)?;
    let header = Header { identity, codec, version, by_codec, began, verified, ttl, order, immutable, lags };
    let too_large = || error::<PyOverflowError>(py, "a part of the header has more than 4 GiB");
    layout::packed(&header).map(Bytes).ok_or_else(too_large)
}

/// A record of a packed header and an encoded value.
#[pyfunction]
#[pyo3(signature = (header, value, /))]
pub(crate) fn seal_record(header: &[u8], value: &[u8]) -> Bytes {
    Bytes(layout::sealed(header, value))
}

/// What a record's header says, in the order of `pack_header`, and where the value begins.
///
/// Raises:
///     ValueError: These bytes are no record.
#[pyfunction]
#[pyo3(signature = (data, /))]
#[expect(clippy::type_complexity, reason = "the fields of a header")]
pub(crate) fn header_of(
    py: Python<'_>,
    data: &[u8],
) -> PyResult<(
    (Bytes, Bytes, Bytes),
    (i128, Bytes, i128),
    (i128, Bytes, i128),
    (Option<f64>, Option<i64>, bool, bool),
    bool,
    usize,
)> {
    let (header, end) = layout::opened(data).map_err(|reason| error::<PyValueError>(py, reason))?;
    let bytes = |part: &[u8]| Bytes(part.to_vec());
    Ok((
        (bytes(header.identity), bytes(header.codec), bytes(header.version)),
        told_of(header.began),
        told_of(header.verified),
        (header.ttl, header.order, header.immutable, header.lags),
        header.by_codec,
        end,
    ))
}

/// What a call needs of its record, once all but the value was checked.
///
/// Args:
///     data: The record.
///     function: The identity of all calls of the function: what comes before the key.
///     key: The call's canonical key.
///     codec: The name of the store's codec.
///     boot: Which boot this process runs in.
///
/// Returns:
///     The version, how it is there (0 as itself, 1 packed, 2 as the codec made it), what a signature covers
///     beside the value, the encoded value, the age and the own lifetime in nanoseconds, whether it is
///     immutable.
///
/// Raises:
///     ValueError: These bytes are no record, or one of another call or codec.
#[pyfunction]
#[pyo3(signature = (data, function, key, codec, boot, /))]
#[expect(clippy::type_complexity, reason = "the fields of a header")]
pub(crate) fn open_record<'py>(
    py: Python<'py>,
    data: &[u8],
    function: &[u8],
    key: &[u8],
    codec: &[u8],
    boot: &[u8],
) -> PyResult<(Bound<'py, PyAny>, u8, Bytes, Bytes, Option<Number>, Option<Number>, bool)> {
    let refused = |reason: String| error::<PyValueError>(py, reason);
    let (header, end) = layout::opened(data).map_err(refused)?;
    if header.identity.strip_prefix(function) != Some(key) {
        return Err(refused("it is the record of another call".to_owned()));
    }
    if header.codec != codec {
        let [its, ours] = [header.codec, codec].map(String::from_utf8_lossy);
        return Err(refused(format!("it is of the codec '{its}', and the store's is '{ours}'")));
    }
    let (version, kind) = version_of(py, &header)?;
    let age = header.began.age(&Moment::now(boot_of(py, boot)?)).map(|age| Number(in_u64(age)));
    Ok((
        version,
        kind,
        Bytes(data[COVERED..end].to_vec()),
        Bytes(data[end..].to_vec()),
        age,
        header.ttl.map(nanoseconds),
        header.immutable,
    ))
}

/// At least one: zero would mean that there is no such bound.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn nanoseconds(seconds: f64) -> Number {
    Number(((seconds * 1e9) as u64).max(1))
}

fn version_of<'py>(py: Python<'py>, header: &Header<'_>) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let as_bytes = |kind| Ok((Bytes(header.version.to_vec()).into_pyobject(py)?, kind));
    if header.by_codec {
        return as_bytes(2);
    }
    Ok((
        match plain_version::read(header.version) {
            None => return as_bytes(1),
            Some(PlainVersion::Nothing) => py.None().into_bound(py),
            Some(PlainVersion::Truth(is)) => PyBool::new(py, is).to_owned().into_any(),
            Some(PlainVersion::Int(number)) => Number(number).into_pyobject(py)?,
        },
        0,
    ))
}
