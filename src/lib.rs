//! The Rust half of `versioned_lru_cache`: an engine that knows no Python, and a thin layer that does.

pub mod engine;
#[cfg(feature = "python")]
mod py;
