//! A session as Python holds it: the handle that lies in a mapping or a context variable, and its weak reference in stores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pyo3::{PyTraverseError, PyVisit};

use super::block::Block;
use super::traverse;
use crate::engine::ticket::{self, ByTicket, Ticket};
use crate::engine::{self, Displaced, Known, Leaving, Logged, Manner, Refresh, Wish};
use crate::py::api::explain;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::arguments::key::Key;
use crate::py::call::read_set::Log;
use crate::py::flight::wait::Flight;
use crate::py::function::cached::{Cached, Function};
use crate::py::interpreter::critical_section::{Guarded, Shared, attach, attached};
use crate::py::interpreter::fallible::{self, Number, Text, named};
use crate::py::interpreter::trashcan;
use crate::py::objects::object::Object;

/// The engine's host: Python.
pub(crate) struct Host;

impl engine::Host for Host {
    type Object = Object;
    type Key = Key;
    type Session = SessionRef;
    type Flight = Flight;
    type Function = Weak<Function>;
}

// With its hash and its place in the order of use it fills a line of the processor's cache; one word more would take another line.
const _: () = assert!(size_of::<Option<engine::Stored<Host>>>() == 48);

/// What a session wants beyond the rule.
pub(crate) struct Policy {
    /// Chooses the results that are renewed.
    refresh: Option<Py<PyAny>>,
    /// Takes what is stored, whatever its state.
    offline: bool,
}

impl Policy {
    pub(crate) fn new(refresh: Option<Py<PyAny>>, offline: bool) -> Option<Self> {
        (offline || refresh.is_some()).then_some(Self { refresh, offline })
    }

    /// What is wanted of a call's result.
    pub(crate) fn wish(&self, function: &Bound<'_, Cached>, arguments: Arguments<'_>) -> PyResult<Wish> {
        let py = function.py();
        let special = Wish { special: true, ..Wish::of(Manner::Called) };
        if self.offline {
            return Ok(Wish { manner: Manner::Offline, ..special });
        }
        let Some(refresh) = &self.refresh else { return Ok(special) };
        let (args, kwargs) = arguments.to_call(py)?;
        let kwargs = kwargs.map_or_else(|| fallible::dict(py), Ok)?;
        let (level, named): (u8, bool) =
            refresh.bind(py).call_method1(named!(py, "chooses")?, (function, args, kwargs))?.extract()?;
        let refresh = match level {
            0 => Refresh::No,
            1 => Refresh::Soft,
            _ => Refresh::Hard,
        };
        Ok(Wish { refresh, named, ..special })
    }
}

/// What a session is, apart from its handle.
pub(crate) struct Core {
    /// Drawn when the session began, and anew when it is renewed.
    id: AtomicU64,
    /// Drawn when the session began.
    pub(crate) began: Ticket,
    /// What it wants beyond the rule.
    pub(crate) policy: Option<Policy>,
    /// What it remembers.
    pub(crate) known: Shared<Known<Host>>,
    /// What was read in it while something is computed.
    pub(crate) reads: Log,
    /// The session in which versions are asked about that computations of this one have read: the newest, if there was any need.
    validation: Guarded<Option<Arc<Self>>>,
    /// What stores hold of it.
    pub(crate) itself: SessionRef,
}

/// A session of a call, as it was when the call began.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) core: Arc<Core>,
    pub(crate) id: Ticket,
}

impl Core {
    /// A session that begins now.
    pub(crate) fn begin(policy: Option<Policy>) -> Arc<Self> {
        let began = ticket::draw_for_session();
        Arc::new_cyclic(|itself| Self {
            id: AtomicU64::new(began),
            began,
            policy,
            known: Shared::new(Known::default()),
            reads: Guarded::new(None),
            validation: Guarded::new(None),
            itself: SessionRef(itself.clone()),
        })
    }

    /// A session for validations that began after `since`: one that did will do.
    pub(crate) fn validation(&self, py: Python<'_>, since: Ticket) -> Arc<Self> {
        let latest = self.validation.with(py, |latest| latest.clone());
        if let Some(latest) = latest.filter(|latest| latest.began > since) {
            return latest;
        }
        let new = Self::begin(None);
        drop(self.validation.with(py, |latest| latest.replace(new.clone())));
        new
    }

    /// Lets the next validation begin a session anew.
    pub(crate) fn forget_validation(&self, py: Python<'_>) {
        drop(self.validation.with(py, Option::take));
    }

    /// Shows the garbage collector what it holds.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(policy) = &self.policy {
            visit.call(&policy.refresh)?;
        }
        self.known.trace(|known| traverse::visit_known(known, visit))?;
        self.reads.trace(|log| traverse::visit_log(log.as_deref(), visit))?;
        self.validation.trace(|latest| latest.as_ref().map_or(Ok(()), |latest| latest.traverse(visit)))
    }

    pub(crate) fn id(&self) -> Ticket {
        self.id.load(Ordering::Relaxed)
    }

    /// Ends it: nothing stored is known to it from now on, nothing is kept for it, and calls look for another.
    pub(crate) fn end(&self, py: Python<'_>) {
        let mut displaced = Displaced::default();
        let id = self.known.with(py, |known| {
            known.clear_shelves(&mut displaced);
            self.id.swap(ticket::LONG_AGO, Ordering::Relaxed)
        });
        leave(py, id, self.functions(py), &mut displaced);
        trashcan::discard(displaced);
    }

    /// Lets go of what it knows. Functions that it reads keep nothing for it any more.
    fn forget(&self, py: Python<'_>, next: impl FnOnce(Ticket) -> Ticket) {
        let (id, known) = self.known.with(py, |known| {
            let id = self.id();
            self.id.store(next(id), Ordering::Relaxed);
            (id, std::mem::take(known))
        });
        let mut displaced = Displaced::default();
        leave(py, id, functions(&known), &mut displaced);
        trashcan::discard((known, displaced));
    }

    /// Whether the block for which it was open is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.id() == ticket::LONG_AGO
    }

    /// The functions that the session reads, in the order in which they were decorated.
    fn functions(&self, py: Python<'_>) -> Vec<Arc<Function>> {
        self.known.with(py, |known| functions(known).collect())
    }
}

/// A call that has begun holds it, and goes on with what is known.
impl Drop for Core {
    fn drop(&mut self) {
        attach(|py| self.forget(py, |id| id));
    }
}

fn functions(known: &Known<Host>) -> impl Iterator<Item = Arc<Function>> {
    known.readers.values().filter_map(|reader| reader.function.upgrade())
}

/// The session `id` reads functions no more.
fn leave(
    py: Python<'_>,
    id: Ticket,
    functions: impl IntoIterator<Item = Arc<Function>>,
    displaced: &mut Displaced<Host>,
) {
    for function in functions {
        function.store.with(py, |store| store.leave(id, displaced));
    }
}

/// A weak hold on a session.
#[derive(Clone)]
pub(crate) struct SessionRef(pub(crate) Weak<Core>);

impl engine::Audience<Host> for SessionRef {
    type Held = Arc<Core>;

    fn reach<R>(
        &self,
        id: Ticket,
        displaced: &mut Displaced<Host>,
        act: impl FnOnce(&mut Known<Host>, &mut Displaced<Host>) -> R,
    ) -> Option<R> {
        let core = self.0.upgrade()?;
        let result = (core.id() == id).then(|| core.known.with(attached(), |known| act(known, displaced)));
        displaced.push(Leaving::Held(core));
        result
    }

    fn is_alive(&self, id: Ticket, displaced: &mut Displaced<Host>) -> bool {
        let Some(core) = self.0.upgrade() else { return false };
        let alive = core.id() == id;
        displaced.push(Leaving::Held(core));
        alive
    }
}

/// The span in which answers must not change.
///
/// A mapping ``{module: {function: version}}`` of the versions it goes by; where a version depends on arguments,
/// ``{module: {function: {digest of the arguments: version}}}``.
#[pyclass(frozen, weakref, module = "versioned_lru_cache", name = "Session")]
pub(crate) struct Session {
    pub(crate) core: Arc<Core>,
    /// If it is open for a block.
    pub(crate) block: Block,
}

#[pymethods]
#[expect(clippy::unused_self, reason = "Python's protocols pass it")]
impl Session {
    #[new]
    pub(crate) fn new() -> Self {
        Self::begin(None, Block::nowhere())
    }

    /// Forget what was observed and what was read: everything is asked again.
    ///
    /// For a request that writes, and then reads what it wrote.
    fn renew(&self, py: Python<'_>) {
        self.core.forget(py, |id| if id == ticket::LONG_AGO { id } else { ticket::draw_for_session() });
    }

    fn __copy__(&self) -> Self {
        Self::new()
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        Self::new()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, ()) {
        (slf.get_type().into_any(), ())
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let name = if self.core.has_ended() { "over".to_owned() } else { self.core.id().to_string() };
        Ok(Text(format!("<Session {name} {}>", self.versions(py)?.repr()?)))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.versions(py)?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.versions(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, module: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.versions(module.py())?.contains(module)
    }

    fn __getitem__<'py>(&self, module: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.versions(module.py())?.get_item(module)?;
        found.ok_or_else(|| PyKeyError::new_err(module.clone().unbind()))
    }

    /// The versions of a module's functions, or ``default``.
    #[pyo3(signature = (module, default = None, /))]
    fn get<'py>(
        &self,
        module: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.versions(module.py())?.get_item(module)?.or(default))
    }

    /// The modules.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.versions(py)?.as_mapping().keys()
    }

    /// The versions of each module's functions.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.versions(py)?.as_mapping().values()
    }

    /// Pairs of both.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.versions(py)?.as_mapping().items()
    }

    /// What the session's latest calls did, oldest first, as a ``Cache-Status`` value (RFC 9211). Calls that were answered at once, from
    /// what the session surely knew, are left out; at most 100 are remembered.
    fn cache_status(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let log: Vec<_> = self.core.known.with(py, |known| known.log.iter().copied().collect());
        let functions: ByTicket<_> =
            self.core.functions(py).into_iter().map(|function| (function.id, function)).collect();
        let members = log.into_iter().filter_map(|Logged { function, key, status }| {
            Some(explain::member(py, functions.get(&function)?, key, status))
        });
        Ok(Text(members.collect::<PyResult<Vec<_>>>()?.join(", ")))
    }

    /// How many calls in this session were answered with a value that was not fresh.
    #[getter]
    fn stale(&self, py: Python<'_>) -> Number {
        Number(self.core.known.with(py, |known| known.stale))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.block.traverse(&visit)?;
        self.core.traverse(&visit)
    }

    fn __clear__(&self) {
        attach(|py| {
            self.core.forget(py, |id| id);
            drop(self.core.validation.with(py, Option::take));
        });
    }
}

impl Session {
    /// A session that begins now.
    pub(crate) fn begin(policy: Option<Policy>, block: Block) -> Self {
        Self { core: Core::begin(policy), block }
    }

    fn versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let modules = fallible::dict(py)?;
        for function in self.core.functions(py) {
            let seen: Vec<(Option<u64>, Object)> = self.core.known.with(py, |known| {
                let answers =
                    known.readers.get(function.id).into_iter().flat_map(|reader| reader.seen.iter());
                answers.map(|(given, observation)| (given, observation.version.clone())).collect()
            });
            let versions = fallible::dict(py)?;
            let mut shown = None;
            for (given, version) in &seen {
                match given {
                    None => shown = Some(version.bind(py).clone()),
                    Some(hash) => versions.set_item(Text(format!("{hash:016x}")), version.bind(py))?,
                }
            }
            let shown = shown.or_else(|| (!versions.is_empty()).then(|| versions.into_any()));
            if let Some(shown) = shown {
                let named = fallible::text(py, &function.module)?;
                let module = match modules.get_item(&named)? {
                    Some(module) => module.cast_into::<PyDict>()?,
                    None => fallible::dict(py)?,
                };
                module.set_item(Text(&function.name), shown)?;
                modules.set_item(named, module)?;
            }
        }
        Ok(modules)
    }
}
