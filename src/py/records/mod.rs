//! Records of shared stores, as bytes: what is read and checked of one before its value is decoded.

pub(crate) mod address;
pub(crate) mod layout;
pub(crate) mod moment;
pub(crate) mod plain_version;
