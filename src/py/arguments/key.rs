//! Arguments as keys: one owned reference in the cache, whatever their number.
#![expect(unsafe_code, reason = "packs what a key is into the reference, and reads tuples in place")]

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::call_arguments::{Arguments, Owner, Rules, seed};
use crate::engine::{self, Probe, Unsure};
use crate::py::interpreter::critical_section::attached;
use crate::py::interpreter::fallible;
use crate::py::objects::object::Object;
use crate::py::objects::{native, python_eq, sentinels};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The object is the only argument.
    One,
    /// No argument; the object is `None`.
    Nothing,
    /// The object is a tuple of the values.
    Values,
    /// The object is a tuple of the values and, last, the tuple of their names.
    Named,
}

/// What the lowest bits of a key say. All zeros is the one whose reference is read in place.
const KINDS: [(Shape, Owner); 8] = [
    (Shape::One, Owner::Nobody),
    (Shape::Nothing, Owner::Nobody),
    (Shape::Values, Owner::Nobody),
    (Shape::Values, Owner::Instance),
    (Shape::Values, Owner::Watched),
    (Shape::Named, Owner::Nobody),
    (Shape::Named, Owner::Instance),
    (Shape::Named, Owner::Watched),
];

/// The place of a pair among those.
pub(crate) const fn kind_of(shape: Shape, owner: Owner) -> usize {
    match shape {
        Shape::One => 0,
        Shape::Nothing => 1,
        Shape::Values => 2 + owner as usize,
        Shape::Named => 5 + owner as usize,
    }
}

const _: () = {
    let mut place = 0;
    while place < KINDS.len() {
        assert!(kind_of(KINDS[place].0, KINDS[place].1) == place, "the kinds lie in another order");
        place += 1;
    }
};

/// The bits below the alignment of any object.
const KIND: usize = 7;

/// The arguments of a call, owned: a reference to an object, and in its lowest bits what that is. An entry
/// has no room for more.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Key(NonNull<PyObject>);

// SAFETY: as of a reference to a Python object, which may go from thread to thread. It is only used by code
// that is attached.
unsafe impl Send for Key {}
// SAFETY: as above.
unsafe impl Sync for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        drop(ManuallyDrop::into_inner(self.object()));
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        let _owned = self.object().clone_ref(attached()).into_ptr();
        Self(self.0)
    }
}

impl Key {
    pub(crate) fn new(py: Python<'_>, arguments: Arguments<'_>) -> PyResult<Self> {
        // SAFETY: the arguments are alive.
        let bound = |object: &*mut PyObject| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, *object) };
        let (object, shape) = match (arguments.values, arguments.names.is_null()) {
            ([], _) => (py.None().into_bound(py), Shape::Nothing),
            ([one], true) if arguments.owner == Owner::Nobody => (bound(one), Shape::One),
            (values, true) => (fallible::tuple(py, values.iter().map(bound))?.into_any(), Shape::Values),
            (values, false) => {
                let all: Vec<_> = values.iter().chain([&arguments.names]).map(bound).collect();
                (fallible::tuple(py, all)?.into_any(), Shape::Named)
            }
        };
        let kind = kind_of(shape, arguments.owner);
        let packed = object.into_ptr().map_addr(|address| address | kind);
        // SAFETY: an object's address is not 0.
        Ok(Self(unsafe { NonNull::new_unchecked(packed) }))
    }

    #[inline]
    pub(crate) fn kind(&self) -> (Shape, Owner) {
        KINDS[self.0.addr().get() & KIND]
    }

    /// Whether it is of a kind, as [`kind_of`] numbers them.
    #[inline]
    pub(crate) fn is_kind(&self, kind: usize) -> bool {
        self.0.addr().get() & KIND == kind
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr().map_addr(|address| address & !KIND)
    }

    /// The one object of the key, for the garbage collector.
    pub(crate) fn object(&self) -> ManuallyDrop<Py<PyAny>> {
        // SAFETY: the key owns a reference, which is only given up where the key is dropped.
        ManuallyDrop::new(unsafe { Bound::from_owned_ptr(attached(), self.as_ptr()) }.unbind())
    }

    /// The one object of the key, with a reference of its own.
    pub(crate) fn held(&self) -> Object {
        Object(self.object().clone_ref(attached()))
    }

    /// The first value, and what it stands for.
    pub(crate) fn first<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, Owner) {
        let Arguments { values, owner, .. } = self.arguments();
        let first = values.first().copied().unwrap_or(self.as_ptr());
        // SAFETY: alive with the key.
        (unsafe { Bound::from_borrowed_ptr(py, first) }, owner)
    }

    #[inline]
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        let (shape, owner) = self.kind();
        let (values, names): (&[_], _) = match shape {
            Shape::Nothing => (&[], ptr::null_mut()),
            Shape::One => {
                // SAFETY: this kind is all zeros, so the key is nothing but the pointer.
                let one = unsafe { &*(&raw const self.0).cast::<*mut PyObject>() };
                (slice::from_ref(one), ptr::null_mut())
            }
            // SAFETY: the object is a tuple that the key owns.
            Shape::Values => (unsafe { native::items(self.as_ptr()) }, ptr::null_mut()),
            Shape::Named => {
                // SAFETY: the object is a tuple that the key owns.
                let all = unsafe { native::items(self.as_ptr()) };
                (&all[..all.len() - 1], all[all.len() - 1])
            }
        };
        Arguments { values, names, owner }
    }

    /// Whether it is nothing but this object: the only argument of a call.
    #[inline]
    pub(crate) fn is_object(&self, only: *mut PyObject) -> bool {
        // The kind is all zeros, so another kind of key is no object's address.
        self.0.as_ptr() == only
    }

    /// Whether it is that of a call, as far as that can be told without asking Python.
    pub(crate) fn is_natively(&self, arguments: Arguments<'_>, rules: Rules) -> Option<bool> {
        // SAFETY: both are alive.
        let same = |stored, sought| unsafe { native::same(stored, sought) }.ok_or(());
        self.arguments().same(arguments, rules, same).ok()
    }

    /// Whether it is that of a call, by Python's `==`.
    pub(crate) fn equals(&self, py: Python<'_>, arguments: Arguments<'_>, rules: Rules) -> PyResult<bool> {
        self.arguments().same(arguments, rules, |stored, sought| {
            // SAFETY: the key holds the one, and whoever calls the other.
            let [stored, sought] =
                [stored, sought].map(|object| unsafe { Bound::<PyAny>::from_borrowed_ptr(py, object) });
            python_eq::both_equal(&stored, &sought)
        })
    }
}

impl engine::Key for Key {
    type Object = Object;
    type Rules = Rules;

    fn matches(&self, probe: &Probe<Self>) -> Option<bool> {
        self.is_natively(probe.key.arguments(), probe.rules)
    }

    #[inline]
    fn address(&self) -> usize {
        self.0.addr().get()
    }

    fn is_gone(&self) -> bool {
        self.kind().1 == Owner::Watched && self.arguments().instance().is_null()
    }
}

impl engine::Object for Object {
    type Key = Key;

    #[inline]
    fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    #[inline]
    fn native_eq(&self, other: &Self) -> Option<bool> {
        // SAFETY: both are held by a reference.
        unsafe { native::same(self.as_ptr(), other.as_ptr()) }
    }

    #[inline]
    fn is_immutable(&self) -> bool {
        sentinels::is_immutable(self.as_ptr())
    }
}

/// Whether two objects are equal, or two keys, one of which is stored.
pub(crate) fn equal(py: Python<'_>, unsure: &mut Unsure<Object>) -> PyResult<bool> {
    unsure.ask(
        |key, probe| key.equals(py, probe.key.arguments(), probe.rules),
        |pair| python_eq::both_equal(pair.stored.bind(py), pair.probe.bind(py)),
    )
}

/// What stands for the instance in the key of a method's call, given the key's hash, and as what.
type StandIn<'a, 'py> = &'a dyn Fn(u64) -> PyResult<(Bound<'py, PyAny>, Owner)>;

/// The key of a call with its hash, which is asked of nobody if it is `known`.
pub(crate) fn probe<'py>(
    py: Python<'py>,
    arguments: Arguments<'_>,
    rules: Rules,
    known: Option<u64>,
    stand_in: StandIn<'_, 'py>,
) -> PyResult<Probe<Key>> {
    if !arguments.has_plain_names() {
        // SAFETY: the items of a tuple are alive.
        let plain = |name: &*mut PyObject| unsafe {
            Bound::<PyAny>::from_owned_ptr_or_err(py, ffi::PyUnicode_FromObject(*name))
        };
        let names = arguments.names().iter().map(plain).collect::<PyResult<Vec<_>>>()?;
        let names = fallible::tuple(py, names)?;
        return probe(py, Arguments { names: names.as_ptr(), ..arguments }, rules, known, stand_in);
    }
    let hash = known.or_else(|| arguments.hash(rules, seed())).ok_or_else(|| PyErr::fetch(py))?;
    if arguments.owner == Owner::Nobody {
        return Ok(Probe { key: Key::new(py, arguments)?, hash, rules });
    }
    let (first, owner) = stand_in(hash)?;
    let mut values = arguments.values.to_vec();
    values[0] = first.as_ptr();
    let key = Key::new(py, Arguments { values: &values, owner, ..arguments })?;
    Ok(Probe { key, hash, rules })
}
