//! Forks: a child has none of the other threads, so what they were doing is void there.
#![expect(
    unsafe_code,
    reason = "only the C library tells of a fork before any hook of Python's can call the cache"
)]

use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the forks between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of forks between the first process and this one: another number is another process.
#[inline]
pub(crate) fn count() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has forks counted from now on.
#[cfg(unix)]
pub(crate) fn watch() {
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> std::ffi::c_int;
    }

    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    // SAFETY: adding to a number is all that the handler does, which is allowed wherever a fork may happen.
    // It fails only for want of memory, in which case the module does not load either.
    unsafe { pthread_atfork(None, None, Some(forked)) };
}

#[cfg(not(unix))]
pub(crate) fn watch() {}
