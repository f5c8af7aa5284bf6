//! Tables found by hash or ticket: an index, an LRU list over a slab with columns beside it, and one over the
//! `lru` crate. And a queue by time.

pub(super) mod column;
pub(super) mod index;
pub(super) mod lru_slab;
pub(super) mod lru_table;
pub(super) mod radix_heap;
pub(super) mod small_map;
