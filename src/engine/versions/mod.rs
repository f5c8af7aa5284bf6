//! What is known of a version: observations of it, what was read for it, and failures of its source; and
//! counts of bumps, which are versions themselves.

pub(super) mod bump_counts;
pub(super) mod observation;
pub(super) mod outage;
pub(super) mod read_log;
pub(super) mod version_stamp;
