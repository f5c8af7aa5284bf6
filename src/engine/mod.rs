//! The cache itself: what is stored, who has seen it, and what a call does next.
//!
//! Nothing here knows Python, runs foreign code, waits or reads anything but the clock. Foreign objects are
//! only moved, cloned and compared by identity; what leaves a structure is handed out in a [`DeferredDrops`],
//! to be dropped where a destructor may run.

mod call;
pub mod clock;
mod flight;
mod function_cache;
mod host;
mod keys;
pub mod order;
mod session;
mod storage;
mod tables;
mod terms;
#[cfg(test)]
mod tests;
mod versions;

pub use call::claim::Claim;
pub use call::plain_miss::PlainMiss;
pub use call::plan::{Plan, Previous};
pub use call::policy::{Manner, Refresh, Setting, Wish};
pub use call::protocol::{Event, Made, NextStep, Served, Step};
pub use call::pump::pump;
pub use call::record::{Acquired, Record, Saved, longest_use};
pub use flight::flights::{Arrival, Flights, InProgress};
pub use function_cache::asked_hit::Candidate;
pub use function_cache::cache::FunctionCache;
pub use function_cache::context::{Caller, Context};
pub use function_cache::evicted::Evicted;
pub use function_cache::first_hit::{About, FirstQuestion};
pub use function_cache::put::{PutResult, Putter};
pub use function_cache::session_hint::HitAttempt;
pub use function_cache::stats::Stats;
pub use host::{Flight, Host};
pub use keys::collisions::Asked;
pub use keys::comparisons::{Comparisons, Pair, Question, Unsure};
pub use keys::key::{Key, Object, Probe, Sought};
pub use session::answers::{Answers, Scope};
pub use session::audience::{Audience, SessionHost};
pub use session::cache_status::{CallLog, Detail, Forward, Logged, Status};
pub use session::reader::{Pinned, Reader};
pub use session::session_memory::SessionMemory;
pub use storage::deferred_drops::{DeferredDrops, Leaving};
pub use storage::entries::{Aside, Entries, Look, Stored, Taken};
pub use storage::entry::{Course, Entry, OwnTtl};
pub use storage::touches::Touches;
pub use storage::version_table::VersionTable;
pub use tables::index::Slot;
pub use tables::lru_slab::LruSlab;
pub use tables::lru_table::LruTable;
pub use tables::small_map::SmallMap;
pub use terms::{Lag, Terms};
pub use versions::bump_counts::{BumpCounts, NameHasher};
pub use versions::observation::{CompactObservation, Observation};
pub use versions::read_log::{Basis, Noted, Own, Read, ReadLog, ReadSet, oldest};
pub use versions::version_stamp::{StampId, VersionStamp};
