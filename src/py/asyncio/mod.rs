//! What happens at a call of a coroutine function.

pub(crate) mod coroutine;
pub(crate) mod free_list;
pub(crate) mod run_end;
pub(crate) mod task;
pub(crate) mod wait_graph;
pub(crate) mod waker;
