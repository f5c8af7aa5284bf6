//! Synchronization that knows no Python: a completion, and a sharded reader-writer lock.
//!
//! Beside `src/py` only this folder touches what threads have in common, so that `tests/schedules` can run
//! it, and the engine with it, in every order in which threads may take their turns: with `--cfg loom` its
//! primitives are loom's.

pub mod completion;
pub(crate) mod primitives;
pub mod sharded_lock;
