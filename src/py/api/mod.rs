//! What people call: the methods of decorated functions, and the module, which only lists.

pub(crate) mod background;
pub(crate) mod cache_key;
pub(crate) mod cache_methods;
pub(crate) mod cached;
pub(crate) mod classes;
pub(crate) mod explain;
pub(crate) mod lookup;
pub(crate) mod method;
pub(crate) mod method_definition;
pub(crate) mod module;
mod record;
mod stable_key;
mod stored_calls;
