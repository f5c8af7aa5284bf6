//! The module `_core`: a list of what it exports.

use pyo3::prelude::*;

use super::{cache_key, classes, record, stable_key};
use crate::engine::clock;
use crate::py::asyncio::{coroutine, wait};
use crate::py::call::awaited_call;
use crate::py::call::{background_refresh, computation, shared_answers, switched_off};
use crate::py::function::{names_of_call, options, ready_made, shared_scope};
#[cfg(not(Py_3_12))]
use crate::py::interpreter::collector_hook;
use crate::py::interpreter::fallible::{self, named};
use crate::py::interpreter::{fork, subinterpreter};
use crate::py::objects::{bumps, counter, file_state, sentinels, unfinished};
use crate::py::session::{binding, handle, session_block};

/// The Rust half of `versioned_lru_cache`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    subinterpreter::check(py)?;
    // `collections.abc` is the same, but imports `collections` too, which takes longer than this module.
    py.import(named!(py, "_collections_abc")?)?
        .getattr(named!(py, "Mapping")?)?
        .call_method1(named!(py, "register")?, (py.get_type::<handle::Session>(),))?;
    module.add_class::<background_refresh::BackgroundRefresh>()?;
    module.add_class::<session_block::SessionBlocks>()?;
    module.add_class::<shared_scope::SharedScope>()?;
    module.add_class::<counter::Counter>()?;
    module.add_class::<ready_made::ReadyMade>()?;
    module.add_class::<names_of_call::NamesOfCall>()?;
    module.add_class::<cache_key::CacheKey>()?;
    module.add_class::<sentinels::Sentinel>()?;
    module.add_class::<options::Gets>()?;
    module.add_class::<options::LagTerms>()?;
    module.add_class::<options::Options>()?;
    module.add_class::<handle::Session>()?;
    module.add_class::<awaited_call::Call>()?;
    module.add_class::<shared_answers::SharedAnswers>()?;
    module.add_class::<wait::JoinableFlight>()?;
    module.add_class::<wait::TaskWait>()?;
    module.add_function(wrap_pyfunction!(advance_clock, module)?)?;
    module.add_function(wrap_pyfunction!(shared_answers::ask_together, module)?)?;
    module.add_function(wrap_pyfunction!(bumps::bump_names, module)?)?;
    module.add_function(wrap_pyfunction!(check_binding, module)?)?;
    module.add_function(wrap_pyfunction!(clock_now, module)?)?;
    module.add_function(wrap_pyfunction!(file_state::file_state, module)?)?;
    module.add_function(wrap_pyfunction!(is_validating, module)?)?;
    module.add_function(wrap_pyfunction!(bumps::limit_names, module)?)?;
    module.add_function(wrap_pyfunction!(mock_clock, module)?)?;
    module.add_function(wrap_pyfunction!(peek_session, module)?)?;
    module.add_function(wrap_pyfunction!(record::age_of, module)?)?;
    module.add_function(wrap_pyfunction!(record::header_of, module)?)?;
    module.add_function(wrap_pyfunction!(record::moment, module)?)?;
    module.add_function(wrap_pyfunction!(record::open_record, module)?)?;
    module.add_function(wrap_pyfunction!(record::pack_header, module)?)?;
    module.add_function(wrap_pyfunction!(record::record_address, module)?)?;
    module.add_function(wrap_pyfunction!(record::result_in_record, module)?)?;
    module.add_function(wrap_pyfunction!(record::seal_record, module)?)?;
    module.add_function(wrap_pyfunction!(stable_key::stable_key, module)?)?;
    module.add_function(wrap_pyfunction!(stable_key::stable_key_of, module)?)?;
    module.add_function(wrap_pyfunction!(unmock_clock, module)?)?;
    module.add_function(wrap_pyfunction!(computation::current_version, module)?)?;
    module.add_function(wrap_pyfunction!(switched_off::switch_off, module)?)?;
    module.add_function(wrap_pyfunction!(switched_off::switch_on, module)?)?;
    switched_off::look_at_environment(py)?;
    module.add("CachedFunction", classes::function_class(py)?)?;
    module.add("CachedMethod", classes::method_class(py)?)?;
    module.add("CachedCoroutine", coroutine::class(py)?)?;
    unfinished::count_as_coroutine(coroutine::class(py)?);
    fork::watch();
    #[cfg(not(Py_3_12))]
    collector_hook::watch(py)?;
    module.add("IMMUTABLE", sentinels::immutable(py)?)?;
    module.add("NOT_MODIFIED", sentinels::not_modified(py)?)?;
    module.add("SESSION_NAME", binding::name(py))?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    // For the tests: what they count is another number where every call takes the long way.
    module.add("FAST_PATHS", !cfg!(feature = "no-fast-paths"))
}

/// The session to which ``session=binding`` leads now, if it has begun; ``None`` leads to the ambient one.
#[pyfunction]
fn peek_session<'py>(binding: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, handle::Session>>> {
    binding::Binding::new(binding)?.peek(binding.py())
}

/// Refuse what ``session=`` can't be, by its type.
#[pyfunction]
#[pyo3(signature = (binding, /))]
fn check_binding(binding: &Bound<'_, PyAny>) -> PyResult<()> {
    binding::Binding::new(binding).map(drop)
}

/// Whether the running version function is asked once more, for a computation that has read its answer.
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
    computation::validation(py).is_some()
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
