//! Purging: entries that have ended are counted, or taken out if they can stand in for nothing.

use crate::engine::clock::{self, Nanos};
use crate::engine::function_cache::cache::FunctionCache;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::{DeferredDrops, Leaving};
use crate::engine::storage::entries::Look;
use crate::engine::tables::index::Slot;
use crate::engine::versions::outage::is_allowed;

impl<H: SessionHost> FunctionCache<H> {
    /// The entries that have ended by now: none, where nothing depends on the time.
    fn ended(&self, now: Nanos) -> impl Iterator<Item = (Slot, Look<'_, H>)> {
        let all = self.timed.then(|| self.entries.looks()).into_iter().flatten();
        all.filter(move |(_, look)| look.end(&self.terms).is_some_and(|end| end <= now))
    }

    /// How many entries have ended.
    #[must_use]
    pub fn count_ended(&self) -> usize {
        self.ended(clock::now()).count()
    }

    /// Whether an entry that is not fresh may still answer in some case.
    fn may_stand_in(&self, look: Look<'_, H>, now: Nanos) -> bool {
        let since = self.stale_since(look, None, now);
        let allowed = [self.terms.stale_if_error, self.terms.stale_while_revalidate];
        allowed.into_iter().any(|allowed| is_allowed(since, now, allowed))
    }

    /// Takes out what has ended and no stale policy may use. How many those are.
    pub fn purge(&mut self, drops: &mut DeferredDrops<H>) -> usize {
        let now = clock::now();
        let useless = self.ended(now).filter(|(_, look)| !self.may_stand_in(*look, now));
        let useless: Vec<_> = useless.map(|(slot, _)| slot).collect();
        for slot in &useless {
            let taken = self.entries.remove(*slot, drops);
            drops.extend(taken.map(|taken| Leaving::Entry(taken.entry)));
        }
        useless.len()
    }
}
