//! Single-flight: computations in progress that other callers wait for.

pub(crate) mod enclosing_runs;
pub(crate) mod leader;
pub(crate) mod wait;
