//! A call's arguments: read where they lie, hashed, compared, and owned as the key of a stored result.

pub(crate) mod call_arguments;
pub(crate) mod key;
pub(crate) mod matchers;
pub(crate) mod misuse;
pub(crate) mod parameters;
