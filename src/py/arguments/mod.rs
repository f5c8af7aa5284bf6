//! A call's arguments: read where they lie, hashed, compared, owned as the key of a stored result, and
//! encoded as that key in a store.

pub(crate) mod call_arguments;
pub(crate) mod key;
pub(crate) mod matchers;
pub(crate) mod misuse;
pub(crate) mod parameters;
mod stable_bytes;
mod stable_classes;
pub(crate) mod stable_key;
mod stable_numbers;
pub(crate) mod stable_refusal;
mod stable_times;
