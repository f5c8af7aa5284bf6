//! What an object of a user's class is in a canonical encoding: a member of an Enum, a named tuple, or a
//! frozen dataclass. Of each only those are taken whose `==` is known: it must be the one that Python gave
//! the class, not one of its own.
//!
//! A class is told by its module and its qualified name, as pickle tells it, and has to be found by these.
#![expect(unsafe_code, reason = "reads the flags of a class")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDict, PyDictMethods, PyFloat, PyFunction, PyInt, PyString, PyTuple, PyType, PyTypeMethods,
};

use super::stable_bytes::{Encoded, NoEncoding, is_serious};
use crate::py::interpreter::fallible::{Text, named};
use crate::py::interpreter::loaded_module::loaded;

const OWN_EQUALITY: &str = "whose class has an == of its own, so that there is no telling what it equals";
const NO_MEMBER: &str = "which is no member of its Enum";
const NOT_FOUND: &str =
    "whose class is not found as the name of its module says, as other processes look for it";
const LIES: &str = "whose class says that it is another";

/// What an object is.
pub(super) enum Form<'py> {
    /// A plain value of this class, which it is derived from and compares as.
    Derived(Plain),
    /// A member of an Enum, which has this name.
    Member(ClassName<'py>, Bound<'py, PyString>),
    /// Flags of an Enum, which are this number.
    Flag(ClassName<'py>, Bound<'py, PyAny>),
    /// A frozen dataclass, and those of its fields that are compared.
    Dataclass(ClassName<'py>, Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>),
}

/// The classes of plain values that others are derived from.
#[derive(Clone, Copy)]
pub(super) enum Plain {
    Int,
    Text,
    Bytes,
    Float,
    Tuple,
}

/// The module and the qualified name of a class.
pub(super) type ClassName<'py> = (Bound<'py, PyString>, Bound<'py, PyString>);

/// What `value`, which is of no class that is known, is. `None` if it has no place in a key.
pub(super) fn form_of<'py>(value: &Bound<'py, PyAny>) -> Encoded<Option<Form<'py>>> {
    let (py, class) = (value.py(), value.get_type());
    if let Some(enums) = loaded(named!(py, "enum")?)?
        && class.get_type().is_subclass(&enums.getattr(named!(py, "EnumMeta")?)?)?
    {
        return form_of_member(value, &class, &enums).map(Some);
    }
    if value.is_instance_of::<PyTuple>() {
        let fields = class.getattr_opt(named!(py, "_fields")?)?;
        if !fields.is_some_and(|fields| fields.is_exact_instance_of::<PyTuple>()) {
            return Ok(None);
        }
        let compares = has_equality_of(&class, py.get_type::<PyTuple>().as_any())?;
        return compares.then_some(Some(Form::Derived(Plain::Tuple))).ok_or_else(|| own_equality(value));
    }
    let Some(dataclasses) = loaded(named!(py, "dataclasses")?)? else { return Ok(None) };
    let Some(parameters) = class.getattr_opt(named!(py, "__dataclass_params__")?)? else { return Ok(None) };
    let is = |name| parameters.getattr_opt(name)?.map(|is| is.is_truthy()).transpose();
    match (is(named!(py, "frozen")?)?, is(named!(py, "eq")?)?) {
        (Some(true), Some(true)) => form_of_dataclass(value, &class, &dataclasses).map(Some),
        (Some(true), _) => Err(own_equality(value)),
        _ => Ok(None),
    }
}

fn own_equality(value: &Bound<'_, PyAny>) -> NoEncoding {
    NoEncoding::refused(value, OWN_EQUALITY)
}

/// Whether a class compares as one does that it is derived from.
fn has_equality_of(class: &Bound<'_, PyType>, base: &Bound<'_, PyAny>) -> PyResult<bool> {
    let name = named!(class.py(), "__eq__")?;
    Ok(class.getattr(name)?.is(&base.getattr(name)?))
}

/// A member that is nothing else is known by its name. One that is an int or another plain value too, as
/// those of an `IntEnum` and a `StrEnum`, equals that value.
fn form_of_member<'py>(
    value: &Bound<'py, PyAny>,
    class: &Bound<'py, PyType>,
    enums: &Bound<'py, PyAny>,
) -> Encoded<Form<'py>> {
    let py = value.py();
    let base = class.getattr(named!(py, "_member_type_")?)?;
    let plain = plain_of(&base);
    if !(base.is(py.get_type::<PyAny>()) || plain.is_some()) || !has_equality_of(class, &base)? {
        return Err(own_equality(value));
    }
    if let Some(plain) = plain {
        return is_derived(value, plain).then_some(Form::Derived(plain)).ok_or_else(|| own_equality(value));
    }
    let named_as = |table, name: &Bound<'py, PyAny>| {
        let table = class.getattr(table)?;
        let table = table.cast::<PyDict>()?;
        Ok::<_, PyErr>(table.get_item(name)?.is_some_and(|found| found.is(value)))
    };
    let own = |name| Ok::<_, PyErr>(value.getattr_opt(name)?.unwrap_or_else(|| py.None().into_bound(py)));
    if class.is_subclass(&enums.getattr(named!(py, "Flag")?)?)? {
        let number = own(named!(py, "_value_")?)?;
        if !number.is_exact_instance_of::<PyInt>() || !named_as(named!(py, "_value2member_map_")?, &number)? {
            return Err(NoEncoding::refused(value, NO_MEMBER));
        }
        return Ok(Form::Flag(name_of_class(value, class)?, number));
    }
    match own(named!(py, "_name_")?)?.cast_into_exact::<PyString>() {
        Ok(name) if named_as(named!(py, "_member_map_")?, name.as_any())? => {
            Ok(Form::Member(name_of_class(value, class)?, name))
        }
        _ => Err(NoEncoding::refused(value, NO_MEMBER)),
    }
}

fn plain_of(class: &Bound<'_, PyAny>) -> Option<Plain> {
    let py = class.py();
    let plain = [
        (py.get_type::<PyInt>(), Plain::Int),
        (py.get_type::<PyString>(), Plain::Text),
        (py.get_type::<PyBytes>(), Plain::Bytes),
        (py.get_type::<PyFloat>(), Plain::Float),
        (py.get_type::<PyTuple>(), Plain::Tuple),
    ];
    plain.into_iter().find(|(known, _)| class.is(known)).map(|(_, plain)| plain)
}

/// Whether the memory of an object is that of a plain value too, whatever its class says of itself.
fn is_derived(value: &Bound<'_, PyAny>, plain: Plain) -> bool {
    match plain {
        Plain::Int => value.is_instance_of::<PyInt>(),
        Plain::Text => value.is_instance_of::<PyString>(),
        Plain::Bytes => value.is_instance_of::<PyBytes>(),
        Plain::Float => value.is_instance_of::<PyFloat>(),
        Plain::Tuple => value.is_instance_of::<PyTuple>(),
    }
}

/// A dataclass equals others of its class whose compared fields are equal, if `==` is the one it was given.
fn form_of_dataclass<'py>(
    value: &Bound<'py, PyAny>,
    class: &Bound<'py, PyType>,
    dataclasses: &Bound<'py, PyAny>,
) -> Encoded<Form<'py>> {
    let py = value.py();
    let mut names = Vec::new();
    for field in dataclasses.call_method1(named!(py, "fields")?, (class,))?.try_iter()? {
        let field = field?;
        if field.getattr(named!(py, "compare")?)?.is_truthy()? {
            names.push(
                field.getattr(named!(py, "name")?)?.cast_into_exact::<PyString>().map_err(PyErr::from)?,
            );
        }
    }
    if !is_generated(class, &names)? {
        return Err(own_equality(value));
    }
    // By this the `==` tells the class.
    if !value.getattr(named!(py, "__class__")?)?.is(class) {
        return Err(NoEncoding::refused(value, LIES));
    }
    let class = name_of_class(value, class)?;
    let fields = names.into_iter().map(|name| Ok((name.clone(), value.getattr(&name)?)));
    Ok(Form::Dataclass(class, fields.collect::<PyResult<_>>()?))
}

/// Whether the `==` of a dataclass was made by `dataclasses`: its code is of no file, and has no other names
/// than those of the fields that are compared.
fn is_generated(class: &Bound<'_, PyType>, fields: &[Bound<'_, PyString>]) -> PyResult<bool> {
    let py = class.py();
    let equality = class.getattr(named!(py, "__eq__")?)?;
    if !equality.is_exact_instance_of::<PyFunction>() {
        return Ok(false);
    }
    let code = equality.getattr(named!(py, "__code__")?)?;
    if !code.getattr(named!(py, "co_filename")?)?.eq(named!(py, "<string>")?)? {
        return Ok(false);
    }
    let used = code.getattr(named!(py, "co_names")?)?;
    let known = [named!(py, "__class__")?, named!(py, "NotImplemented")?].into_iter().chain(fields);
    for name in known.clone() {
        if !used.contains(name)? {
            return Ok(false);
        }
    }
    Ok(used.len()? == known.count())
}

/// By what other processes find the class of `value`. Those that the interpreter was compiled with need not
/// be found: not all have a name in their module, as that of `None` has none.
pub(super) fn name_of_class<'py>(
    value: &Bound<'py, PyAny>,
    class: &Bound<'py, PyType>,
) -> Encoded<ClassName<'py>> {
    let py = class.py();
    let told = |name| class.getattr(name)?.cast_into_exact::<PyString>().map_err(PyErr::from);
    let (module, name) = (told(named!(py, "__module__")?)?, told(named!(py, "__qualname__")?)?);
    // SAFETY: only reads flags of a class that is held by its reference.
    if unsafe { ffi::PyType_GetFlags(class.as_type_ptr()) } & ffi::Py_TPFLAGS_HEAPTYPE == 0 {
        return Ok((module, name));
    }
    match is_found(class, &module, &name) {
        Ok(true) => Ok((module, name)),
        Err(error) if is_serious(py, &error) => Err(error.into()),
        _ => Err(NoEncoding::refused(value, NOT_FOUND)),
    }
}

fn is_found(
    class: &Bound<'_, PyType>,
    module: &Bound<'_, PyString>,
    name: &Bound<'_, PyString>,
) -> PyResult<bool> {
    let Some(module) = loaded(module)? else { return Ok(false) };
    let path: String = name.extract()?;
    Ok(path.split('.').try_fold(module, |found, name| found.getattr(Text(name)))?.is(class))
}
