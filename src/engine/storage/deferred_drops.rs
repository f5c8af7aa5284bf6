//! Deferred drops: what leaves a structure inside of a critical section is let go of after it.
//!
//! A destructor may run foreign code, which must not run inside. So nothing there is dropped: it is handed
//! out in a [`DeferredDrops`].

use std::any::Any;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::engine::host::Host;
use crate::engine::storage::entry::Entry;
use crate::engine::tables::lru_slab::LruSlab;
use crate::engine::versions::observation::Observation;
use crate::engine::versions::read_log::Read;

/// What left its place in a critical section.
pub enum Leaving<H: Host> {
    /// A single entry.
    Entry(Entry<H>),
    /// A version or a result.
    Object(H::Object),
    /// An answer of a version function.
    Observation(Observation<H::Object>),
    /// Arguments.
    Key(H::Key),
    /// All that was pinned for a session.
    Pinned(Box<LruSlab<Entry<H>>>),
    /// A structure as a whole, whatever that is.
    Whole(Box<dyn Any>),
    /// What several hold, as a result that somebody had yet to take.
    Shared(Arc<dyn Any>),
    /// A computation that is over: its run, its version and what it had made.
    Computation {
        /// The run.
        flight: H::Flight,
        /// The version.
        version: H::Object,
        /// What it had made.
        made: Option<H::Object>,
    },
    /// A run of which nobody needs to know any more.
    Run(H::Flight),
    /// A session that was held for a moment.
    Held(H::Held),
}

/// What left its place in a critical section, to be dropped after it: a destructor may run foreign code. One
/// list, as a call that computes has something of several kinds to let go; what most calls need fits in
/// without an allocation.
pub struct DeferredDrops<H: Host>(SmallVec<[Leaving<H>; 4]>);

impl<H: Host> Default for DeferredDrops<H> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<H: Host> DeferredDrops<H> {
    /// Takes one thing more.
    #[inline]
    pub fn push(&mut self, leaving: Leaving<H>) {
        self.0.push(leaving);
    }

    /// How many single entries there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.iter().filter(|leaving| matches!(leaving, Leaving::Entry(_))).count()
    }
}

impl<H: Host> Extend<Leaving<H>> for DeferredDrops<H> {
    #[inline]
    fn extend<I: IntoIterator<Item = Leaving<H>>>(&mut self, leaving: I) {
        leaving.into_iter().for_each(|leaving| self.push(leaving));
    }
}

impl<H: Host> Extend<Read<H::Object>> for DeferredDrops<H> {
    fn extend<I: IntoIterator<Item = Read<H::Object>>>(&mut self, reads: I) {
        reads.into_iter().for_each(|read| self.push(Leaving::Object(read.call)));
    }
}
