//! The off switch: while it is off every call runs its function, and nothing is stored or looked up.
//!
//! It is off for a context, as a block is entered, or for the process. While it is off anywhere all calls
//! take the way of those that are recorded, where it is looked at: the hit path does not know of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBool;

use super::computation;
use crate::py::arguments::call_arguments::Arguments;
use crate::py::function::cached::Cached;
use crate::py::interpreter::{context_variable, fallible};

/// How many blocks are in progress, and one for the process.
static OFF: AtomicUsize = AtomicUsize::new(0);
/// Whether it is off for the process.
static FOR_ALL: AtomicBool = AtomicBool::new(false);
/// Whether it is off in a context.
static HERE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The environment variable by which it is off for the process.
const NAME: &str = "VERSIONED_LRU_CACHE";

fn here(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let variable =
        HERE.get_or_try_init(py, || context_variable::new_variable(py, c"versioned_lru_cache disabled"))?;
    Ok(variable.bind(py))
}

/// Whether it is off for the running code.
#[inline]
pub(crate) fn is_off(py: Python<'_>) -> bool {
    OFF.load(Ordering::Relaxed) != 0 && is_off_here(py)
}

#[cold]
fn is_off_here(py: Python<'_>) -> bool {
    let value = || context_variable::get(here(py).ok()?).ok()?;
    FOR_ALL.load(Ordering::Relaxed) || value().is_some_and(|value| value.is(PyBool::new(py, true)))
}

/// Looks at the environment, once, when the module is imported.
pub(crate) fn look_at_environment(py: Python<'_>) -> PyResult<()> {
    let Some(value) = std::env::var_os(NAME) else { return Ok(()) };
    match value.to_str().map(str::to_ascii_lowercase).as_deref() {
        Some("" | "on") => Ok(()),
        Some("off") => {
            FOR_ALL.store(true, Ordering::Relaxed);
            OFF.fetch_add(1, Ordering::Relaxed);
            computation::take_the_way_of_recorded_calls();
            Ok(())
        }
        _ => Err(fallible::error::<PyValueError>(
            py,
            format!(
                "the environment variable {NAME} is \"{}\"; it must be \"off\", \"on\" or not be set",
                value.display()
            ),
        )),
    }
}

/// Switch the cache off in this context. Returns the token by which it is on again.
#[pyfunction]
pub(crate) fn switch_off(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let token = context_variable::set(here(py)?, PyBool::new(py, true).as_any())?;
    OFF.fetch_add(1, Ordering::Relaxed);
    computation::take_the_way_of_recorded_calls();
    Ok(token)
}

/// Take back what the token is for.
#[pyfunction]
#[pyo3(signature = (token, /))]
pub(crate) fn switch_on(token: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = token.py();
    OFF.fetch_sub(1, Ordering::Relaxed);
    computation::leave_the_way_of_recorded_calls();
    // In another context there is nothing to take back.
    context_variable::reset(here(py)?, token)
        .or_else(|error| if error.is_instance_of::<PyValueError>(py) { Ok(()) } else { Err(error) })
}

impl Cached {
    /// Runs the function as if there were no cache.
    #[cold]
    #[inline(never)]
    pub(crate) fn run_uncached<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let value = arguments.call(self.wrapped.bind(py))?;
        self.uncached(value, arguments)
    }

    /// What a call returns whose function was run so.
    pub(crate) fn uncached<'py>(
        &self,
        value: Bound<'py, PyAny>,
        arguments: Arguments<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        self.function.cache.with(py, |cache| {
            cache.stats.misses += 1;
            cache.stats.bypassed += u64::from(OFF.load(Ordering::Relaxed) != 0);
        });
        Ok(self.made(value, None, arguments)?.value.0.into_bound(py))
    }
}
