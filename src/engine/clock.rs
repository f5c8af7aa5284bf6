//! The only reader of time: a monotonic clock in nanoseconds, which a test can replace.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Nanoseconds since an arbitrary moment.
pub type Nanos = u64;

/// Whether what began at `since` is younger than `ttl` at `now`; `None` is for ever.
#[inline]
#[must_use]
pub fn is_within(since: Nanos, now: Nanos, ttl: Option<Nanos>) -> bool {
    ttl.is_none_or(|ttl| now.saturating_sub(since) < ttl)
}

static MOCKED: AtomicBool = AtomicBool::new(false);
static MOCK_NOW: AtomicU64 = AtomicU64::new(0);

/// The present moment.
#[must_use]
pub fn now() -> Nanos {
    if MOCKED.load(Ordering::Acquire) { MOCK_NOW.load(Ordering::Acquire) } else { real::now() }
}

/// A moment that is never before the present one and seldom more than some milliseconds after it. Costs a
/// third of [`now`] or less: who finds an age still below its bound by this clock need not ask that one.
#[inline]
#[must_use]
pub fn latest() -> Nanos {
    if MOCKED.load(Ordering::Acquire) { MOCK_NOW.load(Ordering::Acquire) } else { real::latest() }
}

/// A moment that is never after the present one and seldom more than some milliseconds before it. As cheap as
/// [`latest`].
#[must_use]
pub fn earliest() -> Nanos {
    if MOCKED.load(Ordering::Acquire) { MOCK_NOW.load(Ordering::Acquire) } else { real::earliest() }
}

/// Lets a span of time pass: the mock clock moves on at once. Returns how much is left to be waited for.
#[must_use]
pub fn pass(span: Nanos) -> Nanos {
    if MOCKED.load(Ordering::Acquire) {
        MOCK_NOW.fetch_add(span, Ordering::AcqRel);
        return 0;
    }
    span
}

/// Replaces the real clock by one that stands at `at`.
pub fn mock(at: Nanos) {
    MOCK_NOW.store(at, Ordering::Release);
    MOCKED.store(true, Ordering::Release);
}

/// The present moment of the clock in the place of the real one, if there is one.
#[must_use]
pub fn mocked() -> Option<Nanos> {
    MOCKED.load(Ordering::Acquire).then(|| MOCK_NOW.load(Ordering::Acquire))
}

/// Goes back to the real clock.
pub fn unmock() {
    MOCKED.store(false, Ordering::Release);
}

#[cfg(target_os = "linux")]
mod real {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use super::Nanos;

    /// The coarse clock moves at each tick of the kernel; the slowest configuration has 100 a second.
    const TICK: Nanos = 10_000_000;

    fn nanos(at: Timespec) -> Nanos {
        at.tv_sec.unsigned_abs() * 1_000_000_000 + at.tv_nsec.unsigned_abs()
    }

    pub(crate) fn now() -> Nanos {
        nanos(clock_gettime(ClockId::Monotonic))
    }

    #[inline]
    pub(crate) fn latest() -> Nanos {
        earliest() + TICK
    }

    #[inline]
    pub(crate) fn earliest() -> Nanos {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }
}

#[cfg(not(target_os = "linux"))]
mod real {
    use std::sync::OnceLock;
    use std::time::Instant;

    use super::Nanos;

    static START: OnceLock<Instant> = OnceLock::new();

    pub(crate) fn now() -> Nanos {
        let since = START.get_or_init(Instant::now).elapsed();
        since.as_secs() * 1_000_000_000 + Nanos::from(since.subsec_nanos())
    }

    pub(crate) fn latest() -> Nanos {
        now()
    }

    pub(crate) fn earliest() -> Nanos {
        now()
    }
}

#[cfg(test)]
mod tests {
    use super::earliest;
    use super::latest;
    use super::now;
    use crate::engine::tests::fake::alone;

    #[test]
    fn the_cheap_clocks_keep_to_their_sides_of_the_exact_one() {
        let _alone = alone();
        for _ in 0..100_000 {
            let (before, exact, after) = (earliest(), now(), latest());
            assert!(before <= exact && exact <= after, "{before} {exact} {after}");
        }
    }
}
