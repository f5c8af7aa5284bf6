//! Python objects as the engine holds them, how they are compared, and the few of our own that are nothing
//! but values.

pub(crate) mod bumps;
pub(crate) mod counter;
pub(crate) mod describe;
pub(crate) mod file_state;
pub(crate) mod hashing;
pub(crate) mod host;
pub(crate) mod native;
pub(crate) mod object;
pub(crate) mod plain_dict;
pub(crate) mod python_eq;
pub(crate) mod sentinels;
pub(crate) mod unfinished;
