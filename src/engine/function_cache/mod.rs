//! The results of one function, and which sessions may see them.

pub(super) mod asked_hit;
pub(super) mod cache;
pub(super) mod context;
pub(super) mod evicted;
pub(super) mod first_hit;
pub(super) mod put;
pub(super) mod readers;
pub(super) mod repeatable_reads;
pub(super) mod session_hint;
pub(super) mod stats;
pub(super) mod visibility;
