//! All that knows Python.

mod arguments;
mod asking;
mod behind;
mod binding;
mod block;
mod blocks;
mod cache_methods;
mod cached;
mod call;
#[cfg(not(Py_3_12))]
mod collecting;
mod compare;
mod computing;
mod context;
mod coroutine;
mod counter;
mod defined;
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
mod options;
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
    module.add_class::<blocks::Blocks>()?;
    module.add_class::<cached::SharedScope>()?;
    module.add_class::<counter::Counter>()?;
    module.add_class::<key::CacheKey>()?;
    module.add_class::<marks::Mark>()?;
    module.add_class::<options::Gets>()?;
    module.add_class::<options::LagTerms>()?;
    module.add_class::<options::Options>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<task::Call>()?;
    module.add_class::<task::Flight>()?;
    module.add_class::<task::Wait>()?;
    module.add_function(wrap_pyfunction!(advance_clock, module)?)?;
    module.add_function(wrap_pyfunction!(check_binding, module)?)?;
    module.add_function(wrap_pyfunction!(clock_now, module)?)?;
    module.add_function(wrap_pyfunction!(is_validating, module)?)?;
    module.add_function(wrap_pyfunction!(mock_clock, module)?)?;
    module.add_function(wrap_pyfunction!(peek_session, module)?)?;
    module.add_function(wrap_pyfunction!(unmock_clock, module)?)?;
    module.add("CachedFunction", call::function_class(py)?)?;
    module.add("CachedMethod", call::method_class(py)?)?;
    module.add("CachedCoroutine", coroutine::class(py)?)?;
    fork::watch();
    #[cfg(not(Py_3_12))]
    collecting::watch(py)?;
    module.add("IMMUTABLE", marks::immutable(py)?)?;
    module.add("NOT_MODIFIED", marks::not_modified(py)?)?;
    module.add("SESSION_NAME", binding::name(py))?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    // For the tests: what they count is another number where every call takes the long way.
    module.add("FAST_PATHS", !cfg!(feature = "no-fast-paths"))
}

/// The session to which ``session=binding`` leads now, if it has begun; ``None`` leads to the ambient one.
#[pyfunction]
fn peek_session<'py>(binding: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, session::Session>>> {
    binding::Binding::new(binding)?.peek(binding.py())
}

/// Refuse what ``session=`` can't be, by its type.
#[pyfunction]
#[pyo3(signature = (binding, /))]
fn check_binding(binding: &Bound<'_, PyAny>) -> PyResult<()> {
    binding::Binding::new(binding).map(drop)
}

/// Whether the running code, a version function, is asked once more for a computation that has read its answer.
///
/// Returns:
///     ``False`` in any other code.
///
/// Example:
///     >>> from versioned_lru_cache.testing import is_validating
///     >>> is_validating()
///     False
#[expect(clippy::doc_markdown, reason = "the example is Python, as help() shows it")]
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
