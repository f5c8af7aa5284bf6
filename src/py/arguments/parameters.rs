//! The parameters of a function, to which each call is bound: named arguments come to their places, and
//! defaults are filled in. So one call has one key, however it is written.
//!
//! How the calls of a place in a program are bound is worked out once and remembered by their names. A call
//! that does not fit stays as it is written: the function itself says what is wrong with it.
#![expect(unsafe_code, reason = "reads argument vectors and tuples in place")]

use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::{ptr, slice};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use smallvec::SmallVec;

use super::call_arguments::{Arguments, Owner};
use crate::py::interpreter::fallible;
use crate::py::objects::native;

/// How many ways to write a call are remembered.
const WAYS: usize = 8;

/// The parameters of a function.
pub(crate) struct Parameters {
    /// Those that take a positional argument, in order.
    positional: Box<[Py<PyString>]>,
    /// How many of them have no name for a caller.
    unnamed: usize,
    /// Those that take only a named one.
    keywords: Box<[Py<PyString>]>,
    /// The default of each of both, if it has one.
    defaults: Box<[Option<Py<PyAny>>]>,
    var_positional: bool,
    var_keyword: bool,
    /// From so many positional arguments on a call without names is bound as it is written.
    whole: usize,
    /// Whether a call without names may leave something out.
    pub(crate) may_fill: bool,
    known: [OnceLock<Placement>; WAYS],
}

/// What Python knows of them: the positional ones with the defaults of the last and the number of those
/// without a name, the keyword-only ones with a dict of their defaults, and whether there are `*args` and
/// `**kwargs`.
pub(crate) type Told<'py> =
    (Vec<Py<PyString>>, Vec<Py<PyAny>>, usize, Vec<Py<PyString>>, Bound<'py, PyDict>, bool, bool);

/// Where an argument comes from.
#[derive(Clone, Copy)]
enum Source {
    /// This place of the call.
    Given(usize),
    /// The default of this parameter.
    Default(usize),
}

impl Source {
    fn is_given(self, place: usize) -> bool {
        matches!(self, Self::Given(given) if given == place)
    }
}

/// How one way to write a call is bound.
struct Placement {
    /// How many positional arguments it has.
    count: usize,
    /// The names of the others.
    written: Option<Py<PyTuple>>,
    sources: Box<[Source]>,
    /// Whether the arguments lie in order as they are written, and are all of them.
    in_order: bool,
    /// The names of the last ones, once it is bound.
    names: Option<Py<PyTuple>>,
}

impl Placement {
    /// The names of the last arguments, or null.
    #[inline]
    pub(crate) fn names(&self) -> *mut PyObject {
        self.names.as_ref().map_or(ptr::null_mut(), Py::as_ptr)
    }
}

/// How many arguments find room without an allocation.
const FEW: usize = 8;

/// Room for them.
pub(crate) type Few = [MaybeUninit<*mut PyObject>; FEW];

/// That, with nothing in it.
pub(crate) const NO_FEW: Few = [const { MaybeUninit::uninit() }; FEW];

/// Room for the arguments of a bound call: none as long as a call is bound as it is written.
pub(crate) struct Room(Option<Box<Space>>);

/// The arguments, and how they are bound if that is not remembered.
#[derive(Default)]
struct Space {
    values: SmallVec<[*mut PyObject; FEW]>,
    own: Option<Placement>,
}

impl Room {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(None)
    }
}

impl Parameters {
    /// `None` if no call would be written otherwise.
    pub(crate) fn new(py: Python<'_>, told: Told<'_>) -> PyResult<Option<Self>> {
        let (positional, ends, unnamed, keywords, of_keywords, var_positional, var_keyword) = told;
        let plain = keywords.is_empty() && unnamed >= positional.len();
        if plain && ends.is_empty() {
            return Ok(None);
        }
        let needed = positional.len().saturating_sub(ends.len());
        let mut defaults: Vec<_> = (0..needed).map(|_| None).collect();
        defaults.extend(ends.into_iter().map(Some));
        for name in &keywords {
            defaults.push(of_keywords.get_item(name.bind(py))?.map(Bound::unbind));
        }
        Ok(Some(Self {
            whole: if keywords.is_empty() { positional.len() } else { usize::MAX },
            may_fill: !keywords.is_empty() || defaults.iter().any(Option::is_some),
            positional: positional.into(),
            unnamed,
            keywords: keywords.into(),
            defaults: defaults.into(),
            var_positional,
            var_keyword,
            known: [const { OnceLock::new() }; WAYS],
        }))
    }

    /// Whether a call of so many positional arguments, and no named ones, is bound as it is written.
    #[inline]
    pub(crate) fn takes_whole(&self, count: usize) -> bool {
        count >= self.whole
    }

    /// The arguments of a call as they are bound.
    #[expect(clippy::inline_always, reason = "a look at two numbers, as a rule")]
    #[inline(always)]
    pub(crate) fn place<'a>(
        &'a self,
        py: Python<'_>,
        written: Arguments<'a>,
        (method, room): (bool, &'a mut Room),
    ) -> PyResult<Arguments<'a>> {
        if written.names.is_null() && self.takes_whole(written.values.len()) {
            return Ok(written);
        }
        self.place_in(py, written, method, room.0.insert(Box::default()))
    }

    #[inline(never)]
    fn place_in<'a>(
        &'a self,
        py: Python<'_>,
        written: Arguments<'a>,
        method: bool,
        Space { values, own }: &'a mut Space,
    ) -> PyResult<Arguments<'a>> {
        let count = written.values.len() - written.names().len();
        let known = self
            .known(count, written.names)
            .map_or_else(|| self.place_anew(py, written, count, own), |known| Ok(Some(known)));
        let Some(placement) = known? else { return Ok(written) };
        values.extend(placement.sources.iter().map(|source| match *source {
            Source::Given(given) => written.values[given],
            Source::Default(parameter) => self.default(parameter),
        }));
        let names = placement.names();
        let owner = if method && !values.is_empty() { Owner::Instance } else { Owner::Nobody };
        Ok(Arguments { values, names, owner })
    }

    #[inline]
    fn default(&self, parameter: usize) -> *mut PyObject {
        self.defaults[parameter].as_ref().map_or(ptr::null_mut(), Py::as_ptr)
    }

    /// The same on the hit path, for a call that is written as one before: its values and their names. There
    /// is one at least.
    ///
    /// # Safety
    /// The arguments must be those of a vectorcall.
    #[expect(clippy::inline_always, reason = "the hit path: arguments stay in registers")]
    #[inline(always)]
    pub(crate) unsafe fn place_known<'a>(
        &'a self,
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
        few: &'a mut Few,
    ) -> Option<(&'a [*mut PyObject], *mut PyObject)> {
        let placement = self.known(count, names)?;
        let size = placement.sources.len();
        if placement.in_order {
            // SAFETY: the call has so many.
            return Some((unsafe { slice::from_raw_parts(args, size) }, placement.names()));
        }
        if size.wrapping_sub(1) >= FEW {
            return None;
        }
        for (place, source) in placement.sources.iter().enumerate() {
            let value = match *source {
                // SAFETY: the call has that place.
                Source::Given(given) => unsafe { *args.add(given) },
                Source::Default(parameter) => self.default(parameter),
            };
            // SAFETY: there are enough.
            unsafe { few.get_unchecked_mut(place).write(value) };
        }
        // SAFETY: each of them was written.
        let values = unsafe { slice::from_raw_parts(few.as_ptr().cast(), size) };
        Some((values, placement.names()))
    }

    /// How calls with these very names are bound.
    #[expect(clippy::inline_always, reason = "the hit path: arguments stay in registers")]
    #[inline(always)]
    fn known(&self, count: usize, names: *mut PyObject) -> Option<&Placement> {
        self.known.iter().map_while(OnceLock::get).find(|placement| {
            let known = placement.written.as_ref().map_or(ptr::null_mut(), Py::as_ptr);
            // SAFETY: both are tuples, alive with the placement and the call.
            placement.count == count && (known == names || unsafe { are_same(known, names) })
        })
    }

    /// Works out how a call is bound, and remembers that while there is room. `None` if it does not fit.
    #[cold]
    #[inline(never)]
    fn place_anew<'a>(
        &'a self,
        py: Python<'_>,
        written: Arguments<'_>,
        count: usize,
        own: &'a mut Option<Placement>,
    ) -> PyResult<Option<&'a Placement>> {
        // SAFETY: the items of a tuple are alive. A name of a class derived from str may have its own ==.
        let plain = |name: &*mut PyObject| unsafe {
            Bound::<PyAny>::from_owned_ptr_or_err(py, ffi::PyUnicode_FromObject(*name))
        };
        let names = written.names().iter().map(plain).collect::<PyResult<Vec<_>>>()?;
        let equal = |placement: &&Placement| {
            let known = placement.written.as_ref().map(|known| known.bind(py));
            let known = known.map(|known| known.iter().collect::<Vec<_>>()).unwrap_or_default();
            placement.count == count
                && known.len() == names.len()
                && known.iter().zip(&names).all(|(one, other)| is_name(one.as_ptr(), other.as_ptr()))
        };
        if let Some(known) = self.known.iter().map_while(OnceLock::get).find(equal) {
            return Ok(Some(known));
        }
        let Some((sources, extra)) = self.sources(count, &names) else { return Ok(None) };
        let bound = self.keywords.iter().map(|name| name.bind(py).clone().into_any());
        let bound: Vec<_> = bound.chain(extra.into_iter().map(|place| names[place].clone())).collect();
        let tuple = |names: Vec<Bound<'_, PyAny>>| {
            let tuple = (!names.is_empty()).then(|| fallible::tuple(py, names)).transpose()?;
            Ok::<_, PyErr>(tuple.map(Bound::unbind))
        };
        let (names, written) = (tuple(bound)?, tuple(names)?);
        let given = sources.iter().enumerate().all(|(place, source)| source.is_given(place));
        let in_order = given && !sources.is_empty();
        let mut placement = Placement { count, written, sources, in_order, names };
        for place in &self.known {
            match place.set(placement) {
                Ok(()) => return Ok(place.get()),
                Err(kept) => placement = kept,
            }
        }
        Ok(Some(own.insert(placement)))
    }

    /// Where each argument comes from, and which names are no parameter's. `None` if a call does not fit.
    fn sources(&self, count: usize, names: &[Bound<'_, PyAny>]) -> Option<(Box<[Source]>, Vec<usize>)> {
        let many = self.positional.len();
        if count > many && !self.var_positional {
            return None;
        }
        let mut found = vec![None; self.defaults.len()];
        let mut extra = Vec::new();
        for (place, source) in found.iter_mut().take(many.min(count)).enumerate() {
            *source = Some(Source::Given(place));
        }
        for (place, name) in names.iter().enumerate() {
            match self.place_of(name.as_ptr()) {
                Some(parameter) if found[parameter].is_none() => {
                    found[parameter] = Some(Source::Given(count + place));
                }
                None if self.var_keyword => extra.push(place),
                _ => return None,
            }
        }
        for (parameter, source) in found.iter_mut().enumerate() {
            if source.is_none() {
                self.defaults[parameter].as_ref()?;
                *source = Some(Source::Default(parameter));
            }
        }
        let (positional, keywords) = found.split_at(many);
        let sources = positional.iter().flatten().copied();
        let sources =
            sources.chain((many..count).map(Source::Given)).chain(keywords.iter().flatten().copied());
        let sources = sources.chain(extra.iter().map(|place| Source::Given(count + place)));
        Some((sources.collect(), extra))
    }

    /// The parameter of a name.
    fn place_of(&self, name: *mut PyObject) -> Option<usize> {
        let named = self.positional.iter().chain(&self.keywords).enumerate().skip(self.unnamed);
        named.into_iter().find(|(_, own)| is_name(own.as_ptr(), name)).map(|(place, _)| place)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.defaults.iter().try_for_each(|default| visit.call(default))
    }
}

/// Whether two tuples are of the same names. Each place of a program that calls has a tuple of its own, with
/// the same interned names.
///
/// # Safety
/// Both must be tuples or null, and the first must have a name.
#[expect(clippy::inline_always, reason = "the hit path: most calls have one name")]
#[inline(always)]
unsafe fn are_same(known: *mut PyObject, names: *mut PyObject) -> bool {
    if known.is_null() || names.is_null() {
        return false;
    }
    // SAFETY: the caller says so.
    let (known, names) = unsafe { (native::items(known), native::items(names)) };
    // SAFETY: there is one.
    let first = |names: &[*mut PyObject]| unsafe { *names.get_unchecked(0) };
    known.len() == names.len() && first(known) == first(names) && (known.len() == 1 || known == names)
}

/// Whether two names are the same.
fn is_name(one: *mut PyObject, other: *mut PyObject) -> bool {
    // SAFETY: names are exact str, alive with their tuples.
    one == other || unsafe { native::same_text(one, other) }
}
