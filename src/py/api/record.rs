//! `_core.open_record(...)` and its like: records and their addresses, for `stores`.
#![expect(clippy::doc_markdown, reason = "docstrings are Python's, as help() shows them")]

use std::borrow::Cow;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::py::interpreter::fallible::{Bytes, Number, bytes, error, named};
use crate::py::objects::sentinels;
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

/// How a version is there: as itself, packed, or as the codec made it.
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
const BY_CODEC: u8 = 2;

/// What `result_in_record` returns.
type Loaded<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Number>, Option<Number>);

/// What `open_record` returns.
type Opened<'py> =
    (Bound<'py, PyAny>, u8, Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Number>, Option<Number>, bool);

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
pub(crate) fn record_address<'py>(
    py: Python<'py>,
    group: &[u8],
    revision: &[u8],
    key: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let told = || format!("the group {group:?} has {} bytes; 16 are right", group.len());
    let group = group.try_into().map_err(|_| error::<PyValueError>(py, told()))?;
    bytes(py, &address(group, revision, key))
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
    let copied = |part: &[u8]| Bytes(part.to_vec());
    Ok((
        (copied(header.identity), copied(header.codec), copied(header.version)),
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
pub(crate) fn open_record<'py>(
    py: Python<'py>,
    data: &[u8],
    function: &[u8],
    key: &[u8],
    codec: &Bound<'py, PyString>,
    boot: &[u8],
) -> PyResult<Opened<'py>> {
    let (header, end) = checked(data, (function, key), codec)?;
    let (version, kind) = version_of(py, &header)?;
    let age = age(py, &header, boot)?;
    Ok((
        version,
        kind,
        bytes(py, &data[COVERED..end])?,
        bytes(py, &data[end..])?,
        age,
        header.ttl.map(nanoseconds),
        header.immutable,
    ))
}

/// What a call is answered with out of its record, if its version is `None`, a truth value or a number.
///
/// Args:
///     data: The record.
///     function: The identity of all calls of the function: what comes before the key.
///     key: The call's canonical key.
///     codec: The store's.
///     boot: Which boot this process runs in.
///
/// Returns:
///     The value, the version (or `IMMUTABLE`), the age and the own lifetime in nanoseconds; ``None`` if the
///     version is of another kind.
///
/// Raises:
///     ValueError: These bytes are no record, or one of another call or codec.
///     Exception: What the codec has raised.
#[pyfunction]
#[pyo3(signature = (data, function, key, codec, boot, /))]
pub(crate) fn result_in_record<'py>(
    py: Python<'py>,
    data: &[u8],
    function: &[u8],
    key: &[u8],
    codec: &Bound<'py, PyAny>,
    boot: &[u8],
) -> PyResult<Option<Loaded<'py>>> {
    let name = codec.getattr(named!(py, "name")?)?.cast_into::<PyString>()?;
    let (header, end) = checked(data, (function, key), &name)?;
    let (version, PLAIN) = version_of(py, &header)? else { return Ok(None) };
    let version = if header.immutable { sentinels::immutable(py)?.to_owned().into_any() } else { version };
    let age = age(py, &header, boot)?;
    let encoded = (bytes(py, &data[end..])?, bytes(py, &data[COVERED..end])?);
    let value = codec.call_method1(named!(py, "decode")?, encoded)?;
    Ok(Some((value, version, age, header.ttl.map(nanoseconds))))
}

/// The header of a call's record, and where the value begins.
fn checked<'a>(
    data: &'a [u8],
    (function, key): (&[u8], &[u8]),
    codec: &Bound<'_, PyString>,
) -> PyResult<(Header<'a>, usize)> {
    let refused = |reason: String| error::<PyValueError>(codec.py(), reason);
    let (header, end) = layout::opened(data).map_err(refused)?;
    if header.identity.strip_prefix(function) != Some(key) {
        return Err(refused("it is the record of another call".to_owned()));
    }
    let codec = in_bytes(codec)?;
    if header.codec != &*codec {
        let [its, ours] = [header.codec, &codec].map(String::from_utf8_lossy);
        return Err(refused(format!("it is of the codec '{its}', and the store's is '{ours}'")));
    }
    Ok((header, end))
}

fn age(py: Python<'_>, header: &Header<'_>, boot: &[u8]) -> PyResult<Option<Number>> {
    let now = Moment::now(boot_of(py, boot)?);
    Ok(header.began.age(&now).map(|age| Number(in_u64(age))))
}

/// A text in UTF-8, lone surrogates included.
fn in_bytes<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let py = text.py();
    let how = (named!(py, "utf-8")?, named!(py, "surrogatepass")?);
    text.call_method1(named!(py, "encode")?, how)?.extract().map(Cow::Owned)
}

/// At least one: zero would mean that there is no such bound.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn nanoseconds(seconds: f64) -> Number {
    Number(((seconds * 1e9) as u64).max(1))
}

fn version_of<'py>(py: Python<'py>, header: &Header<'_>) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let as_bytes = |kind| Ok((bytes(py, header.version)?, kind));
    if header.by_codec {
        return as_bytes(BY_CODEC);
    }
    Ok((
        match plain_version::read(header.version) {
            None => return as_bytes(PACKED),
            Some(PlainVersion::Nothing) => py.None().into_bound(py),
            Some(PlainVersion::Truth(is)) => PyBool::new(py, is).to_owned().into_any(),
            Some(PlainVersion::Int(number)) => Number(number).into_pyobject(py)?,
        },
        PLAIN,
    ))
}
