//! A function's cache policy, as agreed when it was decorated: bounds, times and what its source may do.

use crate::engine::clock::{self, Nanos};

/// What was agreed for a function when it was decorated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// At most so many entries; `None` is unbounded.
    pub maxsize: Option<usize>,
    /// The bound on an entry's age, and on the age of an observation that vouches for one.
    pub ttl: Option<Nanos>,
    /// The version is a constant: never asked, always equal.
    pub constant: bool,
    /// An unchanged version restarts the age of what has expired.
    pub verifies: bool,
    /// Something takes the function's place where there is an old entry.
    pub revalidates: bool,
    /// How long an old value answers for a failing source, after it stopped being fresh; `Nanos::MAX` is for
    /// ever.
    pub stale_if_error: Option<Nanos>,
    /// How long an old value answers while a new one is made behind.
    pub stale_while_revalidate: Option<Nanos>,
    /// How long a failing source is left alone.
    pub retry_after: Nanos,
    /// What a lagging source is given.
    pub lag: Lag,
    /// The bound on the age of the first result of a version, if that can't tell its version itself.
    pub settle: Option<Nanos>,
}

/// How a source is treated that announces a version before it shows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    /// How often a call tries again.
    pub retries: u32,
    /// How long it waits before, the first time.
    pub delay: Nanos,
    /// Versions have an order.
    pub ordered: bool,
}

impl Terms {
    /// Whether it matters when an entry stopped being fresh.
    #[must_use]
    pub fn has_stale(&self) -> bool {
        self.stale_if_error.is_some() || self.stale_while_revalidate.is_some()
    }

    /// Whether anything depends on the time.
    #[must_use]
    pub fn are_timed(&self) -> bool {
        self.ttl.is_some() || self.settle.is_some() || self.has_stale()
    }

    /// Whether the source may announce a version before it shows it.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.lag.retries > 0 || self.lag.ordered
    }

    /// Whether the version and an age alone decide what is served, and all that is made may be stored.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let stores = self.maxsize != Some(0) && !self.revalidates && !self.has_stale();
        stores && self.settle.is_none() && !self.lags()
    }

    /// The present moment; where nothing of these terms depends on it, one shortly before, which is read
    /// faster.
    #[must_use]
    pub fn now(&self) -> Nanos {
        if self.are_timed() { clock::now() } else { clock::earliest() }
    }

    /// How many answers of its version function a session remembers for one function.
    #[must_use]
    pub fn answers(&self) -> Option<usize> {
        self.maxsize.map(|maxsize| maxsize.max(1024))
    }
}
