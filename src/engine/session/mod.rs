//! What one session remembers.

pub(super) mod answers;
pub(super) mod audience;
pub(super) mod cache_status;
pub(super) mod reader;
pub(super) mod recognition;
pub(super) mod session_memory;
