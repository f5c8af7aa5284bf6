//! A session as Python holds it: the handle that lies in a mapping or a context variable, and its weak
//! reference in stores.
#![expect(clippy::doc_markdown, reason = "examples in docstrings are Python, as help() shows them")]

use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyWeakrefMethods, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit};

use super::core::SessionCore;
use super::explanation;
use super::policy::Policy;
use crate::engine::order::{self, ByTicket};
use crate::py::interpreter::critical_section::{Guarded, attach};
use crate::py::interpreter::fallible::{self, Number, Text};
use crate::py::objects::object::Object;

/// The span in which answers must not change.
///
/// A mapping ``{module: {function: version}}`` of the versions it goes by; where a version depends on
/// arguments, ``{module: {function: {digest of the arguments: version}}}``.
///
/// Example:
///     >>> from versioned_lru_cache import session
///     >>> with session() as own:
///     ...     square(3)
///     ...     own["__main__"]
///     9
///     {'square': 0}
#[pyclass(frozen, weakref, module = "versioned_lru_cache", name = "Session")]
pub(crate) struct Session {
    pub(crate) core: Arc<SessionCore>,
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
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import session
    ///     >>> with session() as own:
    ///     ...     square(3)
    ///     ...     own.renew()
    ///     ...     len(own)
    ///     9
    ///     0
    fn renew(&self, py: Python<'_>) {
        self.core.forget(py, |id| if id == order::LONG_AGO { id } else { order::draw_for_session() });
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

    /// The versions of a module's functions, or a default.
    ///
    /// Args:
    ///     module: The name of the module.
    ///     default: The answer where nothing was asked of that module's functions.
    ///
    /// Returns:
    ///     A dict of the versions by the functions' names, or the default.
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import Session
    ///     >>> Session().get("reports", {})
    ///     {}
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

    /// What the session's latest calls did, oldest first, as a ``Cache-Status`` value (RFC 9211).
    ///
    /// Calls that were answered at once, from what the session surely knew, are left out; at most 100 are
    /// remembered.
    ///
    /// Returns:
    ///     The value of the header, which is empty where there was no such call.
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import session
    ///     >>> with session() as own:
    ///     ...     square(3)
    ///     ...     "fwd=miss; stored" in own.cache_status()
    ///     9
    ///     True
    fn cache_status(&self, py: Python<'_>) -> PyResult<Text<String>> {
        let log: Vec<_> = self.core.memory.with(py, |memory| memory.log.iter().copied().collect());
        let functions: ByTicket<_> =
            self.core.functions(py).into_iter().map(|function| (function.id, function)).collect();
        let members = log.into_iter().filter_map(|logged| {
            Some(explanation::member(py, functions.get(&logged.function)?, logged.key, logged.status()))
        });
        Ok(Text(members.collect::<PyResult<Vec<_>>>()?.join(", ")))
    }

    /// How many calls in this session were answered with a value that was not fresh.
    ///
    /// Example:
    ///     >>> from versioned_lru_cache import Session
    ///     >>> Session().stale
    ///     0
    #[getter]
    fn stale(&self, py: Python<'_>) -> Number {
        Number(self.core.memory.with(py, |memory| memory.stale))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.block.traverse(&visit)?;
        self.core.traverse(&visit)
    }

    fn __clear__(&self) {
        attach(|py| {
            self.core.forget(py, |id| id);
            self.core.forget_validation(py);
        });
    }
}

impl Session {
    /// A session that begins now.
    pub(crate) fn begin(policy: Option<Policy>, block: Block) -> Self {
        Self { core: SessionCore::begin(policy), block }
    }

    fn versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let modules = fallible::dict(py)?;
        for function in self.core.functions(py) {
            let seen: Vec<(Option<u64>, Object)> = self.core.memory.with(py, |memory| {
                let answers = memory.all_seen(function.id);
                answers.map(|(given, observation)| (given, observation.version().clone())).collect()
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

/// What there was when a block began.
pub(crate) struct Block {
    /// Whether there is a block at all: other sessions are open for as long as they lie in a mapping.
    pub(crate) is_one: bool,
    around: Option<Arc<Around>>,
    /// What it took the place of in a mapping.
    beneath: Guarded<Option<Py<Session>>>,
}

/// The ambient session around a block, and what was around that.
struct Around {
    /// Who began it holds it for as long as its block is open, so one that is dead has ended.
    session: Py<PyWeakrefReference>,
    next: Option<Arc<Around>>,
}

impl Around {
    fn session<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Session>> {
        self.session.bind(py).upgrade_as::<Session>().ok()?
    }

    fn has_ended(&self, py: Python<'_>) -> bool {
        self.session(py).is_none_or(|session| session.get().core.has_ended())
    }
}

/// The nearest of what is around a block that has not ended.
fn nearest<'a>(py: Python<'_>, mut around: Option<&'a Arc<Around>>) -> Option<&'a Arc<Around>> {
    while around?.has_ended(py) {
        around = around?.next.as_ref();
    }
    around
}

impl Block {
    /// No block.
    pub(crate) const fn nowhere() -> Self {
        Self { is_one: false, around: None, beneath: Guarded::new(None) }
    }

    /// A block in a session, if there is one that has not ended.
    pub(crate) fn within(around: Option<Bound<'_, Session>>) -> PyResult<Self> {
        let block = Self { is_one: true, ..Self::nowhere() };
        let Some(session) = around.and_then(lasting) else { return Ok(block) };
        // What has ended is left out here, so that no chain grows where each block ends within the next.
        let next = nearest(session.py(), session.get().block.around.as_ref()).cloned();
        let around = Around { session: PyWeakrefReference::new(&session)?.unbind(), next };
        Ok(Self { around: Some(Arc::new(around)), ..block })
    }

    /// The nearest session around it that has not ended.
    pub(crate) fn around<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Session>> {
        nearest(py, self.around.as_ref())?.session(py)
    }

    /// Whether a session is one of those around it.
    pub(crate) fn is_within(&self, session: &Bound<'_, Session>) -> bool {
        let mut around = self.around.as_ref();
        while let Some(one) = around {
            if one.session(session.py()).is_some_and(|found| found.is(session)) {
                return true;
            }
            around = one.next.as_ref();
        }
        false
    }

    fn next_beneath(&self, py: Python<'_>) -> Option<Py<Session>> {
        self.beneath.with(py, |beneath| beneath.as_ref().map(|session| session.clone_ref(py)))
    }

    /// What it took the place of, if that has not ended.
    pub(crate) fn beneath(&self, py: Python<'_>) -> Option<Py<Session>> {
        let mut found = self.next_beneath(py)?;
        while found.get().core.has_ended() {
            found = found.get().block.next_beneath(py)?;
        }
        Some(found)
    }

    /// Notes what it takes the place of.
    pub(crate) fn lies_over(&self, py: Python<'_>, session: Option<Py<Session>>) {
        if let Some(session) = &session {
            // As above.
            let block = &session.get().block;
            block.lie_over(py, block.beneath(py));
        }
        self.lie_over(py, session);
    }

    fn lie_over(&self, py: Python<'_>, session: Option<Py<Session>>) {
        let before = self.beneath.with(py, |beneath| std::mem::replace(beneath, session));
        drop(before);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.beneath.trace(|beneath| visit.call(beneath))
    }
}

/// The session itself, or the nearest around it that has not ended.
pub(crate) fn lasting(session: Bound<'_, Session>) -> Option<Bound<'_, Session>> {
    if session.get().core.has_ended() { session.get().block.around(session.py()) } else { Some(session) }
}
