//! The tag by which the engine's types know that their objects are Python's.

/// Python, as the host of the engine. Declared here with nothing beside it, since an entry, a session, a
/// flight and the results of a function are made of each other: `session/host.rs` says what it stands for.
pub(crate) struct Host;
