//! The engine's flights, and the completion on which threads wait, in every order in which threads may take
//! their turns.
//!
//! Each test is a model: loom runs it again and again, each time with other turns, until all that can differ
//! has been seen. It also finds who sleeps for ever. `make cargo-test` runs it.
#![cfg(loom)]

mod calls;
mod completion;
mod host;
mod models;
mod processes;
mod sharded_lock;
mod store;
