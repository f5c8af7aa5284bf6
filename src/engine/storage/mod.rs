//! What is stored, the versions that it shares, when it ends, and what is to be dropped.

pub(super) mod deferred_drops;
pub(super) mod ends;
pub(super) mod entries;
pub(super) mod entry;
pub(super) mod source;
pub(super) mod touches;
pub(super) mod version_table;
