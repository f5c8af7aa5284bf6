//! Canonical keys: a call's arguments as bytes that are equal exactly where the arguments are one key in
//! memory, by Python's `==`, and the same in each process, on each platform and by each version of Python.
//!
//! So a store that several processes share can find what one of them has computed. The rule is one of
//! equality and not of types: what Python holds for equal is encoded alike (`1`, `1.0`, `True`, `Decimal(1)`;
//! a named tuple and its plain tuple; one instant in two zones). What is equal to nothing, or by rules that
//! can't be known, is refused.
#![expect(unsafe_code, reason = "borrows what a call passes")]

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyFrozenSet, PyInt, PyString, PyTuple};

use super::call_arguments::{Arguments, Rules};
pub(crate) use super::stable_bytes::Refused;
use super::stable_bytes::{Encoded, Encoding, NoEncoding, Step, Tag};
use super::stable_classes::{self, ClassName, Form, Plain};
use super::{stable_numbers, stable_times};
use crate::py::interpreter::fallible::named;
use crate::py::interpreter::loaded_module::loaded;
use crate::py::interpreter::recursion::Nested;

/// The number of this encoding. Whatever changes one key's bytes raises it, so that keys of both are
/// different.
const FORMAT: u8 = 1;

const UNKNOWN: &str = "which other processes would not know again";

/// Which argument was refused.
pub(crate) enum Place {
    Positional(usize),
    Named(String),
}

/// The canonical key of a call. `told` makes the exception for an argument that is refused.
pub(crate) fn encode(
    py: Python<'_>,
    arguments: Arguments<'_>,
    rules: Rules,
    told: impl Fn(Place, &Refused) -> PyErr,
) -> PyResult<Vec<u8>> {
    // SAFETY: the arguments are alive.
    let bound = |object: &*mut PyObject| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, *object) };
    let error = |place: Place, trouble| match trouble {
        NoEncoding::Refused(refused) => told(place, &refused),
        NoEncoding::Raised(error) => error,
    };
    let (positional, named) = arguments.values.split_at(arguments.values.len() - arguments.names().len());
    let mut out = Encoding::new();
    out.fixed(&[FORMAT, u8::from(rules.typed) | u8::from(rules.ordered) << 1]);
    out.count(positional.len());
    for (place, value) in positional.iter().enumerate() {
        argument(&mut out, &bound(value), rules)
            .map_err(|trouble| error(Place::Positional(place), trouble))?;
    }
    let mut starts = Vec::with_capacity(named.len());
    for (name, value) in arguments.names().iter().zip(named) {
        // SAFETY: the name is alive; the answer is its text as a new `str`, or null for what is none.
        let name = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_FromObject(*name))? };
        let name = name.cast_into::<PyString>()?;
        starts.push(out.here());
        let encoded = out.text(&name).and_then(|()| argument(&mut out, &bound(value), rules));
        encoded.map_err(|trouble| error(Place::Named(name.to_string()), trouble))?;
    }
    if !rules.ordered {
        out.sort(&starts);
    }
    Ok(out.finish())
}

/// A value that is passed in a call. Only there the type counts where types do.
fn argument(out: &mut Encoding, argument: &Bound<'_, PyAny>, rules: Rules) -> Encoded {
    if rules.typed {
        class_name(out, &stable_classes::name_of_class(argument, &argument.get_type())?)?;
    }
    value(out, argument)?;
    out.check_room(0, argument)
}

fn class_name(out: &mut Encoding, (module, name): &ClassName<'_>) -> Encoded {
    out.text(module)?;
    out.text(name)
}

/// A value, at any depth.
fn value(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    if value.is_exact_instance_of::<PyString>() {
        plain(out, value, Plain::Text)
    } else if value.is_exact_instance_of::<PyInt>() || value.is_exact_instance_of::<PyBool>() {
        plain(out, value, Plain::Int)
    } else if value.is_none() {
        out.tag(Tag::None);
        Ok(())
    } else if value.is_exact_instance_of::<PyTuple>() {
        plain(out, value, Plain::Tuple)
    } else if value.is_exact_instance_of::<PyFloat>() {
        plain(out, value, Plain::Float)
    } else if value.is_exact_instance_of::<PyBytes>() {
        plain(out, value, Plain::Bytes)
    } else if value.is_exact_instance_of::<PyFrozenSet>() {
        frozenset(out, value)
    } else if stable_times::encode(out, value)? || number(out, value)? {
        Ok(())
    } else {
        of_users_class(out, value)
    }
}

/// What is of one of these classes, or derived from it and compares as it does.
#[inline]
fn plain(out: &mut Encoding, value: &Bound<'_, PyAny>, class: Plain) -> Encoded {
    match class {
        Plain::Int => stable_numbers::int(out, value),
        Plain::Float => stable_numbers::float(out, value),
        Plain::Text => {
            out.tag(Tag::Text);
            out.text(value.cast::<PyString>().map_err(PyErr::from)?)
        }
        Plain::Bytes => {
            out.tag(Tag::Bytes);
            out.sized(value.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes(), value)
        }
        Plain::Tuple => tuple(out, value),
    }
}

fn tuple(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let _nested = Nested::enter(value.py())?;
    let items = value.cast::<PyTuple>().map_err(PyErr::from)?;
    out.check_room(items.len(), value)?;
    out.tag(Tag::Tuple);
    out.count(items.len());
    for (place, item) in items.iter_borrowed().enumerate() {
        self::value(out, &item).map_err(|trouble| trouble.at(|| Step::Item(place)))?;
    }
    Ok(())
}

/// The elements in the order of their bytes: that in which they lie is another in each process.
fn frozenset(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    let _nested = Nested::enter(value.py())?;
    let elements: Vec<_> = value.try_iter()?.collect::<PyResult<_>>()?;
    out.check_room(elements.len(), value)?;
    out.tag(Tag::Frozenset);
    out.count(elements.len());
    let mut starts = Vec::with_capacity(elements.len());
    for element in &elements {
        starts.push(out.here());
        self::value(out, element).map_err(|trouble| trouble.at(|| Step::Element))?;
    }
    out.sort(&starts);
    Ok(())
}

/// Encodes an exact `Decimal`, `Fraction` or `UUID`; of anything else it says `false`.
fn number(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded<bool> {
    let (py, class) = (value.py(), value.get_type());
    let is = |module, name| -> PyResult<bool> {
        Ok(match loaded(module)? {
            Some(module) => module.getattr_opt(name)?.is_some_and(|known| known.is(&class)),
            None => false,
        })
    };
    if is(named!(py, "decimal")?, named!(py, "Decimal")?)? {
        stable_numbers::decimal(out, value)?;
    } else if is(named!(py, "uuid")?, named!(py, "UUID")?)? {
        stable_numbers::uuid(out, value)?;
    } else if is(named!(py, "fractions")?, named!(py, "Fraction")?)? {
        stable_numbers::fraction(out, value)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn of_users_class(out: &mut Encoding, value: &Bound<'_, PyAny>) -> Encoded {
    match stable_classes::form_of(value)? {
        None => Err(NoEncoding::refused(value, UNKNOWN)),
        Some(Form::Derived(class)) => plain(out, value, class),
        Some(Form::Member(class, name)) => {
            out.tag(Tag::Member);
            class_name(out, &class)?;
            out.text(&name)
        }
        Some(Form::Flag(class, number)) => {
            out.tag(Tag::Flag);
            class_name(out, &class)?;
            stable_numbers::int(out, &number)
        }
        Some(Form::Dataclass(class, fields)) => {
            let _nested = Nested::enter(value.py())?;
            out.tag(Tag::Dataclass);
            class_name(out, &class)?;
            out.count(fields.len());
            for (name, field) in &fields {
                out.text(name)?;
                self::value(out, field).map_err(|trouble| trouble.at(|| Step::Field(name.to_string())))?;
            }
            Ok(())
        }
    }
}
