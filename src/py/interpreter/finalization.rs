//! Threads that the interpreter ends.
//!
//! Before 3.14 CPython ends a daemon thread that comes back to an ending interpreter by `pthread_exit`, which
//! in glibc unwinds the stack. Rust answers that by aborting the process, at whichever call into Python it
//! was: any may be the one, as may any allocation and any drop. So the thread is stopped for good at the
//! first frame of ours that would have something to do, which is what CPython does since 3.14.
//!
//! The unwinder asks a routine what a frame has to do, the same for all frames of Rust. `build.rs` tells the
//! linker to put ours before that (`--wrap`).
#![expect(unsafe_code, reason = "takes the place of a function that the unwinder calls")]

use std::ffi::{c_int, c_void};

/// `_UA_FORCE_UNWIND`: the thread is to end, no panic is looking for who catches it.
const FORCED: c_int = 8;

unsafe extern "C" {
    fn __real_rust_eh_personality(
        version: c_int,
        actions: c_int,
        class: u64,
        exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int;
}

/// # Safety
/// To be called by the unwinder.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rust_eh_personality(
    version: c_int,
    actions: c_int,
    class: u64,
    exception: *mut c_void,
    context: *mut c_void,
) -> c_int {
    if actions & FORCED != 0 {
        loop {
            std::thread::park();
        }
    }
    // SAFETY: the unwinder's own arguments.
    unsafe { __real_rust_eh_personality(version, actions, class, exception, context) }
}
