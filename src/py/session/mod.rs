//! Sessions: what one remembers, where its handle lies, and how that is found.

pub(crate) mod binding;
pub(crate) mod core;
pub(crate) mod dict_lookup;
#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
pub(crate) mod dict_tag;
pub(crate) mod explanation;
pub(crate) mod fast_lookup;
pub(crate) mod flask_proxy;
pub(crate) mod handle;
pub(crate) mod host;
pub(crate) mod policy;
pub(crate) mod read_log;
pub(crate) mod results;
pub(crate) mod session_block;
#[cfg(all(Py_3_13, not(Py_3_14), not(Py_GIL_DISABLED)))]
pub(crate) mod shared_key_dict;
pub(crate) mod traverse;
pub(crate) mod visitors_session;
