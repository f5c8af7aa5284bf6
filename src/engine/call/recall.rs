//! The last resort of a call that goes by no version: what the second tier has of its key, whatever the
//! version.
//!
//! An offline session takes that, and `stale_if_error` where the version function fails, as after a restart
//! while the database is away. Memory has nothing of the key then; what is found is placed there as old, and
//! the row of the table serves it that would have, had it been there before.

use crate::engine::call::failure::Failure;
use crate::engine::call::plan::{Phase, Plan};
use crate::engine::call::protocol::{NextStep, Step};
use crate::engine::call::record::Recall;
use crate::engine::function_cache::context::Context;
use crate::engine::host::Decided;
use crate::engine::session::audience::SessionHost;
use crate::engine::session::cache_status::Detail;
use crate::engine::storage::deferred_drops::Leaving;

impl<H: SessionHost> Plan<H> {
    /// Begins a look, unless there was one or there is no second tier.
    pub(crate) fn recall(
        &mut self,
        failure: Option<Failure>,
        cx: &mut Context<'_, H>,
    ) -> Option<NextStep<H>> {
        if self.has_recalled || !cx.cache.terms.has_tier {
            return None;
        }
        self.has_recalled = true;
        let strikes = cx.cache.flights.strikes;
        self.phase = Phase::Recalling(Recall { failure, strikes, record: None });
        Some(Step::Load(None))
    }

    /// Goes on with what was found, if anything.
    pub(crate) fn recalled(&mut self, cx: &mut Context<'_, H>) -> Decided<H, NextStep<H>> {
        let Phase::Recalling(Recall { failure, strikes, record }) = &mut self.phase else {
            unreachable!("it has looked")
        };
        let (failure, strikes) = (*failure, *strikes);
        if let Some(record) = record.take() {
            // What was invalidated meanwhile may have been this.
            let may_be_seen = strikes == cx.cache.flights.strikes;
            let kept = if may_be_seen { self.keep_old(&record, cx) } else { Ok(false) };
            match kept {
                Ok(true) => {
                    cx.cache.stats.store_hits += 1;
                    self.status.detail = Detail::Loaded;
                }
                Ok(false) => {}
                Err(unsure) => {
                    self.phase = Phase::Recalling(Recall { failure, strikes, record: Some(record) });
                    return Err(unsure);
                }
            }
            cx.drops.extend([record.value, record.version].map(Leaving::Object));
        } else {
            cx.cache.stats.store_misses += 1;
        }
        if let Some(failure) = failure {
            self.phase = Phase::Failed(failure);
            return self.fall_back(failure, cx);
        }
        self.phase = Phase::Deciding;
        self.decide(cx)
    }
}
