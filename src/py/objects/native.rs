//! Equality of Python's own plain types, told without running any Python code: exact int, str, bytes, float,
//! bool and None, and tuples of those.
//!
//! What is no such type, and NaN, is nobody's business here.
#![expect(unsafe_code, reason = "reads the objects' memory and calls their types' slots")]

use std::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};
use std::{ptr, slice};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
    Float,
    Bool,
    None,
    Tuple,
    Other,
}

/// # Safety
/// `object` must be alive.
#[inline]
pub(super) unsafe fn kind(object: *mut PyObject) -> Kind {
    // SAFETY: the caller says that the object is alive; type objects of the interpreter always are.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if cfg!(feature = "no-fast-paths") {
            Kind::Other
        } else if class == &raw mut ffi::PyUnicode_Type {
            Kind::Text
        } else if class == &raw mut ffi::PyLong_Type && cfg!(target_pointer_width = "64") {
            Kind::Int
        } else if class == &raw mut ffi::PyFloat_Type {
            Kind::Float
        } else if class == &raw mut ffi::PyBytes_Type {
            Kind::Bytes
        } else if class == &raw mut ffi::PyBool_Type {
            Kind::Bool
        } else if object == ffi::Py_None() {
            Kind::None
        } else if class == &raw mut ffi::PyTuple_Type {
            Kind::Tuple
        } else {
            Kind::Other
        }
    }
}

/// The hash of a name of an argument, if it is an exact `str` that was hashed before.
///
/// # Safety
/// The object must be alive.
#[inline]
pub(crate) unsafe fn hash_of_name(name: *mut PyObject) -> Option<u64> {
    // SAFETY: the caller says so.
    unsafe {
        let known = ffi::PyUnicode_CheckExact(name) != 0;
        let hash = if known { known_hash(name) } else { -1 };
        (hash != -1).then_some(hash.cast_unsigned() as u64)
    }
}

/// The hash that a `str` keeps, or -1 if it was never hashed.
///
/// # Safety
/// The object must be an exact `str`.
#[inline]
pub(super) unsafe fn known_hash(text: *mut PyObject) -> isize {
    // SAFETY: the caller says so. Another thread may be hashing it for the first time.
    unsafe {
        AtomicIsize::from_ptr(&raw mut (*text.cast::<ffi::PyASCIIObject>()).hash).load(Ordering::Relaxed)
    }
}

/// Whether two objects are equal, if that can be told here.
///
/// # Safety
/// Both must be alive.
#[inline]
pub(crate) unsafe fn same(a: *mut PyObject, b: *mut PyObject) -> Option<bool> {
    // SAFETY: the caller says so.
    unsafe { same_within(a, b, DEPTH) }
}

/// Whether two objects are equal, and that can be told without asking them.
#[inline]
pub(crate) fn are_surely_equal(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    // SAFETY: both are held by a reference.
    unsafe { same(a.as_ptr(), b.as_ptr()) == Some(true) }
}

/// How deep tuples may lie in tuples.
pub(super) const DEPTH: u8 = 4;

/// # Safety
/// Both must be alive.
#[inline]
unsafe fn same_within(a: *mut PyObject, b: *mut PyObject, depth: u8) -> Option<bool> {
    // SAFETY: both objects are alive, and each is read as what its exact type says.
    unsafe {
        let mine = kind(a);
        if mine == Kind::Other {
            return None;
        }
        match (mine, kind(b)) {
            (Kind::Text, Kind::Text) => Some(same_text(a, b)),
            (Kind::Int, Kind::Int) => Some(same_int(a, b)),
            (Kind::Bytes, Kind::Bytes) => Some(bytes(a) == bytes(b)),
            (Kind::Float, Kind::Float) => {
                let (a, b) = (ffi::PyFloat_AS_DOUBLE(a), ffi::PyFloat_AS_DOUBLE(b));
                #[expect(clippy::float_cmp, reason = "Python's own equality")]
                (!a.is_nan() && !b.is_nan()).then_some(a == b)
            }
            (Kind::Bool, Kind::Bool) => Some(a == b),
            (Kind::Tuple, Kind::Tuple) => same_tuple(a, b, depth),
            (_, Kind::Other) => None,
            (Kind::None, Kind::None) => Some(true),
            // A number may equal a number of another type; text, bytes and None equal nothing of another
            // type.
            _ => same_number(a, b, kind(b)),
        }
    }
}

/// Whether two are numbers of different types, and equal: `1 == 1.0 == True`. `None` is for NaN and where
/// ints are not read.
///
/// # Safety
/// Both must be alive, and `other` the kind of `b`.
#[cold]
unsafe fn same_number(a: *mut PyObject, b: *mut PyObject, other: Kind) -> Option<bool> {
    // SAFETY: the caller says so; a bool is laid out as the int that it is.
    unsafe {
        match (kind(a), other) {
            (Kind::Int, Kind::Bool) | (Kind::Bool, Kind::Int) => Some(same_int(a, b)),
            (Kind::Int | Kind::Bool, Kind::Float) => same_int_and_float(a, ffi::PyFloat_AS_DOUBLE(b)),
            (Kind::Float, Kind::Int | Kind::Bool) => same_int_and_float(b, ffi::PyFloat_AS_DOUBLE(a)),
            _ => Some(false),
        }
    }
}

/// # Safety
/// The object must be an exact `int` or a `bool`.
unsafe fn same_int_and_float(int: *mut PyObject, float: f64) -> Option<bool> {
    if cfg!(not(target_pointer_width = "64")) || float.is_nan() {
        return None;
    }
    if !float.is_finite() || float.fract() != 0.0 {
        return Some(false);
    }
    // SAFETY: the caller says so.
    let (sign, digits) = unsafe { sign_and_digits(int.cast()) };
    if float == 0.0 || sign == 0 {
        return Some(float == 0.0 && sign == 0);
    }
    if (float < 0.0) != (sign < 0) {
        return Some(false);
    }
    Some(digits_of(float).eq(digits.iter().copied()))
}

/// The digits of an int that equals a float, as an `int` has them.
pub(super) fn digits_of(float: f64) -> impl Iterator<Item = u32> {
    /// How many bits a digit has.
    const DIGIT: i32 = 30;
    let bits = float.abs().to_bits();
    // What an exponent of no bits means is below one.
    let exponent = i32::try_from(bits >> 52).unwrap_or(0) - 1_075;
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let digit = move |place: i32| match place * DIGIT - exponent {
        shift @ 0..64 => mantissa >> shift,
        shift @ -29..0 => mantissa << -shift,
        _ => 0,
    };
    let count = (exponent + 53 + DIGIT - 1) / DIGIT;
    (0..count).map(move |place| (digit(place) & ((1 << DIGIT) - 1)) as u32)
}

/// Whether two tuples are equal, item by item and identity first, as Python does it; up to the first item
/// that can't be told.
///
/// # Safety
/// Both must be exact tuples.
unsafe fn same_tuple(a: *mut PyObject, b: *mut PyObject, depth: u8) -> Option<bool> {
    // SAFETY: the caller says so, and a tuple holds its items.
    unsafe {
        let (a, b) = (items(a), items(b));
        if a.len() != b.len() {
            return Some(false);
        }
        let depth = depth.checked_sub(1)?;
        for (a, b) in a.iter().zip(b) {
            if a != b && !same_within(*a, *b, depth)? {
                return Some(false);
            }
        }
    }
    Some(true)
}

/// # Safety
/// Both must be exact `str`.
#[inline]
pub(crate) unsafe fn same_text(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: both are exact str, and canonical since they have been hashed.
    unsafe {
        let (size, kind) = (ffi::PyUnicode_GET_LENGTH(a), ffi::PyUnicode_KIND(a));
        if size != ffi::PyUnicode_GET_LENGTH(b) || kind != ffi::PyUnicode_KIND(b) {
            return false;
        }
        let size = size.unsigned_abs() * kind as usize;
        let text = |object| slice::from_raw_parts(ffi::PyUnicode_DATA(object).cast::<u8>(), size);
        text(a) == text(b)
    }
}

/// # Safety
/// The object must be an exact `bytes` that outlives the answer.
unsafe fn bytes<'a>(object: *mut PyObject) -> &'a [u8] {
    // SAFETY: an exact bytes object holds that many bytes there.
    unsafe {
        slice::from_raw_parts(ffi::PyBytes_AS_STRING(object).cast(), ffi::PyBytes_Size(object).unsigned_abs())
    }
}

/// The items of a tuple.
///
/// # Safety
/// `tuple` must be a tuple that outlives the answer.
#[inline]
pub(crate) unsafe fn items<'a>(tuple: *mut PyObject) -> &'a [*mut PyObject] {
    // SAFETY: a tuple holds that many items there.
    unsafe {
        let items = (&raw const (*tuple.cast::<ffi::PyTupleObject>()).ob_item).cast();
        slice::from_raw_parts(items, ffi::PyTuple_GET_SIZE(tuple).cast_unsigned())
    }
}

/// How CPython lays out a weak reference: the head, and what it refers to, or `None`.
#[repr(C)]
struct WeakReference {
    head: PyObject,
    object: *mut PyObject,
}

/// What a weak reference refers to, borrowed; null if that is gone.
///
/// # Safety
/// The object must be a weak reference.
#[inline]
pub(crate) unsafe fn referent(reference: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller says so, and only compares the answer with an object that it holds, or takes it
    // while it holds that.
    unsafe {
        let object =
            AtomicPtr::from_ptr(&raw mut (*reference.cast::<WeakReference>()).object).load(Ordering::Relaxed);
        if object == ffi::Py_None() { ptr::null_mut() } else { object }
    }
}

/// How CPython lays out an `int` on 64-bit machines: the head, a word that tells size and sign, digits of 30
/// bits.
#[repr(C)]
pub(super) struct Int {
    head: PyObject,
    size: usize,
    digits: [u32; 1],
}

/// What tells the size of a positive int of one digit.
const ONE_DIGIT: usize = if cfg!(Py_3_12) { 1 << 3 } else { 1 };

/// A positive int of one digit, or -1.
///
/// # Safety
/// It must be an exact `int`, on a 64-bit machine.
#[inline]
pub(super) unsafe fn one_digit(int: *mut PyObject) -> isize {
    // SAFETY: the caller says so.
    unsafe {
        if size_of_int(int.cast()) == ONE_DIGIT {
            (*int.cast::<Int>()).digits[0].cast_signed() as isize
        } else {
            -1
        }
    }
}

/// The word that tells size and sign.
///
/// # Safety
/// It must be an exact `int`, on a 64-bit machine.
#[inline]
unsafe fn size_of_int(int: *mut Int) -> usize {
    /// The bit that marks the interpreter's own small ints since 3.14.
    const SMALL: usize = if cfg!(Py_3_14) { 4 } else { 0 };
    // SAFETY: the caller says so.
    unsafe { (*int).size & !SMALL }
}

/// Whether an int is above, at or below zero, and its digits.
///
/// # Safety
/// It must be an exact `int` or a `bool` that outlives the answer, on a 64-bit machine.
pub(super) unsafe fn sign_and_digits<'a>(int: *mut Int) -> (i8, &'a [u32]) {
    // SAFETY: the caller says so, and the size word says how many digits follow.
    unsafe {
        let size = size_of_int(int);
        let (sign, count) = if cfg!(Py_3_12) {
            ([1, 0, -1, 0][size & 3], size >> 3)
        } else {
            let size = size.cast_signed();
            (if size < 0 { -1 } else { i8::from(size > 0) }, size.unsigned_abs())
        };
        let digits = if sign == 0 { 0 } else { count };
        (sign, slice::from_raw_parts((&raw const (*int).digits).cast::<u32>(), digits))
    }
}

/// # Safety
/// Both must be exact `int`, or `bool`, on a 64-bit machine.
#[inline]
unsafe fn same_int(a: *mut PyObject, b: *mut PyObject) -> bool {
    let (a, b) = (a.cast::<Int>(), b.cast::<Int>());
    // SAFETY: both are exact ints, and the size word says how many digits follow.
    unsafe {
        let size = size_of_int(a);
        if size != size_of_int(b) {
            return false;
        }
        let count = if cfg!(Py_3_12) { size >> 3 } else { size.cast_signed().unsigned_abs() };
        if count == 1 {
            return (*a).digits[0] == (*b).digits[0];
        }
        let digits = |int: *mut Int| slice::from_raw_parts((&raw const (*int).digits).cast::<u32>(), count);
        digits(a) == digits(b)
    }
}

/// Whether both are exact tuples.
#[inline]
pub(crate) fn are_tuples(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    let tuple = &raw mut ffi::PyTuple_Type;
    a.get_type_ptr() == tuple && b.get_type_ptr() == tuple
}

/// Whether the type of `a` is a subtype of that of `b`, and another.
#[inline]
pub(crate) fn is_derived(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    let (a, b) = (a.get_type_ptr(), b.get_type_ptr());
    // SAFETY: types of living objects, whose bases are looked through without running Python code.
    a != b && unsafe { ffi::PyType_IsSubtype(a, b) } != 0
}

/// What the type of `asked` itself says of being equal to `other`, if anything. This may run Python code.
#[expect(clippy::inline_always, reason = "a hit whose key is asked")]
#[inline(always)]
pub(crate) fn says_equal(asked: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    let py = asked.py();
    // SAFETY: both are alive, and the slot is called as the interpreter calls it: its answer is a new
    // reference or an error. The three that it is compared with are always there.
    unsafe {
        let Some(compare) = (*asked.get_type_ptr()).tp_richcompare else { return Ok(None) };
        let answer = compare(asked.as_ptr(), other.as_ptr(), ffi::Py_EQ);
        if answer == ffi::Py_True() {
            ffi::Py_DECREF(answer);
            return Ok(Some(true));
        }
        let answer = Bound::from_owned_ptr_or_err(py, answer)?;
        if answer.as_ptr() == ffi::Py_False() {
            Ok(Some(false))
        } else if answer.as_ptr() == ffi::Py_NotImplemented() {
            Ok(None)
        } else {
            answer.is_truthy().map(Some)
        }
    }
}

/// Whether nothing refers to an object but this. Without a GIL there is no telling: other threads may be
/// about to refer to it.
pub(crate) fn is_unshared<T>(object: &Bound<'_, T>) -> bool {
    // SAFETY: the object is alive, and the GIL keeps its count as it is.
    cfg!(not(Py_GIL_DISABLED)) && unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
}
