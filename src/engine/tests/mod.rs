//! The engine's own tests, on a host without Python.

mod calls;
pub(crate) mod fake;
mod flights;
mod room;
mod routes;
mod second_tier;
mod stale;
mod validations;
