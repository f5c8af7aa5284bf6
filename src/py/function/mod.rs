//! The data of a decorated function and its options.
//!
//! No behaviour but small accessors: all floors above look at these.

pub(crate) mod cached;
pub(crate) mod names_of_call;
pub(crate) mod options;
pub(crate) mod ready_made;
pub(crate) mod shared_scope;
pub(crate) mod version;
pub(crate) mod weak_instance;
