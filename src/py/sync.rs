//! The critical section, and the only place that enters one.
//!
//! The lock rule: it is entered attached to the interpreter and never detaches. Inside there is no Python call, no allocation
//! or release of a Python object, no foreign code and no waiting. So where there is a GIL it alone is the lock.
#![expect(unsafe_code, reason = "a cell that the GIL guards")]

use pyo3::prelude::*;

#[cfg(not(Py_GIL_DISABLED))]
mod section {
    use std::cell::{Cell, UnsafeCell};

    /// A value that only whoever holds the GIL touches.
    pub(super) struct Section<T> {
        value: UnsafeCell<T>,
        busy: Cell<bool>,
    }

    // SAFETY: `enter` is only reached with a token that proves the GIL is held, and nothing inside gives it up.
    unsafe impl<T: Send> Sync for Section<T> {}

    struct Leave<'a>(&'a Cell<bool>);

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }

    impl<T> Section<T> {
        pub(super) fn new(value: T) -> Self {
            Self { value: UnsafeCell::new(value), busy: Cell::new(false) }
        }

        #[inline]
        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            assert!(!self.busy.replace(true), "the critical section was entered twice");
            let _leave = Leave(&self.busy);
            // SAFETY: the flag says that no other reference is out, and the GIL that no other thread looks.
            act(unsafe { &mut *self.value.get() })
        }

        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            // SAFETY: the collector runs with the GIL held and never inside the section, which allocates no object.
            look(unsafe { &*self.value.get() })
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod section {
    use parking_lot::Mutex;

    /// A value behind a lock that is held for some dozens of nanoseconds.
    pub(super) struct Section<T>(Mutex<T>);

    impl<T> Section<T> {
        pub(super) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        #[inline]
        pub(super) fn enter<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
            // Never parked: the table of waiters is the whole process's, and a fork may leave it locked (parking_lot#515).
            let mut turns = 0_u32;
            loop {
                #[expect(clippy::disallowed_methods, reason = "this is the one place")]
                if let Some(mut value) = self.0.try_lock() {
                    return act(&mut value);
                }
                turns += 1;
                if turns.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
            }
        }

        pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
            // SAFETY: the collector stops all threads first, and none stops inside the section, which never detaches.
            look(unsafe { &*self.0.data_ptr() })
        }
    }
}

/// A value that is only touched in a critical section.
pub(super) struct Guarded<T>(section::Section<T>);

impl<T> Guarded<T> {
    pub(super) fn new(value: T) -> Self {
        Self(section::Section::new(value))
    }

    /// Runs `act` in the critical section.
    #[inline]
    pub(super) fn with<R>(&self, _attached: Python<'_>, act: impl FnOnce(&mut T) -> R) -> R {
        self.0.enter(act)
    }

    /// Lets the garbage collector look.
    pub(super) fn trace<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.trace(look)
    }
}

/// The token for what the engine calls back: cloning an object, reaching a session. The engine only runs attached to the interpreter.
#[inline]
pub(super) fn attached<'py>() -> Python<'py> {
    // SAFETY: plans and stores are only used by code that holds a token: `Guarded::with` takes it.
    unsafe { Python::assume_attached() }
}
