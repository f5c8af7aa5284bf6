//! Dates and times in a canonical encoding. Aware ones are their instant in UTC, as Python compares them in
//! whatever zones they are; naive ones are what they show, and equal no aware one.
//!
//! A zone has some local times twice and some not at all. Python holds such a time for equal only to the same
//! time of the same zone, with no regard to `fold`; so it is encoded as that time and the name of the zone.
#![expect(unsafe_code, reason = "reads objects of datetime by its own C interface")]

use pyo3::ffi::{self, PyDateTimeAPI};
use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyString, PyTime, PyTimeAccess, PyTzInfoAccess,
};

use super::stable_bytes::{Encoded, Encoding, NoEncoding, Tag, is_serious};
use crate::py::interpreter::fallible::{self, named};
use crate::py::interpreter::loaded_module::loaded;

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000;

/// Encodes an object of a class of `datetime`, exactly; of any other it says `false`.
pub(super) fn encode(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded<bool> {
    if !has_interface(value.py())? {
        return Ok(false);
    }
    // SAFETY: the interface is there, and its classes are those of the objects.
    unsafe {
        let (class, interface) = (value.get_type_ptr(), &*PyDateTimeAPI());
        if class == interface.DateType {
            let days = days(value.cast_unchecked::<PyDate>());
            out.tag(Tag::Date);
            out.fixed(&days.to_be_bytes());
        } else if class == interface.DateTimeType {
            datetime(out, value.cast_unchecked())?;
        } else if class == interface.TimeType {
            time(out, value.cast_unchecked())?;
        } else if class == interface.DeltaType {
            out.tag(Tag::Timedelta);
            parts(out, value.cast_unchecked());
        } else {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the C interface of `datetime` can be used: else nobody has imported that, and has objects of it.
fn has_interface(py: Python<'_>) -> PyResult<bool> {
    // SAFETY: attached. What is imported already is only looked up.
    unsafe {
        if PyDateTimeAPI().is_null() {
            if loaded(named!(py, "datetime")?)?.is_none() {
                return Ok(false);
            }
            ffi::PyDateTime_IMPORT();
            if PyDateTimeAPI().is_null() {
                return Err(PyErr::fetch(py));
            }
        }
    }
    Ok(true)
}

/// The number of a day, the first of January of the year 1 being 0.
fn days<T: PyDateAccess>(date: &T) -> i32 {
    let (month, day) = (i32::from(date.get_month()), i32::from(date.get_day()));
    // Years that begin in March, so that a leap day is the last of its year.
    let year = date.get_year() - i32::from(month < 3);
    let month = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 307
}

/// The microseconds since midnight that a time shows.
fn clock<T: PyTimeAccess>(time: &T) -> i64 {
    let minutes = i64::from(time.get_hour()) * 60 + i64::from(time.get_minute());
    (minutes * 60 + i64::from(time.get_second())) * SECOND + i64::from(time.get_microsecond())
}

/// A span in the normal form in which `timedelta` keeps it.
fn parts(out: &mut Encoding, span: &Bound<'_, PyDelta>) {
    for part in [span.get_days(), span.get_seconds(), span.get_microseconds()] {
        out.fixed(&part.to_be_bytes());
    }
}

/// The offset from UTC in microseconds, if there is one.
fn offset<T>(time: &Bound<'_, T>) -> PyResult<Option<i64>> {
    let answer = time.as_any().call_method0(named!(time.py(), "utcoffset")?)?;
    if answer.is_none() {
        return Ok(None);
    }
    let span = answer.cast::<PyDelta>()?;
    let seconds = i64::from(span.get_days()) * DAY + i64::from(span.get_seconds());
    Ok(Some(seconds * SECOND + i64::from(span.get_microseconds())))
}

fn datetime(out: &mut Encoding, value: &Bound<'_, PyDateTime>) -> Encoded {
    let local = i64::from(days(value)) * DAY * SECOND + clock(value);
    let Some(zone) = value.get_tzinfo() else {
        out.tag(Tag::Datetime);
        out.fixed(&local.to_be_bytes());
        return Ok(());
    };
    let offset_now = offset(value)?;
    // SAFETY: the interface is there, as this is an object of it.
    let is_fixed = zone.get_type_ptr() == unsafe { ffi::Py_TYPE(ffi::PyDateTime_TimeZone_UTC()) };
    if !is_fixed {
        let py = value.py();
        let fold = fallible::dict(py)?;
        fold.set_item(named!(py, "fold")?, !value.get_fold())?;
        let other = value.call_method(named!(py, "replace")?, (), Some(&fold))?;
        if offset(&other)? != offset_now {
            out.tag(Tag::ZonedDatetime);
            out.text(&name_of_zone(&zone, value)?)?;
            out.fixed(&local.to_be_bytes());
            return Ok(());
        }
    }
    // A zone that tells no offset leaves a time naive.
    let (tag, instant) =
        offset_now.map_or((Tag::Datetime, local), |offset| (Tag::AwareDatetime, local - offset));
    out.tag(tag);
    out.fixed(&instant.to_be_bytes());
    Ok(())
}

/// The name by which other processes find a zone.
fn name_of_zone<'py>(
    zone: &Bound<'py, PyAny>,
    value: &Bound<'py, PyDateTime>,
) -> Encoded<Bound<'py, PyString>> {
    let py = zone.py();
    if let Some(module) = loaded(named!(py, "zoneinfo")?)? {
        let class = module.getattr(named!(py, "ZoneInfo")?)?;
        if zone.get_type().is(&class) {
            let name = zone.getattr(named!(py, "key")?)?;
            if let Ok(name) = name.cast_into_exact::<PyString>() {
                // Made of a file, or past the cache of zones, it is another zone than the one of its name.
                match class.call1((&name,)) {
                    Ok(found) if found.is(zone) => return Ok(name),
                    Err(error) if is_serious(py, &error) => return Err(error.into()),
                    _ => {}
                }
            }
        }
    }
    Err(NoEncoding::refused(value, "a time that its zone, no ZoneInfo by name, has twice or not at all"))
}

/// A time of the day. Its offset from UTC is what its zone says without a date.
fn time(out: &mut Encoding, value: &Bound<'_, PyTime>) -> Encoded {
    let offset = if value.get_tzinfo().is_some() { offset(value)? } else { None };
    let Some(offset) = offset else {
        out.tag(Tag::Time);
        out.fixed(&clock(value).to_be_bytes());
        return Ok(());
    };
    // Python compares the seconds in UTC, which may be of the day before or after, and then the microseconds
    // as they are shown. Those of the offset count for the hash alone.
    out.tag(Tag::AwareTime);
    let seconds = clock(value).div_euclid(SECOND) - offset.div_euclid(SECOND);
    out.fixed(&seconds.to_be_bytes());
    out.fixed(&value.get_microsecond().to_be_bytes());
    out.fixed(&offset.rem_euclid(SECOND).to_be_bytes());
    Ok(())
}
