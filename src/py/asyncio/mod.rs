//! What happens at a call of a coroutine function.

pub(crate) mod coroutine;
pub(crate) mod coroutine_memory;
pub(crate) mod free_list;
pub(crate) mod run_end;
pub(crate) mod stop_iteration;
pub(crate) mod task;
pub(crate) mod wait;
pub(crate) mod wait_graph;
pub(crate) mod waker;
