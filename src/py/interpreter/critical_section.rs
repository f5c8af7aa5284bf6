//! The critical section, and the only place that enters one.
//!
//! The lock rule: it is entered attached to the interpreter and never detaches. Inside there is no Python
//! call, no allocation or release of a Python object, no foreign code and no waiting. So where there is a GIL
//! it alone is the lock.
#![expect(unsafe_code, reason = "a cell that the GIL guards")]

use pyo3::prelude::*;

use crate::concurrency::sharded_lock::ReadBuffered;

#[cfg(not(Py_GIL_DISABLED))]
mod section {
    use std::cell::{Cell, UnsafeCell};

    /// A value that only whoever holds the GIL touches.
    pub(super) struct Section<T> {
        value: UnsafeCell<T>,
        busy: Cell<bool>,
    }

    // SAFETY: `enter` is only reached with a token that proves the GIL is held, and nothing inside gives it
    // up.
    unsafe impl<T: Send> Sync for Section<T> {}

    struct Leave<'a>(&'a Cell<bool>);

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }

    impl<T> Section<T> {
        pub(super) const fn new(value: T) -> Self {
            Self { value: UnsafeCell::new(value), busy: Cell::new(false) }
        }

        #[expect(clippy::inline_always, reason = "a hit is one function, whose values stay in registers")]
        #[inline(always)]
        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            assert!(!self.busy.replace(true), "the critical section was entered twice");
            let _leave = Leave(&self.busy);
            // SAFETY: the flag says that no other reference is out, and the GIL that no other thread looks.
            act(unsafe { &mut *self.value.get() })
        }

        #[inline]
        pub(super) fn read<R>(&self, act: impl FnOnce(&T) -> R) -> R {
            self.enter(|value| act(value))
        }

        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            // SAFETY: the collector runs with the GIL held and never inside the section, which allocates no
            // object.
            look(unsafe { &*self.value.get() })
        }
    }

    /// The GIL is the one lock of all.
    pub(super) type Common<T> = Section<T>;

    /// With a GIL nobody looks beside another.
    pub(super) type ReadMostly<T> = Section<T>;
}

#[cfg(Py_GIL_DISABLED)]
mod section {
    use std::cell::{Cell, UnsafeCell};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::{Mutex, MutexGuard};

    use crate::concurrency::primitives::pause;
    use crate::concurrency::sharded_lock::{ReadBuffered, ShardedLock};

    /// Takes a lock that is held for some dozens of nanoseconds. Nobody is ever parked: the table of those
    /// who are is the whole process's, and a fork may leave it locked (issue 515 of `parking_lot`).
    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        let mut turns = 0_u32;
        loop {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            if let Some(guard) = mutex.try_lock() {
                return guard;
            }
            turns += 1;
            pause(turns);
        }
    }

    /// A value behind a lock of its own.
    pub(super) struct Section<T>(Mutex<T>);

    impl<T> Section<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        #[inline]
        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            act(&mut lock(&self.0))
        }

        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            // SAFETY: the collector stops all threads first, and none stops inside the section, which never
            // detaches.
            look(unsafe { &*self.0.data_ptr() })
        }
    }

    static COMMON: Mutex<()> = Mutex::new(());

    thread_local! {
        /// How many common sections this thread is in.
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }

    /// A value behind the lock that all of these share, so that a thread in one may enter another.
    pub(super) struct Common<T> {
        value: UnsafeCell<T>,
        busy: Cell<bool>,
    }

    // SAFETY: only touched by whoever holds the lock.
    unsafe impl<T: Send> Sync for Common<T> {}

    struct Leave<'a>(&'a Cell<bool>, #[expect(dead_code, reason = "held")] Option<MutexGuard<'static, ()>>);

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.set(false);
            DEPTH.set(DEPTH.get() - 1);
        }
    }

    impl<T> Common<T> {
        pub(super) const fn new(value: T) -> Self {
            Self { value: UnsafeCell::new(value), busy: Cell::new(false) }
        }

        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            let guard = (DEPTH.get() == 0).then(|| lock(&COMMON));
            assert!(!self.busy.replace(true), "the critical section was entered twice");
            DEPTH.set(DEPTH.get() + 1);
            let _leave = Leave(&self.busy, guard);
            // SAFETY: the flag says that no other reference is out, and the lock that no other thread looks.
            act(unsafe { &mut *self.value.get() })
        }

        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            // SAFETY: as of a section.
            look(unsafe { &*self.value.get() })
        }
    }

    static NEXT: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        /// The shard in which this thread reads, once it has.
        static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
    }

    #[inline]
    fn shard() -> usize {
        SHARD.get().unwrap_or_else(new_shard)
    }

    #[cold]
    fn new_shard() -> usize {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        SHARD.set(Some(number));
        number
    }

    /// A value behind a sharded lock.
    pub(super) struct ReadMostly<T: ReadBuffered>(ShardedLock<T>);

    impl<T: ReadBuffered> ReadMostly<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(ShardedLock::new(value))
        }

        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            self.0.write(act)
        }

        #[inline]
        pub(super) fn read_and_note<R>(&self, act: impl FnOnce(&T, &mut T::Buffer) -> R) -> R {
            self.0.read(shard(), act)
        }

        #[inline]
        pub(super) fn read<R>(&self, act: impl FnOnce(&T) -> R) -> R {
            self.read_and_note(|value, _| act(value))
        }

        pub(super) fn drain_own_buffer(&self) {
            self.0.drain_one(shard());
        }

        /// The collector finds all shards free: it stops all threads first, and none stops inside the
        /// section.
        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            self.read(look)
        }
    }
}

/// A value that is only touched in a critical section.
pub(crate) struct Guarded<T>(section::Section<T>);

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(section::Section::new(value))
    }

    /// Runs `act` in the critical section.
    #[inline]
    pub(crate) fn with<R>(&self, _attached: Python<'_>, act: impl FnOnce(&mut T) -> R) -> R {
        self.0.enter(act)
    }

    /// Lets the garbage collector look.
    pub(crate) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.trace(look)
    }
}

/// A value that hits only look at: where there is no GIL, beside each other.
pub(crate) struct ReadMostly<T: ReadBuffered>(section::ReadMostly<T>);

impl<T: ReadBuffered> ReadMostly<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(section::ReadMostly::new(value))
    }

    /// Runs `act` in the critical section, where nobody else is.
    #[inline]
    pub(crate) fn with<R>(&self, _attached: Python<'_>, act: impl FnOnce(&mut T) -> R) -> R {
        self.0.enter(act)
    }

    /// Runs `act` in the critical section, where others may look as well.
    #[inline]
    pub(crate) fn read<R>(&self, _attached: Python<'_>, act: impl FnOnce(&T) -> R) -> R {
        self.0.read(act)
    }

    /// The same for who would change something, and has to note it.
    #[cfg(Py_GIL_DISABLED)]
    #[inline]
    pub(crate) fn read_and_note<R>(
        &self,
        _attached: Python<'_>,
        act: impl FnOnce(&T, &mut T::Buffer) -> R,
    ) -> R {
        self.0.read_and_note(act)
    }

    /// Makes room in the buffer of this thread.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) fn drain_own_buffer(&self, _attached: Python<'_>) {
        self.0.drain_own_buffer();
    }

    /// Lets the garbage collector look.
    pub(crate) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.trace(look)
    }
}

/// A value that is only touched in a critical section which all values of this kind share: what sessions
/// remember. A call is in its session's, and reaches the others that read the function.
pub(crate) struct GloballyGuarded<T>(section::Common<T>);

impl<T> GloballyGuarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(section::Common::new(value))
    }

    /// Runs `act` in the critical section.
    #[inline]
    pub(crate) fn with<R>(&self, _attached: Python<'_>, act: impl FnOnce(&mut T) -> R) -> R {
        self.0.enter(act)
    }

    /// Lets the garbage collector look.
    pub(crate) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.trace(look)
    }
}

/// The token for what the engine calls back: cloning an object, reaching a session. The engine only runs
/// attached to the interpreter.
#[inline]
pub(crate) fn attached<'py>() -> Python<'py> {
    // SAFETY: plans and stores are only used by code that holds a token: `Guarded::with` takes it.
    unsafe { Python::assume_attached() }
}

/// Runs `act` where there is no token, as in what is dropped. That may be while the interpreter ends, which
/// PyO3 would take for none.
pub(crate) fn attach<R>(act: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: there is an interpreter: who calls holds objects of it, or was called by it.
    unsafe { Python::attach_unchecked(act) }
}
