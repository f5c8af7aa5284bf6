//! Python's own hashes, mixed with what tells apart those ints that have one hash: Python's is the remainder
//! by 2⁶¹-1, so who chooses ints chooses their hashes.
//!
//! What is equal has one hash here too, as long as it is an exact int, float or tuple. Where a number of 61
//! bits and more is of another type, such as a Decimal, it is another key than the equal int.
#![expect(unsafe_code, reason = "reads the objects' memory")]

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::LazyLock;

use ahash::RandomState;
use pyo3::ffi::{self, PyObject};

use super::native::{self, DEPTH, Kind, kind};

/// The modulus of Python's hashes of numbers.
const MODULUS: u128 = (1 << 61) - 1;

static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of an object. `None` leaves a Python error set.
///
/// # Safety
/// The object must be alive, and the thread attached.
#[inline]
pub(crate) unsafe fn hash(object: *mut PyObject) -> Option<u64> {
    // SAFETY: the caller says so.
    unsafe {
        let hash = at_a_glance(object);
        if hash == -1 { hash_at_length(object) } else { Some(hash.cast_unsigned() as u64) }
    }
}

/// The hash of an object that tells it at a glance, or -1: a str that was hashed once keeps its hash, an int
/// of one digit is its own.
///
/// # Safety
/// As above.
#[inline]
unsafe fn at_a_glance(object: *mut PyObject) -> isize {
    // SAFETY: the caller says so.
    unsafe {
        match kind(object) {
            Kind::Text => native::known_hash(object),
            Kind::Int => native::one_digit(object),
            _ => -1,
        }
    }
}

/// The hash of an object that does not.
///
/// # Safety
/// As above.
#[inline(never)]
unsafe fn hash_at_length(object: *mut PyObject) -> Option<u64> {
    // SAFETY: the caller says so.
    unsafe {
        let mut distinction = 0;
        let hash = match kind(object) {
            Kind::Tuple => hash_of_tuple(object, DEPTH - 1, &mut distinction)?,
            Kind::Int | Kind::Float => hash_within(object, 0, &mut distinction)?,
            _ => {
                let hash = ffi::PyObject_Hash(object);
                return (hash != -1).then_some(hash.cast_unsigned() as u64);
            }
        };
        Some(hash.cast_unsigned() as u64 ^ distinction)
    }
}

/// Python's own hash. What tells the object from others of that is added to the `distinction`, if it is or
/// has in it a number of which that can be told.
///
/// # Safety
/// As above.
#[cold]
unsafe fn hash_within(object: *mut PyObject, depth: u8, distinction: &mut u64) -> Option<isize> {
    // SAFETY: the caller says so.
    unsafe {
        match kind(object) {
            Kind::Tuple if depth > 0 => return hash_of_tuple(object, depth - 1, distinction),
            Kind::Int => *distinction ^= of_int(object),
            Kind::Float => *distinction ^= of_float(ffi::PyFloat_AS_DOUBLE(object)),
            _ => {}
        }
        let hash = ffi::PyObject_Hash(object);
        (hash != -1).then_some(hash)
    }
}

/// The same of a tuple, by CPython's own rule, by which equal tuples of other types are hashed: xxHash with
/// 64 bits, and no end but the length.
///
/// # Safety
/// As above, and it must be an exact tuple.
unsafe fn hash_of_tuple(tuple: *mut PyObject, depth: u8, distinction: &mut u64) -> Option<isize> {
    const FIRST: u64 = 11_400_714_785_074_694_791;
    const SECOND: u64 = 14_029_467_366_897_019_727;
    const FIFTH: u64 = 2_870_177_450_012_600_261;
    // SAFETY: the caller says so, and a tuple holds its items.
    let items = unsafe { native::items(tuple) };
    let mut state = FIFTH;
    for (place, item) in items.iter().enumerate() {
        // SAFETY: as above.
        let mut hash = unsafe { at_a_glance(*item) };
        if hash == -1 {
            let mut own = 0;
            // SAFETY: as above.
            hash = unsafe { hash_within(*item, depth, &mut own)? };
            if own != 0 {
                *distinction = SECRET.hash_one((*distinction, place, own));
            }
        }
        state = state.wrapping_add((hash.cast_unsigned() as u64).wrapping_mul(SECOND));
        state = state.rotate_left(31).wrapping_mul(FIRST);
    }
    let state = state.wrapping_add(items.len() as u64 ^ FIFTH ^ 0x0035_D373);
    // What would tell of an error is another number.
    #[expect(clippy::cast_possible_truncation, reason = "no other machine reads ints, or gets here")]
    Some(if state == u64::MAX { 1_546_275_796 } else { state.cast_signed() as isize })
}

/// # Safety
/// The object must be an exact `int`, on a 64-bit machine.
#[inline]
unsafe fn of_int(int: *mut PyObject) -> u64 {
    // SAFETY: the caller says so.
    let (sign, digits) = unsafe { native::sign_and_digits(int.cast()) };
    match digits {
        [] | [_] | [_, _] => 0,
        [low, middle, high]
            if u128::from(*high) << 60 | u128::from(*middle) << 30 | u128::from(*low) < MODULUS =>
        {
            0
        }
        _ => of_digits(sign, digits.iter().copied()),
    }
}

#[inline]
fn of_float(float: f64) -> u64 {
    /// 2⁶¹, the first above the modulus: between lies no float.
    const LEAST: f64 = 2_305_843_009_213_693_952.0;
    if float.is_finite() && float.abs() >= LEAST {
        return of_digits(if float < 0.0 { -1 } else { 1 }, native::digits_of(float));
    }
    0
}

#[cold]
fn of_digits(sign: i8, digits: impl Iterator<Item = u32>) -> u64 {
    let mut hasher = SECRET.build_hasher();
    digits.for_each(|digit| hasher.write_u32(digit));
    hasher.write_i8(sign);
    hasher.finish()
}
