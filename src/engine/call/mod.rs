//! A call, from its verdict to its result.

pub(super) mod alone;
pub(super) mod claim;
pub(super) mod decide;
pub(super) mod disposition;
pub(super) mod explain;
pub(super) mod failure;
pub(super) mod outcome;
pub(super) mod plain_miss;
pub(super) mod plan;
pub(super) mod policy;
pub(super) mod protocol;
pub(super) mod pump;
pub(super) mod purge;
pub(super) mod recall;
pub(super) mod record;
pub(super) mod second_tier;
pub(super) mod serve;
pub(super) mod stale;
pub(super) mod validate;
pub(super) mod verdict;
