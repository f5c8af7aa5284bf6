//! A host of plain numbers, whose runs land as those of Python's threads do.

use std::sync::{Arc, PoisonError, Weak};

use loom::sync::{Mutex, MutexGuard};
use versioned_lru_cache::concurrency::completion::Completion;
use versioned_lru_cache::engine::order::{self, Ticket};
use versioned_lru_cache::engine::{
    Arrival, Audience, DeferredDrops, Flight, Host, Key, Leaving, Object, Probe, SessionMemory,
};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers from 100 on can only be compared by asking, as objects with an `==` of their own.
#[derive(Clone, Debug)]
pub(crate) struct Number(Arc<u64>);

impl Number {
    pub(crate) fn new(value: u64) -> Self {
        Self(Arc::new(value))
    }

    pub(crate) fn get(&self) -> u64 {
        *self.0
    }
}

impl Object for Number {
    type Key = Self;

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn native_eq(&self, other: &Self) -> Option<bool> {
        (self.get() < 100 || other.get() < 100).then_some(self.get() == other.get())
    }

    fn is_immutable(&self) -> bool {
        false
    }
}

impl Key for Number {
    type Object = Self;
    type Rules = ();

    fn matches(&self, probe: &Probe<Self>) -> Option<bool> {
        if self.is(&probe.key) { Some(true) } else { self.native_eq(&probe.key) }
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn is_gone(&self) -> bool {
        false
    }
}

/// The host.
pub(crate) struct Threads;

impl Host for Threads {
    type Object = Number;
    type Key = Number;
    type Session = SessionRef;
    type Held = Arc<Session>;
    type Flight = Run;
    type Function = ();
}

/// How a run ended.
pub(crate) enum End {
    /// Without anything for others.
    Void,
    Landed(Arrival<Threads>),
    Failed(u64),
}

/// A run for which threads wait.
#[derive(Clone)]
pub(crate) struct Run(pub(crate) Arc<Completion<End, (), ()>>);

impl Flight for Run {
    type Leader = ();

    fn begin((): &()) -> Self {
        Self(Arc::default())
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_going(&self) -> bool {
        self.0.is_going()
    }

    fn encloses(&self, (): &()) -> bool {
        false
    }

    fn serves(&self, (): &()) -> bool {
        self.is_going()
    }
}

/// The leader's hold on a run: ends it however the leader ends.
pub(crate) struct Lead(pub(crate) Run);

impl Lead {
    pub(crate) fn end(&self, how: End) {
        drop(self.0.0.end(how));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // After a failed assertion loom is not there to take part.
        if !std::thread::panicking() {
            self.end(End::Void);
        }
    }
}

/// A session.
pub(crate) struct Session {
    pub(crate) id: Ticket,
    pub(crate) memory: Mutex<SessionMemory<Threads>>,
}

impl Session {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self { id: order::draw(), memory: Mutex::new(SessionMemory::default()) })
    }
}

#[derive(Clone)]
pub(crate) struct SessionRef(pub(crate) Weak<Session>);

impl Audience<Threads> for SessionRef {
    fn reach<R>(
        &self,
        id: Ticket,
        drops: &mut DeferredDrops<Threads>,
        act: impl FnOnce(&mut SessionMemory<Threads>, &mut DeferredDrops<Threads>) -> R,
    ) -> Option<R> {
        let session = self.0.upgrade()?;
        let result = (session.id == id).then(|| act(&mut lock(&session.memory), drops));
        drops.push(Leaving::Held(session));
        result
    }

    fn is_alive(&self, id: Ticket, drops: &mut DeferredDrops<Threads>) -> bool {
        let Some(session) = self.0.upgrade() else { return false };
        let alive = session.id == id;
        drops.push(Leaving::Held(session));
        alive
    }
}
