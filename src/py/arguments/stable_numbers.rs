//! Numbers in a canonical encoding: the exact value, as a reduced fraction. So numbers that Python holds for
//! equal have the same bytes, of whatever types they are: `1 == 1.0 == True == Decimal(1) == Fraction(1)`.
#![expect(unsafe_code, reason = "reads ints and floats by CPython's own means")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use super::stable_bytes::{Encoded, Encoding, NoEncoding, Tag};
use crate::py::interpreter::fallible::{self, Number, named};

/// How many digits a `Decimal` may have before its point, and zeros behind it. Its exponent costs nothing and
/// the integer that it stands for much.
const MAX_DIGITS: i64 = 10_000;

const NAN: &str = "which does not equal itself";

/// How many bytes an integer of so many bits takes, with a bit for the sign.
fn length(bits: usize) -> usize {
    bits / 8 + 1
}

/// Two's complement, the highest byte first, in as few bytes as [`length`] says.
fn small(out: &mut Encoding, value: i64) {
    let bits = 64 - value.unsigned_abs().leading_zeros();
    let length = length(bits as usize).min(8);
    if bits == 64 {
        // The least one, whose sign takes a byte more as that of its negative does.
        out.count(9);
        out.fixed(&[0xFF]);
    } else {
        out.count(length);
    }
    out.fixed(&value.to_be_bytes()[8 - length..]);
}

/// An `int` or what is derived from it, without its tag.
fn integer(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let mut overflow = 0;
    // SAFETY: an int, which is read without asking its type.
    let fits = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    let py = value.py();
    if overflow == 0 {
        if fits == -1 && PyErr::occurred(py) {
            return Err(PyErr::fetch(py).into());
        }
        small(out, fits);
        return Ok(());
    }
    // Asked of `int`, since a class derived from it may answer otherwise.
    let class = py.get_type::<PyInt>();
    let bits: usize = class.getattr(named!(py, "bit_length")?)?.call1((value,))?.extract()?;
    out.check_room(length(bits), value)?;
    let signed = fallible::dict(py)?;
    signed.set_item(named!(py, "signed")?, true)?;
    let given = (value, Number(length(bits) as u64), named!(py, "big")?);
    let bytes = class.getattr(named!(py, "to_bytes")?)?.call(given, Some(&signed))?;
    out.sized(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes(), value)
}

/// An `int`, or what is derived from it and compares as it does.
pub(super) fn int(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    out.tag(Tag::Integer);
    integer(out, value)
}

/// A `float`, or what is derived from it and compares as it does.
pub(super) fn float(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    /// 2⁶³, the first that is no `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    /// The bits of the part that is multiplied by a power of two.
    const MANTISSA: u32 = 52;
    // SAFETY: a float or what is derived from it.
    let float = unsafe { ffi::PyFloat_AS_DOUBLE(value.as_ptr()) };
    if float.is_nan() {
        return Err(NoEncoding::refused(value, NAN));
    }
    if float.is_infinite() {
        out.tag(if float > 0.0 { Tag::Infinity } else { Tag::NegativeInfinity });
        return Ok(());
    }
    if float.fract() == 0.0 {
        if float.abs() < LIMIT {
            out.tag(Tag::Integer);
            #[expect(clippy::cast_possible_truncation, reason = "it is an integer of 63 bits and a sign")]
            small(out, float as i64);
            return Ok(());
        }
        // SAFETY: attached; the answer is a new int, or null with an error set.
        return int(out, &unsafe {
            Bound::from_owned_ptr_or_err(value.py(), ffi::PyLong_FromDouble(float))?
        });
    }
    let bits = float.abs().to_bits();
    let exponent = usize::try_from(bits >> MANTISSA).unwrap_or_default();
    let fraction = (bits & ((1 << MANTISSA) - 1)).cast_signed();
    // What an exponent of no bits means has no bit above the fraction either.
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << MANTISSA };
    let twos = mantissa.trailing_zeros();
    // As there is a fraction, the power of two is below one.
    let power = 1_075 - exponent.max(1) - twos as usize;
    out.tag(Tag::Ratio);
    small(out, if float < 0.0 { -(mantissa >> twos) } else { mantissa >> twos });
    let mut denominator = [0; 136];
    let length = length(power + 1);
    denominator[length - 1 - power / 8] = 1 << (power % 8);
    out.count(length);
    out.fixed(&denominator[..length]);
    Ok(())
}

/// A fraction that is reduced, with a denominator above zero.
fn ratio(out: &mut Encoding, numerator: &Bound<'_, PyAny>, denominator: &Bound<'_, PyAny>) -> Encoded {
    let mut overflow = 0;
    // SAFETY: an int.
    if unsafe { ffi::PyLong_AsLongLongAndOverflow(denominator.as_ptr(), &raw mut overflow) } == 1 {
        return int(out, numerator);
    }
    out.tag(Tag::Ratio);
    integer(out, numerator)?;
    integer(out, denominator)
}

/// An exact `Decimal`.
pub(super) fn decimal(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let py = value.py();
    if value.call_method0(named!(py, "is_nan")?)?.is_truthy()? {
        return Err(NoEncoding::refused(value, NAN));
    }
    if value.call_method0(named!(py, "is_infinite")?)?.is_truthy()? {
        let negative = value.call_method0(named!(py, "is_signed")?)?.is_truthy()?;
        out.tag(if negative { Tag::NegativeInfinity } else { Tag::Infinity });
        return Ok(());
    }
    if !value.is_truthy()? {
        out.tag(Tag::Integer);
        small(out, 0);
        return Ok(());
    }
    let magnitude: i64 = value.call_method0(named!(py, "adjusted")?)?.extract()?;
    if magnitude.abs() > MAX_DIGITS {
        return Err(NoEncoding::refused(value, "which has more than 10,000 digits when it is written out"));
    }
    let parts = value.call_method0(named!(py, "as_integer_ratio")?)?;
    ratio(out, &parts.get_item(0)?, &parts.get_item(1)?)
}

/// An exact `Fraction`.
pub(super) fn fraction(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let py = value.py();
    let part = |name| {
        let part = value.getattr(name)?;
        if part.is_exact_instance_of::<PyInt>() {
            return Ok(part);
        }
        Err(NoEncoding::refused(value, "whose parts are no integers"))
    };
    ratio(out, &part(named!(py, "numerator")?)?, &part(named!(py, "denominator")?)?)
}

/// An exact `UUID`.
pub(super) fn uuid(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let number = value.getattr(named!(value.py(), "int")?)?;
    if !number.is_exact_instance_of::<PyInt>() {
        return Err(NoEncoding::refused(value, "whose number is no integer"));
    }
    out.tag(Tag::Uuid);
    integer(out, &number)
}
