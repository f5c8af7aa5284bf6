//! The arguments of a call, read where they lie: in an argument vector or in a tuple. Their hash and their
//! equality.
#![expect(unsafe_code, reason = "reads argument vectors and tuples in place")]

use std::sync::OnceLock;
use std::{ptr, slice};

use ahash::RandomState;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyTupleMethods, PyWeakrefMethods, PyWeakrefReference};

use crate::py::interpreter::fallible;
use crate::py::objects::{hashing, native};

/// What counts as the same arguments for a function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Arguments of different types are different.
    pub(crate) typed: bool,
    /// The order of keywords counts: the function takes `**kwargs`, which shows it.
    pub(crate) ordered: bool,
}

/// Whose results they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's: the function is no method.
    Nobody,
    /// The first value's, an instance that is known by identity.
    Instance,
    /// An instance's, to which the first value is a weak reference.
    Watched,
}

/// The arguments of a call: values, the keyword ones last, and a tuple with the names of those, or null.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    pub(crate) values: &'a [*mut PyObject],
    pub(crate) names: *mut PyObject,
    pub(crate) owner: Owner,
}

/// Mixes the hashes of this process by folded multiplication, as ahash and others do: the halves of a
/// product, one over the other. A secret in both factors lets nobody choose arguments that collide.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    start: u64,
    factor: u64,
}

static SEED: OnceLock<Seed> = OnceLock::new();

pub(crate) fn seed() -> Seed {
    *SEED.get_or_init(|| {
        let random = RandomState::new();
        Seed { start: random.hash_one(0_u8), factor: random.hash_one(1_u8) | 1 }
    })
}

impl Seed {
    #[inline]
    fn fold(self, state: u64, word: u64) -> u64 {
        let product = u128::from(state ^ word) * u128::from(self.factor);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let folded = product as u64 ^ (product >> 64) as u64;
        folded
    }

    /// Takes an argument into account. `None` leaves a Python error set.
    #[inline]
    fn take(self, state: u64, value: *mut PyObject, rules: Rules) -> Option<u64> {
        // SAFETY: the value is alive, and keys are made attached.
        let state = self.fold(state, unsafe { hashing::hash(value)? });
        // SAFETY: as above.
        Some(if rules.typed { self.fold(state, unsafe { ffi::Py_TYPE(value) } as u64) } else { state })
    }
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// The vector must be what a vectorcall gets, and outlive `'a`.
    #[inline]
    pub(crate) unsafe fn from_vector(
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
        method: bool,
    ) -> Self {
        // SAFETY: a vectorcall passes that many positional arguments, and one more for each name.
        unsafe {
            let named = if names.is_null() { 0 } else { native::items(names).len() };
            let values = if count + named == 0 { &[] } else { slice::from_raw_parts(args, count + named) };
            let owner = if method && count > 0 { Owner::Instance } else { Owner::Nobody };
            Self { values, names: if named == 0 { ptr::null_mut() } else { names }, owner }
        }
    }

    /// A single argument.
    pub(crate) fn of_one(only: &'a *mut PyObject) -> Self {
        Self { values: slice::from_ref(only), names: ptr::null_mut(), owner: Owner::Nobody }
    }

    /// The instance whose results they are; null if there is none, or none any more.
    #[inline]
    pub(crate) fn instance(&self) -> *mut PyObject {
        match self.owner {
            Owner::Nobody => ptr::null_mut(),
            Owner::Instance => self.values[0],
            // SAFETY: the first value is a weak reference, alive with the key.
            Owner::Watched => unsafe { native::referent(self.values[0]) },
        }
    }

    /// The instance of a method's call.
    pub(crate) fn instance_in<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: null, or alive since the caller of the method holds it.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, self.instance()) }
    }

    /// The names of the keyword arguments.
    #[inline]
    pub(crate) fn names(&self) -> &'a [*mut PyObject] {
        // SAFETY: a tuple, held by whoever passed the arguments.
        if self.names.is_null() { &[] } else { unsafe { native::items(self.names) } }
    }

    /// Whether all names are exact `str`, as every call from source code has them.
    #[inline]
    pub(crate) fn has_plain_names(&self) -> bool {
        // SAFETY: the items of a tuple are alive.
        self.names().iter().all(|name| unsafe { ffi::PyUnicode_CheckExact(*name) } != 0)
    }

    /// The positional arguments as a tuple and the keyword ones as a dict, for callables of the user's.
    pub(crate) fn to_call(self, py: Python<'_>) -> PyResult<(Bound<'_, PyTuple>, Option<Bound<'_, PyDict>>)> {
        // SAFETY: the arguments are alive.
        let bound = |object: &*mut PyObject| unsafe { Bound::from_borrowed_ptr(py, *object) };
        let (positional, named) = self.values.split_at(self.values.len() - self.names().len());
        let mut positional: Vec<_> = positional.iter().map(bound).collect();
        if self.owner == Owner::Watched {
            let instance =
                positional[0].cast::<PyWeakrefReference>().ok().and_then(PyWeakrefMethods::upgrade);
            positional[0] = instance.unwrap_or_else(|| positional[0].clone());
        }
        let positional = fallible::tuple(py, positional)?;
        if named.is_empty() {
            return Ok((positional, None));
        }
        let keywords = fallible::dict(py)?;
        for (name, value) in self.names().iter().zip(named) {
            keywords.set_item(bound(name), bound(value))?;
        }
        Ok((positional, Some(keywords)))
    }

    /// The same with a dict in any case.
    pub(crate) fn to_whole_call(self, py: Python<'_>) -> PyResult<(Bound<'_, PyTuple>, Bound<'_, PyDict>)> {
        let (positional, keywords) = self.to_call(py)?;
        Ok((positional, keywords.map_or_else(|| fallible::dict(py), Ok)?))
    }

    /// The same in tuples that can be kept, for [`in_call`].
    pub(crate) fn to_keep(self, py: Python<'_>) -> PyResult<(Py<PyTuple>, Option<Py<PyTuple>>)> {
        // SAFETY: the arguments are alive.
        let bound = |object: &*mut PyObject| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, *object) };
        let values = fallible::tuple(py, self.values.iter().map(bound))?.unbind();
        let names = self.names();
        let names = (!names.is_empty())
            .then(|| fallible::tuple(py, names.iter().map(bound)))
            .transpose()?
            .map(Bound::unbind);
        Ok((values, names))
    }

    /// Calls `callable` with the arguments, and something before them.
    pub(crate) fn call_after<'py>(
        self,
        callable: &Bound<'py, PyAny>,
        first: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut values = vec![first.as_ptr()];
        values.extend_from_slice(self.values);
        Arguments { values: &values, names: self.names, owner: Owner::Nobody }.call(callable)
    }

    /// Calls `callable` with the arguments.
    pub(crate) fn call<'py>(self, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callable.py();
        let count = self.values.len() - self.names().len();
        // SAFETY: the vector holds `count` positional arguments and one more for each name; the answer is new
        // or an error.
        unsafe {
            let answer = vectorcall(callable.as_ptr(), self.values.as_ptr(), count, self.names);
            Bound::from_owned_ptr_or_err(py, answer)
        }
    }

    /// The only argument, if it is one and has no name, and is not the instance.
    #[inline]
    pub(crate) fn only(&self) -> Option<*mut PyObject> {
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
    pub(crate) fn hash(self, rules: Rules, seed: Seed) -> Option<u64> {
        if let Some(only) = self.only() {
            return hash_of(only, rules, seed);
        }
        if self.values.is_empty() {
            return Some(HASH_OF_NONE);
        }
        for name in self.names() {
            // SAFETY: the items of a tuple are alive.
            unsafe { hashing::hash(*name)? };
        }
        self.hash_of_many(rules, seed)
    }

    /// The same for more than one argument. `None` without an error says that a name is no exact `str` or was
    /// never hashed, which those of a call from source code are and were.
    #[expect(clippy::inline_always, reason = "the hit path: arguments stay in registers")]
    #[inline(always)]
    pub(crate) fn hash_of_many(self, rules: Rules, seed: Seed) -> Option<u64> {
        let mut state = seed.start;
        match self.names() {
            _ if rules.typed => return hash_at_length(self.values, self.names, self.owner, rules, seed),
            [] => {}
            // First, since without it no value's hash need be asked for, which the whole call will ask for
            // again. SAFETY: the items of a tuple are alive.
            [name] => state = seed.fold(state, unsafe { native::hash_of_name(*name)? }),
            _ => return hash_at_length(self.values, self.names, self.owner, rules, seed),
        }
        let mut values = self.values.iter();
        if self.owner != Owner::Nobody && values.next().is_some() {
            state = seed.fold(state, self.instance() as u64);
        }
        for value in values {
            // SAFETY: the values are alive.
            state = seed.fold(state, unsafe { hashing::hash(*value)? });
        }
        Some(state)
    }

    /// What the hash has of the order of several names, where that counts.
    pub(crate) fn order_of_names(self, seed: Seed) -> u64 {
        let names = self.names();
        if names.len() < 2 {
            return 0;
        }
        // SAFETY: the items of a tuple are alive.
        let hashes = names.iter().filter_map(|name| unsafe { native::hash_of_name(*name) });
        hashes.fold(seed.start, |state, hash| seed.fold(state, hash))
    }

    /// Whether both are of the same instance, or of none. Two that are gone were never the same unless one
    /// weak reference stands for both.
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
    pub(crate) fn same<E>(
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

/// The hash of more than one argument where their types count, or where there are several names, whose order
/// may count or not.
#[inline(never)]
fn hash_at_length(
    values: &[*mut PyObject],
    names: *mut PyObject,
    owner: Owner,
    rules: Rules,
    seed: Seed,
) -> Option<u64> {
    let arguments = Arguments { values, names, owner };
    let names = arguments.names();
    // SAFETY: the items of a tuple are alive.
    let hash_of_name = |name: &*mut PyObject| unsafe { native::hash_of_name(*name) };
    // Before any hash is asked for that is not known: the whole call would ask again.
    if names.iter().any(|name| hash_of_name(name).is_none()) {
        return None;
    }
    let (positional, named) = values.split_at(values.len() - names.len());
    let (mut state, mut rest) = (seed.start, positional);
    if owner != Owner::Nobody && !positional.is_empty() {
        (state, rest) = (seed.fold(state, arguments.instance() as u64), &positional[1..]);
    }
    for value in rest {
        state = seed.take(state, *value, rules)?;
    }
    let mut named_values = 0_u64;
    for (name, value) in names.iter().zip(named) {
        let pair = seed.take(seed.fold(seed.start, hash_of_name(name)?), *value, rules)?;
        named_values = named_values.wrapping_add(pair);
    }
    let hash = seed.fold(state, named_values);
    Some(if rules.ordered { hash.wrapping_add(arguments.order_of_names(seed)) } else { hash })
}

/// The hash of a single argument.
#[inline]
pub(crate) fn hash_of(only: *mut PyObject, rules: Rules, seed: Seed) -> Option<u64> {
    seed.take(seed.start, only, rules)
}

/// The hash of no arguments.
pub(crate) const HASH_OF_NONE: u64 = 0;

/// No arguments.
pub(crate) const NONE: Arguments<'static> =
    Arguments { values: &[], names: ptr::null_mut(), owner: Owner::Nobody };

#[cfg(Py_3_11)]
use ffi::PyObject_Vectorcall as vectorcall;

/// CPython 3.10 has it in its headers only, and PyO3's takes more of the stack at each level of recursion.
#[cfg(not(Py_3_11))]
#[inline(never)]
unsafe fn vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are those of a vectorcall: one value behind the positional ones for each name.
    unsafe {
        if names.is_null() {
            return ffi::PyObject_VectorcallDict(callable, args, count, names);
        }
        let keywords = ffi::PyDict_New();
        for place in 0..ffi::PyTuple_GET_SIZE(names) {
            let value = *args.add(count + place.unsigned_abs());
            if keywords.is_null()
                || ffi::PyDict_SetItem(keywords, ffi::PyTuple_GET_ITEM(names, place), value) < 0
            {
                ffi::Py_XDECREF(keywords);
                return ptr::null_mut();
            }
        }
        let answer = ffi::PyObject_VectorcallDict(callable, args, count, keywords);
        ffi::Py_XDECREF(keywords);
        answer
    }
}

/// The arguments that lie in a tuple.
pub(crate) fn in_tuple<'a>(tuple: &'a Bound<'_, PyTuple>, owner: Owner) -> Arguments<'a> {
    // SAFETY: the tuple outlives the answer.
    Arguments { values: unsafe { native::items(tuple.as_ptr()) }, names: ptr::null_mut(), owner }
}

/// The arguments that lie in a tuple, the keyword ones last, and their names in another.
pub(crate) fn in_call<'a>(
    args: &'a Bound<'_, PyTuple>,
    names: Option<&'a Bound<'_, PyTuple>>,
    method: bool,
) -> Arguments<'a> {
    let named = names.map_or(0, PyTupleMethods::len);
    let names = names.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: both tuples outlive the answer.
    unsafe {
        Arguments::from_vector(native::items(args.as_ptr()).as_ptr(), args.len() - named, names, method)
    }
}

/// Runs `act` on a tuple and a dict of arguments as an argument vector.
pub(crate) fn with_arguments<R>(
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    method: bool,
    act: impl FnOnce(Arguments<'_>) -> PyResult<R>,
) -> PyResult<R> {
    let keywords: Vec<_> = kwargs.into_iter().flat_map(pyo3::types::PyDictMethods::iter).collect();
    let names = fallible::tuple(args.py(), keywords.iter().map(|(name, _)| name.clone()))?;
    let values: Vec<_> = args.iter().chain(keywords.iter().map(|(_, value)| value.clone())).collect();
    let vector: Vec<_> = values.iter().map(Bound::as_ptr).collect();
    // SAFETY: the vector holds the positional arguments and one more for each name, all alive until `act` is
    // done.
    act(unsafe { Arguments::from_vector(vector.as_ptr(), args.len(), names.as_ptr(), method) })
}
