//! The Rust half of `versioned_lru_cache`: an engine that knows no Python, what threads wait on, and a thin
//! layer that knows Python.

pub mod concurrency;
pub mod engine;
#[cfg(feature = "python")]
mod py;
