//! The counters of one cached function.

/// Counters of one cached function since it was made or last cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls answered without running the function.
    pub hits: u64,
    /// Calls that ran the function.
    pub misses: u64,
    /// Successful runs of the version function made for this function's calls.
    pub version_calls: u64,
    /// How often a version asked anew in some session was found equal to that of stored entries.
    pub verified: u64,
    /// Entries that left because the cache was full.
    pub evictions: u64,
    /// Results that were returned and could not be stored.
    pub not_stored: u64,
    /// Calls that ended with an exception: of the function, its version function, `cache_if` or a comparison.
    pub errors: u64,
    /// Old results found to be good still, by what takes the function's place.
    pub revalidated: u64,
    /// Calls answered with a value that was not fresh.
    pub stale: u64,
    /// Refreshes behind that failed.
    pub refresh_errors: u64,
    /// Calls that ran the function while the cache was off.
    pub bypassed: u64,
    /// Versions that a computation had read and that held when they were asked anew.
    pub validated: u64,
    /// Those that did not.
    pub invalidated: u64,
    /// Calls answered with a record of the second tier.
    pub store_hits: u64,
    /// Calls that found none there that was good.
    pub store_misses: u64,
}
