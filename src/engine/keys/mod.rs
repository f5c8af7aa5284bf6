//! Keys, and equality without running foreign code.

pub(super) mod collisions;
pub(super) mod comparisons;
pub(super) mod key;
