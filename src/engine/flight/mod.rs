//! Single-flight: computations in progress, and who may wait for which.

pub(super) mod flights;
