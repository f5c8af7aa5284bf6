//! A store that the processes of a model share: what it has of the one key, and whether its lease is held.

use loom::sync::{Condvar, Mutex};
use versioned_lru_cache::engine::{Acquired, Record, Saved};

use super::host::{Number, lock};

#[derive(Default)]
struct Contents {
    /// A value and its version.
    kept: Option<(u64, u64)>,
    leased: bool,
}

/// The store.
pub(crate) struct Store {
    contents: Mutex<Contents>,
    freed: Condvar,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { contents: Mutex::new(Contents::default()), freed: Condvar::new() }
    }

    pub(crate) fn load(&self) -> Option<Record<Number>> {
        lock(&self.contents).kept.map(|(value, version)| Record {
            value: Number::new(value),
            version: Number::new(version),
            age: 0,
            own_ttl: None,
            weight: 0,
        })
    }

    /// Takes the lease, or waits until another has let go of it.
    pub(crate) fn acquire(&self) -> Acquired {
        let mut contents = lock(&self.contents);
        if !contents.leased {
            contents.leased = true;
            return Acquired::Held;
        }
        while contents.leased {
            contents = self.freed.wait(contents).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        Acquired::Freed
    }

    pub(crate) fn save(&self, saved: &Saved<Number>) {
        lock(&self.contents).kept = Some((saved.value.get(), saved.version.get()));
    }

    pub(crate) fn release(&self) {
        lock(&self.contents).leased = false;
        self.freed.notify_all();
    }
}
