//! Tables found by hash or ticket: an index, an LRU list over a slab, and one over the `lru` crate.

pub(super) mod index;
pub(super) mod lru_slab;
pub(super) mod lru_table;
pub(super) mod small_map;
