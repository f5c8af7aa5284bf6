//! The buffer of a canonical encoding: fields that begin with a tag and tell their length, so that no two
//! sequences of fields are the same bytes.
//!
//! What can't be encoded is refused with its path inside of the value, which is noted on the way out.
#![expect(unsafe_code, reason = "reads the code points of a str in place")]

use std::fmt;

use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::string::{PyStringData, PyStringMethods};

use crate::py::objects::describe::shown;

/// How long an encoding may become. A tuple that holds another twice, and that a third twice, and so on, is
/// small in memory and has no end here.
const MAX_LENGTH: usize = 16 << 20;

/// What a field is. Numbers, and whatever else is equal in Python across types, share one.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Tag {
    AwareDatetime = b'A',
    Bytes = b'b',
    AwareTime = b'C',
    Time = b'c',
    Datetime = b'D',
    Date = b'd',
    Member = b'e',
    Flag = b'F',
    Frozenset = b'f',
    Integer = b'i',
    Timedelta = b'l',
    None = b'N',
    Dataclass = b'o',
    Ratio = b'q',
    Text = b's',
    Tuple = b't',
    Uuid = b'u',
    ZonedDatetime = b'Z',
    NegativeInfinity = b'<',
    Infinity = b'>',
}

/// A step from a value to one inside of it.
pub(super) enum Step {
    Item(usize),
    Element,
    Field(String),
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(place) => write!(out, "[{place}]"),
            Self::Element => write!(out, "{{...}}"),
            Self::Field(name) => write!(out, ".{name}"),
        }
    }
}

/// A value that has no canonical encoding.
pub(crate) struct Refused {
    pub(crate) value: String,
    pub(crate) reason: &'static str,
    /// The way to it, its last step first.
    steps: Vec<Step>,
}

impl Refused {
    /// The way from the argument to the value, as one would write it.
    pub(crate) fn path(&self) -> String {
        self.steps.iter().rev().map(ToString::to_string).collect()
    }
}

/// Why there is no encoding: the value has none, or its own code raised.
pub(crate) enum NoEncoding {
    Refused(Box<Refused>),
    Raised(PyErr),
}

impl From<PyErr> for NoEncoding {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl NoEncoding {
    pub(super) fn refused(value: &Bound<'_, PyAny>, reason: &'static str) -> Self {
        Self::Refused(Box::new(Refused { value: shown(value), reason, steps: Vec::new() }))
    }

    /// The same, seen from around the value.
    pub(super) fn at(mut self, step: impl FnOnce() -> Step) -> Self {
        if let Self::Refused(refused) = &mut self {
            refused.steps.push(step());
        }
        self
    }
}

/// Whether an error says nothing of what was looked for.
pub(super) fn is_serious(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyMemoryError>(py) || !error.is_instance_of::<PyException>(py)
}

/// Whether something was encoded.
pub(super) type Encoded<T = ()> = Result<T, NoEncoding>;

/// The bytes so far.
pub(super) struct Encoding(Vec<u8>);

impl Encoding {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(128))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    #[inline]
    pub(super) fn tag(&mut self, tag: Tag) {
        self.0.push(tag as u8);
    }

    /// A field of a length that its tag tells.
    #[inline]
    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A length or a number of fields: seven bits a byte, the lowest first, and a high bit where more follow.
    #[inline]
    pub(super) fn count(&mut self, mut count: usize) {
        while count > 0x7F {
            #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are taken")]
            self.0.push(count as u8 | 0x80);
            count >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "no more than seven bits are left")]
        self.0.push(count as u8);
    }

    /// A field of any length; `value` is what it is made of.
    #[inline]
    pub(super) fn sized(&mut self, bytes: &[u8], value: &Bound<'_, PyAny>) -> Encoded {
        self.check_room(bytes.len(), value)?;
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// A str as UTF-8, with three bytes for a lone surrogate too; `value` is a str or derived from it.
    pub(super) fn text(&mut self, value: &Bound<'_, PyString>) -> Encoded {
        // SAFETY: nobody writes to a str that others have, and it is held by its reference.
        match unsafe { value.data()? } {
            PyStringData::Ucs1(bytes) if bytes.is_ascii() => self.sized(bytes, value.as_any()),
            PyStringData::Ucs1(points) => self.points(points.iter().copied().map(u32::from), value),
            PyStringData::Ucs2(points) => self.points(points.iter().copied().map(u32::from), value),
            PyStringData::Ucs4(points) => self.points(points.iter().copied(), value),
        }
    }

    fn points(&mut self, points: impl Iterator<Item = u32> + Clone, value: &Bound<'_, PyString>) -> Encoded {
        let length = points.clone().map(|point| char::from_u32(point).map_or(3, char::len_utf8)).sum();
        self.check_room(length, value.as_any())?;
        self.count(length);
        for point in points {
            if let Some(letter) = char::from_u32(point) {
                self.0.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                #[expect(clippy::cast_possible_truncation, reason = "a surrogate has sixteen bits")]
                let bits = |shift: u32| (point >> shift) as u8;
                self.0.extend_from_slice(&[0xE0 | bits(12), 0x80 | bits(6) & 0x3F, 0x80 | bits(0) & 0x3F]);
            }
        }
        Ok(())
    }

    /// Refuses what would become too long; `value` is what it is made of.
    #[inline]
    pub(super) fn check_room(&self, more: usize, value: &Bound<'_, PyAny>) -> Encoded {
        if self.0.len() + more <= MAX_LENGTH {
            return Ok(());
        }
        // Not as it is shown: that may have no end either.
        let class = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        let reason = "with which the key would be longer than 16 MiB";
        let refused = Refused { value: format!("a value of type {class}"), reason, steps: Vec::new() };
        Err(NoEncoding::Refused(Box::new(refused)))
    }

    /// Where the next field begins.
    pub(super) fn here(&self) -> usize {
        self.0.len()
    }

    /// Puts the fields that begin at `starts`, the last of which ends here, into the order of their bytes.
    pub(super) fn sort(&mut self, starts: &[usize]) {
        let Some(first) = starts.first().copied().filter(|_| starts.len() > 1) else { return };
        let ends = starts[1..].iter().copied().chain([self.0.len()]);
        let mut fields: Vec<&[u8]> =
            starts.iter().zip(ends).map(|(start, end)| &self.0[*start..end]).collect();
        fields.sort_unstable();
        let sorted = fields.concat();
        self.0.truncate(first);
        self.0.extend_from_slice(&sorted);
    }
}
