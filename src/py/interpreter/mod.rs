//! What CPython itself asks of an extension module: types, context variables, the critical section,
//! recursion, forks.
//!
//! Knows nothing of caches.

#[cfg(not(Py_3_12))]
pub(crate) mod collector_hook;
pub(crate) mod context_variable;
pub(crate) mod critical_section;
pub(crate) mod fallible;
#[cfg(ends_by_unwinding)]
pub(crate) mod finalization;
pub(crate) mod fork;
pub(crate) mod loaded_module;
pub(crate) mod recursion;
pub(crate) mod subinterpreter;
pub(crate) mod trashcan;
pub(crate) mod vectorcall_type;
