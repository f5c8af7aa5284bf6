//! Moments: points in time that another process can tell the age of, by the wall clock and by that of one
//! boot of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::clock;

/// What stands for a boot of a machine; `None` where it is unknown.
pub(crate) type Boot = Option<[u8; 16]>;

/// A point in time. The numbers are nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since the epoch.
    pub(crate) wall: i128,
    /// Which boot the monotonic clock belongs to.
    pub(crate) boot: Boot,
    /// Of that clock.
    pub(crate) monotonic: i128,
}

impl Moment {
    /// This moment, in a process that runs in this boot. A test's clock takes the place of both.
    pub(crate) fn now(boot: Boot) -> Self {
        if let Some(mocked) = clock::mocked() {
            return Self { wall: mocked.into(), boot: None, monotonic: 0 };
        }
        Self { wall: wall(), boot, monotonic: if boot.is_some() { since_boot() } else { 0 } }
    }

    /// How many nanoseconds ago this moment was; `None` is unknown, and counts as older than anything.
    ///
    /// A clock that jumps makes a result older, never younger. In one boot both clocks are at hand, and the
    /// greater age counts. Else there is only the wall clock, and what it says to lie in the future is of
    /// unknown age.
    pub(crate) fn age(&self, now: &Self) -> Option<u128> {
        let age = now.wall.saturating_sub(self.wall);
        if self.boot.is_none() || self.boot != now.boot {
            return u128::try_from(age).ok();
        }
        let passed = now.monotonic.saturating_sub(self.monotonic);
        u128::try_from(passed).ok().map(|passed| passed.max(u128::try_from(age).unwrap_or(0)))
    }
}

fn wall() -> i128 {
    let nanos = |span: std::time::Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}

/// By a clock that runs on while the machine sleeps. Only Linux has it by this name.
#[cfg(target_os = "linux")]
fn since_boot() -> i128 {
    use rustix::time::{ClockId, clock_gettime};

    let at = clock_gettime(ClockId::Boottime);
    i128::from(at.tv_sec) * 1_000_000_000 + i128::from(at.tv_nsec)
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> i128 {
    0
}
