//! The Rust half of `versioned_lru_cache`: an engine that knows no Python, what threads wait on, and a thin layer that knows Python.

pub mod engine;
pub mod gates;
pub mod landing;
#[cfg(feature = "python")]
mod py;
