//! A function's cache policy, as agreed when it was decorated: bounds, times and what its source may do.

use crate::engine::clock::Nanos;

/// What was agreed for a function when it was decorated.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is agreed for itself")]
pub struct Terms {
    /// At most so many entries; `None` is unbounded.
    pub maxsize: Option<usize>,
    /// The bound on what all entries weigh together.
    pub max_weight: Option<u64>,
    /// The bound on an entry's age, and on the age of an observation that vouches for one.
    pub ttl: Option<Nanos>,
    /// Each result is asked how long it lives.
    pub varies: bool,
    /// The version is a constant: never asked, always equal.
    pub constant: bool,
    /// An unchanged version restarts the age of what has expired.
    pub verifies: bool,
    /// Something takes the function's place where there is an old entry.
    pub revalidates: bool,
    /// A store that several processes share lies behind the memory of this one.
    pub has_tier: bool,
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
        self.ttl.is_some() || self.varies || self.settle.is_some() || self.has_stale()
    }

    /// Whether the source may announce a version before it shows it.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.lag.retries > 0 || self.lag.ordered
    }

    /// Whether the version and an age alone decide what is served, and all that is made may be stored.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let stores = self.maxsize != Some(0) && !self.revalidates && !self.has_stale() && !self.has_tier;
        stores && self.settle.is_none() && !self.lags()
    }

    /// Whether anything but the end of their lives bounds how many entries there are.
    #[must_use]
    pub fn are_bounded(&self) -> bool {
        self.maxsize.is_some() || self.max_weight.is_some()
    }

    /// Whether so many entries, which weigh that together, are too much.
    #[must_use]
    pub fn are_exceeded_by(&self, len: usize, weight: u64) -> bool {
        self.maxsize.is_some_and(|maxsize| len > maxsize) || self.is_too_heavy(weight)
    }

    /// Whether that weighs more than all entries may together.
    #[must_use]
    pub fn is_too_heavy(&self, weight: u64) -> bool {
        self.max_weight.is_some_and(|max_weight| weight > max_weight)
    }

    /// How long after its end an entry that lived for `ttl` may still be of use: to the stale policies, and,
    /// for as long again as it lived, to what can make it good without computing it. `None` is for ever.
    #[must_use]
    pub fn use_after(&self, ttl: Nanos) -> Option<Nanos> {
        let renews = (self.verifies || self.revalidates).then_some(ttl);
        let uses = [self.stale_if_error, self.stale_while_revalidate, renews];
        Some(uses.into_iter().flatten().max().unwrap_or(0)).filter(|longest| *longest != Nanos::MAX)
    }

    /// How many answers of its version function a session remembers for one function.
    #[must_use]
    pub fn answers(&self) -> Option<usize> {
        self.maxsize.map(|maxsize| maxsize.max(1024))
    }
}
