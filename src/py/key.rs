//! Arguments as keys: straight from the argument vector on a hit, as one owned object in the store.
#![expect(unsafe_code, reason = "reads argument vectors and tuples in place")]

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::{ptr, slice};

use ahash::{AHasher, RandomState};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::native;
use super::object::Object;
use crate::engine::{self, Probe, Unsure, Verdicts};

/// What counts as the same arguments for a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Arguments of different types are different.
    pub(super) typed: bool,
    /// The order of keywords counts: the function takes `**kwargs`, which shows it.
    pub(super) ordered: bool,
}

/// Whose results they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody's: the function is no method.
    Nobody,
    /// The first value's, an instance that is known by identity.
    Instance,
    /// An instance's, to which the first value is a weak reference.
    Watched,
}

/// The arguments of a call: values, the keyword ones last, and a tuple with the names of those, or null.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) values: &'a [*mut PyObject],
    pub(super) names: *mut PyObject,
    pub(super) owner: Owner,
}

/// Seeds the hashes of this process.
static SEED: OnceLock<RandomState> = OnceLock::new();

pub(super) fn seed() -> &'static RandomState {
    SEED.get_or_init(RandomState::new)
}

/// # Safety
/// `tuple` must be a tuple that outlives the answer.
#[inline]
unsafe fn items<'a>(tuple: *mut PyObject) -> &'a [*mut PyObject] {
    // SAFETY: a tuple holds that many items there.
    unsafe {
        let items = (&raw const (*tuple.cast::<ffi::PyTupleObject>()).ob_item).cast();
        slice::from_raw_parts(items, ffi::PyTuple_GET_SIZE(tuple).unsigned_abs())
    }
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// The vector must be what a vectorcall gets, and outlive `'a`.
    #[inline]
    pub(super) unsafe fn from_vector(
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
        method: bool,
    ) -> Self {
        // SAFETY: a vectorcall passes that many positional arguments, and one more for each name.
        unsafe {
            let named = if names.is_null() { 0 } else { items(names).len() };
            let values = if count + named == 0 { &[] } else { slice::from_raw_parts(args, count + named) };
            let owner = if method && count > 0 { Owner::Instance } else { Owner::Nobody };
            Self { values, names: if named == 0 { ptr::null_mut() } else { names }, owner }
        }
    }

    /// The instance whose results they are; null if there is none, or none any more.
    #[inline]
    pub(super) fn instance(&self) -> *mut PyObject {
        match self.owner {
            Owner::Nobody => ptr::null_mut(),
            Owner::Instance => self.values[0],
            // SAFETY: the first value is a weak reference, alive with the key.
            Owner::Watched => unsafe { native::referent(self.values[0]) },
        }
    }

    /// The instance of a method's call.
    pub(super) fn instance_in<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: null, or alive since the caller of the method holds it.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, self.instance()) }
    }

    /// The names of the keyword arguments.
    #[inline]
    pub(super) fn names(&self) -> &'a [*mut PyObject] {
        // SAFETY: a tuple, held by whoever passed the arguments.
        if self.names.is_null() { &[] } else { unsafe { items(self.names) } }
    }

    /// Whether all names are exact `str`, as every call from source code has them.
    pub(super) fn has_plain_names(&self) -> bool {
        // SAFETY: the items of a tuple are alive.
        self.names().iter().all(|name| unsafe { ffi::PyUnicode_CheckExact(*name) } != 0)
    }

    /// The positional arguments as a tuple and the keyword ones as a dict, for callables of the user's.
    pub(super) fn to_call(self, py: Python<'_>) -> PyResult<(Bound<'_, PyTuple>, Option<Bound<'_, PyDict>>)> {
        // SAFETY: the arguments are alive.
        let bound = |object: &*mut PyObject| unsafe { Bound::from_borrowed_ptr(py, *object) };
        let (positional, named) = self.values.split_at(self.values.len() - self.names().len());
        let (mut positional, instance) = (positional.to_vec(), self.instance());
        if !instance.is_null() {
            positional[0] = instance;
        }
        let positional = PyTuple::new(py, positional.iter().map(bound))?;
        if named.is_empty() {
            return Ok((positional, None));
        }
        let keywords = PyDict::new(py);
        for (name, value) in self.names().iter().zip(named) {
            keywords.set_item(bound(name), bound(value))?;
        }
        Ok((positional, Some(keywords)))
    }

    /// Calls `callable` with the arguments.
    pub(super) fn call<'py>(self, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callable.py();
        let count = self.values.len() - self.names().len();
        // SAFETY: the vector holds `count` positional arguments and one more for each name; the answer is new or an error.
        unsafe {
            let answer = ffi::PyObject_Vectorcall(callable.as_ptr(), self.values.as_ptr(), count, self.names);
            Bound::from_owned_ptr_or_err(py, answer)
        }
    }

    /// The only argument, if it is one and has no name, and is not the instance.
    #[inline]
    pub(super) fn only(&self) -> Option<*mut PyObject> {
        if let [only] = self.values
            && self.names.is_null()
            && self.owner == Owner::Nobody
        {
            Some(*only)
        } else {
            None
        }
    }

    /// The hash of the arguments by Python's own hashes. `None` leaves a Python error set.
    #[inline]
    pub(super) fn hash(self, rules: Rules, seed: &RandomState) -> Option<u64> {
        let mut hasher = seed.build_hasher();
        if let Some(only) = self.only() {
            write(&mut hasher, only, rules)?;
            return Some(hasher.finish());
        }
        hasher.write_usize(self.values.len());
        let names = self.names();
        let (positional, named) = self.values.split_at(self.values.len() - names.len());
        let owned = usize::from(self.owner != Owner::Nobody);
        if owned > 0 {
            hasher.write_usize(self.instance() as usize);
        }
        for value in &positional[owned..] {
            write(&mut hasher, *value, rules)?;
        }
        let mut unordered = 0_u64;
        for (name, value) in names.iter().zip(named) {
            if rules.ordered {
                write(&mut hasher, *name, rules)?;
                write(&mut hasher, *value, rules)?;
            } else {
                let mut pair = seed.build_hasher();
                write(&mut pair, *name, rules)?;
                write(&mut pair, *value, rules)?;
                unordered = unordered.wrapping_add(pair.finish());
            }
        }
        if !names.is_empty() {
            hasher.write_u64(unordered);
        }
        Some(hasher.finish())
    }

    /// Whether both are of the same instance, or of none. Two that are gone were never the same unless one weak reference stands for both.
    #[inline]
    fn is_owned_as(self, other: Arguments<'_>) -> bool {
        match (self.owner, other.owner) {
            (Owner::Nobody, Owner::Nobody) => true,
            (Owner::Nobody, _) | (_, Owner::Nobody) => false,
            _ => {
                let instance = self.instance();
                self.values[0] == other.values[0] || !instance.is_null() && instance == other.instance()
            }
        }
    }

    /// Whether two are the same arguments by `rules`; `equal` gets the stored value first.
    #[inline]
    pub(super) fn same<E>(
        self,
        probe: Arguments<'_>,
        rules: Rules,
        mut equal: impl FnMut(*mut PyObject, *mut PyObject) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.values.len() != probe.values.len() || self.names.is_null() != probe.names.is_null() {
            return Ok(false);
        }
        let (mine, theirs) = (self.names(), probe.names());
        if mine.len() != theirs.len() || !self.is_owned_as(probe) {
            return Ok(false);
        }
        let owned = usize::from(self.owner != Owner::Nobody);
        let count = self.values.len() - mine.len();
        let mut same = |stored: *mut PyObject, probe: *mut PyObject| {
            // SAFETY: both are alive.
            if rules.typed && unsafe { ffi::Py_TYPE(stored) != ffi::Py_TYPE(probe) } {
                return Ok(false);
            }
            Ok(stored == probe || equal(stored, probe)?)
        };
        for place in owned..count {
            if !same(self.values[place], probe.values[place])? {
                return Ok(false);
            }
        }
        for (place, name) in theirs.iter().enumerate() {
            // SAFETY: names are exact str, alive with their tuples.
            let is = |other: &*mut PyObject| *other == *name || unsafe { native::same_text(*other, *name) };
            let other = if is(&mine[place]) {
                Some(place)
            } else {
                mine.iter().position(is).filter(|_| !rules.ordered)
            };
            let Some(other) = other else { return Ok(false) };
            if !same(self.values[count + other], probe.values[count + place])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[inline]
fn write(hasher: &mut AHasher, value: *mut PyObject, rules: Rules) -> Option<()> {
    // SAFETY: the value is alive, and keys are made attached.
    unsafe {
        hasher.write_u64(native::hash(value)?);
        if rules.typed {
            hasher.write_usize(ffi::Py_TYPE(value) as usize);
        }
    }
    Some(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// No argument; the object is `None`.
    Nothing,
    /// The object is the only argument.
    One,
    /// The object is a tuple of the values.
    Values,
    /// The object is a tuple of the values and, last, the tuple of their names.
    Named,
}

/// The arguments of a call, owned.
#[derive(Clone, Debug)]
pub(super) struct Key {
    object: Object,
    shape: Shape,
    owner: Owner,
    rules: Rules,
}

impl Key {
    pub(super) fn new(py: Python<'_>, arguments: Arguments<'_>, rules: Rules) -> PyResult<Self> {
        // SAFETY: the arguments are alive.
        let bound = |object: &*mut PyObject| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, *object) };
        let (object, shape) = match (arguments.values, arguments.names.is_null()) {
            ([], _) => (py.None().into_bound(py), Shape::Nothing),
            ([one], true) if arguments.owner == Owner::Nobody => (bound(one), Shape::One),
            (values, true) => (PyTuple::new(py, values.iter().map(bound))?.into_any(), Shape::Values),
            (values, false) => {
                let all: Vec<_> = values.iter().chain([&arguments.names]).map(bound).collect();
                (PyTuple::new(py, all)?.into_any(), Shape::Named)
            }
        };
        Ok(Self { object: object.into(), shape, owner: arguments.owner, rules })
    }

    /// The first value, and what it stands for.
    pub(super) fn first<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, Owner) {
        let first = self.arguments().values.first().copied().unwrap_or(self.object.as_ptr());
        // SAFETY: alive with the key.
        (unsafe { Bound::from_borrowed_ptr(py, first) }, self.owner)
    }

    /// The one object of the key, for the garbage collector.
    pub(super) fn object(&self) -> &Object {
        &self.object
    }

    #[inline]
    pub(super) fn arguments(&self) -> Arguments<'_> {
        let (object, owner) = (self.object.as_ptr(), self.owner);
        let (values, names): (&[_], _) = match self.shape {
            Shape::Nothing => (&[], ptr::null_mut()),
            // SAFETY: `Object` is nothing but the pointer.
            Shape::One => (
                slice::from_ref(unsafe { &*(&raw const self.object).cast::<*mut PyObject>() }),
                ptr::null_mut(),
            ),
            // SAFETY: the object is a tuple that the key owns.
            Shape::Values => (unsafe { items(object) }, ptr::null_mut()),
            Shape::Named => {
                // SAFETY: the object is a tuple that the key owns.
                let all = unsafe { items(object) };
                (&all[..all.len() - 1], all[all.len() - 1])
            }
        };
        Arguments { values, names, owner }
    }

    /// Whether it is the key of `probe`, if that can be told without asking Python.
    #[inline]
    pub(super) fn is_natively(&self, probe: Arguments<'_>) -> bool {
        if let Some(only) = probe.only() {
            let mine = self.object.as_ptr();
            // SAFETY: both are alive.
            return self.shape == Shape::One
                && unsafe {
                    (mine == only || native::same(mine, only) == Some(true))
                        && !(self.rules.typed && ffi::Py_TYPE(mine) != ffi::Py_TYPE(only))
                };
        }
        let equal = |stored, probe| {
            // SAFETY: both are alive.
            unsafe { native::same(stored, probe) }.ok_or(())
        };
        self.arguments().same(probe, self.rules, equal).unwrap_or(false)
    }
}

impl engine::Key for Key {
    type Object = Object;

    fn matches(&self, probe: &Self, verdicts: &Verdicts<Object>) -> Result<bool, Unsure<Object>> {
        self.arguments().same(probe.arguments(), self.rules, |stored, probe| {
            // SAFETY: each pointer is an `Object` that a key holds.
            let [stored, probe] =
                [&stored, &probe].map(|object| unsafe { &*ptr::from_ref(object).cast::<Object>() });
            verdicts.same(stored, probe)
        })
    }

    fn is_gone(&self) -> bool {
        self.owner == Owner::Watched && self.arguments().instance().is_null()
    }
}

/// What stands for the instance in the key of a method's call, given the key's hash, and as what.
type StandIn<'a, 'py> = &'a dyn Fn(u64) -> PyResult<(Bound<'py, PyAny>, Owner)>;

/// The key of a call with its hash.
pub(super) fn probe<'py>(
    py: Python<'py>,
    arguments: Arguments<'_>,
    rules: Rules,
    stand_in: StandIn<'_, 'py>,
) -> PyResult<Probe<Key>> {
    if !arguments.has_plain_names() {
        // SAFETY: the items of a tuple are alive.
        let plain = |name: &*mut PyObject| unsafe {
            Bound::<PyAny>::from_owned_ptr_or_err(py, ffi::PyUnicode_FromObject(*name))
        };
        let names = arguments.names().iter().map(plain).collect::<PyResult<Vec<_>>>()?;
        let names = PyTuple::new(py, names)?;
        return probe(py, Arguments { names: names.as_ptr(), ..arguments }, rules, stand_in);
    }
    let hash = arguments.hash(rules, seed()).ok_or_else(|| PyErr::fetch(py))?;
    if arguments.owner == Owner::Nobody {
        return Ok(Probe { key: Key::new(py, arguments, rules)?, hash });
    }
    let (first, owner) = stand_in(hash)?;
    let mut values = arguments.values.to_vec();
    values[0] = first.as_ptr();
    let key = Key::new(py, Arguments { values: &values, owner, ..arguments }, rules)?;
    Ok(Probe { key, hash })
}

/// The arguments that lie in a tuple.
pub(super) fn in_tuple<'a>(tuple: &'a Bound<'_, PyTuple>, owner: Owner) -> Arguments<'a> {
    // SAFETY: the tuple outlives the answer.
    Arguments { values: unsafe { items(tuple.as_ptr()) }, names: ptr::null_mut(), owner }
}

/// Runs `act` on a tuple and a dict of arguments as an argument vector.
pub(super) fn with_arguments<R>(
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    method: bool,
    act: impl FnOnce(Arguments<'_>) -> PyResult<R>,
) -> PyResult<R> {
    let keywords: Vec<_> = kwargs.into_iter().flat_map(pyo3::types::PyDictMethods::iter).collect();
    let names = PyTuple::new(args.py(), keywords.iter().map(|(name, _)| name))?;
    let values: Vec<_> = args.iter().chain(keywords.iter().map(|(_, value)| value.clone())).collect();
    let vector: Vec<_> = values.iter().map(Bound::as_ptr).collect();
    // SAFETY: the vector holds the positional arguments and one more for each name, all alive until `act` is done.
    act(unsafe { Arguments::from_vector(vector.as_ptr(), args.len(), names.as_ptr(), method) })
}

/// An opaque, hashable name of one call: what `cache_key` returns.
#[pyclass(frozen, module = "versioned_lru_cache", name = "CacheKey")]
pub(super) struct CacheKey {
    pub(super) function: Py<PyAny>,
    pub(super) probe: Probe<Key>,
}

#[pymethods]
impl CacheKey {
    fn __hash__(&self) -> u64 {
        self.probe.hash
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(false);
        };
        let other = other.get();
        if !self.function.is(&other.function) || self.probe.hash != other.probe.hash {
            return Ok(false);
        }
        let equal = |a, b| {
            // SAFETY: both are alive with their keys.
            let [a, b] = [a, b].map(|object| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, object) });
            a.eq(b)
        };
        self.probe.key.arguments().same(other.probe.key.arguments(), self.probe.key.rules, equal)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (positional, keywords) = self.probe.key.arguments().to_call(py)?;
        let mut parts = positional
            .iter()
            .map(|value| value.repr().map(|text| text.to_string()))
            .collect::<PyResult<Vec<_>>>()?;
        for (name, value) in keywords.iter().flat_map(pyo3::types::PyDictMethods::iter) {
            parts.push(format!(
                "{}={}",
                name.cast::<PyString>().map_err(|_| PyTypeError::new_err("no name"))?,
                value.repr()?
            ));
        }
        Ok(format!("<cache key of {}({})>", super::error::name_of(self.function.bind(py)), parts.join(", ")))
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.probe.key.object().0)
    }
}
