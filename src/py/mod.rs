//! All that knows Python.

mod arguments;
mod asking;
mod behind;
mod binding;
mod block;
mod cached;
mod call;
mod compare;
mod computing;
mod context;
mod coroutine;
mod counter;
mod drive;
mod end;
#[cfg(ends_by_unwinding)]
mod ending;
mod error;
mod explain;
mod fallible;
mod fork;
mod freshness;
mod gc;
mod glance;
mod hits;
mod instance;
mod interpreter;
mod key;
mod lookup;
mod marks;
mod method;
mod native;
mod nest;
mod nested;
mod noting;
mod object;
mod of_calls;
mod proxy;
mod reading;
mod session;
#[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
mod shared_keys;
mod sought;
mod spare;
mod sync;
mod task;
mod trashcan;
mod tried;
mod validating;
mod vector;
mod wait;
mod waits;
mod waker;

use pyo3::prelude::*;

use crate::engine::clock;
use fallible::named;

/// The Rust half of `versioned_lru_cache`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    interpreter::check(py)?;
    // `collections.abc` is the same, but imports `collections` too, which takes longer than this module.
    py.import(named!(py, "_collections_abc")?)?
        .getattr(named!(py, "Mapping")?)?
        .call_method1(named!(py, "register")?, (py.get_type::<session::Session>(),))?;
    module.add_class::<behind::Behind>()?;
    module.add_class::<cached::SharedScope>()?;
    module.add_class::<counter::Counter>()?;
    module.add_class::<key::CacheKey>()?;
    module.add_class::<marks::Mark>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<task::Call>()?;
    module.add_class::<task::Flight>()?;
    module.add_class::<task::Wait>()?;
    module.add_function(wrap_pyfunction!(advance_clock, module)?)?;
    module.add_function(wrap_pyfunction!(begin_session, module)?)?;
    module.add_function(wrap_pyfunction!(check_binding, module)?)?;
    module.add_function(wrap_pyfunction!(clock_now, module)?)?;
    module.add_function(wrap_pyfunction!(end_session, module)?)?;
    module.add_function(wrap_pyfunction!(is_open, module)?)?;
    module.add_function(wrap_pyfunction!(is_validating, module)?)?;
    module.add_function(wrap_pyfunction!(is_within, module)?)?;
    module.add_function(wrap_pyfunction!(lay_over, module)?)?;
    module.add_function(wrap_pyfunction!(mock_clock, module)?)?;
    module.add_function(wrap_pyfunction!(peek_session, module)?)?;
    module.add_function(wrap_pyfunction!(session_around, module)?)?;
    module.add_function(wrap_pyfunction!(session_beneath, module)?)?;
    module.add_function(wrap_pyfunction!(session_place, module)?)?;
    module.add_function(wrap_pyfunction!(unmock_clock, module)?)?;
    module.add("CachedFunction", call::function_class(py)?)?;
    module.add("CachedMethod", call::method_class(py)?)?;
    module.add("CachedCoroutine", coroutine::class(py)?)?;
    fork::watch();
    module.add("IMMUTABLE", marks::immutable(py)?)?;
    module.add("NOT_MODIFIED", marks::not_modified(py)?)?;
    module.add("SESSION_NAME", binding::name(py))?;
    // For the tests: what they count is another number where every call takes the long way.
    module.add("FAST_PATHS", !cfg!(feature = "no-fast-paths"))?;
    module.add("ambient_session", binding::ambient_variable(py)?)
}

/// The session to which ``session=binding`` leads now, if it has begun; ``None`` leads to the ambient one.
#[pyfunction]
fn peek_session<'py>(binding: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, session::Session>>> {
    binding::Binding::new(binding)?.peek(binding.py())
}

/// A session that renews what ``refresh`` chooses, and takes what is stored if it is ``offline``. Around it is the ambient session
/// where it begins.
#[pyfunction]
fn begin_session(
    refresh: Option<Py<PyAny>>,
    offline: bool,
    around: Option<Bound<'_, session::Session>>,
) -> PyResult<session::Session> {
    Ok(session::Session::begin(session::Policy::new(refresh, offline), block::Block::within(around)?))
}

/// End a session: where it is still found, calls look for the one around it.
#[pyfunction]
fn end_session(session: &Bound<'_, session::Session>) {
    session.get().core.end();
}

/// The nearest ambient session around one that has not ended.
#[pyfunction]
fn session_around<'py>(session: &Bound<'py, session::Session>) -> Option<Bound<'py, session::Session>> {
    session.get().block.around(session.py())
}

/// Whether an object is a session of a block that has not ended.
#[pyfunction]
fn is_open(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<session::Session>().is_ok_and(|session| {
        let session = session.get();
        session.block.is_one && !session.core.has_ended()
    })
}

/// Whether a session began within another, at whatever depth.
#[pyfunction]
fn is_within(session: &Bound<'_, session::Session>, other: &Bound<'_, session::Session>) -> bool {
    session.get().block.is_within(other)
}

/// What was there where a session was put in a mapping, if it has not ended.
#[pyfunction]
fn session_beneath(session: &Bound<'_, session::Session>) -> Option<Py<session::Session>> {
    session.get().block.beneath(session.py())
}

/// Note what was there where a session is put in a mapping.
#[pyfunction]
fn lay_over(session: &Bound<'_, session::Session>, beneath: Option<Py<session::Session>>) {
    session.get().block.lies_over(session.py(), beneath);
}

/// The mapping to which ``session=binding`` leads now; ``None`` is the ambient session.
#[pyfunction]
fn session_place<'py>(binding: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    binding::Binding::new(binding)?.place(binding.py())
}

/// Refuse what ``session=`` can't be, by its type.
#[pyfunction]
#[pyo3(signature = (binding, /))]
fn check_binding(binding: &Bound<'_, PyAny>) -> PyResult<()> {
    binding::Binding::new(binding).map(drop)
}

/// Whether the running code, a version function, is asked once more for a computation that has read its answer.
#[pyfunction]
fn is_validating(py: Python<'_>) -> bool {
    computing::validation(py).is_some()
}

/// Let the library's clock stand at ``at`` nanoseconds.
#[pyfunction]
fn mock_clock(at: u64) {
    clock::mock(at);
}

/// Move the clock that stands on by so many nanoseconds.
#[pyfunction]
fn advance_clock(nanoseconds: u64) {
    let _ = clock::pass(nanoseconds);
}

/// The time that the library sees, in nanoseconds.
#[pyfunction]
fn clock_now() -> fallible::Number {
    fallible::Number(clock::now())
}

/// Let the library see real time again.
#[pyfunction]
fn unmock_clock() {
    clock::unmock();
}
